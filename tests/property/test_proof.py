"""The proof on random programs: no false alarm, and no wrong derivation that passes."""

from __future__ import annotations

from random import Random

import pytest

from backproof.backprop.sweep import backpropagate
from backproof.proof import prove
from corruptions import EDITS, Corruption, corruptions
from random_programs import random_program

PROGRAMS = 300
CHUNK = 10
WRONG_PER_PROGRAM = 4


@pytest.mark.parametrize("start", range(0, PROGRAMS, CHUNK))
def test_there_is_no_false_alarm(start: int) -> None:
    for seed in range(start, start + CHUNK):
        certificate = prove(backpropagate(random_program(seed)))
        assert certificate.ok, (seed, certificate.failures)
        assert certificate.bound < 1e-9


def wrong_derivations(start: int) -> list[tuple[int, Corruption]]:
    found = []
    for seed in range(start, start + CHUNK):
        trace = backpropagate(random_program(seed))
        found += [(seed, corruption) for corruption in corruptions(trace, Random(seed), WRONG_PER_PROGRAM)]
    return found


@pytest.mark.parametrize("start", range(0, PROGRAMS // 3, CHUNK))
def test_every_wrong_derivation_is_refused_at_its_step(start: int) -> None:
    found = wrong_derivations(start)
    assert len(found) > 2 * CHUNK
    for seed, corruption in found:
        certificate = prove(corruption.trace)
        what = (seed, corruption.edit, corruption.place, corruption.step)
        assert not certificate.ok, what
        assert certificate.failures[0].step == corruption.step, (what, certificate.failures)


def test_every_kind_of_mistake_is_made() -> None:
    found = [corruption for start in range(0, 4 * CHUNK, CHUNK) for _, corruption in wrong_derivations(start)]
    assert len({corruption.edit for corruption in found}) > len(EDITS) * 2 // 3
    assert {corruption.place for corruption in found} == {"the step", "the backward equation", "both", "everywhere"}
