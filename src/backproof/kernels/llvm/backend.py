"""The LLVM backend: a kernel that gives loss and gradients, and a run that trains without leaving machine code."""

from __future__ import annotations

import math
import os
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Any

import numpy as np
import numpy.typing as npt

from backproof.backprop.trace import Trace
from backproof.dims import Symbol
from backproof.errors import ShapeError, SpecificationError, UnsupportedError
from backproof.ir.arguments import Arguments, checked_arguments, checked_dtype, named_inputs
from backproof.ir.arithmetic import Array
from backproof.ir.expr import Name
from backproof.ir.program import Drawn
from backproof.kernels.llvm.arrays import ALIGNMENT, Arena
from backproof.kernels.llvm.code import Machine
from backproof.kernels.llvm.explain import Explanation, explained
from backproof.kernels.llvm.machine import Compiled, host
from backproof.kernels.llvm.plan import two_dimensional
from backproof.kernels.llvm.recent import Recent
from backproof.kernels.llvm.steps import Gathered, Update, Written, write_steps
from backproof.kernels.numpy_backend import compile_numpy

THREADS_VARIABLE = "BACKPROOF_THREADS"
"""The environment variable that limits the threads of a step."""
MOST_THREADS = 256
SMALL_WIDTH = 8
"""Networks whose layers have at most this many units get vectors of their own size."""
WORK_PER_THREAD = 3_000_000
"""Multiplications of a step that a further thread is worth; see ``worthwhile_threads``."""
USUAL = 8
"""Equations in a step of a small network."""
KEPT = 4
"""Sets of sizes whose machine code and memory a kernel keeps."""
STRAIGHT_LINE = 1500
"""Multiplications in a step up to which every loop is written out and the workspace is kept in registers."""


@dataclass(frozen=True, slots=True)
class Native:
    """A function in machine code and how it was planned; ``work`` is the multiplications of a step."""

    compiled: Compiled
    written: Written
    machine: Machine
    dtype: np.dtype[Any]
    threads: int = 1
    work: int = 0

    def run(self, workspace: int, inputs: int, order: int, count: int, losses: int) -> None:
        """The steps, by as many threads as the function was made for; the interpreter's lock is released meanwhile."""
        barrier = np.zeros(2 * ALIGNMENT, np.int32)
        arguments = (workspace, inputs, order, count, losses, int(barrier.ctypes.data))
        if self.threads == 1:
            self.compiled.steps(*arguments, 0)
            return
        # Ctrl-C is raised in the main thread only: a crew that waits for each other must not lose one of its own to it.
        crew = Thread(target=self._together, args=(arguments,))
        crew.start()
        try:
            crew.join()
        except KeyboardInterrupt:
            crew.join()
            raise

    def _together(self, arguments: tuple[int, int, int, int, int, int]) -> None:
        """All threads of one call; of a pool that others use too, some might never get to the barrier."""
        others = [Thread(target=self.compiled.steps, args=(*arguments, k)) for k in range(1, self.threads)]
        for other in others:
            other.start()
        self.compiled.steps(*arguments, 0)
        for other in others:
            other.join()

    def arena(self) -> Arena:
        """Fresh memory for it."""
        return Arena(self.written.buffers, self.written.size, self.dtype)


REMEMBERED = 32
"""Functions of steps that are kept for who wants the same ones: many networks of one shape share one function."""
_made: Recent[Hashable, tuple[Trace, Native]] = Recent(REMEMBERED)
_making = Lock()


