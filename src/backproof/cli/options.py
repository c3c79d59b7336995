"""The options that several commands share: those that describe a program, and those of the notation."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from backproof.errors import DataError, SpecificationError
from backproof.ir.program import Program
from backproof.notation import Notation

NETWORK, NOTATION, OUTPUT, TRAINING = "Network", "Notation", "Output", "Training"


def option(*names: str, panel: str, help: str, **rest: Any) -> Any:
    """An option of a command, in a panel of its help."""
    return typer.Option(*names, help=help, rich_help_panel=panel, **rest)


class Samples(StrEnum):
    """Whether an example is a row or a column of X."""

    rows = "rows"
    columns = "columns"


Json = Annotated[bool, option("--json", panel=OUTPUT, help="Print JSON, for programs.")]
Seed = Annotated[int, option("--seed", panel=OUTPUT, help="The seed of everything random.", min=0)]


def network_options(
    network: Annotated[
        str, typer.Argument(metavar="[NETWORK]", help="Layer sizes such as 3-2-1, or a file of equations.")
    ] = "",
    expression: Annotated[
        str | None,
        option("--expression", "-e", panel=NETWORK, help="Equations instead: 'L = sum((X @ w - y)^2)'."),
    ] = None,
    shape: Annotated[
        list[str] | None,
        option("--shape", panel=NETWORK, metavar="NAME:ROWS,COLUMNS", help="A shape in --expression; repeat it."),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        option("--parameter", panel=NETWORK, metavar="NAME", help="Differentiate --expression by it; repeat it."),
    ] = None,
    activation: Annotated[
        str, option("--activation", "-a", panel=NETWORK, help="One for all layers, or one each: relu,sigmoid.")
    ] = "sigmoid",
    output_activation: Annotated[
        str | None, option("--output-activation", panel=NETWORK, help="The last layer's, where it differs.")
    ] = None,
    bias: Annotated[bool, option("--bias/--no-bias", panel=NETWORK, help="A bias in every layer.")] = False,
    loss: Annotated[str, option("--loss", "-l", panel=NETWORK, help="The loss.")] = "half_squared_error",
    penalty: Annotated[
        float | None, option("--penalty", panel=NETWORK, help="λ of an L2 penalty, λ/2 times the sum of w².")
    ] = None,
    normalization: Annotated[
        str | None,
        option("--normalization", panel=NETWORK, help="Of hidden layers: batch (over examples) or layer (units)."),
    ] = None,
    dropout: Annotated[
        float | None, option("--dropout", panel=NETWORK, help="The chance that a hidden unit is left out of a step.")
    ] = None,
    penalty_l1: Annotated[
        float | None, option("--penalty-l1", panel=NETWORK, help="λ of an L1 penalty, λ times the sum of |w|.")
    ] = None,
    weighted: Annotated[
        bool, option("--weighted/--not-weighted", panel=NETWORK, help="A weight for each example in the loss.")
    ] = False,
    batch: Annotated[str, option("--batch", panel=NETWORK, help="How many examples: a number or a symbol.")] = "n",
    samples: Annotated[
        Samples, option("--samples", panel=NETWORK, help="An example is a row of X, or a column.")
    ] = Samples.rows,
    define_activation: Annotated[
        list[str] | None,
        option("--define-activation", panel=NETWORK, metavar="NAME=FORMULA", help="Your own, in x; repeat it."),
    ] = None,
    define_loss: Annotated[
        list[str] | None,
        option("--define-loss", panel=NETWORK, metavar="NAME=FORMULA", help="Your own, in y and y_hat; repeat it."),
    ] = None,
) -> Program:
    """The program that the options describe."""
    from backproof.definitions import activation as new_activation
    from backproof.definitions import loss as new_loss
    from backproof.networks import mlp, parse_sizes

    for text in define_activation or ():
        new_activation(*split(text, "=", "--define-activation", "mish=x*tanh(softplus(x))"))
    for text in define_loss or ():
        new_loss(*split(text, "=", "--define-loss", "lc=mean(log_cosh(y_hat - y))"))
    if expression is not None or (network and Path(network).is_file()):
        return _parsed(network, expression, shape or [], parameter or [])
    if not network:
        raise SpecificationError("name a network such as 3-2-1, or give equations with --expression")
    each = activation.split(",")
    return mlp(
        *parse_sizes(network),
        activation=each if len(each) > 1 else activation,
        output_activation=output_activation,
        bias=bias,
        loss=loss,
        penalty=penalty,
        penalty_l1=penalty_l1,
        weighted=weighted,
        batch=int(batch) if batch.lstrip("-").isdigit() else batch,
        samples=samples.value,
        normalization=normalization,
        dropout=dropout,
    )


def named_network(**chosen: Any) -> Program:
    """The program that the options describe, the network among them: for commands whose argument is something else."""
    return network_options(**chosen)


def _with_network_as_option() -> inspect.Signature:
    signature = inspect.signature(network_options, eval_str=True)
    annotation = Annotated[
        str, option("--network", "-n", panel=NETWORK, help="Layer sizes such as 3-2-1, or a file of equations.")
    ]
    first, *rest = signature.parameters.values()
    return signature.replace(parameters=[first.replace(annotation=annotation), *rest])


named_network.__signature__ = _with_network_as_option()  # type: ignore[attr-defined]


def _parsed(network: str, expression: str | None, shapes: Sequence[str], parameters: Sequence[str]) -> Program:
    from backproof.parsing import parse

    if expression is not None and network:
        raise SpecificationError(f"give either the network {network!r} or --expression, not both")
    text = expression if expression is not None else _read(Path(network))
    given = dict(split(shape, ":", "--shape", "X:n,d") for shape in shapes)
    return parse(text, shapes=given, parameters=parameters)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise DataError(f"cannot read the equations in {path}: {reason}") from error


def split(text: str, sign: str, name: str, example: str) -> tuple[str, str]:
    """The two sides of an option's value.

    Raises:
        SpecificationError: the sign is missing.
    """
    left, found, right = text.partition(sign)
    if not found or not left.strip() or not right.strip():
        raise SpecificationError(f"{name} takes two parts joined by {sign!r}, such as {example!r}; got {text!r}")
    return left.strip(), right.strip()


def notation_options(
    delta: Annotated[str, option("--delta", panel=NOTATION, help="Δ (Δl_1) or δ (δ_1); or Delta, delta.")] = "Δ",
    hadamard: Annotated[
        str, option("--hadamard", panel=NOTATION, help="The element-wise product: ∘ × ⊙; or circ, times, odot.")
    ] = "∘",
    matmul: Annotated[
        str, option("--matmul", panel=NOTATION, help="The matrix product: . · or juxtaposition; or dot, cdot, none.")
    ] = ".",
    indices: Annotated[
        str, option("--indices", panel=NOTATION, help="Entries as the seed, w_1^{11}, or plain, w_{1;1,1}.")
    ] = "seed",
    numbers: Annotated[
        str, option("--numbers", panel=NOTATION, help="fractions (1/2) or decimals (0.5).")
    ] = "fractions",
) -> Notation:
    """The notation that the options describe."""
    return Notation.parse(delta=delta, hadamard=hadamard, matmul=matmul, indices=indices, numbers=numbers)


def takes(**groups: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the options of whole groups; it receives what each group makes of its options.

    Args:
        groups: for each parameter of the command, the function whose own parameters are the options.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        own = inspect.signature(command, eval_str=True)
        options = {name: inspect.signature(group, eval_str=True) for name, group in groups.items()}

        @wraps(command)
        def wrapper(**values: Any) -> Any:
            for name, group in groups.items():
                chosen = {option: values.pop(option) for option in options[name].parameters}
                values[name] = group(**chosen)
            return command(**values)

        parameters = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for signature in (*options.values(), own)
            for parameter in signature.parameters.values()
            if parameter.name not in groups
        ]
        wrapper.__signature__ = own.replace(parameters=parameters, return_annotation=None)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return wrapper

    return decorate
