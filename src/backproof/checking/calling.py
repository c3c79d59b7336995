"""How a user's function is called: what each argument of its signature means, and in what the parameters come."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from backproof.checking.foreign import as_tensors, copied
from backproof.checking.precision import Array
from backproof.checking.raised import RaisedError, raised_in
from backproof.checking.spelling import LEARNING_RATES, meant, squeezed, styled
from backproof.errors import SpecificationError
from backproof.ir.program import Program

Container = Literal["mapping", "list", "pairs"]
CONTAINERS: tuple[Container, ...] = ("mapping", "list", "pairs")

PARAMETERS, RATE = "the parameters", "the learning rate"

_CONTAINER_NAMES = frozenset(
    {"params", "parameters", "param", "p", "weights", "ws", "net", "network", "model", "state", "theta", "θ", "thetas"}
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What each positional argument is: an identifier, all the parameters in one container, or the learning rate.

    Args:
        slots: in the order of the signature.
        container: in what the parameters come, where they come together.
        names: the user's keys of a mapping, by identifier.
        tensors: whether arrays are passed as PyTorch's tensors.
    """

    slots: tuple[str, ...]
    container: Container = "mapping"
    names: Mapping[str, str] | None = None
    tensors: bool = False

    @property
    def is_step(self) -> bool:
        """Whether it takes a learning rate."""
        return RATE in self.slots

    def arguments(self, parameters: Mapping[str, Array], inputs: Mapping[str, Array], rate: float | None) -> list[Any]:
        """Fresh arrays for one call."""
        convert = as_tensors() if self.tensors else None
        arrays = {**parameters, **inputs}
        fresh = {id: copied(array) if convert is None else convert(array) for id, array in arrays.items()}
        found: list[Any] = []
        for slot in self.slots:
            match slot:
                case "the parameters":
                    found.append(self._together({id: fresh[id] for id in parameters}))
                case "the learning rate":
                    found.append(rate)
                case _:
                    found.append(fresh[slot])
        return found

    def _together(self, parameters: Mapping[str, Any]) -> Any:
        match self.container:
            case "mapping":
                named = self.names or {}
                return {named.get(id, id): array for id, array in parameters.items()}
            case "list":
                return list(parameters.values())
            case "pairs":
                values = list(parameters.values())
                return [tuple(values[k : k + 2]) for k in range(0, len(values), 2)]


def plan_of(
    function: Callable[..., Any],
    name: str,
    program: Program,
    wanted: Sequence[str],
    order: Sequence[str] | None,
    step: bool,
) -> Plan:
    """What the arguments of a function mean, from their names, their number, or the user's word.

    Args:
        function: the user's.
        name: how to call it in messages.
        program: whose inputs and parameters it takes.
        wanted: the parameters that it takes, all of the program's or those without biases.
        order: the user's word: ``("params", "X", "y")``, or ``("W_1", "W_2", "X", "y")``.
        step: whether the last argument is a learning rate, whatever its name.

    Raises:
        SpecificationError: the arguments do not tell; asks for ``order=``.
    """
    inputs = [input.id for input in program.inputs]
    if order is not None:
        stated = _stated(name, order, [*wanted, *inputs])
        if any(slot in inputs for slot in stated):
            return Plan(stated)
    arguments = _arguments(function)
    default = (PARAMETERS, *inputs, *([RATE] if step else []))
    if arguments is None:
        return Plan(default)
    slots = _slots(arguments, [*wanted, *inputs], step)
    return Plan(_completed(name, arguments, slots, list(wanted), inputs))


