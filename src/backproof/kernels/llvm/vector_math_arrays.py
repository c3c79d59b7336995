"""Vector functions over NumPy arrays: each compiled into a loop of its own, to be measured and tested."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt

from backproof.kernels.llvm.vector_math import VectorMath

Array = npt.NDArray[Any]


class ArrayFunction:
    """A vector function, compiled for this machine, over arrays of its dtype.

    Args:
        math: width, dtype and whether multiply-add is fused.
        function: its name.

    Example:
        >>> sigmoid = ArrayFunction(VectorMath(8, "float64"), "sigmoid")
        >>> print(sigmoid(np.array([0.0, np.inf, -np.inf])))
        [0.5 1.  0. ]
    """

    def __init__(self, math: VectorMath, function: str) -> None:
        self.math = math
        self.name = function
        self.dtype = np.dtype(math.lanes.dtype)
        self._engine = _compiled(_loop(math, function))
        address = self._engine.get_function_address("apply")
        self._apply = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(address)

    def __call__(self, x: Array) -> Array:
        """f of every entry."""
        width = self.math.lanes.width
        padded = np.zeros(-(-x.size // width) * width, self.dtype)
        padded[: x.size] = x.ravel()
        result = np.empty_like(padded)
        self.run(padded, result, repeats=1)
        return result[: x.size].reshape(x.shape)

    def run(self, x: Array, result: Array, repeats: int) -> None:
        """Compute all of ``x`` into ``result`` again and again; a multiple of the width in each."""
        if not all(a.dtype == self.dtype and a.flags.c_contiguous and a.size == x.size for a in (x, result)):
            raise ValueError(f"needs two contiguous {self.dtype} arrays of one size")
        if x.size % self.math.lanes.width or not x.size:
            raise ValueError(f"{x.size} entries are no positive multiple of {self.math.lanes.width} lanes")
        self._apply(x.ctypes.data, result.ctypes.data, x.size, repeats)


def _loop(math: VectorMath, function: str) -> str:
    """A module with ``apply(x, result, size, repeats)``."""
    lanes, width = math.lanes.name("float"), math.lanes.width
    scalar = "float" if math.lanes.single else "double"
    declarations = "\n".join(math.declarations())
    return f"""
{declarations}
{math.definitions([function])}
define void @apply(ptr %x, ptr %result, i64 %size, i64 %repeats) {{
entry:
  br label %again
again:
  %turn = phi i64 [0, %entry], [%turned, %done]
  br label %loop
loop:
  %i = phi i64 [0, %again], [%next, %loop]
  %from = getelementptr {scalar}, ptr %x, i64 %i
  %to = getelementptr {scalar}, ptr %result, i64 %i
  %value = load {lanes}, ptr %from, align {math.lanes.bytes}
  %found = call {lanes} {math.name(function)}({lanes} %value)
  store {lanes} %found, ptr %to, align {math.lanes.bytes}
  %next = add nuw nsw i64 %i, {width}
  %more = icmp ult i64 %next, %size
  br i1 %more, label %loop, label %done
done:
  %turned = add nuw nsw i64 %turn, 1
  %repeat = icmp ult i64 %turned, %repeats
  br i1 %repeat, label %again, label %end
end:
  ret void
}}
"""


@functools.cache
def _target() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple()


def _compiled(text: str) -> Any:
    """An execution engine that holds the module's machine code."""
    machine = _target().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=2, jit=True
    )
    module = llvm.parse_assembly(text)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=1)
    options.loop_vectorization = options.slp_vectorization = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return engine
