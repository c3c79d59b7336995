"""A backward pass written by hand, as an example of what to test."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def gradients(params, X, y):
    W_1, W_2 = params["W_1"], params["W_2"]
    l_1 = sigmoid(X @ W_1)
    y_hat = sigmoid(l_1 @ W_2)

    delta_2 = (y_hat - y) * y_hat * (1 - y_hat)
    delta_1 = (delta_2 @ W_2.T) * l_1 * (1 - l_1)
    return {"W_1": X.T @ delta_1, "W_2": l_1.T @ delta_2}


def step(params, X, y, learning_rate):
    grads = gradients(params, X, y)
    return {name: params[name] - learning_rate * grads[name] for name in params}
