"""``backproof check``: whether a backward pass of the user's is right, and if not, which equation is wrong."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backproof.cli.options import OUTPUT, Json, Seed, named_network, option, takes
from backproof.errors import DataError, SpecificationError
from backproof.ir.program import Program

if TYPE_CHECKING:
    from backproof.checking import Report

NOT_RIGHT, INTERRUPTED = 1, 130
PIPED_WIDTH, WIDEST = 80, 110
SUBJECT, SCRIPT = "What is checked", "Scripts"
MEBIBYTE = 2**20


class Kind(StrEnum):
    """What a function is, where its signature does not tell."""

    auto = "auto"
    gradient = "gradient"
    step = "step"


class Dtype(StrEnum):
    """The precisions that there are bounds for."""

    float16 = "float16"
    bfloat16 = "bfloat16"
    float32 = "float32"
    float64 = "float64"


@takes(program=named_network)
def check(
    program: Program,
    subject: Annotated[
        str,
        typer.Argument(
            metavar="[SUBJECT]",
            help="script.py, module.py:function, or gradients in a .npz, .safetensors or .json file.",
        ),
    ] = "",
    claim: Annotated[
        str | None, option("--claim", panel=SUBJECT, help="Instead, a formula: 'delta_1 = (delta_2 @ W_2.T) * l_1'.")
    ] = None,
    kind: Annotated[
        Kind, option("--kind", panel=SUBJECT, help="What a function is, where its signature does not tell.")
    ] = Kind.auto,
    order: Annotated[
        str | None,
        option("--order", panel=SUBJECT, metavar="NAMES", help="What a function's arguments are: W_1,W_2,X,y."),
    ] = None,
    values: Annotated[
        Path | None,
        option("--values", panel=SUBJECT, metavar="FILE", help="The point to check a function at: .npz or .json."),
    ] = None,
    dtype: Annotated[
        Dtype | None, option("--dtype", panel=SUBJECT, help="The precision to judge in; that of the results if none.")
    ] = None,
    fix: Annotated[
        bool, option("--fix", panel=SCRIPT, help="Write the mended script as name.fixed.py; nothing is overwritten.")
    ] = False,
    timeout: Annotated[
        float | None, option("--timeout", panel=SCRIPT, help="Seconds for each run of a script (20).", min=0.1)
    ] = None,
    memory: Annotated[
        int | None, option("--memory", panel=SCRIPT, metavar="MB", help="Memory for each run (8192).", min=64)
    ] = None,
    html: Annotated[
        Path | None, option("--html", panel=OUTPUT, metavar="FILE", help="Write a page too: the derivation, marked.")
    ] = None,
    allow_uninformative: Annotated[
        bool, option("--allow-uninformative", panel=OUTPUT, help="Exit code 0 also where something cannot be told.")
    ] = False,
    as_json: Json = False,
    seed: Seed = 0,
) -> None:
    """Say whether a backward pass is right, and if not, which equation is wrong and how to mend it.

    A script or a function is YOUR OWN PROGRAM AND IS EXECUTED: a script line by line in a process of its own, with
    limits of time and memory, several times where it has faults; a function in this process. Exit codes: 0 right, 1
    wrong or not to be told, 2 bad input.

    For example: backproof check train.py --network 3-2-1, or backproof check --network 3-2-1 --claim "delta_1 =
    (delta_2 @ W_2.T) * l_1"
    """
    asked = _Asked(program, subject, claim, kind.value, order, values, None if dtype is None else dtype.value, seed)
    asked.refuse_misplaced({"--fix": fix, "--timeout": timeout is not None, "--memory": memory is not None})
    try:
        with _saying(asked.words), redirect_stdout(sys.stderr):  # what a user's program prints is no part of the report
            report = asked.script(fix, timeout, memory) if asked.is_script else asked.other()
    except KeyboardInterrupt:
        print("backproof: interrupted; nothing was written", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    if html is not None:
        report.save(html)
    _tell(report, as_json)
    if html is not None:
        print(f"\nwrote {html}", file=sys.stderr if as_json else sys.stdout)
    if not replace(report, allow_uninformative=allow_uninformative).passes:
        raise typer.Exit(NOT_RIGHT)


class _Asked:
    """What is to be checked, and against what."""

    def __init__(
        self,
        program: Program,
        subject: str,
        claim: str | None,
        kind: str,
        order: str | None,
        values: Path | None,
        dtype: str | None,
        seed: int,
    ) -> None:
        if bool(subject) == (claim is not None):
            what = "not both" if subject else "such as train.py, or --claim 'delta_1 = …'"
            raise SpecificationError(f"give one thing to check, a file or a claim, {what}")
        self.program, self.subject, self.claim = program, subject, claim
        self.kind, self.values, self.dtype, self.seed = kind, values, dtype, seed
        self.order = None if order is None else tuple(name.strip() for name in order.split(","))
        self.file, self.function = _split(subject)

    @property
    def is_script(self) -> bool:
        """Whether the subject is a script."""
        return self.claim is None and not self.function and self.file.suffix.lower() == ".py"

    @property
    def words(self) -> str:
        """What is being done, for those who wait."""
        if self.claim is not None:
            return "deciding the claim"
        return f"running {self.file.name}" if self.is_script or self.function else f"reading {self.file.name}"

    def refuse_misplaced(self, for_scripts: dict[str, bool]) -> None:
        """Options that mean nothing for this subject are mistakes."""
        for_functions = {
            "--kind": self.kind != "auto",
            "--order": self.order is not None,
            "--values": self.values is not None,
        }
        wrong = {} if self.is_script else dict.fromkeys(_given(for_scripts), "scripts")
        wrong |= {} if self.function else dict.fromkeys(_given(for_functions), "functions, as in module.py:function")
        if self.dtype is not None and (self.is_script or self.claim is not None):
            wrong["--dtype"] = "functions and data"
        for name, where in wrong.items():
            raise SpecificationError(f"{name} is for {where}; leave it out here")

    def script(self, fix: bool, timeout: float | None, memory: int | None) -> Report:
        """The report on a script."""
        from backproof.checking.scripts import check_script

        limits: dict[str, Any] = {} if timeout is None else {"timeout": timeout}
        limits |= {} if memory is None else {"memory": memory * MEBIBYTE}
        return check_script(self.file, self.program, fix=fix, **limits)

    def other(self) -> Report:
        """The report on a claim, on data or on a function."""
        from backproof.checking import check as checked
        from backproof.cli.user_code import ending_refused, loaded

        if self.claim is not None:
            return checked(self.claim, self.program, kind="claim", seed=self.seed)
        if not self.function:
            return checked(self.file, self.program, dtype=self.dtype, seed=self.seed)
        with ending_refused(self.subject):
            return checked(
                loaded(self.file, self.function),
                self.program,
                points=None if self.values is None else _read(self.values),
                order=self.order,
                dtype=self.dtype,
                kind=self.kind,  # type: ignore[arg-type]  # the values of Kind are kinds
                seed=self.seed,
            )


def _split(subject: str) -> tuple[Path, str]:
    """The file, and the function in it that is meant, if one is."""
    file, sign, function = subject.rpartition(":")
    if sign and file.lower().endswith(".py"):
        if not function or not all(part.isidentifier() for part in function.split(".")):
            raise SpecificationError(f"{subject!r} names no function; write module.py:function")
        return Path(file), function
    path = Path(subject)
    if subject and not path.suffix:
        raise DataError(f"cannot check {subject!r}: give script.py, module.py:function, data.npz, or --claim")
    return path, ""


def _given(options: dict[str, bool]) -> list[str]:
    return [name for name, given in options.items() if given]


def _read(path: Path) -> Any:
    from backproof.cli.values import read_values

    return read_values(path)


@contextmanager
def _saying(words: str) -> Iterator[None]:
    """Says on a terminal that something is going on."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status(f"{escape(words)} … (Ctrl-C stops it)"):
        yield


def _tell(report: Report, as_json: bool) -> None:
    if as_json:
        print(report.json())
        return
    terminal = sys.stdout.isatty()
    width = min(shutil.get_terminal_size().columns, WIDEST) if terminal else PIPED_WIDTH
    color = terminal and not os.environ.get("NO_COLOR")
    print(report.text(width=width, color=color, ascii=not _encodes("✓✗─▶")))


def _encodes(signs: str) -> bool:
    """Whether standard output has the signs."""
    try:
        signs.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
