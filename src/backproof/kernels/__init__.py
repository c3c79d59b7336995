"""Kernels: equations made callable, as (parameters, data) → (loss, gradients); NumPy is the reference backend."""

from backproof.kernels.backends import BACKENDS, Kernel, compile_trace

__all__ = ["BACKENDS", "Kernel", "compile_trace"]
