"""Emitted NumPy: readable, bit for bit the library's own numbers, and nothing in a name becomes code."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backproof.backprop.sweep import backpropagate
from backproof.backprop.trace import Trace
from backproof.definitions import activation
from backproof.dims import Symbol
from backproof.emit import source
from backproof.emit.identifiers import Identifiers, comment_text
from backproof.emit.numpy_source import numpy_functions, numpy_source
from backproof.emit.spelling import NUMPY_FUNCTIONS, NUMPY_HELPERS
from backproof.errors import BackproofError, DataError, ShapeError, SpecificationError, UnsupportedError
from backproof.ir.arithmetic import NUMPY
from backproof.ir.expr import Elementwise, Function, Name, total
from backproof.ir.program import Equation, Program
from backproof.kernels import compile_trace
from backproof.networks import mlp
from backproof.rules.elementwise import sigmoid, tanh
from backproof.training import train
from backproof.version import __version__
from conftest import Golden
from programs import PROGRAMS, Builder
from samples import Array, Case, grid, values

n = Symbol("n")
SEED = mlp(3, 2, 1)
EVERYTHING = mlp(4, 3, 3, activation="gelu", bias=True, loss="cross_entropy", penalty=0.1)

Losses = list[str]


def run_scripts(folder: Path, scripts: dict[str, str]) -> dict[str, Losses]:
    """What each script prints as losses, all run by one fresh interpreter that has NumPy alone in its path."""
    for name, text in scripts.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    driver = (
        "import runpy, sys; paths = sys.argv[1:]; del sys.argv[1:]\nfor p in paths: print('==', p); runpy.run_path(p)"
    )
    paths = [str(folder / f"{name}.py") for name in scripts]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", driver, *paths], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    printed = {}
    for part in done.stdout.split("== ")[1:]:
        path, *lines = part.splitlines()
        printed[Path(path).stem] = [line.split()[-1] for line in lines]
    return printed


def library_losses(trace: Trace, inputs: dict[str, Array], params: dict[str, Array] | None, **options: Any) -> Losses:
    result = train(trace, inputs, params=params, progress=False, **options)
    return [repr(epoch.loss) for epoch in result.history]


def without_version(text: str) -> str:
    return text.replace(f"Backproof {__version__}", "Backproof")


# --- the seed's listing made right --------------------------------------------------------------------------------


def test_the_seeds_script(golden: Golden) -> None:
    text = numpy_source(backpropagate(SEED))
    golden("emit/seed.py", without_version(text))
    assert len(text.splitlines()) <= 35
    assert max(map(len, text.splitlines())) <= 100


def test_all_gradients_come_before_any_update() -> None:
    tree = ast.parse(numpy_source(backpropagate(EVERYTHING)))
    [loop] = [node for node in tree.body if isinstance(node, ast.For)]
    written = [node.targets[0].id for node in loop.body if isinstance(node, ast.Assign)]  # type: ignore[attr-defined]
    parameters = ["W_1", "b_1", "W_2", "b_2"]
    assert written[-4:] == parameters
    assert not set(written[:-4]) & set(parameters)


def test_a_module_with_the_two_passes(golden: Golden) -> None:
    golden("emit/functions.py", without_version(numpy_functions(backpropagate(EVERYTHING))))


def test_other_programs(golden: Golden) -> None:
    golden("emit/everything.py", without_version(numpy_source(backpropagate(EVERYTHING), epochs=500)))


# --- bit for bit --------------------------------------------------------------------------------------------------


def chosen(case: Case, number: int) -> bool:
    """Every activation × loss × depth once, with rows or columns and biases in turn."""
    return number % 4 == (number // 4) % 4


def test_networks_give_the_librarys_losses_bit_for_bit(tmp_path: Path) -> None:
    scripts, expected = {}, {}
    for number, case in enumerate(grid()):
        if chosen(case, number):
            trace = backpropagate(case.program)
            _, inputs = values(case.program, seed=number, samples=1 + number % 6)
            options = {"learning_rate": 0.05, "epochs": 6, "seed": number}
            scripts[str(case)] = numpy_source(trace, data=inputs, print_every=1, **options)  # type: ignore[arg-type]
            expected[str(case)] = library_losses(trace, inputs, None, **options)
    assert len(scripts) == 216
    assert run_scripts(tmp_path, scripts) == expected


def test_every_program_gives_the_librarys_losses_bit_for_bit(tmp_path: Path) -> None:
    scripts, expected = {}, {}
    for number, (name, make) in enumerate(PROGRAMS.items()):
        trace = backpropagate(make())
        parameters, inputs = values(trace.program, seed=number, samples=4)
        parameters = {id: np.abs(value) + 0.1 for id, value in parameters.items()}
        scripts[name] = numpy_source(trace, data=inputs, params=parameters, learning_rate=0.01, epochs=6, print_every=1)
        expected[name] = library_losses(trace, inputs, parameters, learning_rate=0.01, epochs=6)
    assert run_scripts(tmp_path, scripts) == expected


def test_the_seeds_script_gives_the_librarys_losses_over_its_thousand_iterations(tmp_path: Path) -> None:
    trace = backpropagate(SEED)
    inputs = {"X": np.array([[0.0, 0.0, 1.0]]), "y": np.array([[0.0]])}
    expected = library_losses(trace, inputs, None, learning_rate=0.5, epochs=1000)
    script = numpy_source(trace, print_every=1)
    assert run_scripts(tmp_path, {"seed": script})["seed"] == expected


def test_a_users_function(tmp_path: Path) -> None:
    fn = activation("emitted_mish", "x*tanh(softplus(x))")
    trace = backpropagate(mlp(3, 4, 2, activation=fn, bias=True))
    _, inputs = values(trace.program)
    script = numpy_source(trace, data=inputs, epochs=5, print_every=1, seed=7)
    assert "def emitted_mish(x):" in script
    expected = library_losses(trace, inputs, None, learning_rate=0.5, epochs=5, seed=7)
    assert run_scripts(tmp_path, {"mish": script})["mish"] == expected


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_two_functions_give_the_kernels_numbers(name: str, tmp_path: Path) -> None:
    trace = backpropagate(PROGRAMS[name]())
    parameters, inputs = values(trace.program)
    given = {id: np.abs(value) + 0.1 for id, value in parameters.items()} | inputs
    loss, gradients = compile_trace(trace)({id: given[id] for id in parameters}, inputs)
    path = tmp_path / "module.py"
    path.write_text(numpy_functions(trace), encoding="utf-8")
    module = runpy.run_path(str(path))
    found, *kept = _as_tuple(module["forward"](*(given[id] for id in inspect.signature(module["forward"]).parameters)))
    assert float(found) == loss
    wanted = [id for id in inspect.signature(module["backward"]).parameters if id not in given]
    known = given | dict(zip(wanted, kept, strict=True))
    back = module["backward"](*(known[id] for id in inspect.signature(module["backward"]).parameters))
    assert set(back) == set(gradients)
    for id, gradient in gradients.items():
        assert np.array_equal(back[id], gradient)


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def test_random_data_of_the_right_shapes_or_a_file(tmp_path: Path) -> None:
    nets = {
        "softmax": EVERYTHING,
        "columns": mlp(3, 2, 4, loss="cross_entropy", samples="columns"),
        "logistic": mlp(3, 1, loss="binary_cross_entropy"),
        "plain": mlp(2, 5, 2, activation="relu"),
    }
    scripts = {name: numpy_source(backpropagate(net), epochs=3, learning_rate=0.1) for name, net in nets.items()}
    assert all(len(losses) == 3 for losses in run_scripts(tmp_path, scripts).values())
    _, inputs = values(EVERYTHING, samples=11)
    np.savez(tmp_path / "data.npz", **{id: np.asfortranarray(value) for id, value in inputs.items()})  # type: ignore[arg-type]
    done = subprocess.run(
        [sys.executable, str(tmp_path / "softmax.py"), str(tmp_path / "data.npz")],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    printed = [line.split()[-1] for line in done.stdout.splitlines()]
    assert printed == library_losses(backpropagate(EVERYTHING), inputs, None, learning_rate=0.1, epochs=3)


# --- names --------------------------------------------------------------------------------------------------------

HOSTILE = (
    "np", "class", "print", "rng", "epoch", "learning_rate", "sigmoid", "W 1", "a;import os", "__import__('os')",
    "x\nimport os", "# no comment", '"""', "\\", "ℓ", "W_1", "W:1", "", "0", "__name__", "softmax", "n", "data",
    "float",
)  # fmt: skip


