"""Reports for the tests of how they are written: real ones, and one in which every text is hostile."""

from __future__ import annotations

from typing import Any

import numpy as np

import backproof as bp
from backproof.backprop.sweep import backpropagate
from backproof.checking import Report
from backproof.checking.findings import Convention, Deviation, Finding, Judged, Repair, Verdict
from backproof.ir.expr import Name

EVIL = "<script>window.attacked = 1</script>\"'$\\%&{}`<img src=x onerror='window.attacked = 2'>\x1b[31m\u202e"


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def gradients(params: Any, X: Any, y: Any) -> dict[str, Any]:
    """Right for a 3-2-1 network."""
    l_1 = sigmoid(X @ params["W_1"])
    y_hat = sigmoid(l_1 @ params["W_2"])
    delta_2 = (y_hat - y) * y_hat * (1 - y_hat)
    delta_1 = (delta_2 @ params["W_2"].T) * l_1 * (1 - l_1)
    return {"W_1": X.T @ delta_1, "W_2": l_1.T @ delta_2}


def lacking(params: Any, X: Any, y: Any) -> dict[str, Any]:
    """The same without the derivative of the hidden layer."""
    l_1 = sigmoid(X @ params["W_1"])
    y_hat = sigmoid(l_1 @ params["W_2"])
    delta_2 = (y_hat - y) * y_hat * (1 - y_hat)
    return {"W_1": X.T @ (delta_2 @ params["W_2"].T), "W_2": l_1.T @ delta_2}


def right() -> Report:
    return bp.check(gradients, "3-2-1")


def wrong() -> Report:
    return bp.check(lacking, "3-2-1")


def claimed() -> Report:
    return bp.check("delta_1 = (delta_2 @ W_2.T) * l_1", "3-2-1")


def saturated() -> Report:
    """Weights so large that nothing can be told."""
    point = {"X": np.ones((2, 3)), "y": np.ones((2, 1)), "W_1": np.full((3, 2), 400.0), "W_2": np.full((2, 1), 400.0)}
    return bp.check(gradients, "3-2-1", points=point)


def deep(layers: int = 20) -> Report:
    return bp.check("delta_7 = (delta_8 @ W_8.T) * l_7", bp.mlp(*[3] * (layers + 1), bias=True))


def hostile() -> Report:
    """Every text that can come from a user."""
    deviation = Deviation((0, 1), float("nan"), 1.0, float("inf"), 1, 6)
    name = Name(EVIL, (3, 2))
    finding = Finding(
        EVIL,
        "grad_W_1",
        f"{EVIL} `{EVIL}`",
        EVIL,
        3,
        right=name + Name("X", (3, 2)),
        part=name,
        wrong=Name("X", (3, 2)),
        alternatives=(EVIL,),
        deviation=deviation,
        repair=Repair(f"{EVIL}\n{EVIL}", EVIL, 3, True),
    )
    judged = (
        Judged(
            "grad_W_1",
            Verdict.WRONG,
            EVIL,
            3,
            (3, 2),
            deviation,
            EVIL,
            values=((float("nan"), None),),
            right=((1.0, None),),
        ),
        Judged("grad_W_2", Verdict.NOT_INFORMATIVE, EVIL, reason=EVIL),
        Judged("delta_1", Verdict.WRONG, EVIL, reason=EVIL, follows=True),
    )
    return Report(
        Verdict.WRONG,
        judged,
        (finding,),
        (Convention(EVIL, EVIL),),
        backpropagate(bp.mlp(3, 2, 1)),
        EVIL,
        "float64",
        2,
        source=f"{EVIL}\n",
        mended=f"{EVIL}2\n",
        notes=(EVIL,),
    )
