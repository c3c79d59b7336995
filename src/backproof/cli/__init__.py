"""The command line: derive, prove, check and run backpropagation.

Heavy libraries are imported by the commands that need them, so that ``--help`` costs next to nothing. Exit codes:
0 it holds, 1 it does not hold, 2 bad input (one line on standard error says what, where and what to do).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from backproof.cli.bench import bench
from backproof.cli.check import check
from backproof.cli.derive import derive
from backproof.cli.model import evaluate, predict, summary
from backproof.cli.page import page
from backproof.cli.prove import prove
from backproof.cli.run import run
from backproof.cli.train import train
from backproof.errors import BackproofError
from backproof.version import __version__

BAD_INPUT, INTERRUPTED = 2, 130

app = typer.Typer(
    help="Derive, prove and run backpropagation: what you read is what runs.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(no_args_is_help=True)(derive)
app.command(no_args_is_help=True)(prove)
app.command(no_args_is_help=True)(check)
app.command(no_args_is_help=True)(page)
app.command()(run)
app.command(no_args_is_help=True)(train)
app.command(no_args_is_help=True)(predict)
app.command(no_args_is_help=True)(evaluate)
app.command(no_args_is_help=True)(summary)
app.command()(bench)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"backproof {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Derive, prove and run backpropagation: what you read is what runs."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    raise SystemExit(exit_code(arguments))


def exit_code(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; whatever is wrong with the input becomes one line on standard error.

    Args:
        arguments: what follows the program's name; ``sys.argv`` where not given.
    """
    _flush_as_unicode()
    try:
        result = app(args=arguments, prog_name="backproof", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except BackproofError as error:
        return _refused(str(error))
    except typer.exceptions.TyperException as error:
        return _refused(_usage(error))
    except typer.Abort:
        return INTERRUPTED
    except KeyboardInterrupt:
        print("backproof: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as head, has gone: nothing more to say, and not to Python's own flush
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError:
        return _refused("not enough memory for this; make the network, the batch or the table smaller")


def _refused(message: str) -> int:
    if message:
        print(f"backproof: {' '.join(message.split())}", file=sys.stderr)
    return BAD_INPUT


def _usage(error: Exception) -> str:
    """What is wrong with the options, in one line; nothing where the help was printed instead."""
    describe = getattr(error, "format_message", None)
    message = str(error) if describe is None else describe()
    where = getattr(getattr(error, "ctx", None), "command_path", "backproof")
    return f"{message} (see {where} --help)" if message else ""


def _flush_as_unicode() -> None:
    """Formulas need more than ASCII; where the terminal lacks a letter, print a question mark rather than stop."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
