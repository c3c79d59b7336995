"""Kernels: equations made callable, as (parameters, data) → (loss, gradients); NumPy is the reference backend."""

from backproof.kernels.backends import BACKENDS, Kernel, backend_named, compile_trace

__all__ = ["BACKENDS", "Kernel", "backend_named", "compile_trace"]
