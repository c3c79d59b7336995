"""The machine at hand: its vectors and registers, and the compiler for it."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm
import numpy as np

from backproof.kernels.llvm.code import Machine
from backproof.kernels.llvm.object_cache import ObjectCache
from backproof.version import __version__

ARGUMENTS = (*[ctypes.c_void_p] * 3, ctypes.c_int64, *[ctypes.c_void_p] * 2, ctypes.c_int64)
"""workspace, inputs, order, count, losses, barrier, thread"""

Steps = Callable[[int, int, int, int, int, int, int], None]

VECTORS = (("avx512f", 64, 32), ("avx2", 32, 16), ("neon", 16, 32), ("sse2", 16, 16))
"""Features of a processor: the bytes of a vector and the number of vector registers."""


@dataclass(frozen=True, slots=True)
class Host:
    """The processor that code is made for."""

    name: str
    features: str
    bytes: int
    registers: int
    fma: bool
    near: int = 32 * 1024
    far: int = 512 * 1024

    def machine(self, dtype: np.dtype[np.floating], width: int | None = None) -> Machine:
        """The types of a dtype, in vectors of the processor's width or a smaller one."""
        scalar = "float" if dtype.itemsize == 4 else "double"
        return Machine(
            scalar,
            min(width or self.bytes, self.bytes // dtype.itemsize),
            self.registers,
            self.fma,
            self.near,
            self.far,
        )


@cache
def host() -> Host:
    """The processor that this runs on."""
    features = llvm.get_host_cpu_features()
    known = {name for name, present in features.items() if present}
    if platform.machine() in ("arm64", "aarch64"):
        known |= {"neon", "fma"}
    size, registers = next(((b, r) for feature, b, r in VECTORS if feature in known), (16, 16))
    flat = features.flatten() + (",-prefer-256-bit" if "avx512f" in known else "")
    return Host(llvm.get_host_cpu_name(), flat, size, registers, "fma" in known, *_caches())


def _caches(told: Path = Path("/sys/devices/system/cpu/cpu0/cache")) -> tuple[int, int]:
    """The bytes of the two caches nearest to a core; where the system does not say, those of small processors."""
    found = {1: 32 * 1024, 2: 512 * 1024}
    for folder in sorted(told.glob("index*")):
        try:
            kind, level, size = ((folder / name).read_text().strip() for name in ("type", "level", "size"))
        except OSError:
            continue
        if kind != "Instruction" and level in ("1", "2") and size[:-1].isdecimal() and size.endswith("K"):
            found[int(level)] = max(1, int(size[:-1])) * 1024
    return found[1], found[2]


class Compiled:
    """A function in machine code; keeps what the code needs alive.

    Args:
        text: a module that defines ``steps``.
        effort: 2 lets the optimiser keep a whole network in registers; for loops, which are written as they should run,
            0 gives the same speed and takes a third of the time.
    """

    def __init__(self, text: str, effort: int = 0, cache: ObjectCache | None = None) -> None:
        self.llvm_ir, self._effort = text, effort
        self.from_cache = False
        self._target = _target_machine()
        cache = ObjectCache() if cache is None else cache
        key = cache.key(text, str(effort), host().name, host().features, llvmlite.__version__, __version__)
        found = cache.get(key)
        self._module = llvm.parse_assembly("")
        self._engine = llvm.create_mcjit_compiler(self._module, self._target)
        if found is not None and self._load(found):
            self.from_cache = True
        else:
            found = self._made(effort)
            cache.put(key, found)
            self._engine.add_object_file(llvm.ObjectFileRef.from_data(found))
        self._engine.finalize_object()
        address = self._engine.get_function_address("steps")
        self.steps: Steps = ctypes.CFUNCTYPE(None, *ARGUMENTS)(address)

    def _load(self, found: bytes) -> bool:
        try:
            self._engine.add_object_file(llvm.ObjectFileRef.from_data(found))
        except (OSError, RuntimeError, ValueError):
            return False
        return True

    def _made(self, effort: int) -> bytes:
        module = llvm.parse_assembly(self.llvm_ir)
        module.verify()
        _optimise(module, self._target, effort)
        return bytes(self._target.emit_object(module))

    @property
    def assembly(self) -> str:
        """The machine code as text."""
        module = llvm.parse_assembly(self.llvm_ir)
        _optimise(module, self._target, self._effort)
        return str(self._target.emit_assembly(module))


def _target_machine() -> llvm.TargetMachine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        cpu=host().name, features=host().features, opt=2, jit=True, codemodel="jitdefault"
    )


def _optimise(module: llvm.ModuleRef, target: llvm.TargetMachine, effort: int) -> None:
    """The loops are vector code already: LLVM's own vectorisers would take longer and find nothing."""
    options = llvm.create_pipeline_tuning_options(speed_level=effort)
    options.loop_vectorization = False
    options.slp_vectorization = False
    options.loop_unrolling = False
    builder = llvm.create_pass_builder(target, options)
    builder.getModulePassManager().run(module, builder)
