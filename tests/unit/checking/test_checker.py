"""``bp.check`` from the outside: functions of every style, verdicts, findings, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import backproof as bp
from backproof.checking import Report
from backproof.checking.findings import Verdict
from backproof.errors import ShapeError, SpecificationError, WrongGradientError

Array = npt.NDArray[Any]
Function = Callable[..., Any]
NET = bp.mlp(3, 2, 1)
WITH_BIAS = bp.mlp(3, 4, 2, activation="tanh", bias=True, loss="mean_squared_error")


def sigmoid(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


def core(W1: Array, W2: Array, X: Array, y: Array) -> tuple[float, Array, Array]:
    """The loss and the gradients of the 3-2-1 network."""
    l1 = sigmoid(X @ W1)
    l2 = sigmoid(l1 @ W2)
    d2 = (l2 - y) * l2 * (1 - l2)
    d1 = d2 @ W2.T * l1 * (1 - l1)
    return float(((y - l2) ** 2).sum() / 2), X.T @ d1, l1.T @ d2


def biased(W1: Array, b1: Array, W2: Array, b2: Array, X: Array, y: Array) -> tuple[Array, ...]:
    """The gradients of the 3-4-2 network with biases; the biases of one or two dimensions."""
    a1 = np.tanh(X @ W1 + b1)
    a2 = np.tanh(a1 @ W2 + b2)
    d2 = 2 * (a2 - y) / y.size * (1 - a2**2)
    d1 = d2 @ W2.T * (1 - a1**2)
    return X.T @ d1, d1.sum(axis=0).reshape(b1.shape), a1.T @ d2, d2.sum(axis=0).reshape(b2.shape)


# --- styles -------------------------------------------------------------------------------------------------------


def by_name(params: Mapping[str, Array], X: Array, y: Array) -> Any:
    _, dW1, dW2 = core(params["W_1"], params["W_2"], X, y)
    return {"W_1": dW1, "W_2": dW2}


def short_names_and_loss(params: Mapping[str, Array], X: Array, y: Array) -> Any:
    loss, dW1, dW2 = core(params["W1"], params["W2"], X, y)
    return loss, {"dW1": dW1, "dW2": dW2}


def from_zero(p: Mapping[str, Array], x: Array, t: Array) -> Any:
    _, dW1, dW2 = core(p["w0"], p["w1"], x, t)
    return {"w0": dW1, "w1": dW2}


def positional(W1: Array, W2: Array, X: Array, y: Array) -> Any:
    return core(W1, W2, X, y)[1:]


def inputs_first(X: Array, y: Array, weights: list[Array]) -> Any:
    return core(weights[0], weights[1], X, y)[1:]


def backwards(params: list[Array], X: Array, y: Array) -> Any:
    loss, dW1, dW2 = core(params[0], params[1], X, y)
    return [dW2, dW1, loss]


def in_columns(params: Mapping[str, Array], X: Array, y: Array) -> Any:
    _, dW1, dW2 = core(params["W_1"].T, params["W_2"].T, X.T, y.T)
    return {"W_1": dW1.T, "W_2": dW2.T}


def flat(params: Mapping[str, Array], X: Array, y: Array) -> Any:
    return np.concatenate([a.ravel() for a in core(params["W_1"], params["W_2"], X, y)[1:]])


def flat_targets(W1: Array, W2: Array, X: Array, y: Array) -> Any:
    if y.ndim != 1:
        raise ValueError("y must have one dimension")
    return core(W1, W2, X, y[:, None])[1:]


def in_float32(params: Mapping[str, Array], X: Array, y: Array) -> Any:
    W1, W2, X, y = (np.asarray(a, np.float32) for a in (params["W_1"], params["W_2"], X, y))
    _, dW1, dW2 = core(W1, W2, X, y)
    return {"W_1": dW1, "W_2": dW2}


def secretly_in_float32(params: Mapping[str, Array], X: Array, y: Array) -> Any:
    return {id: np.asarray(array, np.float64) for id, array in in_float32(params, X, y).items()}


STYLES: Mapping[Function, tuple[str, ...]] = {
    by_name: (),
    short_names_and_loss: (),
    from_zero: (),
    positional: (),
    inputs_first: (),
    backwards: ("order",),
    in_columns: ("column-samples",),
    flat: ("flattened",),
    flat_targets: ("flat-targets",),
    in_float32: (),
    secretly_in_float32: (),
}


@pytest.mark.parametrize("function", STYLES, ids=lambda f: f.__name__)
def test_right_in_every_style(function: Function) -> None:
    report = bp.check(function, NET)
    assert report.ok, str(report)
    assert tuple(c.kind for c in report.conventions) == STYLES[function]
    assert report.subject == function.__name__


@pytest.mark.parametrize("function", STYLES, ids=lambda f: f.__name__)
def test_one_per_cent_off_in_every_style(function: Function) -> None:
    def off(value: Any) -> Any:
        match value:
            case dict():
                return {key: off(item) if k == 0 else item for k, (key, item) in enumerate(value.items())}
            case tuple() if isinstance(value[0], float):
                return (value[0], off(value[1]))
            case tuple() | list():
                return [off(value[0]), *value[1:]]
            case _:
                changed = np.array(value, order="C")
                changed.reshape(-1)[1] *= changed.dtype.type(1.01)
                return changed

    def wrong(*args: Any) -> Any:
        return off(function(*args))

    wrong.__signature__ = __import__("inspect").signature(function)  # type: ignore[attr-defined]
    report = bp.check(wrong, NET)
    assert report.verdict is Verdict.WRONG
    assert [j.verdict for j in report.judged].count(Verdict.WRONG) == 1


def flat_biases(params: Mapping[str, Array], X: Array, y: Array) -> Any:
    if params["b_1"].ndim != 1:
        raise ValueError("biases are (m,)")
    found = biased(params["W_1"], params["b_1"], params["W_2"], params["b_2"], X, y)
    return dict(zip(params, found, strict=True))


def linear_layers(params: Mapping[str, Array], X: Array, y: Array) -> Any:
    W1, b1, W2, b2 = biased(params["W_1"].T, params["b_1"], params["W_2"].T, params["b_2"], X, y)
    return {"W_1": W1.T, "b_1": b1, "W_2": W2.T, "b_2": b2}


def pairs(layers: list[tuple[Array, Array]], X: Array, y: Array) -> Any:
    (W1, b1), (W2, b2) = layers
    dW1, db1, dW2, db2 = biased(W1, b1, W2, b2, X, y)
    return [(dW1, db1), (dW2, db2)]


def weights_first(W1: Array, W2: Array, b1: Array, b2: Array, X: Array, y: Array) -> Any:
    dW1, db1, dW2, db2 = biased(W1, b1, W2, b2, X, y)
    return dW1, dW2, db1, db2


def bias_in_weights(params: Mapping[str, Array], X: Array, y: Array) -> Any:
    W1, W2 = params["W_1"], params["W_2"]
    dW1, db1, dW2, db2 = biased(W1[:-1], W1[-1:], W2[:-1], W2[-1:], X, y)
    return {"W_1": np.vstack([dW1, db1]), "W_2": np.vstack([dW2, db2])}


BIASED = {
    flat_biases: "flat-biases",
    linear_layers: "weights-transposed",
    pairs: None,
    weights_first: "order",
    bias_in_weights: "bias-in-weights",
}


@pytest.mark.parametrize("function", BIASED, ids=lambda f: f.__name__)
def test_biases_in_every_style(function: Function) -> None:
    report = bp.check(function, WITH_BIAS)
    assert report.ok, str(report)
    assert [c.kind for c in report.conventions] == [kind for kind in [BIASED[function]] if kind]


def test_what_is_secretly_float32_is_said_and_can_be_refused() -> None:
    report = bp.check(secretly_in_float32, NET)
    assert report.dtype == "float32"
    assert "some of the computation is in float32" in report.notes[0]
    assert not bp.check(secretly_in_float32, NET, dtype="float64").ok


# --- points of the user's -----------------------------------------------------------------------------------------


def point(scale: float = 1.0, dtype: str = "float64", columns: bool = False) -> dict[str, Array]:
    rng = np.random.default_rng(0)
    shapes = {"X": (6, 3), "y": (6, 1), "W_1": (3, 2), "W_2": (2, 1)}
    found = {id: (scale if id in ("W_1", "W_2") else 1) * rng.normal(size=shape) for id, shape in shapes.items()}
    return {id: (array.T if columns else array).astype(dtype) for id, array in found.items()}


def test_points_in_the_users_layout_and_names() -> None:
    assert bp.check(by_name, NET, points=point()).ok
    assert bp.check(in_columns, NET, points=[point(columns=True), point(2, columns=True)]).points == 2
    assert bp.check(positional, NET, points={"params": {"W1": point()["W_1"], "W2": point()["W_2"]}, "x": point()["X"], "t": point()["y"]}).ok  # fmt: skip  # noqa: E501
    flat_y = {**point(), "y": point()["y"].ravel()}
    assert bp.check(flat_targets, NET, points=flat_y).ok


def test_float32_points_are_judged_in_float32() -> None:
    assert bp.check(by_name, NET, points=point(dtype="float32")).dtype == "float32"


@pytest.mark.parametrize("scale", [100.0, 1000.0])
def test_saturated_points_are_not_informative_and_never_pass(scale: float) -> None:
    for function in (by_name, lambda params, X, y: {id: 3 * a for id, a in by_name(params, X, y).items()}):
        report = bp.check(
            function, NET, points={**point(scale), "X": np.abs(point()["X"]) + 1, "W_1": np.full((3, 2), scale)}
        )
        assert report.verdict is Verdict.NOT_INFORMATIVE
        [reason] = {j.reason.partition(";")[2] for j in report.judged if j.id == "grad_W_1"}
        assert "take smaller weights or inputs" in reason
        with pytest.raises(WrongGradientError, match="not informative here"):
            report.raise_if_wrong()
        report.raise_if_wrong(allow_uninformative=True)


def test_a_penalty_does_not_hide_that_the_data_are_lost() -> None:
    def gradients(W1: Array, X: Array, y: Array) -> Any:
        p = np.tanh(X @ W1)
        return X.T @ ((p - y) * (1 - p * p)) + 0.1 * W1

    net = bp.mlp(3, 2, activation="tanh", penalty=0.1)
    given = {"X": np.ones((4, 3)), "y": np.zeros((4, 2)), "W_1": np.full((3, 2), 30.0)}
    [judged] = bp.check(gradients, net, points=given).judged
    assert judged.verdict is Verdict.NOT_INFORMATIVE
    assert judged.reason.startswith("delta_1 is lost in its rounding errors")
    rng = np.random.default_rng(0)
    assert bp.check(gradients, net, points={id: rng.normal(size=array.shape) for id, array in given.items()}).ok


def test_zero_gradients_are_not_informative_and_say_why() -> None:
    report = bp.check(by_name, NET, points={**point(), "X": np.zeros((6, 3))})
    judged = {j.id: j for j in report.judged}
    assert judged["grad_W_2"].verdict is Verdict.RIGHT
    assert judged["grad_W_1"].verdict is Verdict.NOT_INFORMATIVE
    assert judged["grad_W_1"].reason.startswith("every entry is exactly zero, because X is")
    assert bp.check(by_name, NET, points={**point(), "X": np.zeros((6, 3))}, allow_uninformative=True).raise_if_wrong() is None  # type: ignore[func-returns-value]  # fmt: skip  # noqa: E501


def test_a_wrong_gradient_at_a_point_where_another_is_zero_is_wrong() -> None:
    def wrong(params: Mapping[str, Array], X: Array, y: Array) -> Any:
        found = by_name(params, X, y)
        return {**found, "W_2": 2 * found["W_2"]}

    assert bp.check(wrong, NET, points={**point(), "X": np.zeros((6, 3))}).verdict is Verdict.WRONG


def test_points_of_nested_lists() -> None:
    assert bp.check(by_name, NET, points={id: array.tolist() for id, array in point().items()}).ok


def test_points_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match="no value was given for W_1"):
        bp.check(by_name, NET, points={"X": point()["X"], "y": point()["y"]})
    with pytest.raises(SpecificationError, match="the point has 'velocity', which is none of X, y, W_1, W_2"):
        bp.check(by_name, NET, points={**point(), "velocity": np.zeros(3)})
    with pytest.raises(SpecificationError, match="holds no point"):
        bp.check(by_name, NET, points=[])


# --- the loss -----------------------------------------------------------------------------------------------------


def with_loss(factor_of_loss: float, factor: float) -> Function:
    def gradients(W1: Array, W2: Array, X: Array, y: Array) -> Any:
        loss, dW1, dW2 = core(W1, W2, X, y)
        n = len(X)
        return loss * n**factor_of_loss, dW1 * n**factor, dW2 * n**factor

    return gradients


@pytest.mark.parametrize(("power", "words"), [(1, "n times"), (-1, "1/(n) times")])
def test_a_loss_and_gradients_scaled_alike_are_a_convention(power: float, words: str) -> None:
    report = bp.check(with_loss(power, power), NET)
    assert report.ok
    assert words in report.conventions[0].sentence


@pytest.mark.parametrize(("loss", "gradients"), [(1, 0), (0, 1), (1, -1)])
def test_a_loss_and_gradients_that_differ_are_wrong(loss: float, gradients: float) -> None:
    report = bp.check(with_loss(loss, gradients), NET)
    assert report.verdict is Verdict.WRONG
    assert ("loss-differs" in {f.kind for f in report.findings}) == (loss != 0)


def test_the_loss_without_its_penalty_is_a_convention() -> None:
    def gradients(W1: Array, X: Array, y: Array) -> Any:
        e = X @ W1 - y
        return (e**2).sum() / 2, X.T @ e + 0.5 * W1

    report = bp.check(gradients, bp.mlp(3, 2, activation="identity", penalty=0.5))
    assert report.ok
    assert [c.kind for c in report.conventions] == ["loss-without-penalty"]


# --- faults -------------------------------------------------------------------------------------------------------


def test_a_missing_factor_is_named() -> None:
    def gradients(W1: Array, W2: Array, X: Array, y: Array) -> Any:
        l1 = sigmoid(X @ W1)
        l2 = sigmoid(l1 @ W2)
        d2 = (l2 - y) * l2 * (1 - l2)
        return X.T @ (d2 @ W2.T * l1), l1.T @ d2

    report = bp.check(gradients, NET)
    assert report.verdict is Verdict.WRONG
    assert report.findings[0].equation == "delta_1"
    assert report.dtype == "float64"
    assert [j.verdict for j in report.judged] == [Verdict.WRONG, Verdict.RIGHT]
    assert report.judged[0].deviation is not None
    with pytest.raises(WrongGradientError, match="gradients: "):
        report.raise_if_wrong()


def test_the_reading_that_fits_best_is_told_where_none_is_right() -> None:
    def gradients(params: Mapping[str, Array], X: Array, y: Array) -> Any:
        dW1, db1, dW2, db2 = biased(params["W_1"], params["b_1"], params["W_2"], params["b_2"], X, y)
        return np.concatenate([a.ravel() for a in (dW1, dW2, 3 * db1, db2)])

    report = bp.check(gradients, WITH_BIAS)
    assert [j.id for j in report.judged if j.verdict is Verdict.WRONG] == ["grad_b_1"]


def test_a_transposed_gradient_is_a_fault_of_shape() -> None:
    def gradients(params: Mapping[str, Array], X: Array, y: Array) -> Any:
        found = by_name(params, X, y)
        return {**found, "W_1": found["W_1"].T}

    report = bp.check(gradients, NET)
    assert report.findings[0].kind == "shape"
    assert report.findings[0].sentence == ("result['W_1'] has shape (2, 3), but W_1 has shape (3, 2): it is transposed")


def test_the_negated_gradient_is_wrong() -> None:
    report = bp.check(lambda W1, W2, X, y: tuple(-a for a in core(W1, W2, X, y)[1:]), NET)
    assert report.verdict is Verdict.WRONG


def test_what_is_not_finite_is_wrong_and_the_first_is_named() -> None:
    def gradients(params: Mapping[str, Array], X: Array, y: Array) -> Any:
        return {id: array / 0 for id, array in by_name(params, X, y).items()}

    report = bp.check(gradients, NET)
    assert [f.kind for f in report.findings] == ["not-finite"]
    assert report.findings[0].sentence.startswith("result['W_2'] is infinite at [0, 0]")
    assert report.findings[0].sentence.endswith("so is result['W_1']")


def test_an_exception_is_told_with_its_line_and_shapes() -> None:
    def gradients(params: Mapping[str, Array], X: Array, y: Array) -> Any:
        d2 = (X @ params["W_1"])[:, :1] - y
        return d2 @ params["W_2"].T @ d2

    report = bp.check(gradients, NET)
    [finding] = report.findings
    assert finding.kind == "raises"
    assert finding.variable == 'return d2 @ params["W_2"].T @ d2'
    assert finding.line is not None
    assert "gradients raises ValueError" in finding.sentence
    assert "d2 is (5, 1)" in finding.sentence
    assert {j.verdict for j in report.judged} == {Verdict.NOT_SEEN}


@pytest.mark.parametrize("error", [SystemExit(3), RecursionError("deep"), ZeroDivisionError()])
def test_no_exception_gets_through(error: BaseException) -> None:
    def gradients(params: Mapping[str, Array], X: Array, y: Array) -> Any:
        raise error

    assert type(error).__name__ in bp.check(gradients, NET).findings[0].sentence


def test_a_keyboard_interrupt_does() -> None:
    def gradients(params: Mapping[str, Array], X: Array, y: Array) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bp.check(gradients, NET)


def test_a_function_that_changes_its_arguments_harms_nobody() -> None:
    def gradients(params: Mapping[str, Array], X: Array, y: Array) -> Any:
        found = by_name(params, X, y)
        for array in (*params.values(), X, y):
            array[:] = np.nan
        return found

    given = point()
    assert bp.check(gradients, NET, points=given).ok
    assert all(np.isfinite(array).all() for array in given.values())


def test_a_function_that_draws_numbers_is_found_out() -> None:
    rng = np.random.default_rng(0)

    def gradients(params: Mapping[str, Array], X: Array, y: Array) -> Any:
        return {id: array * rng.integers(2, size=array.shape) for id, array in by_name(params, X, y).items()}

    assert [f.kind for f in bp.check(gradients, NET).findings] == ["not-repeatable"]


def test_a_gradient_that_is_not_returned_is_not_seen_and_does_not_pass() -> None:
    report = bp.check(lambda params, X, y: {"W_2": by_name(params, X, y)["W_2"]}, NET)
    assert report.verdict is Verdict.NOT_INFORMATIVE
    assert [j.verdict for j in report.judged] == [Verdict.NOT_SEEN, Verdict.RIGHT]


def test_one_gradient_is_checked_alone_where_only_it_is_derived() -> None:
    derivation = bp.derive(NET, wrt=["W_2"])
    assert bp.check(lambda params, X, y: {"W_2": by_name(params, X, y)["W_2"]}, derivation).ok


# --- how it is called ---------------------------------------------------------------------------------------------


def test_arguments_that_do_not_tell_need_an_order() -> None:
    def gradients(a: Array, b: Array, c: Array, d: Array) -> Any:
        return core(c, b, a, d)[1:]

    with pytest.raises(SpecificationError, match=r"gradients\(a, b, c, d\): .* pass order="):
        bp.check(gradients, NET)
    assert bp.check(gradients, NET, order=("X", "W_2", "W_1", "y")).ok
    with pytest.raises(SpecificationError, match="'Q' is none of params, W_1, W_2, X, y, lr"):
        bp.check(gradients, NET, order=("X", "Q", "W_1", "y"))


def test_a_method_a_partial_and_a_callable_object() -> None:
    class Model:
        def gradients(self, params: Mapping[str, Array], X: Array, y: Array, *, check: bool = False) -> Any:
            return by_name(params, X, y)

        def __call__(self, X: Array, y: Array, params: Mapping[str, Array], decay: float = 0.0) -> Any:
            return by_name(params, X, y)

    assert bp.check(Model().gradients, NET).ok
    assert bp.check(Model(), NET).subject == "Model"
    functools = __import__("functools")
    assert bp.check(functools.partial(by_name), NET).subject == "by_name"


@pytest.mark.parametrize("net", ["3-2-1", NET, bp.derive(NET), bp.derive(NET).trace])
def test_the_network_in_every_form(net: Any) -> None:
    assert bp.check(by_name, net).ok


def test_any_program_can_be_compared_with() -> None:
    net = bp.parse("input X: n, d; input y: n; parameter w: d; L = sum((X@w - y)^2)/n")
    assert bp.check(lambda w, X, y: 2 * X.T @ (X @ w - y) / len(X), net).ok
    assert not bp.check(lambda w, X, y: 2 * X.T @ (X @ w - y), net).ok


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ours_come_through_the_same_door(backend: str, dtype: str) -> None:
    assert bp.check(bp.derive(WITH_BIAS).compile(backend, dtype), WITH_BIAS).ok


@pytest.mark.parametrize(
    ("subject", "net", "options", "message"),
    [
        (by_name, 7, {}, "a network is sizes such as"),
        (7, NET, {}, "cannot check a int"),
        (by_name, NET, {"kind": "gradients"}, "unknown kind 'gradients'; did you mean 'gradient'"),
        (by_name, NET, {"dtype": "int8"}, "not in int8"),
        ("gradients.txt", NET, {}, "cannot check gradients.txt"),
        (lambda params, X, y: None, NET, {}, "returned nothing"),
        (by_name, NET, {"points": [3]}, "points= takes mappings"),
        (by_name, NET, {"order": "Xy"}, "order= takes a name for each argument"),
        (by_name, NET, {"seed": -1}, "seed must be at least 0"),
        (lambda params, X, y: [X], NET, {}, "one array of shape"),
    ],
)
def test_what_means_nothing_is_refused(subject: Any, net: Any, options: Any, message: str) -> None:
    with pytest.raises(SpecificationError, match=message):
        bp.check(subject, net, **options)


def test_a_report_can_be_read() -> None:
    report = bp.check(by_name, NET)
    assert isinstance(report, Report)
    assert "by_name" in str(report)
    assert report.sentence.startswith("2 quantities")
    report.raise_if_wrong()


def test_the_same_seed_gives_the_same_report() -> None:
    wrong = lambda params, X, y: {id: 2 * array for id, array in by_name(params, X, y).items()}  # noqa: E731
    first, second, other = (bp.check(wrong, NET, seed=seed) for seed in (1, 1, 2))
    assert first.judged == second.judged != other.judged
