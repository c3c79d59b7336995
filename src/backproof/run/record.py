"""``run.json``: what a run was asked for and what came out, enough to repeat it and to compare."""

from __future__ import annotations

import json
import platform
import re
import shlex
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from backproof.errors import BackproofError, DataError
from backproof.kernels.automatic import can_compile
from backproof.kernels.llvm.machine import host
from backproof.models.network import NetworkSpecification
from backproof.run.outcome import Outcome
from backproof.run.problem import Problem, resolved
from backproof.run.settings import NO_HIDDEN_LAYER, Settings, settings_from_json
from backproof.run.speed import MADE_BY
from backproof.run.wording import quoted_path
from backproof.version import __version__

FORMAT = "backproof-run-1"

FILES = {
    "report.html": "this report",
    "weights.safetensors": "the trained model, with all it takes to predict tables: backproof predict uses it",
    "train.py": "the emitted source: the same training with NumPy alone, from the same weights in the same order",
    "data.npz": "both parts as matrices: X and y, which train.py reads, X_test and y_test",
    "run.json": "versions, seed, settings, figures and losses: what repeats the run",
}
"""The files of a report's folder."""

LIBRARIES = ("numpy", "scipy", "llvmlite", "scikit-learn", "polars", "matplotlib")


def record(outcome: Outcome) -> dict[str, Any]:
    """The run as JSON holds it."""
    made, result, certificate = outcome.problem, outcome.result, outcome.derivation.certificate
    return {
        "format": FORMAT,
        "versions": versions(),
        "settings": resolved(outcome.settings, made).given(),
        "data": dict(made.source),
        "network": {"specification": made.specification, **_network(made.network)},
        "training": {**result.settings, "started_from": dict(result.started_from)},
        "stopped": result.stopped,
        "epochs_run": result.epochs_run,
        "steps": result.steps,
        "loss": result.loss,
        "figures": outcome.evaluation.figures(),
        "curve": outcome.curve.description(),
        "notes": list(outcome.notes),
        "preparation": made.prepared.description(),
        "proof": None
        if certificate is None
        else {"ok": certificate.ok, "bound": certificate.bound, "sentences": list(certificate.summary())},
        "seconds": dict(outcome.seconds),
        "speed": _speed(outcome),
    }


def _network(network: NetworkSpecification) -> dict[str, Any]:
    """What builds the program again, without what was not asked for."""
    options = {name: value for name, value in asdict(network).items() if value}
    return {**options, "bias": network.bias, "penalty": network.penalty}


def _speed(outcome: Outcome) -> dict[str, Any] | None:
    return None if outcome.speed is None else outcome.speed.description()


def record_file(outcome: Outcome) -> bytes:
    """``run.json``."""
    return (_text(record(outcome)) + "\n").encode("utf-8")


def _text(data: Mapping[str, Any]) -> str:
    """JSON for people, too: lists of numbers on one line."""
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
    return re.sub(r'\[\n\s+([^\[\]{}"]*?)\n\s+\]', lambda found: f"[{' '.join(found[1].split())}]", text)


def versions() -> dict[str, str]:
    """What the figures of a run depend on beside its settings."""
    return {
        "backproof": __version__,
        "python": platform.python_version(),
        **{library: version(library) for library in LIBRARIES},
        "platform": platform.platform(),
        "processor": host().name if can_compile() else platform.machine(),
    }


def read_record(path: Path) -> dict[str, Any]:
    """What ``run.json`` holds, its settings checked.

    Raises:
        DataError: the file cannot be read, or is no such file.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{quoted_path(path)}: cannot be read ({error.strerror or error}); check the path") from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise DataError(f"{quoted_path(path)}: is not JSON ({error}); give a run.json of backproof run") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise DataError(f"{quoted_path(path)}: was not written by backproof run; give the run.json of a report")
    try:
        found["settings"] = settings_from_json(found.get("settings"))
    except BackproofError as error:
        raise DataError(f"{quoted_path(path)}: {error}") from None
    return found


def commands(settings: Settings, made: Problem) -> list[str]:
    """What repeats the run, trains the network by its source, and shows the derivation."""
    structure = made.program.structure
    assert structure is not None  # a run's program is a network
    activations = [layer.activation for layer in structure.layers]
    derive = ["backproof", "derive", structure.specification, "--activation", ",".join(activations)]
    derive += ["--loss", structure.loss]
    derive += ["--bias"] if structure.layers[0].bias else []
    derive += ["--penalty", structure.penalty] if structure.penalty else []
    derive += ["--view", "matrix"]
    return [shlex.join(["backproof", "run", *_options(settings)]), "python train.py", shlex.join(derive)]


def _options(settings: Settings) -> list[str]:
    words: list[str] = []
    for name, value in settings.given().items():
        option = f"--{name.replace('_', '-')}"
        if name == "network":
            text = ",".join(map(str, value)) or NO_HIDDEN_LAYER
        elif isinstance(value, tuple):
            text = ",".join(value)
        else:
            text = str(value)
        words += [option, text]
    return words


def printed_figures(outcome: Outcome, folder: Path) -> str:
    """The figures of a run as JSON for other programs."""
    found = {
        "report": str(folder / "report.html"),
        "specification": outcome.problem.specification,
        "task": outcome.problem.prepared.task,
        "stopped": outcome.result.stopped,
        "loss": outcome.result.loss,
        "figures": outcome.evaluation.figures(),
        "seconds": dict(outcome.seconds),
        "speed": _speed(outcome),
    }
    return _text(found)


def compared(old: dict[str, Any], outcome: Outcome) -> str:
    """Whether a run came to the figures of the record that it repeats, in a sentence."""
    new = json.loads(json.dumps(record(outcome)))
    if all(old.get(part) == new[part] for part in ("figures", "loss", "curve")):
        return "same figures as the record, to the last bit"
    if old.get("stopped") == "interrupted":
        return "other figures than the record, whose run was interrupted"
    if old.get("data") != new["data"]:
        return "other figures than the record: the data are not the same"
    backends = [found["training"].get("backend") for found in (old, new) if isinstance(found.get("training"), dict)]
    if len(set(backends)) > 1:
        was, now = (MADE_BY.get(str(backend), backend) for backend in backends)
        return f"other figures than the record: that was trained by {was}, this by {now}"
    changed = [name for name, value in new["versions"].items() if (old.get("versions") or {}).get(name) != value]
    because = f": other versions of {', '.join(changed)}" if changed else ""
    return f"other figures than the record{because}"
