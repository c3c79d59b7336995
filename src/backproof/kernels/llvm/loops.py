"""Which code each kind of loop nest becomes."""

from __future__ import annotations

from backproof.errors import UnsupportedError
from backproof.kernels.llvm.nests import Emitter
from backproof.kernels.llvm.plan import Nest
from backproof.kernels.llvm.products import product_nest
from backproof.kernels.llvm.reductions import normalise, sum_up
from backproof.kernels.llvm.turning import turn


def emit(em: Emitter, nest: Nest) -> None:
    """The whole nest, and a barrier behind it."""
    first = nest.tasks[0]
    match first.kind:
        case "product":
            product_nest(em, nest, first)
        case "map":
            em.map_nest(nest.shape, nest.tasks)
        case "sum":
            sum_up(em, first)
        case "softmax" | "logsumexp":
            normalise(em, first)
        case "transpose":
            turn(em, em.buffer(first.of), em.buffer(first.id, first.shape), swap=True)
        case _:
            raise UnsupportedError(f"no loop nest for {first.kind}")
    em.code.barrier()
