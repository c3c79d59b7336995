"""Trains a 3-2-1 network; the equations are derived by Backproof."""

import numpy as np


def sigmoid(x):
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))


X = np.array([[0.0, 0.0, 1.0]])
y = np.array([[0.0]])
rng = np.random.default_rng(0)
W_1 = rng.uniform(-1.0954451150103321, 1.0954451150103321, (3, 2))
W_2 = rng.uniform(-1.4142135623730951, 1.4142135623730951, (2, 1))
learning_rate = 0.5

for epoch in range(1000):
    # forward
    l_1 = sigmoid(X @ W_1)  # l_1 = σ(X·W_1)
    y_hat = sigmoid(l_1 @ W_2)  # ŷ = σ(l_1·W_2)
    L = 0.5 * np.sum((y - y_hat) ** 2)  # L = ½ × Σ((y − ŷ)²)
    if epoch % 100 == 0:
        print(f"epoch {epoch:5d}  loss {float(L)!r}")
    # backward
    delta_2 = (y_hat - y) * y_hat * (1 - y_hat)  # Δl_2 = (ŷ − y) ∘ ŷ ∘ (1 − ŷ)
    grad_W_2 = l_1.T @ delta_2  # ∂L/∂W_2 = l_1ᵀ·Δl_2
    delta_1 = (delta_2 @ W_2.T) * l_1 * (1 - l_1)  # Δl_1 = (Δl_2·W_2ᵀ) ∘ l_1 ∘ (1 − l_1)
    grad_W_1 = X.T @ delta_1  # ∂L/∂W_1 = Xᵀ·Δl_1
    # update
    W_1 = W_1 - learning_rate * grad_W_1
    W_2 = W_2 - learning_rate * grad_W_2
