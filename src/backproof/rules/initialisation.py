"""Where parameters start: the distribution of each, by the activation that follows it.

Glorot's uniform distribution keeps the variance of signals through sigmoid, tanh, softmax and identity; He's normal
distribution through functions that cut off one half of their arguments, such as ReLU. Biases start at zero. Another
distribution for the weights can be named.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from backproof.dims import Shape, Symbol, concrete
from backproof.errors import ShapeError, SpecificationError, suggestion
from backproof.ir.arithmetic import Array
from backproof.ir.expr import Add, Broadcast, Expr, Name, Sub
from backproof.ir.program import Program
from backproof.ir.traverse import children

Distribution = Literal["uniform", "normal", "orthogonal", "from zero", "zeros", "ones"]

RECTIFYING = frozenset({"relu", "leaky_relu", "elu", "softplus", "silu", "gelu"})
"""Activations that leave positive arguments nearly as they are and cut negative ones off."""


@dataclass(frozen=True, slots=True)
class Start:
    """How a parameter is drawn.

    Uniformly from [−scale, scale); normally with deviation ``scale``; orthogonal, with Wᵀ W or W Wᵀ = scale² · 1;
    uniformly from [0, scale); or not at all.
    """

    parameter: Name
    distribution: Distribution
    scale: float
    reason: str


METHODS: Mapping[str, tuple[Distribution, Callable[[int, int], float], str]] = {
    "glorot_uniform": ("uniform", lambda i, o: math.sqrt(6 / (i + o)), "Glorot uniform"),
    "glorot_normal": ("normal", lambda i, o: math.sqrt(2 / (i + o)), "Glorot normal"),
    "he_uniform": ("uniform", lambda i, o: math.sqrt(6 / i), "He uniform"),
    "he_normal": ("normal", lambda i, o: math.sqrt(2 / i), "He normal"),
    "lecun_uniform": ("uniform", lambda i, o: math.sqrt(3 / i), "LeCun uniform"),
    "lecun_normal": ("normal", lambda i, o: math.sqrt(1 / i), "LeCun normal"),
    "orthogonal": ("orthogonal", lambda i, o: 1.0, "orthogonal"),
    "uniform": ("from zero", lambda i, o: 1.0, "uniform from 0 to 1"),
}
"""The methods that an option may name: the distribution, its scale for so many inputs and outputs, and in words."""


def initialisation(program: Program, method: str | None = None) -> tuple[Start, ...]:
    """The start of each parameter, in the program's order.

    Glorot: uniform, scale √(6 / (inputs + outputs)); He: normal, scale √(2 / inputs); LeCun: normal, scale
    √(1 / inputs); orthogonal: Q of a random matrix; uniform: from 0 to 1, as the seed's listing has it.

    Args:
        program: whose parameters are wanted.
        method: for all weights, a name of ``METHODS``; by the activation that follows where None.

    Raises:
        SpecificationError: an unknown method; the nearest is suggested.

    Source:
        Glorot & Bengio, Understanding the difficulty of training deep feedforward neural networks (2010), eq. 16;
        He et al., Delving deep into rectifiers (2015), eq. 10; LeCun et al., Efficient backprop (1998), section 4.6;
        Saxe, McClelland & Ganguli, Exact solutions to the nonlinear dynamics of learning (2014).

    Example:
        >>> import backproof as bp
        >>> [(start.parameter.id, start.reason) for start in initialisation(bp.mlp(3, 2, 1, bias=True))]
        [('W_1', 'Glorot uniform'), ('b_1', 'zero'), ('W_2', 'Glorot uniform'), ('b_2', 'zero')]
    """
    if method is not None and method not in METHODS:
        raise SpecificationError(f"unknown initialisation {method!r}; {suggestion(str(method), METHODS)}")
    layers = program.structure.layers if program.structure is not None else ()
    activations = {layer.weights: layer.activation for layer in layers}
    fans = {layer.weights: (layer.inputs, layer.outputs) for layer in layers}
    biases = {layer.bias for layer in layers if layer.bias} if layers else _added_only(program)
    shifts = {layer.shift for layer in layers if layer.shift}
    scales = {layer.scale for layer in layers if layer.scale}
    starts = []
    for parameter in program.parameters:
        if parameter.id in biases | shifts:
            starts.append(Start(parameter, "zeros", 0.0, "zero"))
        elif parameter.id in scales:
            starts.append(Start(parameter, "ones", 1.0, "one"))
        else:
            inputs, outputs = fans.get(parameter.id) or _fans(parameter.id, parameter.shape)
            chosen = method or _by_activation(activations.get(parameter.id, ""))
            distribution, scale, reason = METHODS[chosen]
            starts.append(Start(parameter, distribution, scale(inputs, outputs), reason))
    return tuple(starts)


def drawn_parameters(program: Program, seed: int, method: str | None = None) -> dict[str, Array]:
    """The parameters of the program as ``initialisation`` says, in float64.

    Example:
        >>> import backproof as bp
        >>> {id: value.shape for id, value in drawn_parameters(bp.mlp(3, 2, 1), seed=0).items()}
        {'W_1': (3, 2), 'W_2': (2, 1)}
    """
    rng = np.random.default_rng(seed)
    return {start.parameter.id: _drawn(start, rng) for start in initialisation(program, method)}


def _drawn(start: Start, rng: np.random.Generator) -> Array:
    shape, scale = concrete(start.parameter.shape, {}), start.scale
    match start.distribution:
        case "uniform":
            return np.asarray(rng.uniform(-scale, scale, shape))
        case "normal":
            return np.asarray(rng.normal(0.0, scale, shape))
        case "orthogonal":
            return scale * _orthogonal(shape, rng)
        case "from zero":
            return np.asarray(rng.uniform(0.0, scale, shape))
        case "zeros":
            return np.zeros(shape)
        case "ones":
            return np.ones(shape)


def _by_activation(activation: str) -> str:
    """The method that suits what follows."""
    return "he_normal" if activation in RECTIFYING else "glorot_uniform"


def _orthogonal(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """The orthogonal factor of a random matrix, its signs made unique: a matrix drawn alike in every direction."""
    rows, columns = shape if len(shape) == 2 else (1, 1)
    q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
    q = q * np.where(np.diag(r) < 0, -1.0, 1.0)
    return np.asarray((q if rows >= columns else q.T).reshape(shape))


def _fans(id: str, shape: Shape) -> tuple[int, int]:
    fans = []
    for dim in shape or (1, 1):
        if isinstance(dim, Symbol):
            raise ShapeError(f"the parameter {id} has a dimension {dim} without a size; give it in params=")
        fans.append(dim)
    return fans[0], fans[1]


def _added_only(program: Program) -> frozenset[str]:
    """The parameters that are only ever added, as a bias is."""
    added: set[str] = set()
    used: set[str] = set()

    def look(node: Expr, term: bool) -> None:
        match node:
            case Name(id):
                (added if term else used).add(id)
            case Broadcast(Name() as name):
                look(name, term)
            case _:
                for child in children(node):
                    look(child, isinstance(node, Add | Sub))

    for equation in program.equations:
        look(equation.value, term=False)
    return frozenset(added - used)