def test_nothing_in_a_name_becomes_code(tmp_path: Path) -> None:
    """Quantities, sizes and functions of hostile names: the same numbers, and only the calls that were meant."""
    for hostile in HOSTILE:
        script, expected = named(hostile)
        allowed = {"np", "range", "print", "float", *defined(script)}
        for node in ast.walk(ast.parse(script)):
            assert not isinstance(node, ast.Import | ast.ImportFrom) or node.names[0].name == "numpy"
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func).split(".")[0] in {*allowed, "rng"}, hostile
        assert run_in(tmp_path, script) == expected, hostile


def named(hostile: str) -> tuple[str, Losses]:
    """A small program with everything called ``hostile``, and its losses under innocent names."""

    def build(weights: str, output: str, fn: Function, size: str) -> Trace:
        X, W = Name("X", (Symbol(size), 2)), Name(weights, (2, 3))
        z = Equation(Name(output, (Symbol(size), 3)), Elementwise(fn, X @ W))
        loss = Equation(Name("L"), total(Elementwise(sigmoid, z.name) ** 2) / 2)
        return backpropagate(Program((X,), (W,), (z, loss), "L"))

    x = Name("x")
    convention = f"this holds {hostile}\nimport os"
    fn = Function(hostile, x * Elementwise(tanh, x), Elementwise(tanh, x) + x * (1 - Elementwise(tanh, x) ** 2))
    fn = replace(fn, convention=convention)
    innocent = replace(fn, name="innocent")
    data = {"X": np.arange(6.0).reshape(3, 2) / 7}
    weights = np.arange(6.0).reshape(2, 3) / 5
    hostile_weights = hostile if hostile not in ("X", "L") else f"{hostile}_"
    script = numpy_source(
        build(hostile_weights, f"{hostile}!", fn if hostile not in NAMED_BY_NUMPY else innocent, hostile or "n"),
        data=data, params={hostile_weights: weights}, epochs=3, print_every=1,
    )  # fmt: skip
    trace = build("W", "z", innocent, "n")
    return script, library_losses(trace, data, {"W": weights}, learning_rate=0.5, epochs=3)


