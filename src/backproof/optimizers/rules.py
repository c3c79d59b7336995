"""The update rules that options may name, each with its source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from backproof.dims import Shape
from backproof.errors import SpecificationError
from backproof.ir.expr import Elementwise, Expr, Name, Number, rational
from backproof.ir.program import Equation
from backproof.optimizers.rule import RATE, Memory, Optimizer
from backproof.parsing.calls import read_call
from backproof.rules.elementwise import sign

HALF = Fraction(1, 2)


def _decay(name: str, value: Number) -> Fraction:
    """A number from 0 to below 1: what is kept of something remembered."""
    if not 0 <= value < 1:
        raise SpecificationError(f"{name}: a decay must be from 0 to below 1, got {value:g}")
    return rational(value)


def _not_negative(name: str, value: Number) -> Fraction:
    if not 0 <= value < float("inf"):
        raise SpecificationError(f"{name}: epsilon and weight_decay must be finite and not negative, got {value:g}")
    return rational(value)


def sgd() -> Optimizer:
    """θ ← θ − η g."""

    def equations(shape: Shape) -> tuple[Equation, ...]:
        theta, gradient = Name("theta", shape), Name("gradient", shape)
        return (Equation(Name("theta_next", shape), theta - RATE * gradient),)

    return Optimizer("sgd", equations, {}, "Robbins & Monro, A stochastic approximation method (1951)")


def momentum(decay: Number = 0.9) -> Optimizer:
    """v ← μ v + g, θ ← θ − η v."""
    kept = _decay("momentum", decay)

    def equations(shape: Shape) -> tuple[Equation, ...]:
        theta, gradient, velocity = (Name(id, shape) for id in ("theta", "gradient", "velocity"))
        velocity_next = Name("velocity_next", shape)
        return (
            Equation(velocity_next, kept * velocity + gradient),
            Equation(Name("theta_next", shape), theta - RATE * velocity_next),
        )

    source = "Polyak, Some methods of speeding up the convergence of iteration methods (1964)"
    return Optimizer("momentum", equations, {"velocity": Memory(0)}, source)


def nesterov(decay: Number = 0.9) -> Optimizer:
    """v ← μ v + g, θ ← θ − η (g + μ v)."""
    kept = _decay("nesterov", decay)

    def equations(shape: Shape) -> tuple[Equation, ...]:
        theta, gradient, velocity = (Name(id, shape) for id in ("theta", "gradient", "velocity"))
        velocity_next = Name("velocity_next", shape)
        return (
            Equation(velocity_next, kept * velocity + gradient),
            Equation(Name("theta_next", shape), theta - RATE * (gradient + kept * velocity_next)),
        )

    source = "Sutskever et al., On the importance of initialization and momentum in deep learning (2013)"
    return Optimizer("nesterov", equations, {"velocity": Memory(0)}, source)


def rmsprop(decay: Number = 0.99, epsilon: Number = 1e-8) -> Optimizer:
    """v ← α v + (1 − α) g², θ ← θ − η g / (√v + ε)."""
    kept, floor = _decay("rmsprop", decay), _not_negative("rmsprop", epsilon)

    def equations(shape: Shape) -> tuple[Equation, ...]:
        theta, gradient, square = (Name(id, shape) for id in ("theta", "gradient", "square"))
        square_next = Name("square_next", shape)
        return (
            Equation(square_next, kept * square + (1 - kept) * gradient**2),
            Equation(Name("theta_next", shape), theta - RATE * gradient / (square_next**HALF + floor)),
        )

    source = "Tieleman & Hinton, Lecture 6.5: RMSProp (2012)"
    return Optimizer("rmsprop", equations, {"square": Memory(0)}, source)


def lion(beta_1: Number = 0.9, beta_2: Number = 0.99, weight_decay: Number = 0) -> Optimizer:
    """θ ← θ − η (sign(β₁ m + (1 − β₁) g) + λ θ), m ← β₂ m + (1 − β₂) g."""
    first, second, shrinking = _decay("lion", beta_1), _decay("lion", beta_2), _not_negative("lion", weight_decay)

    def equations(shape: Shape) -> tuple[Equation, ...]:
        theta, gradient, mean = (Name(id, shape) for id in ("theta", "gradient", "mean"))
        direction: Expr = Elementwise(sign, first * mean + (1 - first) * gradient)
        if shrinking:
            direction = direction + shrinking * theta
        return (
            Equation(Name("theta_next", shape), theta - RATE * direction),
            Equation(Name("mean_next", shape), second * mean + (1 - second) * gradient),
        )

    source = "Chen et al., Symbolic discovery of optimization algorithms (2023)"
    return Optimizer("lion", equations, {"mean": Memory(0)}, source)


def adam(beta_1: Number = 0.9, beta_2: Number = 0.999, epsilon: Number = 1e-8) -> Optimizer:
    """m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², θ ← θ − η · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)."""
    source = "Kingma & Ba, Adam: a method for stochastic optimization (2015)"
    return _adam("adam", beta_1, beta_2, epsilon, 0, source)


def adamw(
    beta_1: Number = 0.9, beta_2: Number = 0.999, epsilon: Number = 1e-8, weight_decay: Number = 0.01
) -> Optimizer:
    """Adam's step, and beside it θ shrinks: θ ← (1 − η λ) θ − η · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)."""
    source = "Loshchilov & Hutter, Decoupled weight decay regularization (2019)"
    return _adam("adamw", beta_1, beta_2, epsilon, weight_decay, source)


