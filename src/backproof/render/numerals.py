"""Numerals: an exact rational number as people write it: 2, 0.005, 1/3, 10⁻⁸."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum, auto
from fractions import Fraction

from backproof.render.dialects import Dialect

LONGEST_DECIMAL = 12
"""Digits up to which a terminating fraction is written out."""

SMALL_DENOMINATORS = (2, 4, 8)
"""The denominators of decimals that are written as fractions nevertheless."""


class Form(Enum):
    """How a numeral is built, which decides where it needs parentheses."""

    DIGITS = auto()
    FRACTION = auto()
    SCIENTIFIC = auto()


def numeral(value: Fraction, dialect: Dialect, decimals: bool = False) -> tuple[str, Form]:
    """The spelling of a number that is not negative, and its form.

    Args:
        decimals: whether 1/2 is written 0.5; a third stays a third.

    Example:
        >>> from backproof.render.dialects import LATEX, UNICODE
        >>> [numeral(Fraction(text), UNICODE)[0] for text in ("2", "1/2", "1/3", "0.005", "0.00000001", "2.5e30")]
        ['2', '1/2', '1/3', '0.005', '1e-8', '2.5e30']
        >>> numeral(Fraction("1.5e-9"), LATEX)[0]
        '1.5 \\\\times 10^{-9}'
    """
    decimal = _decimal(value)
    if value.denominator == 1 and len(str(value)) <= LONGEST_DECIMAL:
        return str(value), Form.DIGITS
    if decimal is None or (value.denominator in SMALL_DENOMINATORS and not decimals):
        return dialect.fraction(str(value.numerator), str(value.denominator)), Form.FRACTION
    digits = f"{decimal:f}"
    if len(digits) <= LONGEST_DECIMAL and Fraction(1, 1000) <= value:
        return digits, Form.DIGITS
    scientific = _scientific(decimal)
    if len(digits) <= len("0.00000") or len(digits) < sum(map(len, scientific)):
        return digits, Form.DIGITS
    return dialect.scientific(*scientific), Form.SCIENTIFIC


def _decimal(value: Fraction) -> Decimal | None:
    """The exact decimal; None where it does not terminate."""
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return None
    places = max(twos, fives)
    digits = value.numerator * 10**places // value.denominator
    return Decimal((0, tuple(map(int, str(digits))), -places))


def _scientific(decimal: Decimal) -> tuple[str, str]:
    """Mantissa (empty for 1) and exponent of ten."""
    _, digits, exponent = decimal.as_tuple()
    written = "".join(map(str, digits)).rstrip("0")
    power = int(exponent) + len(digits) - 1
    mantissa = written[0] + (f".{written[1:]}" if len(written) > 1 else "")
    return ("" if mantissa == "1" else mantissa), str(power)
