"""What makes a training this training and no other: its settings, and digests of its equations and its data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backproof.backprop.trace import Trace
from backproof.ir.arithmetic import Array
from backproof.kernels.llvm.steps import Update

CHUNK = 2**24
"""Bytes of an array that are copied at a time where it does not lie in one piece."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Two trainings with the same one, and as many epochs, make the same steps.

    Args:
        settings: options by name, as JSON can hold them.
        marks: digests of all else by what it is, such as ``"the data X"``.
    """

    settings: Mapping[str, object]
    marks: Mapping[str, str]

    def differences(self, other: Identity) -> list[str]:
        """What differs in another one, in words.

        Example:
            >>> Identity({"seed": 0}, {"the data X": "a"}).differences(Identity({"seed": 1}, {"the data X": "b"}))
            ['seed was 1 and is 0', 'the data X changed']
        """
        names = dict.fromkeys([*self.settings, *other.settings])
        settings = [(name, other.settings.get(name), self.settings.get(name)) for name in names]
        marks = dict.fromkeys([*self.marks, *other.marks])
        return [
            *(f"{name} was {was!r} and is {now!r}" for name, was, now in settings if was != now),
            *(f"{what} changed" for what in marks if self.marks.get(what) != other.marks.get(what)),
        ]


def marks_of(
    trace: Trace,
    updates: Sequence[Update],
    state: Mapping[str, Any],
    data: Mapping[str, Array],
    validation: Mapping[str, Array],
) -> dict[str, str]:
    """Digests of everything that decides about a training beside its settings.

    Args:
        trace: the derivation.
        updates: what changes in a step.
        state: parameters and memories before the first step.
        data, validation: by identifier.
    """
    return {
        "the network or its loss": derivation_digest(trace),
        "the update rule": _digest_of_lines(_rules(updates)),
        "the initial parameters": _digest_of_lines(f"{id} {array_digest(value)}" for id, value in state.items()),
        **{f"the data {id}": array_digest(array) for id, array in data.items()},
        **{f"the validation data {id}": array_digest(array) for id, array in validation.items()},
    }


def derivation_digest(trace: Trace) -> str:
    """Of all equations of a derivation, forward and backward."""
    return _digest_of_lines(_equations(trace))


def array_digest(value: Any) -> str:
    """Of the dtype, the shape and the entries of an array, however it lies in memory.

    Example:
        >>> x = np.arange(6.0).reshape(2, 3)
        >>> array_digest(x) == array_digest(x.T.copy().T), array_digest(x) == array_digest(x.astype(np.float32))
        (True, False)
    """
    array = np.asarray(value)
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
    if array.flags.c_contiguous:
        digest.update(array.reshape(-1).view(np.uint8).data)
    else:
        rows = max(1, CHUNK * len(array) // max(1, array.nbytes))
        for start in range(0, len(array), rows):
            digest.update(array[start : start + rows].tobytes())
    return digest.hexdigest()


def _equations(trace: Trace) -> Iterator[str]:
    """All that is computed, as text: labels and what else is for readers only left out."""
    program = trace.program
    yield f"{program.inputs} {program.parameters} {program.loss} {program.drawn} {program.remembered}"
    for equation in trace.joint.equations:
        yield f"{equation.name} = {equation.value}, {equation.when_predicting}"


def _rules(updates: Sequence[Update]) -> Iterator[str]:
    for update in updates:
        yield f"{dict(update.moves)}"
        for equation in update.equations:
            yield f"{equation.name} = {equation.value}"


def _digest_of_lines(lines: Iterator[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()
