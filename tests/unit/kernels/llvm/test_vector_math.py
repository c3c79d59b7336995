"""The vector functions: within 4 ulp everywhere, exact at the limits, monotone, the same bits at every width."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import math
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import llvmlite.binding as llvm
import mpmath
import numpy as np
import pytest

from backproof.errors import SpecificationError
from backproof.kernels.llvm.vector_math import FUNCTIONS, VectorMath
from backproof.kernels.llvm.vector_math_accuracy import (
    DOUBLE,
    MONOTONE,
    RANGES,
    consecutive,
    disorder,
    distance,
    in_order,
    measure,
    samples,
    within,
)
from backproof.kernels.llvm.vector_math_arrays import Array, ArrayFunction
from backproof.kernels.llvm.vector_math_circular import GREATEST
from backproof.kernels.llvm.vector_math_coefficients import COEFFICIENTS
from backproof.kernels.llvm.vector_math_lanes import Body, DType, LaneType

DTYPES: tuple[DType, ...] = get_args(DType)
WIDEST: dict[DType, int] = {"float32": 16, "float64": 8}
SAMPLES: dict[DType, int] = {"float32": 200_000, "float64": 3_000}
ALLOWED = 4.0
INF, NAN = math.inf, math.nan

compiled = functools.cache(
    lambda name, dtype, width=None, fma=True: ArrayFunction(
        VectorMath(WIDEST[dtype] if width is None else width, dtype, fma=fma), name
    )
)

each = pytest.mark.parametrize("dtype", DTYPES)
each_approximated = pytest.mark.parametrize("name", RANGES)
each_function = pytest.mark.parametrize("name", FUNCTIONS)


@each
@each_approximated
def test_within_four_ulp_of_the_truth(name: str, dtype: DType) -> None:
    found = measure(compiled(name, dtype), samples(compiled(name, dtype), SAMPLES[dtype], seed=0))
    assert found.worst <= ALLOWED, f"{found.worst} ulp at {found.where!r}"
    assert found.mean < 0.6


@each
@each_approximated
def test_within_four_ulp_where_the_machine_does_not_fuse(name: str, dtype: DType) -> None:
    function = compiled(name, dtype, None, False)
    found = measure(function, samples(function, SAMPLES[dtype] // 4, seed=1))
    assert found.worst <= ALLOWED, f"{found.worst} ulp at {found.where!r}"
    assert "llvm.fma" not in VectorMath(8, dtype, fma=False).definitions([name])


@each
@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in RANGES])
def test_functions_without_error_are_numpys(name: str, dtype: DType) -> None:
    x = np.array([-INF, -2.5, -1e-310, -0.0, 0.0, 1e-310, 0.75, 4.0, INF, NAN]).astype(dtype)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(compiled(name, dtype)(x), DOUBLE[name](x))


@pytest.mark.parametrize(
    ("name", "at", "value"),
    [
        ("exp", 0.0, 1.0), ("exp", INF, INF), ("exp", -INF, 0.0), ("exp", 1e4, INF), ("exp", -1e4, 0.0),
        ("expm1", INF, INF), ("expm1", -INF, -1.0), ("expm1", 1e4, INF), ("expm1", -100.0, -1.0),
        ("sigmoid", 0.0, 0.5), ("sigmoid", INF, 1.0), ("sigmoid", -INF, 0.0), ("sigmoid", 1e4, 1.0),
        ("sigmoid", -1e4, 0.0), ("tanh", INF, 1.0), ("tanh", -INF, -1.0), ("tanh", 30.0, 1.0),
        ("softplus", INF, INF), ("softplus", -INF, 0.0), ("softplus", 1e30, 1e30), ("softplus", 0.0, math.log(2)),
        ("log", 0.0, -INF), ("log", -0.0, -INF), ("log", 1.0, 0.0), ("log", INF, INF), ("log", -1e-30, NAN),
        ("log", -INF, NAN), ("log1p", -1.0, -INF), ("log1p", INF, INF), ("log1p", -1.5, NAN), ("log1p", -INF, NAN),
        ("erf", INF, 1.0), ("erf", -INF, -1.0), ("erf", 7.0, 1.0), ("erfc", 0.0, 1.0), ("erfc", -0.0, 1.0),
        ("erfc", INF, 0.0), ("erfc", -INF, 2.0), ("erfc", -8.0, 2.0), ("erfc", 50.0, 0.0), ("cos", 0.0, 1.0),
        ("sin", INF, NAN), ("cos", -INF, NAN), ("sqrt", -1.0, NAN), ("abs", -INF, INF), ("sign", -INF, -1.0),
    ],
)  # fmt: skip
@each
def test_limits_are_exact(name: str, at: float, value: float, dtype: DType) -> None:
    at_dtype, expected = np.array([at, value]).astype(dtype)
    for width in (1, WIDEST[dtype]):
        np.testing.assert_array_equal(compiled(name, dtype, width)(np.array([at_dtype])), [expected])


@each
@each_function
def test_nan_stays_nan_whatever_its_bits(name: str, dtype: DType) -> None:
    payloads = np.array([1, 5, 255, 0x3FFFFF], f"u{np.dtype(dtype).itemsize}")
    quiet = np.array([NAN], dtype).view(payloads.dtype) | payloads
    for bits in (quiet, quiet | payloads.dtype.type(LaneType(dtype, 1).bits(-0.0))):
        assert np.all(np.isnan(compiled(name, dtype)(bits.view(dtype))))


@each
@pytest.mark.parametrize("name", ["expm1", "tanh", "log1p", "erf", "sin"])
def test_small_arguments_keep_their_sign_and_odd_functions_are_odd(name: str, dtype: DType) -> None:
    function = compiled(name, dtype)
    tiny = np.finfo(dtype).smallest_subnormal
    x = np.array([0.0, -0.0, tiny, -tiny], dtype)
    np.testing.assert_array_equal(function(x), x)
    np.testing.assert_array_equal(np.signbit(function(x)), np.signbit(x))
    if name in ("tanh", "erf", "sin"):
        many = samples(function, 5_000, seed=3)
        np.testing.assert_array_equal(function(-many), -function(many))


@each
@each_function
def test_every_width_gives_the_same_bits(name: str, dtype: DType) -> None:
    known = name if name in RANGES else "log"
    x = samples(compiled(known, dtype), 4_000, seed=4)
    first, *others = (compiled(name, dtype, width)(x) for width in (1, 2, 3, 4, 8, 16))
    for other in others:
        np.testing.assert_array_equal(other, first)
        np.testing.assert_array_equal(np.signbit(other[other == 0]), np.signbit(first[first == 0]))


def joints() -> Array:
    """Where a function changes from one polynomial or one power of two to the next."""
    halves = (np.arange(-12, 12) + 0.5) * math.log(2)
    roots = math.sqrt(0.5) * 2.0 ** np.arange(-3, 4)
    at = [-1.5, -1.0, 0.25, 0.5, 1.0, 1.5, 2.0, 5.0, 9.0, 17.0]
    return np.concatenate([halves, halves / 2, np.sqrt(np.abs(halves)), roots, roots - 1, at])


@each
@pytest.mark.parametrize("name", MONOTONE)
def test_consecutive_floats_keep_their_order(name: str, dtype: DType) -> None:
    function = compiled(name, dtype)
    centres = np.concatenate([joints(), np.random.default_rng(5).uniform(*RANGES[name][dtype], 100)])
    assert disorder(function, consecutive(function, centres, 1 << 11)) == 0
    assert disorder(function, np.sort(samples(function, 20_000, seed=6))) == 0


@pytest.mark.parametrize("name", MONOTONE)
def test_order_holds_over_the_whole_range_of_float32(name: str) -> None:
    places = np.linspace(0, 2**32 - 1, 1 << 20).astype(np.int64)
    with np.errstate(invalid="ignore"):
        assert disorder(compiled(name, "float32"), in_order(places, np.dtype(np.float32))) == 0


@each
def test_overflow_and_underflow_begin_where_they_should(dtype: DType) -> None:
    info = np.finfo(dtype)
    least = math.log(2) * (math.log2(float(info.smallest_subnormal)) - 1)  # below, less than half of it
    for name, edge in [
        ("exp", math.log(info.max)), ("expm1", math.log(info.max)), ("exp", least), ("sigmoid", least),
        ("softplus", least),
    ]:  # fmt: skip
        function = compiled(name, dtype)
        near = consecutive(function, np.array([edge]), 40)[0]
        values = function(near)
        assert len(set(np.isinf(values) | (values == 0))) == 2, f"{name}: no edge at {edge}"
        assert np.all(distance(function, near) <= 1)


@each
def test_subnormal_arguments_and_results_are_accurate(dtype: DType) -> None:
    tiny = float(np.finfo(dtype).tiny)
    low = math.log(tiny)
    subnormal = np.random.default_rng(7).uniform(0, tiny, 500).astype(dtype)
    for name in ("log", "erf", "tanh", "expm1", "log1p", "sin"):
        assert np.all(distance(compiled(name, dtype), subnormal) <= ALLOWED), name
    for name, start, end in [
        ("exp", low - 15, low), ("sigmoid", low - 15, low), ("softplus", low - 15, low),
        ("erfc", math.sqrt(-low) - 0.3, math.sqrt(-low) + 0.6),
    ]:  # fmt: skip
        x = np.linspace(start, end, 500).astype(dtype)
        assert np.count_nonzero(np.abs(compiled(name, dtype)(x)) < tiny) > 100
        assert np.all(distance(compiled(name, dtype), x) <= ALLOWED), name


@each
@pytest.mark.parametrize("fma", [True, False])
@pytest.mark.parametrize("name", ["sin", "cos"])
def test_circular_functions_up_to_their_bound_and_nan_beyond(name: str, fma: bool, dtype: DType) -> None:
    function, greatest = compiled(name, dtype, None, fma), GREATEST[dtype]
    assert greatest >= 1e4
    beyond = np.array([greatest * 1.001, -1e30, np.finfo(dtype).max], dtype)
    assert np.all(np.isnan(function(beyond)))
    multiples = (np.arange(1, 4_000) * (greatest * 0.6 / 4_000) // 1 * math.pi / 2).astype(dtype)
    inside = multiples[within(function, multiples)]  # near the zeros: nothing is left of x but what π/2 leaves
    assert inside.size > 1_000
    assert measure(function, inside).worst <= ALLOWED
    assert not np.any(np.abs(function(inside)) > 1)


@each
def test_the_code_is_straight_and_complete(dtype: DType) -> None:
    for width, fma in itertools.product((1, 8), (True, False)):
        vector = VectorMath(width, dtype, fma=fma)
        text = vector.definitions([*FUNCTIONS, "exp"])
        assert not any(word in text for word in (" br ", " load ", " phi ", "gather"))
        module = llvm.parse_assembly("\n".join([*vector.declarations(), text]))
        module.verify()
        defined = {f"@{function.name}" for function in module.functions if not function.is_declaration}
        assert defined == {vector.name(name) for name in FUNCTIONS}


@pytest.mark.parametrize(
    ("triple", "cpu", "fma"),
    [
        ("x86_64-linux-gnu", "skylake-avx512", True),
        ("x86_64-linux-gnu", "haswell", True),
        ("x86_64-linux-gnu", "x86-64", False),
        ("aarch64-linux-gnu", "cortex-a72", True),
    ],
)
@each
def test_no_machine_needs_a_library_call(triple: str, cpu: str, fma: bool, dtype: DType) -> None:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        target = llvm.Target.from_triple(triple)
    except RuntimeError as missing:
        pytest.skip(str(missing))
    vector = VectorMath(8, dtype, fma=fma)
    text = "\n".join([*vector.declarations(), vector.definitions(FUNCTIONS).replace("define internal", "define")])
    module = llvm.parse_assembly(text)
    module.triple = triple
    assembly = target.create_target_machine(cpu=cpu, opt=2).emit_assembly(module)
    assert "bp.tanh" in assembly
    assert re.findall(r"^\s+(?:call\w*|bl)\s.*", assembly, re.MULTILINE) == []


def test_bad_requests_are_refused() -> None:
    with pytest.raises(SpecificationError, match="did you mean 'tanh'"):
        VectorMath(8, "float32").name("tahn")
    with pytest.raises(SpecificationError, match="width of at least 1"):
        VectorMath(0, "float32")
    wrong: Any = "float16"
    with pytest.raises(SpecificationError, match="float16"):
        VectorMath(8, wrong)
    body = Body(LaneType("float32", 4), fused=True)
    with pytest.raises(TypeError, match="different kinds"):
        body.x + body.bits(body.x)
    with pytest.raises(TypeError, match="integers"):
        body.x << 1


def test_the_measures_find_what_is_wrong() -> None:
    wrong = ArrayFunction(VectorMath(8, "float64"), "abs")
    x = np.linspace(-2.0, -1.0, 50)
    wrong.name = "expm1"
    assert measure(wrong, x).worst > 1e15
    assert disorder(wrong, x) == 49
    wrong.name = "exp"
    assert list(distance(wrong, np.array([NAN, -INF, INF]))) == [0.0, INF, 0.0]
    wrong.name = "log"
    assert list(distance(wrong, np.array([-1.0]))) == [INF]


@functools.cache
def minimax() -> ModuleType:
    path = Path(__file__).parents[4] / "scripts" / "minimax.py"
    spec = importlib.util.spec_from_file_location("minimax", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["minimax"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["expm1", "log", "sin", "cos", "softplus_near"])
def test_the_coefficients_are_those_of_the_script(name: str) -> None:
    script = minimax()
    with mpmath.workdps(script.DIGITS):
        (polynomial,) = (p for p in script.polynomials("float32") if p.name == name)
        found = script.fit(polynomial, "float32")
    assert tuple(map(float, found.coefficients)) == COEFFICIENTS["float32"][name]
    assert found.error < 2.0**-23
