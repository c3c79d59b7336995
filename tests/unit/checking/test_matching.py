"""Diagnoses of gradients that a faulty function gave."""

from __future__ import annotations

import numpy as np
import pytest

import backproof as bp
from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Trace
from backproof.checking.findings import Finding
from backproof.checking.kinds import KINDS
from backproof.checking.matching import diagnose
from backproof.checking.mutants import Mutant, mutants
from backproof.ir.program import Program
from edited_derivations import following, points_of, same
from faulty_gradients import CASES, SEED, Faulty

CATALOGUE = {
    "derivative-missing", "output-error", "weight-for-activation", "wrong-activation", "stray-factor", "sum-for-mean",
    "mean-for-sum", "average-doubled", "penalty-missing", "penalty-averaged", "bias-total", "bias-times-input",
    "transposed", "derivative-of-wrong-variable", "sign", "gradients-swapped", "broadcast", "softmax-dot-term",
    "entry-off",
}  # fmt: skip
"""The catalogue of CHECKING's faults that a gradient shows; stale weights show in a training step only."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_faulty_function_written_by_hand(case: Faulty) -> None:
    trace = backpropagate(case.net)
    points = points_of(trace)
    (finding,) = diagnose(trace, points, [case.function(p) for p in points])
    assert finding.kind in case.kinds
    assert finding.equation in case.equations
    assert finding.right == trace.joint.definitions[finding.equation].value
    assert finding.sentence


def test_the_whole_catalogue_is_written_by_hand() -> None:
    covered = {kind for case in CASES for kind in case.kinds}
    assert CATALOGUE <= covered <= KINDS.keys()


@pytest.mark.parametrize("case", CASES[::4], ids=lambda case: case.name)
def test_in_single_precision(case: Faulty) -> None:
    trace = backpropagate(case.net)
    points = [{id: value.astype(np.float32) for id, value in p.items()} for p in points_of(trace)]
    given = [{id: g.astype(np.float32) for id, g in case.function(p).items()} for p in points]
    findings = diagnose(trace, points, given, dtype="float32")
    assert findings[0].kind in case.kinds
    assert findings[0].equation in case.equations


def test_nothing_is_found_where_all_is_right() -> None:
    trace = backpropagate(SEED)
    points = points_of(trace)
    given = [following(trace, {}, p) for p in points]
    assert diagnose(trace, points, given) == ()  # type: ignore[arg-type]


def test_the_finding_says_what_and_where_and_how_to_mend_it() -> None:
    case = next(c for c in CASES if c.name == "no derivative in the hidden layer")
    trace = backpropagate(case.net)
    points = points_of(trace)
    (finding,) = diagnose(trace, points, [case.function(p) for p in points])
    assert finding.sentence == "Δl_1 lacks the factor l_1 ∘ (1 − l_1), the derivative of sigmoid"
    assert finding.repair is not None
    assert finding.repair.before == "Δl_1 = Δl_2 . W_2ᵀ"
    assert finding.repair.after == "Δl_1 = (Δl_2 . W_2ᵀ) ∘ l_1 ∘ (1 − l_1)"
    assert finding.deviation is not None
    right, wrong = following(trace, {}, points[0]), case.function(points[0])
    assert right is not None
    at = finding.deviation.index
    assert finding.deviation.value == wrong["W_1"][at]
    assert finding.deviation.right == pytest.approx(right["W_1"][at])


def test_what_values_cannot_tell_apart_is_listed() -> None:
    trace = backpropagate(SEED)
    points = points_of(trace)
    fault = next(m for m in mutants(trace, {"n": 6}) if m.kind == "error-reversed")
    findings = diagnose(trace, points, [following(trace, fault.edits, p) for p in points])  # type: ignore[misc]
    assert {findings[0].sentence, *findings[0].alternatives} >= {fault.sentence, "Δl_2 has the wrong sign"}


# --- training steps -------------------------------------------------------------------------------------------------


def test_weights_updated_before_they_were_used() -> None:
    """The textbook's fault: W_2 is changed, and then the hidden layer's Δ is computed with it."""
    trace, rate = backpropagate(SEED), 0.1

    def step(p: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        W1, W2 = p["W_1"].copy(), p["W_2"].copy()
        l1 = 1 / (1 + np.exp(-p["X"] @ W1))
        out = 1 / (1 + np.exp(-l1 @ W2))
        d2 = (out - p["y"]) * out * (1 - out)
        W2 -= rate * l1.T @ d2
        W1 -= rate * p["X"].T @ (d2 @ W2.T * l1 * (1 - l1))
        return {"W_1": W1, "W_2": W2}

    points = points_of(trace)
    given = [{id: (p[id] - after) / rate for id, after in step(p).items()} for p in points]
    findings = diagnose(trace, points, given, learning_rate=rate)
    # What is divided by the rate carries the rounding of the weights, so the match may need a coarser precision.
    findings = (
        findings
        if findings and findings[0].kind != "not-followed"
        else diagnose(trace, points, given, dtype="float32", learning_rate=rate)
    )
    assert [(f.kind, f.equation) for f in findings] == [("stale-weights", "delta_1")]


# --- several faults, and unknown ones -------------------------------------------------------------------------------


def mutant_of(trace: Trace, equation: str, kind: str) -> Mutant:
    return next(m for m in mutants(trace, {"n": 6}) if m.equation == equation and m.kind == kind)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("delta_2", "derivative-missing"), ("grad_W_1", "transposed")),
        (("delta_2", "error-reversed"), ("delta_1", "derivative-missing")),
        (("grad_W_2", "wrong-activation"), ("delta_1", "output-error")),
        (("delta_1", "factor-missing"), ("grad_W_1", "wrong-activation")),
        (("delta_2", "factor-missing"), ("grad_W_2", "wrong-activation")),
        (("l_1", "other-activation"), ("delta_2", "derivative-missing")),
    ],
)
def test_two_faults(first: tuple[str, str], second: tuple[str, str]) -> None:
    trace = backpropagate(bp.mlp(3, 3, 3, loss="half_squared_error"))
    points = points_of(trace)
    both = [mutant_of(trace, *first), mutant_of(trace, *second)]
    edits = {**both[0].edits, **both[1].edits}
    findings = diagnose(trace, points, [following(trace, edits, p) for p in points])  # type: ignore[misc]
    listed = {s for f in findings for s in (f.sentence, *f.alternatives)}
    assert len(findings) == 2
    assert listed >= {both[0].sentence, both[1].sentence}


def test_repaired_and_checked_again_the_second_fault_is_found() -> None:
    trace = backpropagate(bp.mlp(3, 4, 4, 2, activation="tanh", bias=True))
    points = points_of(trace)
    first, second = mutant_of(trace, "delta_3", "derivative-missing"), mutant_of(trace, "grad_b_1", "bias-total")
    given = [following(trace, second.edits, p) for p in points]
    (finding,) = diagnose(trace, points, given)  # type: ignore[arg-type]
    assert finding.sentence == second.sentence
    both = [following(trace, {**first.edits, **second.edits}, p) for p in points]
    assert {f.sentence for f in diagnose(trace, points, both)} == {first.sentence, second.sentence}  # type: ignore[arg-type]


def test_what_is_not_in_the_catalogue_is_localised() -> None:
    """Gradients of layer 3 right and of 2 and 1 nonsense: the first equation that must be wrong is Δl_2."""
    trace = backpropagate(bp.mlp(3, 4, 4, 2, activation="tanh", bias=True))
    points, rng = points_of(trace), np.random.default_rng(0)
    given = []
    for p in points:
        right = following(trace, {}, p)
        assert right is not None
        given.append({id: g if id.endswith("3") else g + rng.normal(size=g.shape) for id, g in right.items()})
    (finding,) = diagnose(trace, points, given)
    assert finding.kind == "not-followed"
    assert finding.equation == "delta_2"
    assert "does not follow its equation" in finding.sentence
    assert any("∂L/∂W_2" in other for other in finding.alternatives)


def test_a_gradient_of_the_wrong_shape() -> None:
    trace = backpropagate(SEED)
    points = points_of(trace)
    given = [following(trace, {}, p) for p in points]
    turned = [{**g, "W_1": g["W_1"].T} for g in given if g is not None]
    (finding,) = diagnose(trace, points, turned)
    assert (finding.kind, finding.equation) == ("transposed", "grad_W_1")


# --- every mutant of some networks ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "net",
    [
        bp.mlp(3, 2, 1),
        bp.mlp(4, 3, 2, bias=True, activation="relu", loss="cross_entropy"),
        bp.mlp(3, 3, 2, activation="tanh", loss="mean_squared_error", penalty=0.1, samples="columns"),
    ],
)
def test_the_true_cause_is_always_listed(net: Program) -> None:
    trace = backpropagate(net)
    points = points_of(trace)
    right = [g for p in points if (g := following(trace, {}, p)) is not None]
    tried = 0
    for fault in mutants(trace, {"n": 6})[::5]:
        given = [g for p in points if (g := following(trace, fault.edits, p)) is not None]
        if len(given) < len(points) or same(given, right):
            continue
        findings = diagnose(trace, points, given)
        assert fault.sentence in {s for f in findings for s in (f.sentence, *f.alternatives)}
        tried += 1
    assert tried > 10


def test_a_finding_is_data() -> None:
    case = CASES[0]
    trace = backpropagate(case.net)
    points = points_of(trace)
    (finding,) = diagnose(trace, points, [case.function(p) for p in points])
    assert isinstance(finding, Finding)
    assert finding.part is not None
    assert finding.wrong != finding.right