def compile_steps(
    trace: Trace,
    sizes: Mapping[str, int],
    dtype: np.dtype[Any],
    *,
    gathered: Sequence[Gathered],
    updates: Iterable[Update] = (),
    wanted: Iterable[str] = (),
    per_step: Sequence[str] = (),
    drawn: Sequence[Drawn] = (),
    threads: int | None = None,
) -> Native:
    """The steps of a derivation for given sizes, in machine code; those made lately are not made again.

    Args:
        trace, sizes, dtype: what is computed.
        gathered, updates, wanted, per_step, drawn: see ``write_steps``.
        threads: how many it may use at most; as many as there are where None.
    """
    work = _multiplications(trace, sizes)
    widest = max(max(two_dimensional(_sized(name, sizes))) for name in trace.program.names.values())
    straight = work <= STRAIGHT_LINE and widest <= SMALL_WIDTH
    machine = host().machine(dtype, 1 << max(0, (widest - 1)).bit_length() if straight else None)
    crew = 1 if straight else min(worthwhile_threads(work, len(trace.joint.equations)), threads or MOST_THREADS)
    rules = tuple(updates)

    def make() -> tuple[Trace, Native]:
        written = write_steps(
            trace.joint.equations,
            trace.program,
            sizes,
            machine,
            gathered=gathered,
            updates=rules,
            wanted=wanted,
            per_step=per_step,
            drawn=drawn,
            unroll=straight,
            threads=crew,
        )
        return trace, Native(Compiled(written.text, 2 if straight else 0), written, machine, dtype, crew, work)

    equations = tuple((update.equations, tuple(update.moves.items())) for update in rules)
    shape = (id(trace), tuple(sorted(sizes.items())), dtype.name, machine, crew)
    key = (*shape, tuple(gathered), equations, tuple(wanted), tuple(per_step), tuple(drawn))
    with _making:  # beside the function its trace is kept, so that no other gets the same id
        return _made.found(key, make)[1]


