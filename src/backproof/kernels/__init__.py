"""Kernels: equations made callable, as (parameters, data) → (loss, gradients); NumPy is the reference backend."""
