"""How the search for faults goes about it: what it computes and what it leaves."""

from __future__ import annotations

import time

import numpy as np
import scipy.stats

import backproof as bp
from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Trace
from backproof.checking.anatomy import Anatomy
from backproof.checking.mutants import Mutants
from backproof.checking.search import Explanation, Search
from backproof.checking.trials import Trials
from edited_derivations import following, points_of

Points = list[dict[str, np.ndarray]]


def search_of(trace: Trace, points: Points, given: object) -> Search:
    trials = Trials(Anatomy(trace), points, given)  # type: ignore[arg-type]
    return Search(trials, Mutants(trials.anatomy, trials.sizes))


def deep(layers: int) -> tuple[Trace, Points]:
    """A network whose gradients neither vanish nor explode: orthogonal weights."""
    trace = backpropagate(bp.mlp(*[3] * (layers + 1), activation="tanh", bias=True, loss="mean_squared_error"))
    points = points_of(trace)
    for number, point in enumerate(points):
        for id in point:
            if id.startswith("W_"):
                point[id] = 1.05 * scipy.stats.ortho_group.rvs(3, random_state=1000 * number + int(id[2:]))
            elif id != "y":
                point[id] = point[id] / 20
    return trace, points


def computed_for(layers: int) -> tuple[int, tuple[Explanation, ...]]:
    trace, points = deep(layers)
    middle = f"delta_{layers // 2}"
    fault = Mutants(Anatomy(trace), {"n": 6}).of(middle)[0]
    search = search_of(trace, points, [following(trace, fault.edits, p) for p in points])
    found = search.run()
    assert found[0].faults[0].sentence == fault.sentence
    return search.trials.computed, found


def test_the_work_grows_no_faster_than_the_depth() -> None:
    small, _ = computed_for(8)
    large, _ = computed_for(16)
    assert large < 3 * small


def test_a_fault_in_fifty_layers_is_found_in_seconds() -> None:
    trace, points = deep(50)
    for equation in ("delta_50", "delta_25", "grad_W_25"):
        fault = Mutants(Anatomy(trace), {"n": 6}).of(equation)[0]
        given = [following(trace, fault.edits, p) for p in points]
        start = time.process_time()
        found = search_of(trace, points, given).run()
        assert time.process_time() - start < 5
        assert fault.sentence in {s for e in found for s in e.sentences}


def test_what_shows_nothing_is_no_evidence() -> None:
    """In fifty layers of float16 the bounds hold anything: that a gradient agrees must not acquit another."""
    trace, points = deep(50)
    right = [found for p in points if (found := following(trace, {}, p)) is not None]
    assert "grad_W_1" in Trials(Anatomy(trace), points, right, "float16").undecided
    assert "grad_W_50" not in Trials(Anatomy(trace), points, right).undecided


def test_errors_that_are_likely_decide_where_those_that_are_possible_decide_nothing() -> None:
    trace, points = deep(50)
    trials = search_of(trace, points, [following(trace, {}, p) for p in points]).trials
    assert trials.times > 1
    assert trials.undecided == frozenset()


def test_a_gradient_that_was_not_given_is_not_needed() -> None:
    trace = backpropagate(bp.mlp(3, 4, 4, 2, activation="tanh"))
    points = points_of(trace)
    fault = Mutants(Anatomy(trace), {"n": 6}).of("delta_2")[0]
    given = [following(trace, fault.edits, p) for p in points]
    only = [{"W_1": g["W_1"]} for g in given if g is not None]
    found = search_of(trace, points, only).run()
    assert fault.sentence in {s for e in found for s in e.sentences}


def test_where_nothing_explains_anything_the_suspects_are_named() -> None:
    trace = backpropagate(bp.mlp(3, 4, 2))
    points, rng = points_of(trace), np.random.default_rng(0)
    given = [{id: rng.normal(size=p[id].shape) for id in ("W_1", "W_2")} for p in points]
    (explanation,) = search_of(trace, points, given).run()
    assert explanation.faults == ()
    assert explanation.unexplained == ("grad_W_2", "grad_W_1")
    assert explanation.suspects[:2] == ("grad_W_2", "delta_2")
