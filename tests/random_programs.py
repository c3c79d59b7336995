"""Random programs, by seed: networks of every kind, and general programs that are no chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random

from backproof.dims import SCALAR, Dim, Shape, Symbol
from backproof.ir.expr import Elementwise, Expr, Function, LogSumExp, Name, Softmax, count, size_of, total
from backproof.ir.lift import where
from backproof.ir.program import Equation, Program, RowsSumToOne
from backproof.networks import mlp
from backproof.rules.elementwise import ACTIVATIONS, abs_, elu, exp, huber, leaky_relu, log, normal_cdf, sigmoid, tanh
from backproof.rules.losses import LOSSES

N = Symbol("n")
ANY_OUTPUT = [name for name, loss in LOSSES.items() if loss.output is None]


def random_program(seed: int) -> Program:
    """The program of that seed: half are networks, half general."""
    random = Random(seed)
    return random_network(random) if random.random() < 0.5 else random_graph(random)


# --- networks ---------------------------------------------------------------------------------------------------------


def random_activation(random: Random) -> str | Function:
    """A built-in activation, or one with a parameter of its own."""
    parametrised = (leaky_relu(0.2), leaky_relu(Fraction(1, 3)), elu(1.5), elu(Fraction(1, 2)))
    choices: list[str | Function] = [*ACTIVATIONS, *parametrised]
    return random.choice(choices)


def random_network(random: Random) -> Program:
    """A network of up to five layers of up to five units."""
    layers = random.randint(1, 5)
    sizes = [random.randint(1, 5) for _ in range(layers + 1)]
    loss = random.choice(list(LOSSES))
    fused = LOSSES[loss].output is not None
    activations = [random_activation(random) for _ in range(layers - 1 if fused else layers)]
    output = "softmax" if not fused and random.random() < 0.15 else None
    if loss == "cross_entropy":
        sizes[-1] = max(2, sizes[-1])
    batches: list[int | str] = ["n", "n", 1, 4]
    return mlp(
        *sizes,
        activation=activations if activations else "identity",
        output_activation=output,
        bias=random.random() < 0.5,
        loss=loss,
        penalty=random.choice([None, None, 0.1, Fraction(3, 7)]),
        batch=random.choice(batches),
        samples="rows" if random.random() < 0.5 else "columns",
    )


# --- general programs -------------------------------------------------------------------------------------------------


@dataclass
class Graph:
    """A program that grows: its quantities so far, all with samples in rows or without samples."""

    random: Random
    batch: Dim
    inputs: list[Name] = field(default_factory=list)
    parameters: list[Name] = field(default_factory=list)
    equations: list[Equation] = field(default_factory=list)
    pool: list[Name] = field(default_factory=list)
    assumptions: list[RowsSumToOne] = field(default_factory=list)

    def input(self, prefix: str, shape: Shape) -> Name:
        """A new input."""
        self.inputs.append(Name(f"{prefix}_{len(self.inputs) + 1}", shape))
        return self.inputs[-1]

    def parameter(self, rows: Dim, columns: Dim) -> Name:
        """A parameter of the shape: an old one if there is one and chance wills it, so that it is shared."""
        fitting = [p for p in self.parameters if p.shape == (rows, columns)]
        if fitting and self.random.random() < 0.6:
            return self.random.choice(fitting)
        self.parameters.append(Name(f"W_{len(self.parameters) + 1}", (rows, columns)))
        return self.parameters[-1]

    def define(self, value: Expr) -> Name:
        """A new quantity; sometimes with a name for the adjoint inside it, as layers have."""
        k = len(self.equations) + 1
        name = Name(f"q_{k}", value.shape)
        delta = f"delta_{k}" if self.random.random() < 0.5 else None
        self.equations.append(Equation(name, value, delta))
        if value.shape != SCALAR:
            self.pool.append(name)
        return name

    def pick(self) -> Name:
        """One of the quantities, the later ones more often."""
        return self.pool[-1] if self.random.random() < 0.5 else self.random.choice(self.pool)

    def pick_like(self, x: Name) -> Name:
        """A quantity of the same shape."""
        return self.random.choice([q for q in self.pool if q.shape == x.shape])


Grow = Callable[[Graph, Name], Expr]

GROWTH: tuple[Grow, ...] = (
    lambda g, x: x @ g.parameter(x.shape[1], g.random.randint(1, 4)),
    lambda g, x: x @ g.parameter(x.shape[1], x.shape[1]) + x,
    lambda g, x: Elementwise(g.random.choice([sigmoid, tanh]), x @ g.parameter(x.shape[1], x.shape[1])) + x,
    lambda g, x: x @ g.parameter(x.shape[1], x.shape[1]) + g.parameter(1, x.shape[1]),
    lambda g, x: Elementwise(_function(g), x),
    lambda g, x: Elementwise(_function(g), x @ g.parameter(x.shape[1], 2) + g.parameter(1, 2)),
    lambda g, x: x * g.pick_like(x),
    lambda g, x: x + g.pick_like(x),
    lambda g, x: x - g.pick_like(x) * Fraction(2, 3),
    lambda g, x: x / (1 + g.pick_like(x) ** 2),
    lambda g, x: (1 + x**2) ** Fraction(-1, 2),
    lambda g, x: x ** g.random.choice([2, 3]),
    lambda g, x: Softmax(x, g.random.choice([0, 1])),
    lambda g, x: Elementwise(log, Softmax(x, 1)),
    lambda g, x: x - LogSumExp(x, 1),
    lambda g, x: x * total(x, g.random.choice([0, 1])),
    lambda g, x: total(x, g.random.choice([0, 1])) * x - x,
    lambda g, x: where(x > g.pick_like(x), x, Fraction(1, 3) * x * x),
    lambda g, x: Elementwise(abs_, x - g.pick_like(x)),
    lambda g, x: x @ x.T @ x,
    lambda g, x: (x.T @ x @ g.parameter(x.shape[1], x.shape[1])).T,
    lambda g, x: Elementwise(exp, -(x**2)) * x,
    lambda g, x: total(x) * x,
    lambda g, x: Elementwise(sigmoid, x) * Elementwise(normal_cdf, x),
)


def _function(graph: Graph) -> Function:
    chosen = random_activation(graph.random)
    return ACTIVATIONS[chosen]() if isinstance(chosen, str) else chosen


def random_graph(random: Random) -> Program:
    """A program over quantities that are used any number of times, with one loss or several added up."""
    batches: list[Dim] = [N, N, 3]
    graph = Graph(random, random.choice(batches))
    for _ in range(random.randint(1, 2)):
        graph.pool.append(graph.input("X", (graph.batch, random.randint(1, 4))))
    if len(graph.pool) == 1:
        graph.define(graph.pool[0] @ graph.parameter(graph.pool[0].shape[1], random.randint(1, 4)))
    for _ in range(random.randint(1, 7)):
        graph.define(random.choice(GROWTH)(graph, graph.pick()))
    losses = [graph.define(_loss(graph, graph.pick())) for _ in range(random.randint(1, 3))]
    if graph.parameters and random.random() < 0.4:
        losses.append(graph.define(Fraction(1, 10) * total(random.choice(graph.parameters) ** 2)))
    value: Expr = losses[0]
    for loss in losses[1:]:
        value = value + loss if random.random() < 0.8 else value + loss * loss
    graph.equations.append(Equation(Name("L"), value))
    if not graph.parameters:
        graph.parameter(1, 1)
    return Program(tuple(graph.inputs), tuple(graph.parameters), tuple(graph.equations), "L", tuple(graph.assumptions))


def _loss(graph: Graph, p: Name) -> Expr:
    """One of the known losses of a quantity, or a plain function of it."""
    random = graph.random
    rows = p.shape[0]
    kind = random.choice(["known", "known", "cross_entropy", "logistic", "plain", "huber"])
    if kind == "cross_entropy":
        y = graph.input("y", p.shape)
        graph.assumptions.append(RowsSumToOne(y.id, 1))
        q = graph.define(Softmax(p, 1))
        return LOSSES["cross_entropy"].build(q, y, rows)
    y = graph.input("y", p.shape)
    if kind == "logistic":
        q = graph.define(Elementwise(sigmoid, p))
        return LOSSES["binary_cross_entropy"].build(q, y, rows)
    if kind == "huber":
        return (1 / size_of(rows)) * total(Elementwise(huber(Fraction(3, 4)), p - y))
    if kind == "known":
        return LOSSES[random.choice(ANY_OUTPUT)].build(p, y, rows)
    return (1 / count(p.shape)) * total(p * y) if random.random() < 0.5 else total(p) ** 2
