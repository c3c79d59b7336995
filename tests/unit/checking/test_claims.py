"""Formulas that are claimed for a gradient, a Δ or a layer."""

from __future__ import annotations

import pytest

import backproof as bp
from backproof.checking.claims import check_claim
from backproof.checking.findings import Verdict
from backproof.errors import FormulaError, SpecificationError

NET = bp.mlp(3, 2, 1)


@pytest.mark.parametrize(
    "claim",
    [
        "delta_1 = (delta_2 @ W_2.T) * l_1 * (1 - l_1)",
        "delta_1 = l_1 * (1 - l_1) * (delta_2 @ W_2.T)",
        "delta_1 = (l_1 - l_1^2) * (((y_hat - y) * y_hat * (1 - y_hat)) @ W_2.T)",
        "delta_2 = (l_2 - y) * sigmoid(z_2) * (1 - sigmoid(z_2))",
        "dW_1 = X.T @ delta_1",
        "dW_1 = l_0' @ delta_1",
        "grad_W_2 = (delta_2.T @ l_1).T",
        "y_hat = sigmoid(l_1 @ W_2)",
        "L = sum((y - y_hat)^2)/2",
    ],
)
def test_right_claims(claim: str) -> None:
    report = check_claim(claim, NET)
    assert report.verdict is Verdict.RIGHT
    assert report.ok
    assert report.findings == ()


@pytest.mark.parametrize(
    ("claim", "kind", "sentence"),
    [
        ("delta_1 = (delta_2 @ W_2.T) * l_1", "factor-missing", "Δl_1 lacks the factor 1 − l_1"),
        (
            "delta_1 = delta_2 @ W_2.T",
            "derivative-missing",
            "Δl_1 lacks the factor l_1 ∘ (1 − l_1), the derivative of sigmoid",
        ),
        ("dW_2 = 2 * l_1.T @ delta_2", "stray-factor", "∂L/∂W_2 is 2 times what it should be"),
        ("dW_2 = -(l_1.T @ delta_2)", "sign", "∂L/∂W_2 has the wrong sign"),
        ("dW_1 = delta_1.T @ X", "transposed", "dW_1 is transposed: it holds the transpose of Xᵀ . Δl_1"),
        (
            "l_1 = tanh(X @ W_1)",
            "other-activation",
            "l_1 is put through tanh where sigmoid belongs",
        ),
        (
            "dW_2 = l_1.T @ (y_hat - y)",
            "output-error",
            "∂L/∂W_2 is made with the output error ŷ − y where the back-propagated Δl_2 belongs",
        ),
    ],
)
def test_wrong_claims(claim: str, kind: str, sentence: str) -> None:
    report = check_claim(claim, NET)
    assert report.verdict is Verdict.WRONG
    (finding,) = report.findings
    assert (finding.kind, finding.sentence) == (kind, sentence)
    assert finding.repair is not None
    assert finding.repair.before == claim
    assert check_claim(finding.repair.after, NET).ok


def test_two_faults_in_one_formula() -> None:
    (finding,) = check_claim("delta_2 = y - y_hat", NET).findings
    assert "lacks the factor ŷ ∘ (1 − ŷ)" in finding.sentence
    assert "the sign is wrong" in finding.sentence


def test_a_formula_like_none_is_still_decided_and_mended() -> None:
    (finding,) = check_claim("delta_1 = exp(l_1) * delta_2", NET).findings
    assert finding.kind == "not-followed"
    assert finding.deviation is not None
    assert finding.repair is not None
    assert check_claim(finding.repair.after, NET).ok


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ("delta_1 = delta_2 @ W_2", "cannot multiply delta_2 (n×1) by W_2 (2×1)"),
        ("dW_1 = X @ W_1", "the formula gives n×2, but dW_1 is 3×2"),
    ],
)
def test_shapes_that_do_not_fit_are_said(claim: str, words: str) -> None:
    (finding,) = check_claim(claim, NET).findings
    assert finding.kind == "shapes"
    assert words in finding.sentence


@pytest.mark.parametrize(
    ("claim", "error", "words"),
    [
        ("delta_1", FormulaError, "an equals sign"),
        ("delta_1 == delta_2", FormulaError, "an equals sign"),
        ("delta_9 = X", SpecificationError, "no equation for 'delta_9'"),
        ("delta_1 = delta_1 * 1", SpecificationError, "uses delta_1 itself"),
        ("delta_1 = __import__('os')", FormulaError, ""),
        ("delta_1 = foo * 2", FormulaError, "foo"),
    ],
)
def test_what_is_no_claim_is_refused(claim: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words if words else None):
        check_claim(claim, NET)


def test_a_difference_in_the_eighteenth_digit_is_a_difference() -> None:
    assert not check_claim("dW_1 = 1.000000000000000001 * (X.T @ delta_1)", NET).ok


def test_other_networks_and_sizes() -> None:
    assert check_claim("dW_1 = X.T @ ((delta_2 @ W_2.T) * l_1 * (1 - l_1))", "3-2-1").ok
    columns = bp.mlp(3, 4, 2, activation="relu", bias=True, loss="cross_entropy", samples="columns")
    assert check_claim("delta_1 = (W_2.T @ delta_2) * (z_1 > 0)", columns).ok
    assert check_claim("db_1 = sum(delta_1, axis=1)", columns).ok
    assert check_claim("delta_2 = (y_hat - y)/n", columns).ok
    (finding,) = check_claim("delta_2 = y_hat - y", columns).findings
    assert (finding.kind, finding.sentence) == (
        "sum-for-mean",
        "Δl_2 is n times too large: it is summed where the loss averages",
    )


def test_a_large_network_is_decided_in_floating_point() -> None:
    net = bp.mlp(100, 50, 10, activation="relu", loss="cross_entropy")
    right = check_claim("dW_1 = X.T @ ((delta_2 @ W_2.T) * (z_1 > 0))", net)
    wrong = check_claim("dW_1 = X.T @ (delta_2 @ W_2.T)", net)
    assert (right.ok, right.dtype) == (True, "float64")
    assert wrong.findings[0].equation == "grad_W_1"
