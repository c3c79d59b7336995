"""Options with parameters: ``cosine``, ``step(every=30)``, ``warmup(steps=500) + cosine``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from backproof.errors import SpecificationError, suggestion

CALL = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*(?:\(([^()]*)\))?\s*(?:\+(.*))?", re.DOTALL)
ARGUMENT = re.compile(r"\s*([a-z_][a-z0-9_]*)\s*=\s*([0-9.eE+-]+)\s*")


@dataclass(frozen=True, slots=True)
class Call:
    """A name, the numbers given for its parameters, and the text behind a plus sign."""

    name: str
    given: Mapping[str, float]
    rest: str | None


def read_call(text: object, known: Mapping[str, Callable[..., Any]], what: str) -> Call:
    """The name and its parameters.

    Args:
        text: what the user wrote.
        known: what may be named; the parameters that have numbers as defaults may be given.
        what: what it is, for messages.

    Raises:
        SpecificationError: an unknown name or parameter, or something that is no number.

    Example:
        >>> read_call("f(a=2)", {"f": lambda a=1: a}, "function")
        Call(name='f', given={'a': 2.0}, rest=None)
    """
    found = CALL.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise SpecificationError(f"{text!r} names no {what}; {suggestion(str(text), known)}")
    name, written, rest = found.groups()
    if name not in known:
        raise SpecificationError(f"unknown {what} {name!r}; {suggestion(name, known)}")
    return Call(name, _arguments(name, written or "", known[name]), rest)


def _arguments(name: str, written: str, function: Callable[..., Any]) -> dict[str, float]:
    """The parameters in the parentheses."""
    parameters = inspect.signature(function).parameters.values()
    known = [p.name for p in parameters if isinstance(p.default, int | float)]
    given: dict[str, float] = {}
    for part in written.split(",") if written.strip() else ():
        argument = ARGUMENT.fullmatch(part)
        if argument is None or argument.group(1) not in known:
            raise SpecificationError(f"{name}: {part.strip()!r} is no parameter; it has {', '.join(known) or 'none'}")
        try:
            given[argument.group(1)] = float(argument.group(2))
        except ValueError:
            raise SpecificationError(f"{name}: {argument.group(2)!r} is no number") from None
    return given
