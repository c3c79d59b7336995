"""Damaged model files and tables: each is used or refused in one line, never a traceback, a hang or much memory.

    python benchmarks/fuzz/files.py --models 20000 --tables 20000 --parquet 2000 --seed 0

Model files go through ``predict`` and ``summary``, tables through ``predict``, ``evaluate`` and what ``train`` reads.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import gzip
import io
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from mutations import mutated_bytes, mutated_model, mutated_table

from backproof.backprop.sweep import backpropagate
from backproof.cli import exit_code
from backproof.errors import BackproofError
from backproof.models.contents import Contents, Target, written_by
from backproof.models.examples import small_model
from backproof.models.network import NetworkSpecification
from backproof.models.table_model import TableModel
from backproof.rules.examples import example_values
from backproof.run.fitted import FittedCategories, FittedDate, FittedNumber
from backproof.run.prepare import prepare
from backproof.run.tables import read_table

LONGEST, MOST_MEMORY = 10.0, 10**9
"""Seconds of processor time, for a busy machine is nobody's fault; bytes."""
ENDLESS = 300
"""Seconds after which a case that waits for something is given up with the whole run."""
HEADER = "size,colour,sold,paid,kind\n"
ROWS = "".join(
    f"{i * 7 % 11}.{i % 10},{('red', 'blue', 'grün')[i % 3]},2024-{1 + i % 12:02}-{1 + i % 28:02},"
    f"{('true', 'false')[i % 2]},{('large', 'small')[i * 7 % 11 > 4]}\n"
    for i in range(40)
)


SHOWN = 500
"""Cases between two lines of progress."""


class Hang(BaseException):
    """A case took too long."""


@dataclass
class Findings:
    """What came of all cases."""

    cases: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest: float = 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for kind, number in (("models", 20_000), ("tables", 20_000), ("parquet", 0)):
        parser.add_argument(f"--{kind}", type=int, default=number)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    found, began = Findings(), time.perf_counter()
    shown = os.fdopen(os.dup(sys.stderr.fileno()), "w")  # polars' panics go elsewhere later
    signal.signal(signal.SIGPROF, _alarm)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error")
        os.chdir(folder)
        plans = (("models", chosen.models, _model_cases), ("tables", chosen.tables, _table_cases))
        for kind, count, cases in (*plans, ("parquet", chosen.parquet, _parquet_cases)):
            rng = random.Random(f"{chosen.seed} {kind}")
            for number, case in zip(range(count), cases(rng), strict=False):
                _run(f"{kind} {number}", case, found)
                found.cases[kind] += 1
                if (number + 1) % SHOWN == 0:
                    print(f"{kind} {number + 1}: {len(found.faults)} faults", file=shown, flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if peak > MOST_MEMORY:
        found.faults.append(f"{peak / 1e9:.2f} GB at the peak")
    _tell(found, peak, time.perf_counter() - began, as_json=chosen.json)
    return 1 if found.faults else 0


def _alarm(*_: object) -> None:
    raise Hang


def _run(name: str, case: Callable[[], int], found: Findings) -> None:
    """One case; what it prints is looked at, and thrown away."""
    said, began = io.StringIO(), time.process_time()
    faulthandler.dump_traceback_later(ENDLESS, exit=True)
    signal.setitimer(signal.ITIMER_PROF, LONGEST)
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            code = case()
    except Hang:
        found.faults.append(f"{name}: longer than {LONGEST:g} s")
        return
    except Exception as error:
        found.faults.append(f"{name}: {type(error).__name__}: {str(error)[:200]}")
        return
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        faulthandler.cancel_dump_traceback_later()
    found.slowest = max(found.slowest, time.process_time() - began)
    found.codes[f"{name.split()[0]}, exit code {code}"] += 1
    lines = [line for line in said.getvalue().splitlines() if not line.startswith("note: ")]
    if code not in (0, 2) or len(lines) != (code == 2) or any(not line.isprintable() for line in lines):
        found.faults.append(f"{name}: exit code {code}, said {said.getvalue()[:200]!r}")


def _tell(found: Findings, peak: int, seconds: float, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"cases": found.cases, "codes": found.codes, "faults": found.faults, "peak_bytes": peak}))
        return
    for name, count in sorted(found.codes.items()):
        print(f"{name}: {count:,}")
    print(
        f"slowest {found.slowest:.2f} s, peak {peak / 1e6:.0f} MB, {seconds:.0f} s in all, {len(found.faults)} faults"
    )
    for fault in found.faults[:20]:
        print(fault)


