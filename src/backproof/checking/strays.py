"""Numbers that people write where none or another belongs: near a number that was solved for, the likeliest first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from backproof.checking.anatomy import Anatomy
from backproof.checking.edit import Edit
from backproof.dims import concrete
from backproof.ir.expr import Const, Div, Expr, Mul, Size, broadcast, size_of
from backproof.ir.traverse import names, walk

LOOSE = 0.02
"""How well a number must fit before it is tried in earnest, relative to what it explains."""

DENOMINATORS = (1, 12, 1_000, 1_000_000)
SIMPLE = 12


@dataclass(frozen=True, slots=True)
class Stray:
    """A number as a person would have written it.

    Args:
        value: at the first point; one that has the number of samples in it differs at points of other sizes.
        expr: the number.
        text: how sentences write it.
        samples: what it counts, where it is a number of samples, of outputs or of both.
        inverse: whether it is one over what it counts.
    """

    value: Fraction
    expr: Expr
    text: str
    samples: str = ""
    inverse: bool = False

    def times(self, expr: Expr) -> Expr:
        """The expression with the number before it."""
        return Mul(broadcast(self.expr, expr.shape), expr)


def plain(value: Fraction) -> Stray:
    """A number that is the same at all points."""
    return Stray(value, Const(value), number_text(value))


def strays_near(number: float, a: Anatomy, sizes: Mapping[str, int]) -> Iterator[Stray]:
    """Numbers that people write near the one found, and at last the number itself."""
    if not math.isfinite(number):
        return
    seen: set[Expr] = set()
    for stray in _likely(number, a, sizes):
        if stray.expr not in seen and abs(float(stray.value) - number) <= LOOSE * max(abs(number), 1e-3):
            seen.add(stray.expr)
            yield stray


def _likely(number: float, a: Anatomy, sizes: Mapping[str, int]) -> Iterator[Stray]:
    yield from _counts(a, sizes)
    yield from (plain(Fraction(number).limit_denominator(most)) for most in DENOMINATORS[:2])
    yield from _with_samples(number, a, sizes)
    yield from (plain(Fraction(number).limit_denominator(most)) for most in DENOMINATORS[2:])
    yield plain(Fraction(number))


def _counts(a: Anatomy, sizes: Mapping[str, int]) -> Iterator[Stray]:
    """The number of samples, of outputs and of both together, and one over each."""
    if a.batch is None:
        return
    axis, dim = a.batch
    target = next(name for name in a.trace.program.inputs if name.id in a.targets and name.shape)
    shape = concrete(target.shape, sizes)
    n, units = size_of(dim), size_of(target.shape[1 - axis])
    samples, outputs = shape[axis], shape[1 - axis]
    symbol = str(dim)
    counted = [(samples, n, symbol), (samples * outputs, n * units, f"{symbol} × {outputs}")]
    if outputs > 2:
        # Of a two it cannot be told whether it counts or strayed, and most stray.
        counted.append((outputs, units, str(outputs)))
    for value, expr, text in counted:
        if value > 1:
            yield Stray(Fraction(value), expr, text, samples=text)
            yield Stray(Fraction(1, value), Div(Const(Fraction(1)), expr), f"1/({text})", samples=text, inverse=True)


def _with_samples(number: float, a: Anatomy, sizes: Mapping[str, int]) -> Iterator[Stray]:
    """A simple number times the number of samples, or over it: the 4/m of a gradient that others divide by m."""
    if a.batch is None or isinstance(a.batch[1], int):
        return
    size, (samples,) = size_of(a.batch[1]), concrete((a.batch[1],), sizes)
    over = Fraction(number * samples).limit_denominator(2)
    if 0 < abs(over.numerator) <= SIMPLE:
        yield Stray(over / samples, Div(Const(over), size), f"{over}/{a.batch[1]}")
    times = Fraction(number / samples).limit_denominator(2)
    if 0 < abs(times.numerator) <= SIMPLE:
        yield Stray(times * samples, Mul(Const(times), size), f"{times} {a.batch[1]}")


# --- what a stray number says -------------------------------------------------------------------------------------


def factor_edit(a: Anatomy, value: Expr, wrong: Expr, stray: Stray) -> Edit:
    """The fault of a factor before a whole right-hand side."""
    if stray.value == 0:
        return Edit("zero", wrong)
    if stray.value == -1:
        return Edit("sign", wrong, value)
    averages = any(isinstance(n, Size) for e in a.trace.joint.equations for n in walk(e.value))
    if stray.samples and stray.inverse:
        return Edit("average-doubled" if averages else "mean-for-sum", wrong, value, value=stray.samples)
    if stray.samples and averages:
        return Edit("sum-for-mean", wrong, value, value=stray.samples)
    return Edit("stray-factor", wrong, value, value=stray.text)


def term_edit(a: Anatomy, term: Expr, wrong: Expr, stray: Stray) -> Edit:
    """The fault of a coefficient before one term: of the penalty, where the term rests on parameters alone."""
    penalty = names(term) <= {name.id for name in a.trace.program.parameters}
    if stray.value == 0:
        return Edit("penalty-missing" if penalty else "term-missing", wrong, term)
    if stray.value == -1:
        return Edit("term-sign", wrong, term)
    if penalty and stray.inverse:
        return Edit("penalty-averaged", wrong, term, value=stray.samples)
    return Edit("penalty-scaled" if penalty else "term-scaled", wrong, term, value=stray.text)


def number_text(number: Fraction) -> str:
    """The number as people write it: a fraction where it is a simple one.

    Example:
        >>> number_text(Fraction(1, 3)), number_text(Fraction(137, 1000))
        ('1/3', '0.137')
    """
    return str(number) if number.denominator <= SIMPLE else f"{float(number):.6g}"
