"""Machines that are not this one: few vector features or none, other processors, other systems, no machine code."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
from llvmlite.binding.targets import FeatureMap

from backproof.backprop.sweep import backpropagate
from backproof.kernels.backends import compile_trace
from backproof.kernels.llvm import backend
from backproof.kernels.llvm.barrier import barrier_definition
from backproof.kernels.llvm.code import Machine
from backproof.kernels.llvm.machine import host
from backproof.kernels.llvm.steps import Gathered, write_steps
from backproof.networks import mlp
from backproof.optimizers import adam
from backproof.training import train
from backproof.training.equations import updates_of

NET = mlp(7, 33, 4, activation="tanh", loss="cross_entropy", bias=True)
ON_X86 = pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names processors of x86-64")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("BACKPROOF_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "objects"))
    host.cache_clear()
    yield
    host.cache_clear()


def data(n: int = 40) -> tuple[Any, Any, dict[str, Any]]:
    rng = np.random.default_rng(0)
    params = {p.id: rng.normal(size=[int(str(d)) for d in p.shape]) for p in NET.parameters}
    return rng.normal(size=(n, 7)), np.eye(4)[rng.integers(4, size=n)], params


PROCESSORS = {
    "SSE2 only": ("x86-64", {"sse2": True}, 16),
    "nothing known": ("x86-64", {}, 16),
    "AVX2 without FMA": ("sandybridge", {"sse2": True, "avx": True, "avx2": True}, 32),
}


@ON_X86
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PROCESSORS)
def test_a_processor_with_little_computes_the_same(name: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cpu, features, size = PROCESSORS[name]
    monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: FeatureMap(features))
    monkeypatch.setattr(llvm, "get_host_cpu_name", lambda: cpu)
    X, y, params = data()
    trace = backpropagate(NET)
    loss, gradients = compile_trace(trace, "numpy", dtype)(params, X, y)
    kernel: Any = compile_trace(trace, "llvm", dtype)
    found, native = kernel(params, X, y)
    assert (host().bytes, host().fma) == (size, False)
    assert found == pytest.approx(loss, rel=1e-5 if dtype == "float32" else 1e-12)
    for id, gradient in gradients.items():
        np.testing.assert_allclose(native[id], gradient, rtol=0, atol=1e-5 if dtype == "float32" else 1e-13)
    assembly = kernel.assembly({"n": len(X)})
    assert "zmm" not in assembly
    assert re.findall(r"^\s+call\S*\s.*", assembly, re.MULTILINE) == []


@ON_X86
def test_a_processor_with_little_trains_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: FeatureMap({}))
    monkeypatch.setattr(llvm, "get_host_cpu_name", lambda: "x86-64")
    X, y, params = data()
    runs = [
        train(
            NET, X, y, params=params, optimizer="adam", learning_rate=0.01, batch_size=16, epochs=5, backend=b,
            progress=False,
        )
        for b in ("numpy", "llvm")
    ]  # fmt: skip
    for id, value in runs[0].params.items():
        np.testing.assert_allclose(runs[1].params[id], value, rtol=1e-9, atol=1e-12)


def written(machine: Machine, threads: int) -> str:
    trace = backpropagate(NET)
    gathered = [Gathered(trace.program.names[id], 0) for id in ("X", "y")]
    return write_steps(
        trace.joint.equations, trace.program, {"n": 16}, machine, gathered=gathered,
        updates=updates_of(trace, adam()), threads=threads,
    ).text  # fmt: skip


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("triple", "cpu", "machine", "expected"),
    [
        ("aarch64-linux-gnu", "cortex-a72", Machine("float", 4, 32), r"fmla\s+v"),
        ("arm64-apple-macosx", "apple-m1", Machine("double", 2, 32), r"fmla\.2d"),
        ("x86_64-pc-windows-msvc", "haswell", Machine("float", 8, 16), r"vfmadd\d+ps"),
        ("x86_64-linux-gnu", "x86-64", Machine("float", 4, 16, fused=False), r"mulps"),
        ("powerpc64le-linux-gnu", "pwr8", Machine("double", 2, 16), r"xvmadd"),
    ],
)
def test_code_for_other_processors_assembles(
    triple: str, cpu: str, machine: Machine, expected: str, threads: int
) -> None:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        target = llvm.Target.from_triple(triple)
    except RuntimeError as missing:
        pytest.skip(str(missing))
    module = llvm.parse_assembly(written(machine, threads))
    module.triple = triple
    module.verify()
    built = target.create_target_machine(cpu=cpu, opt=2)
    assert re.search(expected, built.emit_assembly(module))
    assert len(built.emit_object(module)) > 1000


@pytest.mark.parametrize(
    ("system", "function"), [("win32", "SwitchToThread"), ("linux", "sched_yield"), ("darwin", "sched_yield")]
)
def test_waiting_lets_go_of_the_processor_by_the_systems_own_function(system: str, function: str) -> None:
    module = llvm.parse_assembly(barrier_definition(system))
    module.verify()
    assert [f.name for f in module.functions if f.is_declaration] == [function]
    assert f"call i32 @{function}()" in str(module)


def test_without_machine_code_everything_still_works(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*given: object, **named: object) -> None:
        raise AssertionError("compiled")

    monkeypatch.setenv("BACKPROOF_BACKEND", "numpy")
    monkeypatch.setattr(backend, "Compiled", refused)
    X, y, params = data()
    loss, gradients = compile_trace(backpropagate(NET))(params, X, y)
    assert np.isfinite(loss)
    assert set(gradients) == set(params)
    result = train(NET, X, y, params=params, learning_rate=0.1, batch_size=8, epochs=3, progress=False)
    assert result.steps == 15
    assert result.loss < loss
    monkeypatch.setenv("BACKPROOF_BACKEND", "llvm")
    with pytest.raises(AssertionError, match="compiled"):
        compile_trace(backpropagate(NET))(params, X, y)
