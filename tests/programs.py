"""Programs that are no chain of layers, built from expressions: what the general differentiator must take apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from backproof.dims import Symbol
from backproof.ir.expr import Elementwise, Expr, LogSumExp, Name, Power, Softmax, broadcast, size_of, total
from backproof.ir.lift import where
from backproof.ir.program import Equation, Program
from backproof.rules.elementwise import abs_, exp, log, log1p, relu, sigmoid, sin, softplus, tanh

n = Symbol("n")
HALF = Fraction(1, 2)


class Builder:
    """Writes a program line by line: ``b.let("l_1", X @ W)`` gives the name to use below."""

    def __init__(self) -> None:
        self.inputs: list[Name] = []
        self.parameters: list[Name] = []
        self.equations: list[Equation] = []

    def input(self, id: str, *shape: int | Symbol) -> Name:
        self.inputs.append(Name(id, shape))
        return self.inputs[-1]

    def parameter(self, id: str, *shape: int | Symbol) -> Name:
        self.parameters.append(Name(id, shape))
        return self.parameters[-1]

    def let(self, id: str, value: Expr, delta: str | None = None) -> Name:
        name = Name(id, value.shape)
        self.equations.append(Equation(name, value, delta))
        return name

    def loss(self, value: Expr) -> Program:
        loss = self.let("L", value)
        return Program(tuple(self.inputs), tuple(self.parameters), tuple(self.equations), loss.id)


def squared_error(y: Expr, prediction: Expr) -> Expr:
    """½ Σ (y − ŷ)²."""
    return HALF * total((y - prediction) ** 2)


def ridge_regression() -> Program:
    """½‖y − Xw‖² + λ/2 ‖w‖²: the gradient is Xᵀ(Xw − y) + λw."""
    b = Builder()
    X, y, w = b.input("X", n, 3), b.input("y", n, 1), b.parameter("w", 3, 1)
    p = b.let("p", X @ w)
    D = b.let("D", squared_error(y, p))
    R = b.let("R", Fraction(1, 10) * total(w**2))
    return b.loss(D + R)


def logistic_regression() -> Program:
    """−1/n Σ y log p + (1 − y) log(1 − p), p = σ(Xw + b): the gradient is Xᵀ(p − y)/n."""
    b = Builder()
    X, y, w, c = b.input("X", n, 3), b.input("y", n, 1), b.parameter("w", 3, 1), b.parameter("c", 1, 1)
    z = b.let("z", X @ w + c, "delta")
    p = b.let("p", Elementwise(sigmoid, z))
    return b.loss(-(1 / size_of(n)) * total(y * Elementwise(log, p) + (1 - y) * Elementwise(log, 1 - p)))


def residual_connection() -> Program:
    """l_2 = σ((l_1 + X) W_2): X and l_1 are used twice."""
    b = Builder()
    X, y = b.input("X", n, 3), b.input("y", n, 2)
    W_0, W_1, W_2 = b.parameter("W_0", 3, 3), b.parameter("W_1", 3, 3), b.parameter("W_2", 3, 2)
    l_0 = b.let("l_0", Elementwise(tanh, X @ W_0), "delta_0")
    l_1 = b.let("l_1", Elementwise(sigmoid, l_0 @ W_1) + l_0, "delta_1")
    l_2 = b.let("l_2", Elementwise(sigmoid, l_1 @ W_2), "delta_2")
    return b.loss(squared_error(y, l_2))


def weight_used_twice() -> Program:
    """σ(σ(X W) W): both uses send a cotangent back to W."""
    b = Builder()
    X, y, W = b.input("X", n, 3), b.input("y", n, 3), b.parameter("W", 3, 3)
    l_1 = b.let("l_1", Elementwise(sigmoid, X @ W), "delta_1")
    l_2 = b.let("l_2", Elementwise(sigmoid, l_1 @ W), "delta_2")
    return b.loss(squared_error(y, l_2))


def tied_autoencoder() -> Program:
    """σ(σ(X W) Wᵀ) against X itself: the weight once more transposed, the input as its own target."""
    b = Builder()
    X, W = b.input("X", n, 4), b.parameter("W", 4, 2)
    h = b.let("h", Elementwise(sigmoid, X @ W), "delta_1")
    return b.loss(squared_error(X, b.let("r", Elementwise(sigmoid, h @ W.T), "delta_2")))


def two_losses() -> Program:
    """Two heads on one body, two losses added with weights."""
    b = Builder()
    X, y, t = b.input("X", n, 3), b.input("y", n, 1), b.input("t", n, 2)
    W, U, V = b.parameter("W", 3, 4), b.parameter("U", 4, 1), b.parameter("V", 4, 2)
    h = b.let("h", Elementwise(tanh, X @ W), "delta_h")
    p = b.let("p", Elementwise(sigmoid, h @ U), "delta_p")
    q = b.let("q", h @ V, "delta_q")
    D_1 = b.let("D_1", squared_error(y, p))
    D_2 = b.let("D_2", (1 / size_of(n)) * total(Elementwise(abs_, t - q)))
    return b.loss(D_1 + Fraction(3, 10) * D_2)


def shared_bias() -> Program:
    """One bias in two layers."""
    b = Builder()
    X, y, c = b.input("X", n, 2), b.input("y", n, 3), b.parameter("b", 1, 3)
    W_1, W_2 = b.parameter("W_1", 2, 3), b.parameter("W_2", 3, 3)
    l_1 = b.let("l_1", Elementwise(sigmoid, X @ W_1 + c), "delta_1")
    l_2 = b.let("l_2", Elementwise(sigmoid, l_1 @ W_2 + c), "delta_2")
    return b.loss(squared_error(y, l_2))


def attention() -> Program:
    """softmax(Q Kᵀ / √d) V, with Q, K and V from the same X."""
    b = Builder()
    X, y = b.input("X", n, 3), b.input("y", n, 2)
    W_Q, W_K, W_V = (b.parameter(f"W_{role}", 3, 2) for role in "QKV")
    Q, K, V = b.let("Q", X @ W_Q), b.let("K", X @ W_K), b.let("V", X @ W_V)
    A = b.let("A", Softmax(size_of(2) ** -HALF * (Q @ K.T), 1))
    return b.loss(squared_error(y, b.let("O", A @ V)))


def bilinear_form() -> Program:
    """(uᵀ A v)², and u also in a second form uᵀ u."""
    b = Builder()
    A, u, v = b.parameter("A", 3, 2), b.parameter("u", 3, 1), b.parameter("v", 2, 1)
    form = b.let("q", u.T @ A @ v)
    return b.loss(total(form**2) - Fraction(1, 4) * total(u.T @ u))


def rayleigh_quotient() -> Program:
    """wᵀ S w / wᵀ w: a quotient of two forms of the same vector."""
    b = Builder()
    S, w = b.input("S", 3, 3), b.parameter("w", 3, 1)
    return b.loss(total((w.T @ S @ w) / (w.T @ w)))


def layer_normalisation() -> Program:
    """(z − mean) / √(variance + ε) · γ + β, per sample."""
    b = Builder()
    X, y, W = b.input("X", n, 2), b.input("y", n, 4), b.parameter("W", 2, 4)
    gamma, beta = b.parameter("gamma", 1, 4), b.parameter("beta", 1, 4)
    z = b.let("z", X @ W, "delta")
    centred = b.let("c", z - Fraction(1, 4) * total(z, 1))
    variance = b.let("v", Fraction(1, 4) * total(centred**2, 1))
    scale = b.let("s", Power(variance + Fraction(1, 1000), -HALF))
    return b.loss(squared_error(y, centred * scale * gamma + beta))


def batch_normalisation() -> Program:
    """The same down the batch, whose size is a symbol."""
    b = Builder()
    X, y, W = b.input("X", n, 2), b.input("y", n, 3), b.parameter("W", 2, 3)
    z = b.let("z", X @ W, "delta")
    centred = b.let("c", z - (1 / size_of(n)) * total(z, 0))
    variance = b.let("v", (1 / size_of(n)) * total(centred**2, 0))
    return b.loss(squared_error(y, centred / Power(variance + Fraction(1, 1000), HALF)))


def recurrent() -> Program:
    """Three steps of h ← tanh(x U + h W): U and W are used three times."""
    b = Builder()
    steps = [b.input(f"x_{t}", n, 2) for t in (1, 2, 3)]
    y, U, W = b.input("y", n, 2), b.parameter("U", 2, 2), b.parameter("W", 2, 2)
    h = b.let("h_1", Elementwise(tanh, steps[0] @ U), "delta_1")
    for t in (2, 3):
        h = b.let(f"h_{t}", Elementwise(tanh, steps[t - 1] @ U + h @ W), f"delta_{t}")
    return b.loss(squared_error(y, h))


def gated() -> Program:
    """(X W) ∘ σ(X V): a product of two branches."""
    b = Builder()
    X, y, W, V = b.input("X", n, 3), b.input("y", n, 2), b.parameter("W", 3, 2), b.parameter("V", 3, 2)
    gate = b.let("g", Elementwise(sigmoid, X @ V), "delta_g")
    return b.loss(squared_error(y, b.let("p", (X @ W) * gate)))


def multinomial_by_logsumexp() -> Program:
    """1/n Σ logsumexp(z) − Σ y z, written by hand without softmax."""
    b = Builder()
    X, y, W = b.input("X", n, 3), b.input("y", n, 4), b.parameter("W", 3, 4)
    z = b.let("z", X @ W, "delta")
    return b.loss((1 / size_of(n)) * (total(LogSumExp(z, 1)) - total(y * z)))


def softmax_down_the_columns() -> Program:
    """softmax and log-sum-exp along the batch."""
    b = Builder()
    X, y, W = b.input("X", n, 3), b.input("y", n, 2), b.parameter("W", 3, 2)
    z = b.let("z", X @ W, "delta")
    return b.loss(squared_error(y, b.let("p", Softmax(z, 0))) + total(LogSumExp(z, 0) ** 2))


def hinge_and_clip() -> Program:
    """Σ max(0, 1 − y z), with z clipped by an explicit condition."""
    b = Builder()
    X, y, w = b.input("X", n, 3), b.input("y", n, 1), b.parameter("w", 3, 1)
    z = b.let("z", X @ w)
    clipped = b.let("k", where(z > 1, HALF + HALF * z, z))
    return b.loss(total(Elementwise(relu, 1 - y * clipped)))


def scalar_parameters() -> Program:
    """a sin(ω X) + c with three scalars, one inside and one outside the function."""
    b = Builder()
    X, y = b.input("X", n, 2), b.input("y", n, 2)
    a, omega, c = b.parameter("a"), b.parameter("omega"), b.parameter("c")
    return b.loss(squared_error(y, b.let("p", a * Elementwise(sin, omega * X) + c)))


def mixture_of_functions() -> Program:
    """A quotient, roots, powers and functions of functions of one matrix of positive numbers."""
    b = Builder()
    X, W = b.input("X", 2, 3), b.parameter("W", 2, 3)
    s = b.let("s", Elementwise(softplus, W * X) + 1)
    return b.loss(total(s**3 / (1 + Elementwise(exp, -s)) - s**HALF * Elementwise(log1p, s) + X / s ** Fraction(5, 2)))


def outer_products() -> Program:
    """Rows and columns that repeat into a matrix, on both sides of every operation."""
    b = Builder()
    r, c, s = b.parameter("r", 1, 3), b.parameter("c", 2, 1), b.parameter("s")
    M = b.input("M", 2, 3)
    grid = b.let("G", (r + c) * M - r * c + (r - s) / (2 + Elementwise(exp, c)))
    return b.loss(total(grid**2) + total(c @ r) + total(broadcast(s, (2, 3)) * M))


def penalty_in_the_loss() -> Program:
    """Σ (y − p)² + λ Σ w² in one equation: w reaches the loss directly and through p."""
    b = Builder()
    X, y, w = b.input("X", n, 3), b.input("y", n, 1), b.parameter("w", 3, 1)
    p = b.let("p", X @ w)
    return b.loss(total((y - p) ** 2) + Fraction(1, 10) * total(w**2))


def activity_penalty() -> Program:
    """A hidden layer whose output is in the loss, too."""
    b = Builder()
    X, y, W_1, W_2 = b.input("X", n, 3), b.input("y", n, 1), b.parameter("W_1", 3, 2), b.parameter("W_2", 2, 1)
    l_1 = b.let("l_1", Elementwise(sigmoid, X @ W_1), "delta_1")
    l_2 = b.let("l_2", Elementwise(sigmoid, l_1 @ W_2), "delta_2")
    return b.loss(squared_error(y, l_2) + Fraction(1, 10) * total(l_1**2))


def product_with_its_own_function() -> Program:
    """Σ l ∘ tanh(l W): no sum of losses, and l is on both sides."""
    b = Builder()
    X, V, W = b.input("X", n, 3), b.parameter("V", 3, 2), b.parameter("W", 2, 2)
    hidden = b.let("h", Elementwise(sigmoid, X @ V), "delta_h")
    t = b.let("t", Elementwise(tanh, hidden @ W), "delta_t")
    return b.loss(total(hidden * t * t))


def unused_parameter() -> Program:
    """A parameter that the loss does not depend on, and an equation that leads nowhere."""
    b = Builder()
    X, w, u = b.input("X", n, 2), b.parameter("w", 2, 1), b.parameter("u", 2, 2)
    b.let("nowhere", X @ u)
    return b.loss(total((X @ w) ** 2))


PROGRAMS: Mapping[str, Callable[[], Program]] = {
    make.__name__: make
    for make in (
        ridge_regression, logistic_regression, residual_connection, weight_used_twice, tied_autoencoder, two_losses,
        shared_bias, attention, bilinear_form, rayleigh_quotient, layer_normalisation, batch_normalisation, recurrent,
        gated, multinomial_by_logsumexp, softmax_down_the_columns, hinge_and_clip, scalar_parameters,
        mixture_of_functions, outer_products, penalty_in_the_loss, activity_penalty, product_with_its_own_function,
        unused_parameter,
    )
}  # fmt: skip
"""Every program of this file, by name."""
