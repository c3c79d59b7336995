"""Trains a 4-3-3 network; the equations are derived by Backproof."""

import math
import sys

import numpy as np


def erfc(x):
    return np.vectorize(math.erfc, otypes=[float])(x)


def normal_cdf(x):
    return 0.5 * erfc(-2**-0.5 * x)


def gelu(x):
    return x * normal_cdf(x)


def softmax(x, axis):
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def logsumexp(x, axis):
    m = np.max(x, axis=axis, keepdims=True)
    return m + np.log(np.sum(np.exp(x - m), axis=axis, keepdims=True))


def normal_pdf(x):
    return 2**-0.5 * np.pi**-0.5 * np.exp(-np.square(x) / 2)


rng = np.random.default_rng(1)
X = rng.standard_normal((8, 4))  # n×4
y = np.take(np.eye(3), rng.integers(3, size=8), axis=0)  # n×3
if len(sys.argv) > 1:  # a file made by np.savez, with the arrays "X", "y"
    data = np.load(sys.argv[1])
    X = np.array(data["X"], float, order="C")
    y = np.array(data["y"], float, order="C")
rng = np.random.default_rng(0)
W_1 = rng.normal(0.0, 0.7071067811865476, (4, 3))
b_1 = np.zeros((1, 3))
W_2 = rng.uniform(-1.0, 1.0, (3, 3))
b_2 = np.zeros((1, 3))
n = X.shape[0]
learning_rate = 0.5

for epoch in range(500):
    # forward
    z_1 = X @ W_1 + b_1  # z_1 = X·W_1 + b_1
    l_1 = gelu(z_1)  # l_1 = gelu(z_1)
    z_2 = l_1 @ W_2 + b_2  # z_2 = l_1·W_2 + b_2
    y_hat = softmax(z_2, axis=1)  # ŷ = softmax(z_2)
    # D = (1 / n) × (Σ(logsumexp(z_2)) − Σ(y ∘ z_2))
    D = (1 / n) * (np.sum(logsumexp(z_2, axis=1)) - np.sum(y * z_2))
    R = 0.05 * (np.sum(W_1**2) + np.sum(W_2**2))  # R = 0.05 × (Σ(W_1²) + Σ(W_2²))
    L = D + R  # L = D + R
    if epoch % 50 == 0:
        print(f"epoch {epoch:5d}  loss {float(L)!r}")
    # backward
    delta_2 = (1 / n) * (y_hat - y)  # Δl_2 = (1 / n) × (ŷ − y)
    grad_W_2 = l_1.T @ delta_2 + 0.1 * W_2  # ∂L/∂W_2 = l_1ᵀ·Δl_2 + 0.1 × W_2
    grad_b_2 = np.sum(delta_2, axis=0, keepdims=True)  # ∂L/∂b_2 = Σᵢ(Δl_2)
    # Δl_1 = (Δl_2·W_2ᵀ) ∘ (normal_cdf(z_1) + z_1 ∘ normal_pdf(z_1))
    delta_1 = (delta_2 @ W_2.T) * (normal_cdf(z_1) + z_1 * normal_pdf(z_1))
    grad_W_1 = X.T @ delta_1 + 0.1 * W_1  # ∂L/∂W_1 = Xᵀ·Δl_1 + 0.1 × W_1
    grad_b_1 = np.sum(delta_1, axis=0, keepdims=True)  # ∂L/∂b_1 = Σᵢ(Δl_1)
    # update
    W_1 = W_1 - learning_rate * grad_W_1
    b_1 = b_1 - learning_rate * grad_b_1
    W_2 = W_2 - learning_rate * grad_W_2
    b_2 = b_2 - learning_rate * grad_b_2
