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


def test_tasks_of_one_shape_that_do_not_need_each_other_share_their_loops() -> None:
    row, other = (1, 20), (1, 30)
    g, h = Name("g", row), Name("h", other)
    equations = [
        Equation(Name("a", row), g * 2), Equation(Name("b", row), g * g), Equation(Name("c", other), h * 2),
        Equation(Name("d", other), h + 1), Equation(Name("e", row), Name("a", row) + Name("b", row)),
    ]  # fmt: skip
    nests = nests_of(tasks_of(equations))
    assert [sorted(nest.makes) for nest in nests] == [["a", "b", "e"], ["c", "d"]]
