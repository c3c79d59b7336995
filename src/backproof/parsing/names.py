"""Which names people may give to quantities and functions."""

from __future__ import annotations

import keyword
import re

from backproof.errors import SpecificationError
from backproof.parsing.functions import reserved_words
from backproof.parsing.tokens import LONGEST_NAME
from backproof.rules.elementwise import FUNCTIONS

DERIVED = ("delta_", "grad_", "tangent_")
"""How the names begin that the derivation gives."""


def check_identifier(name: str, what: str) -> str:
    """The name itself, where every emitted program can use it.

    Raises:
        SpecificationError: no plain identifier, too long, or a word of Python.

    Example:
        >>> check_identifier("lambda", "quantity")
        Traceback (most recent call last):
        ...
        backproof.errors.SpecificationError: the quantity cannot be called 'lambda', a word of Python; try 'lambda_'
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", str(name)):
        raise SpecificationError(
            f"the {what} cannot be called {name!r}: a name is a letter followed by letters, digits and underscores"
        )
    if len(name) > LONGEST_NAME:
        raise SpecificationError(f"the name of the {what} has {len(name)} letters; {LONGEST_NAME} are the most")
    if keyword.iskeyword(name):
        raise SpecificationError(f"the {what} cannot be called {name!r}, a word of Python; try '{name}_'")
    return name


def check_name(name: str, what: str = "quantity") -> str:
    """The name itself, where formulas and the derivation do not take it for something else.

    Raises:
        SpecificationError: no identifier, or taken.

    Example:
        >>> check_name("W_1")
        'W_1'
    """
    check_identifier(name, what)
    if name in FUNCTIONS or name in reserved_words():
        raise SpecificationError(
            f"the {what} cannot be called {name!r}: formulas know {name} already; choose another name"
        )
    if name.startswith(DERIVED):
        raise SpecificationError(
            f"the {what} cannot be called {name!r}: names that begin with {', '.join(DERIVED)} belong to the derivation"
        )
    return name