# --- the cases --------------------------------------------------------------------------------------------------------


def _model_cases(rng: random.Random) -> Iterator[Callable[[], int]]:
    Path("table.csv").write_text(HEADER + ROWS, encoding="utf-8")
    for name, model in models().items():
        model.save(f"{name}.safetensors")
    seeds = {name: Path(f"{name}.safetensors").read_bytes() for name in models()}
    while True:
        name = rng.choices(list(seeds), [50, 50, 1])[0]  # a formula takes long to derive
        Path("model.safetensors").write_bytes(mutated_model(seeds[name], rng))
        arguments = rng.choice([["predict", "model.safetensors", "table.csv", "-o", "out.csv"]] * 2 + [SUMMARY])
        yield lambda arguments=arguments: exit_code(arguments)


SUMMARY = ["summary", "model.safetensors"]


def _table_cases(rng: random.Random) -> Iterator[Callable[[], int]]:
    models()["rich"].save("rich.safetensors")
    text = HEADER + ROWS
    seeds = [text.encode(), text.encode("utf-16"), text.encode("cp1252"), text.replace(",", ";").encode()]
    quoted = text.replace("red", '"red, or ""so"""').encode()
    while True:
        data = mutated_table(rng.choice([*seeds, quoted, quoted]), rng)
        path = Path("table.csv")
        if rng.random() < 0.05:
            path, data = Path("table.csv.gz"), gzip.compress(data)
            data = mutated_bytes(data, rng) if rng.random() < 0.5 else data
        path.write_bytes(data)
        yield from _used(path, rng)


def _parquet_cases(rng: random.Random) -> Iterator[Callable[[], int]]:
    models()["rich"].save("rich.safetensors")
    frame = pl.read_csv(io.StringIO(HEADER + ROWS), try_parse_dates=True)
    stream = io.BytesIO()
    frame.write_parquet(stream)
    path, data = Path("table.parquet"), stream.getvalue()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # where polars tells of its panics by itself
    while True:
        path.write_bytes(mutated_bytes(data, rng))
        yield from _used(path, rng)


def _used(path: Path, rng: random.Random) -> Iterator[Callable[[], int]]:
    match rng.randrange(3):
        case 0:
            yield lambda: exit_code(["predict", "rich.safetensors", str(path), "-o", "out.csv"])
        case 1:
            yield lambda: exit_code(["evaluate", "rich.safetensors", str(path)])
        case _:
            yield lambda: _prepared(path)


def _prepared(path: Path) -> int:
    """What ``train`` does before it trains."""
    try:
        prepare(read_table(path, target="kind"))
    except BackproofError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 2
    return 0


def models() -> dict[str, TableModel]:
    """Models of every kind of column and of option."""
    categories = FittedCategories("colour", "categorical", "missing", ("blue", "red"), ("grün", "missing"))
    date = FittedDate("sold", "date", 19_000.0, ("days", "month"), (19_000.0, 6.0), (100.0, 3.0))
    paid = FittedNumber("paid", "boolean", 1.0, 0.0, 1.0)
    size = FittedNumber("size", "numeric", 5.0, 5.0, 2.5)
    columns = (size, date, paid, categories)
    rich = NetworkSpecification((7, 5, 2), ("relu", "softmax"), "cross_entropy", penalty=0.01, normalization="batch")
    own = NetworkSpecification((7, 3, 1), ("cubic", "identity"), "quartic", dropout=0.5,
                               formulas={"cubic": "x + x^3/30"}, loss_formula="mean((y_hat - y)^4)")  # fmt: skip
    kind, price = Target("kind", ("large", "small")), Target("size", None, 100.0, 20.0)
    return {
        "small": small_model(),
        "rich": _model(rich, columns, kind),
        "own": _model(own, columns, price),
    }


def _model(network: NetworkSpecification, columns: tuple[FittedNumber | FittedDate | FittedCategories, ...],
           target: Target) -> TableModel:  # fmt: skip
    program = network.program().predicting
    values = example_values(program, 1)
    arrays = {name.id: np.abs(values[name.id]).astype(np.float32) for name in program.parameters}
    names = tuple(column.name for column in columns)
    trained = {"trained": "for an example"}
    digest = backpropagate(network.program()).loss.id
    return TableModel(Contents(network, arrays, columns, names, target, digest, trained, written_by()))


if __name__ == "__main__":
    raise SystemExit(main())
