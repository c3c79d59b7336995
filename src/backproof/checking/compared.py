"""The derivation that other people's gradients are compared with."""

from __future__ import annotations

from typing import Any

from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Trace
from backproof.errors import SpecificationError
from backproof.ir.program import Program
from backproof.networks import mlp, parse_sizes


def trace_of(net: Any) -> Trace:
    """The derivation to compare with, from sizes, a program, a trace, or a derivation.

    Raises:
        SpecificationError: none of these.
    """
    match net:
        case str():
            return backpropagate(mlp(*parse_sizes(net)))
        case Program():
            return backpropagate(net)
        case Trace():
            return net
        case _ if isinstance(trace := getattr(net, "trace", None), Trace):
            return trace
        case _:
            raise SpecificationError(f"a network is sizes such as '3-2-1', a program or a derivation, got {net!r}")
