"""How fast a training went: steps and floating-point operations a second, beside what this machine can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backproof.backprop.trace import Trace
from backproof.dims import Symbol
from backproof.kernels.cost import step_flops
from backproof.kernels.peak import Peak, gemm_peak
from backproof.training.result import TrainingResult

SIDE, REPEATS, SECONDS = 512, 5, 0.05
"""Of the products whose best is the peak: some 25 ms before the training and after it, twice that on a busy machine."""
BUSY = "the machine is too busy to tell its peak"
MADE_BY = {"numpy": "NumPy", "llvm": "machine code"}


@dataclass(frozen=True, slots=True)
class Speed:
    """The speed of the completed epochs, without what was done between them.

    Args:
        backend: what computed the steps.
        dtype: in which numbers.
        steps: updates made.
        seconds: they took together.
        flops: of their matrix products; the first layer has no ∂L/∂X.
        compile_seconds: before the first step; 0 with NumPy.
        peak: of this machine in the same dtype, measured before and after the training.
    """

    backend: str
    dtype: str
    steps: int
    seconds: float
    flops: int
    compile_seconds: float
    peak: Peak

    @property
    def steps_per_second(self) -> float:
        return self.steps / self.seconds

    @property
    def gflops(self) -> float:
        """GFLOP/s, of the matrix products alone but in the time of the whole steps."""
        return self.flops / self.seconds / 1e9

    @property
    def share(self) -> float | None:
        """The fraction of the machine's peak; None where other programs held the measurement of the peak up."""
        found = self.gflops / max(self.peak.one_thread, self.peak.all_threads)
        return found if found <= 1 else None

    def line(self) -> str:
        """One line of at most 80 columns for the terminal."""
        rate = f"speed: {self.steps_per_second:,.0f} steps/s ({MADE_BY[self.backend]}, {self.dtype})"
        return rate if self.share is None else f"{rate}, {percent(self.share)} of matrix-product peak"

    def sentence(self) -> str:
        """The same for the report, with all figures."""
        rates = f"{self.steps_per_second:,.0f} steps/s; {_short(self.gflops)} GFLOP/s in matrix products"
        if self.share is None:
            return f"{rates}; {BUSY}"
        one, most = self.peak.one_thread, max(self.peak.one_thread, self.peak.all_threads)
        alone = f", {percent(self.gflops / one)} of one thread's" if most > one else ""
        return f"{rates}, {percent(self.share)} of the peak of this machine ({_short(most)} GFLOP/s){alone}"

    def description(self) -> dict[str, Any]:
        """The speed as JSON holds it."""
        return {
            "backend": self.backend,
            "dtype": self.dtype,
            "steps": self.steps,
            "seconds": self.seconds,
            "compile_seconds": self.compile_seconds,
            "steps_per_second": self.steps_per_second,
            "flops_per_step": self.flops / self.steps,
            "gflops": self.gflops,
            "fraction_of_peak": self.share,
            "peak_gflops": {"one_thread": self.peak.one_thread, "all_threads": self.peak.all_threads},
            "peak_threads": self.peak.threads,
        }


def short_peak(dtype: str) -> Peak:
    """The matrix-product peak of this machine as far as some milliseconds can tell."""
    return gemm_peak(SIDE, REPEATS, dtype, seconds=SECONDS / 2)


def speed_of(trace: Trace, result: TrainingResult, samples: int, before: Peak) -> Speed | None:
    """The speed of a training; None where it was interrupted in its first epoch.

    Args:
        trace: the derivation.
        result: of the training.
        samples: in each epoch.
        before: the peak before the training; it is measured once more now.
    """
    if not result.history or result.seconds <= 0:
        return None
    dtype = str(result.settings["dtype"])
    return Speed(
        backend=str(result.settings["backend"]),
        dtype=dtype,
        steps=result.history[-1].steps,
        seconds=result.seconds,
        flops=result.epochs_run * epoch_flops(trace, samples, int(str(result.settings["batch_size"]))),
        compile_seconds=result.compile_seconds,
        peak=before.better(short_peak(dtype)),
    )


def epoch_flops(trace: Trace, samples: int, batch_size: int) -> int:
    """Floating-point operations of the matrix products of an epoch, its last, smaller batch among them.

    Example:
        >>> import backproof as bp
        >>> from backproof.backprop.sweep import backpropagate
        >>> epoch_flops(backpropagate(bp.mlp(3, 2, 1)), samples=12, batch_size=5)  # 36 for each sample
        432
    """
    dim = trace.program.inputs[0].shape[0]
    name = dim.name if isinstance(dim, Symbol) else ""
    whole, rest = divmod(samples, batch_size)
    last = step_flops(trace, {name: rest}) if rest else 0
    return whole * step_flops(trace, {name: batch_size}) + last


def percent(share: float) -> str:
    """Two digits that mean something, and no more.

    Example:
        >>> percent(0.4567), percent(0.0123), percent(0.00004)
        ('46 %', '1.2 %', 'less than 0.1 %')
    """
    if share < 0.001:
        return "less than 0.1 %"
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %"


def _short(gflops: float) -> str:
    return f"{gflops:.0f}" if gflops >= 100 else f"{gflops:.3g}"