NAMED_BY_NUMPY = {*NUMPY_FUNCTIONS, *NUMPY_HELPERS}


def defined(script: str) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(script)) if isinstance(node, ast.FunctionDef)}


def run_in(folder: Path, script: str) -> Losses:
    path = folder / "hostile.py"
    path.write_text(script, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        printed: list[str] = []
        patch.setattr(builtins, "print", lambda *texts: printed.append(" ".join(map(str, texts))))
        runpy.run_path(str(path))
    return [line.split()[-1] for line in printed]


def test_two_functions_of_one_name_stay_apart() -> None:
    b = Builder()
    X, w = b.input("X", n, 2), b.parameter("w", 2, 2)
    x = Name("x")
    one, two = (Function("f", factor * x, factor * x * 0 + factor) for factor in (2, 3))
    a = b.let("a", Elementwise(one, X @ w))
    trace = backpropagate(b.loss(total(Elementwise(two, a))))
    text = numpy_source(trace)
    assert re.search(r"\ba = f\(", text)
    assert "L = np.sum(f_2(a))" in text
    assert "def f(x):\n    return 2 * x" in text
    assert "def f_2(x):\n    return 3 * x" in text


def test_identifiers_never_meet() -> None:
    identifiers = Identifiers(["taken"])
    given = [identifiers.of("quantity", name) for name in ("a b", "a_b", "a-b", "taken", "if", "_", "2", "é")]
    assert len(set(given)) == len(given)
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name, re.ASCII) for name in given)
    assert identifiers.of("quantity", "a-b") == given[2]
    assert identifiers.of("size", "a-b") not in given


@pytest.mark.parametrize("character", ["\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\u202e", "\x00"])
def test_a_comment_stays_one_line(character: str) -> None:
    assert comment_text(f"a{character}b") == "a b"


# --- tables and options -------------------------------------------------------------------------------------------


def test_every_function_that_numpy_computes_is_spelt() -> None:
    assert set(NUMPY_FUNCTIONS) | set(NUMPY_HELPERS) - {"softmax", "logsumexp"} == set(NUMPY)


def test_only_the_helpers_that_are_used_are_defined() -> None:
    for case in grid():
        if case.depth == 2 and case.bias and case.samples == "rows":
            text = numpy_source(backpropagate(case.program))
            for name in defined(text):
                assert len(re.findall(rf"\b{name}\(", text)) >= 2, f"{case}: {name}"


def test_conventions_at_kinks_are_said() -> None:
    assert "# At kinks: ReLU'(0) = 0." in numpy_source(backpropagate(mlp(3, 2, 1, activation="relu")))
    assert "At kinks" not in numpy_source(backpropagate(SEED))


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"learning_rate": 0}, SpecificationError, "the learning rate must be a positive finite number, got 0"),
        ({"learning_rate": "0.1"}, SpecificationError, "the learning rate must be a positive finite number"),
        ({"epochs": 0}, SpecificationError, "epochs must be at least 1, got 0"),
        ({"epochs": 1.5}, SpecificationError, "epochs must be a whole number"),
        ({"print_every": 0}, SpecificationError, "print_every must be at least 1"),
        ({"seed": -1}, SpecificationError, "the seed must be at least 0"),
        ({"data": {"X": [[1, 2, 3]]}}, ShapeError, "no value was given for y"),
        ({"data": {"X": [[1, 2]], "y": [1]}}, ShapeError, "X has shape (1, 2)"),
        ({"data": {"X": [[1, 2, 3]], "y": [1], "z": 1}}, SpecificationError, "the program has no input 'z'"),
        ({"params": {"W_1": np.ones((3, 2))}}, ShapeError, "no value was given for W_2"),
        ({"data": {"X": np.ones((4000, 3)), "y": np.ones(4000)}}, DataError, "16,000 numbers are too many"),
    ],
)
def test_options_that_mean_nothing(options: dict[str, Any], kind: type[BackproofError], message: str) -> None:
    with pytest.raises(kind, match=re.escape(message)):
        numpy_source(backpropagate(SEED), **options)


def test_other_targets() -> None:
    trace = backpropagate(SEED)
    assert source(trace, "numpy", epochs=3) == numpy_source(trace, epochs=3)
    with pytest.raises(UnsupportedError, match="source for 'jax' is not built yet; choose from: numpy"):
        source(trace, "jax")
    with pytest.raises(SpecificationError, match=r"unknown target 'nump'; did you mean 'numpy'\?"):
        source(trace, "nump")