def _adam(name: str, beta_1: Number, beta_2: Number, epsilon: Number, weight_decay: Number, source: str) -> Optimizer:
    shrinking = _not_negative(name, weight_decay)
    first_decay, second_decay, floor = _decay(name, beta_1), _decay(name, beta_2), _not_negative(name, epsilon)

    def equations(shape: Shape) -> tuple[Equation, ...]:
        theta, gradient, mean, square = (Name(id, shape) for id in ("theta", "gradient", "mean", "square"))
        mean_next, square_next = Name("mean_next", shape), Name("square_next", shape)
        power_1, power_2 = Name("power_1_next"), Name("power_2_next")
        shrunk = (1 - shrinking * RATE) * theta if shrinking else theta
        scale = (square_next / (1 - power_2)) ** HALF + floor
        return (
            Equation(mean_next, first_decay * mean + (1 - first_decay) * gradient),
            Equation(square_next, second_decay * square + (1 - second_decay) * gradient**2),
            Equation(power_1, first_decay * Name("power_1")),
            Equation(power_2, second_decay * Name("power_2")),
            Equation(Name("theta_next", shape), shrunk - RATE * (mean_next / (1 - power_1)) / scale),
        )

    memory = {
        "mean": Memory(0),
        "square": Memory(0),
        "power_1": Memory(1, one_number=True),
        "power_2": Memory(1, one_number=True),
    }
    return Optimizer(name, equations, memory, source)


OPTIMIZERS: Mapping[str, Callable[..., Optimizer]] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adam": adam,
    "adamw": adamw,
    "rmsprop": rmsprop,
    "lion": lion,
}
"""The rules that an option may name."""

_user_rules: dict[str, Optimizer] = {}


def register(rule: Optimizer) -> Optimizer:
    """Make a user's rule known by its name.

    Raises:
        SpecificationError: the name belongs to a built-in rule.
    """
    if rule.name in OPTIMIZERS:
        raise SpecificationError(f"{rule.name!r} is a built-in optimizer; choose another name for yours")
    _user_rules[rule.name] = rule
    return rule


def optimizer_named(name: str | Optimizer) -> Optimizer:
    """The rule of that name, perhaps with parameters as in ``adam(beta_1=0.95)``, or the rule itself.

    Raises:
        SpecificationError: an unknown name; the nearest is suggested.

    Example:
        >>> optimizer_named("adam(beta_2=0.99)").name
        'adam'
        >>> optimizer_named("adm")
        Traceback (most recent call last):
        backproof.errors.SpecificationError: unknown optimizer 'adm'; did you mean 'adam'?
    """
    if isinstance(name, Optimizer):
        return name
    known: dict[str, Callable[..., Optimizer]] = {**OPTIMIZERS}
    known |= {id: (lambda rule=rule: rule) for id, rule in _user_rules.items()}
    call = read_call(name, known, what="optimizer")
    return known[call.name](**call.given)
