"""Kernels as LLVM IR: text that llvmlite turns into machine code."""