def _stated(name: str, order: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    slots: list[str] = []
    for word in order:
        if squeezed(word).casefold() in _CONTAINER_NAMES and word not in known:
            slots.append(PARAMETERS)
        elif squeezed(word).casefold() in LEARNING_RATES:
            slots.append(RATE)
        elif (found := meant([word], known).get(word)) is not None:
            slots.append(found)
        else:
            raise SpecificationError(f"order= for {name}: {word!r} is none of params, {', '.join(known)}, lr")
    return tuple(slots)


def _arguments(function: Callable[..., Any]) -> list[str] | None:
    """The names of the positional arguments without defaults; None where the signature does not tell."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rates = [p.name for p in positional if squeezed(p.name).casefold() in LEARNING_RATES]
    return [p.name for p in positional if p.default is p.empty or p.name in rates]


def _slots(arguments: list[str], known: Sequence[str], step: bool) -> dict[str, str]:
    """What is beyond doubt by its name."""
    found = meant(arguments, known)
    for argument in arguments:
        word = squeezed(argument).casefold()
        if argument not in found and word in LEARNING_RATES:
            found[argument] = RATE
        elif word in _CONTAINER_NAMES and len(arguments) < len(known):
            found[argument] = PARAMETERS
    if step and RATE not in found.values() and arguments and arguments[-1] not in found:
        found[arguments[-1]] = RATE
    return found


def _completed(
    name: str, arguments: list[str], found: Mapping[str, str], wanted: list[str], inputs: list[str]
) -> tuple[str, ...]:
    unknown = [argument for argument in arguments if argument not in found]
    given = [found[argument] for argument in arguments if argument in found]
    lacking = [input for input in inputs if input not in given]
    open_parameters = [id for id in wanted if id not in given] if PARAMETERS not in given else []
    if not unknown and not lacking and (PARAMETERS in given or not open_parameters):
        return tuple(given)
    if len(arguments) - (RATE in given) == 1 + len(inputs) and len(wanted) >= 1:
        together = _together_with(unknown, lacking, given, found, wanted)
        if together is not None:
            return tuple(together[argument] for argument in arguments)
    if len(unknown) == 1 and len(open_parameters) + len(lacking) == 1:
        return tuple(found.get(argument, [*open_parameters, *lacking][0]) for argument in arguments)
    expected = [*wanted, *inputs]
    raise SpecificationError(
        f"{name}({', '.join(arguments)}): its arguments do not tell which is which; pass order=, one of "
        f"{', '.join(expected)} for each argument, or 'params' for all parameters together"
    )


def _together_with(
    unknown: list[str], lacking: list[str], given: list[str], found: Mapping[str, str], wanted: list[str]
) -> dict[str, str] | None:
    """As many arguments as f(params, X, y) has: the parameters together, and inputs in their order."""
    have_parameters = PARAMETERS in given or any(id in given for id in wanted)
    missing = lacking if have_parameters else [PARAMETERS, *lacking]
    if len(missing) != len(unknown):
        return None
    return {**found, **dict(zip(unknown, missing, strict=True))}


# --- calling ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """What a call gave: the value returned, and the arguments afterwards."""

    plan: Plan
    value: Any
    arguments: list[Any]


def call(
    function: Callable[..., Any], name: str, plan: Plan, parameters: Mapping[str, Array], inputs: Mapping[str, Array],
    rate: float | None = None,
) -> Call:  # fmt: skip
    """The function called once; a mapping's keys are changed to what it asks for.

    Raises:
        RaisedError: the function raised; told in the user's terms.
    """
    for _ in range(len(parameters) + 2):
        arguments = plan.arguments(parameters, inputs, rate)
        try:
            with np.errstate(all="ignore"):
                return Call(plan, function(*arguments), arguments)
        except KeyError as error:
            renamed = _renamed(plan, error, list(parameters))
            if renamed is None:
                raise raised_in(name, error) from None
            plan = renamed
        except (Exception, SystemExit) as error:
            raise raised_in(name, error) from None
    raise RaisedError(f"{name} asks for keys that are none of {', '.join(parameters)}", None, "", KeyError())


def _renamed(plan: Plan, error: KeyError, ids: list[str]) -> Plan | None:
    """The mapping with the keys that the function asks for."""
    key = error.args[0] if error.args else None
    if plan.container != "mapping" or PARAMETERS not in plan.slots or not isinstance(key, str):
        return None
    names = {**(plan.names or {}), **styled(key, ids)}
    if key not in names.values() or names == plan.names:
        return None
    if plan.names:
        own = meant([key], ids).get(key)
        names = {**plan.names, **({own: key} if own else {})}
    return replace(plan, names=names)