def worthwhile_threads(work: int, equations: int = USUAL, processors: int | None = None) -> int:
    """How many threads a step of so many multiplications is worth.

    The model: n threads take work / (n · speed) + waits · w, one takes work / speed. On a core with AVX-512, speed is
    some 120 multiplications in a nanosecond in float32; threads wait for each other about once for each equation, and
    a wait costs half a microsecond to one, with what a core reads of another one's results. So each thread must have
    ``WORK_PER_THREAD`` multiplications, and more where a step has more than the ``USUAL`` equations: 3 µs of work for
    each wait, three times what it costs, for on a computer that has other things to do threads that wait for each
    other lose more than they could gain. Measured with two threads, quiet: 0.85 million multiplications in 12
    equations 1.0 times as fast, 6.5 million 1.5, 20 million 1.7; 13 million in 160 equations (32 layers) 4 times as
    slow.

    Args:
        work: multiplications of a step.
        equations: of a step.
        processors: to choose from; those that the process may use, or ``BACKPROOF_THREADS``, where not given.

    Example:
        >>> [worthwhile_threads(work, processors=8) for work in (10**6, 6 * 10**6, 10**7, 10**9)]
        [1, 2, 3, 8]
        >>> worthwhile_threads(13 * 10**6, equations=160, processors=8)
        1
    """
    most = _allowed_threads() if processors is None else processors
    each = WORK_PER_THREAD * max(equations, USUAL) // USUAL
    return max(1, min(most, work // each))


def _allowed_threads() -> int:
    given = os.environ.get(THREADS_VARIABLE, "").strip()
    if not given:
        return len(_processors())
    if not (given.isascii() and given.isdigit() and int(given) >= 1):
        raise SpecificationError(f"{THREADS_VARIABLE} is {given!r}; give a whole number of threads, at least 1")
    return min(int(given), MOST_THREADS)


def _processors() -> Sequence[int]:
    try:
        return sorted(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows do not say which processors a process may use
        return range(os.cpu_count() or 1)


def _sized(name: Name, sizes: Mapping[str, int]) -> tuple[int | Symbol, ...]:
    return tuple(sizes.get(d.name, d) if isinstance(d, Symbol) else d for d in name.shape)


def _multiplications(trace: Trace, sizes: Mapping[str, int]) -> int:
    """Three products of each parameter with the samples: forward, back, and its gradient."""
    samples = max([*sizes.values(), 1])
    entries = sum(int(np.prod(two_dimensional(_sized(p, sizes)))) for p in trace.program.parameters)
    return 3 * samples * entries


class LlvmKernel:
    """The loss and its gradients in machine code; made anew for each batch size."""

    def __init__(self, trace: Trace, dtype: npt.DTypeLike = "float64") -> None:
        self.trace = trace
        self.dtype = checked_dtype(dtype)
        if self.dtype not in (np.dtype("float32"), np.dtype("float64")):
            raise UnsupportedError(f"machine code for {self.dtype.name} is not built yet; use float32 or float64")
        self._made: Recent[tuple[tuple[str, int], ...], tuple[Native, Arena]] = Recent(KEPT)
        self._busy = Lock()

    def __call__(self, params: Mapping[str, Any], *arrays: Any, **named: Any) -> tuple[float, dict[str, Array]]:
        """The loss and the gradients; see ``NumpyKernel``, which computes the same."""
        checked = self.checked(params, named_inputs(self.trace.program, arrays, named))
        return self.step(checked.parameters, checked.inputs, checked.sizes)

    def checked(self, params: Mapping[str, Any], inputs: Mapping[str, Any]) -> Arguments:
        """The arguments in the declared shapes, ready for ``step``."""
        return checked_arguments(self.trace.program, params, inputs, self.dtype)

    def native(self, sizes: Mapping[str, int]) -> tuple[Native, Arena]:
        """The function for given sizes, and its memory.

        Raises:
            ShapeError: a size that is missing or less than one.
        """
        self._check_sizes(sizes)
        return self._made.found(tuple(sorted(sizes.items())), lambda: self._compiled(sizes))

    def _compiled(self, sizes: Mapping[str, int]) -> tuple[Native, Arena]:
        wanted = tuple(self.trace.gradients.values())
        made = compile_steps(self.trace, sizes, self.dtype, gathered=(), wanted=wanted)
        return made, made.arena()

    def _check_sizes(self, sizes: Mapping[str, int]) -> None:
        symbols = {d.name for name in self.trace.program.names.values() for d in name.shape if isinstance(d, Symbol)}
        for symbol in sorted(symbols):
            if sizes.get(symbol, 0) < 1:
                raise ShapeError(f"the size of {symbol!r} is missing or less than 1; give sizes={{{symbol!r}: 32}}")

    def llvm_ir(self, sizes: Mapping[str, int]) -> str:
        """The code for given sizes, such as ``{"n": 32}``, as it was written: LLVM's intermediate representation."""
        return self.native(sizes)[0].compiled.llvm_ir

    def assembly(self, sizes: Mapping[str, int]) -> str:
        """The machine code for given sizes, as text."""
        return self.native(sizes)[0].compiled.assembly

    def explain(self, sizes: Mapping[str, int]) -> Explanation:
        """Where each equation is computed, and what a simple model expects it to cost."""
        native, _ = self.native(sizes)
        return explained(native.written.nests, native.written.buffers, native.machine, native.threads)

    def step(
        self, parameters: Mapping[str, Array], inputs: Mapping[str, Array], sizes: Mapping[str, int]
    ) -> tuple[float, dict[str, Array]]:
        """Computes from arrays that were checked before."""
        shapes = {e.name.id: e.name.shape for e in self.trace.backward}
        losses = np.zeros(1, self.dtype)
        with self._busy:  # the machine code runs without the interpreter's lock, in memory that all calls share
            native, arena = self.native(sizes)
            for id, value in (*inputs.items(), *parameters.items()):
                arena.put(id, value)
            native.run(arena.address, 0, 0, 1, losses.ctypes.data)
            gradients = {
                id: arena.get(gradient, tuple(_sized(Name("", shapes[gradient]), sizes)))  # type: ignore[arg-type]
                for id, gradient in self.trace.gradients.items()
            }
        loss = float(losses[0])
        if not (math.isfinite(loss) and all(np.isfinite(gradient).all() for gradient in gradients.values())):
            # The reference knows which equation was the first; where it finds none, its numbers are the right ones.
            with np.errstate(all="ignore"):
                loss, gradients = compile_numpy(self.trace, self.dtype).step(parameters, inputs, sizes)
            return loss, {id: np.array(gradient) for id, gradient in gradients.items()}
        return loss, gradients


def compile_llvm(trace: Trace, dtype: npt.DTypeLike = "float64") -> LlvmKernel:
    """(θ, X, y) ↦ (L, ∂L/∂θ) in machine code.

    Example:
        >>> import backproof as bp
        >>> from backproof.backprop.sweep import backpropagate
        >>> kernel = compile_llvm(backpropagate(bp.mlp(1, 1, activation="identity")))
        >>> kernel({"W_1": [[3]]}, [[2]], [[1]])
        (12.5, {'W_1': array([[10.]])})
    """
    return LlvmKernel(trace, dtype)
