"""What a step costs, by a model that is written down: in NumPy, in machine code, and the making of machine code.

The model knows sizes and equations, never the clock and never what is in the cache of compiled code: what it decides
decides the last bits of a result, and the same job must give the same bits whenever it is run.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from backproof.backprop.trace import Trace
from backproof.dims import Shape, concrete
from backproof.ir.arithmetic import NUMPY
from backproof.ir.expr import Function
from backproof.ir.lowering import Operation, lower
from backproof.ir.program import Equation

STEP, CALL = 8e-6, 0.42e-6
"""Seconds of a step in NumPy beside its operations, and of each operation: Python, and NumPy finding its loop."""
ENTRY, FUNCTION_ENTRY, PYTHON_ENTRY = 0.4e-9, 3e-9, 60e-9
"""Seconds that NumPy takes for a float64 of a simple operation, for one of exp, tanh and their like, and for one of
erf, for which it has to call Python."""
NUMPY_FLOPS, NATIVE_FLOPS = 50e9, 100e9
"""A second, in float64 products of the sizes of small networks; float32 has twice as many."""
NATIVE_ENTRY, NATIVE_FUNCTION_ENTRY = 0.05e-9, 0.5e-9
"""The same entries in machine code, where most of them never leave registers."""
NATIVE_STEP, NATIVE_CALL = 0.05e-6, 25e-6
"""Seconds of a step in machine code beside its work, and round a call of it: state is kept, parameters are read out."""
KERNEL_CALL, KERNEL_ARRAY, KERNEL_ENTRY = 10e-6, 2.3e-6, 0.5e-9
"""Seconds round a call of a kernel for one gradient, for each array that goes in or out, and for each float64 of it."""
COMPILE, COMPILE_OPERATION, COMPILE_FUNCTION = 20e-3, 0.45e-3, 8e-3
"""Seconds to compile a function of steps, for each of its operations, and for each exp, tanh and their like in it."""
COUNTED = 0.5
"""The share of a compile that a job has to earn itself: the code stays on disk, and few jobs are run only once."""
SIMPLE = frozenset({"relu", "negative_part", "abs", "sign"})
"""Functions that cost no more than a sum."""
IN_PYTHON = frozenset({"erf", "erfc"})
"""Functions that NumPy does not have."""
ERF = 5
"""How many times as much machine code as exp one of these is."""

# All seconds were measured on two cores of an AMD EPYC with AVX-512, on networks from 3-2-1 to 784-128-10.


@dataclass(frozen=True, slots=True)
class Work:
    """What there is to do in a step.

    Args:
        operations: calls of NumPy.
        flops: of the matrix products: two for each multiplication and its addition.
        entries: results of simple element-wise operations, and of sums their operands.
        functions: element-wise functions such as exp among the operations; erf counts ``ERF`` times.
        function_entries: their results.
        python_entries: results of erf.
    """

    operations: int = 0
    flops: int = 0
    entries: int = 0
    functions: int = 0
    function_entries: int = 0
    python_entries: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(
            self.operations + other.operations,
            self.flops + other.flops,
            self.entries + other.entries,
            self.functions + other.functions,
            self.function_entries + other.function_entries,
            self.python_entries + other.python_entries,
        )


def work_of(equations: Iterable[Equation], sizes: Mapping[str, int]) -> Work:
    """The work of some equations for given sizes, counted operation by operation.

    Example:
        >>> import backproof as bp
        >>> work_of(bp.mlp(3, 2, 1).equations, {"n": 5}).flops  # 2·5·3·2 + 2·5·2·1
        80
    """
    return sum((_work(lower(equation.value), sizes) for equation in equations), Work())


def step_flops(trace: Trace, sizes: Mapping[str, int]) -> int:
    """Floating-point operations of the matrix products of a step: forward, and backward as far as derived.

    The first layer of a network has no ∂L/∂X product, and none is counted.

    Example:
        >>> import backproof as bp
        >>> from backproof.backprop.sweep import backpropagate
        >>> step_flops(backpropagate(bp.mlp(3, 2, 1)), {"n": 5})  # 80 forward; ∂W_2, ∂l_1 and ∂W_1 backward
        180
    """
    return work_of(trace.joint.equations, sizes).flops


def numpy_seconds(work: Work, dtype: npt.DTypeLike) -> float:
    """Predicted seconds of a step in NumPy."""
    entries = ENTRY * work.entries + FUNCTION_ENTRY * work.function_entries
    scalars = (entries + work.flops / NUMPY_FLOPS) / _scalars(dtype)
    return STEP + CALL * work.operations + PYTHON_ENTRY * work.python_entries + scalars


def native_seconds(work: Work, dtype: npt.DTypeLike) -> float:
    """Predicted seconds of a step in machine code, on one core."""
    functions = work.function_entries + ERF * work.python_entries
    entries = NATIVE_ENTRY * work.entries + NATIVE_FUNCTION_ENTRY * functions
    return NATIVE_STEP + (entries + work.flops / NATIVE_FLOPS) / _scalars(dtype)


def compile_seconds(work: Work) -> float:
    """Predicted seconds to make the machine code of a step."""
    return COMPILE + COMPILE_OPERATION * work.operations + COMPILE_FUNCTION * work.functions


def saving(work: Work, dtype: npt.DTypeLike) -> float:
    """Predicted seconds that machine code saves in a step.

    The matrix products are taken to be equally fast: a BLAS that has large ones to itself makes them on all threads.
    """
    around = replace(work, flops=0)
    return numpy_seconds(around, dtype) - native_seconds(around, dtype)


def earns_compile(steps: int, work: Work, dtype: npt.DTypeLike, *, functions: int = 1, calls: int = 1) -> bool:
    """Whether so many steps save more time than the compile takes that they have to earn.

    Args:
        steps: that will be made.
        work: of one.
        dtype: of the numbers.
        functions: to be compiled: one for each batch size.
        calls: of machine code in which the steps are made.
    """
    saved = steps * saving(work, dtype) - calls * NATIVE_CALL
    return saved > COUNTED * functions * compile_seconds(work)


def patience(work: Work, dtype: npt.DTypeLike, *, arrays: int, moved: int) -> float:
    """Calls in NumPy after which the compile would have been earned; infinite where machine code is not faster.

    Who does not know how many more will come loses least by waiting until they would have paid for the compile.

    Args:
        work: of a call.
        dtype: of the numbers.
        arrays: that are copied in or out: inputs, parameters, gradients.
        moved: numbers in them.
    """
    around = KERNEL_CALL + KERNEL_ARRAY * arrays + KERNEL_ENTRY * moved / _scalars(dtype)
    saved = saving(work, dtype) - around
    return math.ceil(compile_seconds(work) / saved) if saved > 0 else math.inf


def _scalars(dtype: npt.DTypeLike) -> int:
    """How many scalars fit where one float64 does."""
    return 8 // np.dtype(dtype).itemsize


def _work(operation: Operation, sizes: Mapping[str, int]) -> Work:
    if operation.static or operation.kind == "read":
        return Work()
    below = sum((_work(operand, sizes) for operand in operation.operands), Work())
    entries = max(_entries(part.shape, sizes) for part in (operation, *operation.operands))
    match operation.kind:
        case "matmul":
            rows, inner = concrete(operation.operands[0].shape, sizes)
            return below + Work(1, flops=2 * rows * inner * concrete(operation.operands[1].shape, sizes)[1])
        case "transpose" | "entry" | "repeat":
            return below + Work(1)
        case "apply":
            assert isinstance(operation.detail, Function)  # that is what is applied
            return below + _applied(operation.detail, _entries(operation.shape, sizes))
        case "softmax" | "logsumexp":
            return below + Work(4, entries=3 * entries) + Work(1, functions=1, function_entries=entries)
        case _:
            return below + Work(1, entries=entries)


def _applied(function: Function, entries: int) -> Work:
    """A function that NumPy has, or the operations of the form that stands for it."""
    form = function.stable if function.stable is not None else function.definition
    if function.name in SIMPLE:
        return Work(1, entries=entries)
    if function.name in IN_PYTHON:
        return Work(1, functions=ERF, python_entries=entries)
    if function.name in NUMPY or form is None:
        return Work(1, functions=1, function_entries=entries)
    inside = _work(lower(form), {})
    return Work(
        inside.operations,
        entries=entries * inside.entries,
        functions=inside.functions,
        function_entries=entries * inside.function_entries,
        python_entries=entries * inside.python_entries,
    )


def _entries(shape: Shape, sizes: Mapping[str, int]) -> int:
    return math.prod(concrete(shape, sizes))
