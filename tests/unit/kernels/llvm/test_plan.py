"""The plan of the loops: every intermediate result has a name of its own; fused tasks stand where they read."""

from __future__ import annotations

from collections import Counter

import pytest

from backproof.backprop.sweep import backpropagate
from backproof.ir.expr import Name
from backproof.ir.program import Equation, resized
from backproof.kernels.llvm.plan import Task, nests_of, tasks_of
from programs import PROGRAMS


def tasks(name: str, n: int) -> list[Task]:
    joint = backpropagate(PROGRAMS[name]()).joint.equations
    return tasks_of(
        Equation(Name(e.name.id, resized(e.name, {"n": n}).shape), resized(e.value, {"n": n})) for e in joint
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_quantity_is_made_once_and_before_it_is_read(name: str) -> None:
    found = tasks(name, 5)
    assert max(Counter(task.id for task in found).values()) == 1
    made: set[str] = set()
    late = {task.id for task in found}
    for task in found:
        assert not task.reads & late - made
        made.add(task.id)


@pytest.mark.parametrize("name", PROGRAMS)
def test_nests_hold_every_task_once_and_in_order(name: str) -> None:
    found = tasks(name, 5)
    nests = nests_of(found)
    assert sorted(task.id for nest in nests for task in nest.tasks) == sorted(task.id for task in found)
    made: set[str] = set()
    everything = {task.id for task in found}
    for nest in nests:
        assert not nest.reads & everything - made
        for task in nest.tasks:
            assert task.shape == nest.shape
            assert task is nest.tasks[0] or task.kind == "map"
        made |= nest.makes
