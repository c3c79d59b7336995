"""Emitted JavaScript: equal to the library's numbers to 1e-12, and nothing in a name becomes code."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

import backproof as bp
from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Trace
from backproof.dims import concrete
from backproof.emit.javascript_functions import JAVASCRIPT_FUNCTIONS, JAVASCRIPT_HELPERS
from backproof.emit.javascript_source import javascript_source
from backproof.emit.javascript_spelling import JAVASCRIPT_SPELLING
from backproof.errors import DataError, SpecificationError, UnsupportedError
from backproof.ir.arithmetic import NUMPY
from backproof.ir.expr import Component, Elementwise, Function, Name, total
from backproof.ir.lowering import Kind
from backproof.ir.program import Equation, Program
from backproof.kernels import compile_trace
from backproof.networks import mlp
from backproof.optimizers import OPTIMIZERS
from backproof.rules.elementwise import FUNCTIONS, sigmoid
from backproof.training import train
from backproof.version import __version__
from cases import NAMES, OP_CASES, SIZES
from cases import Case as OpCase
from conftest import Golden
from programs import PROGRAMS
from samples import Array, Case, grid, values

RELATIVE = 1e-12

DRIVER = """
import { readFileSync } from "node:fs";
const given = JSON.parse(readFileSync(process.argv[2], "utf8"));
const reports = [];
for (const { name, module, sizes, set, steps, rate, wanted } of given) {
  const m = await import(module);
  const q = m.quantities(sizes);
  for (const [id, value] of Object.entries(set)) q[id].set(value);
  const memory = m.memory();
  const losses = [];
  for (let k = 0; k < steps; k++) losses.push(m.trainStep(q, memory, rate, sizes));
  const { loss, gradients } = m.gradients(q, sizes);
  const plain = (found) => Object.fromEntries(Object.entries(found).map(([id, value]) => [id, [...value]]));
  const parameters = Object.fromEntries(m.parameters.map((id) => [id, q[id]]));
  const further = Object.fromEntries(Object.entries(m.values ?? {}).map(([id, f]) => [id, f(q, sizes)]));
  const report = { losses, loss, gradients: plain(gradients), parameters: plain(parameters), values: plain(further) };
  reports.push([name, report]);
}
console.log(JSON.stringify(Object.fromEntries(reports)));
"""


def run_modules(node: str, folder: Path, jobs: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Each job's module at work in one Node.js: what it finds after so many steps."""
    listed = []
    for number, (name, job) in enumerate(jobs.items()):
        path = folder / f"module_{number}.mjs"
        path.write_text(job["text"], encoding="utf-8")
        given = {id: np.ravel(value).tolist() for id, value in job.get("set", {}).items()}
        rest = {"sizes": job.get("sizes", {}), "steps": job.get("steps", 0), "rate": job.get("rate", 0.05)}
        listed.append({"name": name, "module": path.as_uri(), "set": given, **rest})
    (folder / "driver.mjs").write_text(DRIVER, encoding="utf-8")
    (folder / "jobs.json").write_text(json.dumps(listed), encoding="utf-8")
    command = [node, str(folder / "driver.mjs"), str(folder / "jobs.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def close(found: Any, expected: Any) -> None:
    """Equal to 1e-12 of the largest entry."""
    found, expected = np.ravel(np.asarray(found, float)), np.ravel(np.asarray(expected, float))
    assert found.shape == expected.shape
    scale = max(float(np.max(np.abs(expected), initial=0.0)), 1e-300)
    assert float(np.max(np.abs(found - expected), initial=0.0)) <= RELATIVE * scale


def sizes_of(trace: Trace, samples: int) -> dict[str, int]:
    return dict.fromkeys(trace.program.symbols, samples)


# --- numbers ------------------------------------------------------------------------------------------------------


def chosen(case: Case, number: int) -> bool:
    """Every activation × loss × depth once, with rows or columns and biases in turn."""
    return number % 4 == (number // 4) % 4 and case.depth < 4


def test_networks_of_every_kind_train_as_the_library_does(node: str, tmp_path: Path) -> None:
    jobs, expected = {}, {}
    for number, case in enumerate(grid()):
        if chosen(case, number):
            trace = backpropagate(case.program)
            samples = 1 + number % 5
            _, inputs = values(case.program, seed=number, samples=samples)
            text = javascript_source(trace, seed=number)
            jobs[str(case)] = {"text": text, "set": inputs, "sizes": sizes_of(trace, samples), "steps": 5}
            options: dict[str, Any] = {"learning_rate": 0.05, "epochs": 5, "seed": number, "progress": False}
            expected[str(case)] = train(trace, inputs, backend="numpy", **options)
    assert len(jobs) > 100
    for name, found in run_modules(node, tmp_path, jobs).items():
        result = expected[name]
        close(found["losses"], [epoch.loss for epoch in result.history])
        for id, value in result.params.items():
            close(found["parameters"][id], value)


@pytest.mark.parametrize("penalty", [{"penalty": 0.1}, {"penalty_l1": 0.1}, {"normalization": "layer"}])
def test_penalties_and_normalisation(node: str, tmp_path: Path, penalty: dict[str, Any]) -> None:
    trace = backpropagate(mlp(3, 4, 2, bias="normalization" not in penalty, **penalty))
    _, inputs = values(trace.program, samples=4)
    job = {"text": javascript_source(trace), "set": inputs, "sizes": {"n": 4}, "steps": 20}
    found = run_modules(node, tmp_path, {"it": job})["it"]
    result = train(trace, inputs, learning_rate=0.05, epochs=20, seed=0, progress=False, backend="numpy")
    for id, value in result.params.items():
        close(found["parameters"][id], value)


def test_every_optimizer(node: str, tmp_path: Path) -> None:
    trace = backpropagate(mlp(3, 4, 2, activation="tanh", bias=True))
    _, inputs = values(trace.program, samples=4)
    bp.optimizer("emitted_heavy", "v = 0.9*v + gradient/t; theta = theta - rate*v")
    names = [*OPTIMIZERS, "lion(weight_decay=0.01)", "emitted_heavy"]
    jobs = {
        name: {"text": javascript_source(trace, optimizer=name), "set": inputs, "sizes": {"n": 4}, "steps": 30}
        for name in names
    }
    for name, found in run_modules(node, tmp_path, jobs).items():
        options: dict[str, Any] = {
            "learning_rate": 0.05,
            "epochs": 30,
            "seed": 0,
            "progress": False,
            "backend": "numpy",
        }
        for id, value in train(trace, inputs, optimizer=name, **options).params.items():
            close(found["parameters"][id], value)


def test_every_program(node: str, tmp_path: Path) -> None:
    jobs, expected = {}, {}
    for name, make in PROGRAMS.items():
        trace = backpropagate(make())
        parameters, inputs = values(trace.program, samples=4)
        parameters = {id: np.abs(value) + 0.1 for id, value in parameters.items()}
        text = javascript_source(trace, params=parameters)
        jobs[name] = {"text": text, "set": inputs | parameters, "sizes": sizes_of(trace, 4)}
        expected[name] = compile_trace(trace, "numpy")(parameters, inputs)
    for name, found in run_modules(node, tmp_path, jobs).items():
        loss, gradients = expected[name]
        close(found["loss"], loss)
        for id, value in gradients.items():
            close(found["gradients"][id], value)


def test_every_expression(node: str, tmp_path: Path) -> None:
    loss = Equation(Name("L"), total(next(name for name in NAMES if name.id == "A")))
    trace = backpropagate(Program(NAMES, (), (loss,), "L"), wrt=["A"])
    rng = np.random.default_rng(0)
    given = {name.id: rng.uniform(0.2, 1.5, concrete(name.shape, SIZES)) for name in NAMES}
    cases: list[OpCase] = [case for case in OP_CASES if "Index" not in case.label and _computed(case)]
    assert len(cases) > 50
    text = javascript_source(trace, values={case.id: case.expr for case in cases}, params={})
    found = run_modules(node, tmp_path, {"it": {"text": text, "set": given, "sizes": SIZES}})["it"]["values"]
    for case in cases:
        value = np.broadcast_to(case.value(given), concrete(case.expr.shape, SIZES))
        close(found[case.id], value)


def _computed(case: OpCase) -> bool:
    return case.differentiable or (isinstance(case.expr, Component) and isinstance(case.expr.row, int))


def test_every_function(node: str, tmp_path: Path) -> None:
    x = Name("x", (1, 41))
    points = np.linspace(-8, 8, 41)
    for_log = {"log"}
    b = Program((x,), (), (Equation(Name("L"), total(Elementwise(sigmoid, x))),), "L")
    trace = backpropagate(b, wrt=["x"])
    exprs = {name: Elementwise(fn, x * x if name in for_log else x) for name, fn in FUNCTIONS.items()}
    text = javascript_source(trace, values=exprs)
    with np.errstate(all="ignore"):
        found = run_modules(node, tmp_path, {"it": {"text": text, "set": {"x": points}}})["it"]["values"]
        for name, fn in FUNCTIONS.items():
            at = points * points if name in for_log else points
            expected = np.asarray(bp_value(fn, at))
            for one, other in zip(found[name], expected, strict=True):
                if np.isfinite(other):
                    assert one == pytest.approx(other, rel=2e-13, abs=1e-300), name


def bp_value(fn: Function, x: Array) -> Array:
    from backproof.ir.arithmetic import NumpyArithmetic
    from backproof.ir.evaluate import Evaluator

    return np.asarray(Evaluator(NumpyArithmetic(), {})(Elementwise(fn, Name("x", (1, 41))), {"x": x}))


# --- the text -----------------------------------------------------------------------------------------------------


def test_every_kind_and_function_has_its_row() -> None:
    assert set(JAVASCRIPT_SPELLING) == set(get_args(Kind))
    helpers = set(JAVASCRIPT_HELPERS) - {"softmax", "logsumexp", "square"}
    assert set(JAVASCRIPT_FUNCTIONS) | helpers == set(NUMPY)


def test_only_the_helpers_that_are_used_are_defined() -> None:
    text = javascript_source(backpropagate(mlp(3, 2, 1)))
    assert "function softmax" not in text
    assert "erf" not in text
    assert text.count("const sigmoid = ") == 1
    assert "import" not in re.sub(r"//.*|/\*.*?\*/", "", text)


def test_the_seeds_module_reads_as_the_equations(golden: Golden) -> None:
    text = javascript_source(backpropagate(mlp(3, 2, 1)))
    golden("emit/seed.mjs", text.replace(f"Backproof {__version__}", "Backproof"))
    assert "// Δl_1 = (Δl_2·W_2ᵀ) ∘ l_1 ∘ (1 − l_1)" in text
    assert max(map(len, text.splitlines())) <= 120


HOSTILE = (
    "q", "class", "sizes", "__proto__", "constructor", "</script>", "a;b", "*/ alert(1) /*", "x\nalert(1)", "${1}", '"',
    "Math", "forward", "i", "s", "ℓ", "toString", "rate",
)  # fmt: skip


def test_hostile_names(node: str, tmp_path: Path) -> None:
    jobs = {}
    for name in HOSTILE:
        X, W = Name("X", (3, 2)), Name(name, (2, 3))
        z = Equation(Name(f"{name}!", (3, 3)), X @ W)
        loss = Equation(Name("L"), Fraction(1, 2) * total(Elementwise(sigmoid, z.name) ** 2))
        trace = backpropagate(Program((X,), (W,), (z, loss), "L"))
        start = np.arange(6.0).reshape(2, 3) / 5
        text = javascript_source(trace, params={name: start})
        assert "</script" not in text
        jobs[name] = {"text": text, "set": {"X": np.arange(6.0) / 7}, "steps": 3}
    reports = run_modules(node, tmp_path, jobs)
    first = reports["q"]["losses"]
    assert len(set(first)) == 3
    for name in HOSTILE:
        assert reports[name]["losses"] == first


def test_what_cannot_be_emitted_is_refused() -> None:
    trace = backpropagate(mlp(3, 2, 1))
    bp.optimizer("emitted_norm", "theta = theta - rate*gradient/sqrt(sum(gradient^2))")
    with pytest.raises(UnsupportedError, match="'emitted_norm' looks at more than one entry"):
        javascript_source(trace, optimizer="emitted_norm")
    with pytest.raises(SpecificationError, match="unknown optimizer 'adm'"):
        javascript_source(trace, optimizer="adm")
    with pytest.raises(DataError, match="parameters are too many for a file of JavaScript"):
        javascript_source(backpropagate(mlp(1000, 1000, 1)))
