import numpy as np

rng = np.random.default_rng(11)
X = rng.uniform(-1, 1, size=(30, 5))
y = (X[:, :1] ** 2 + X[:, 1:2] - 0.5 * X[:, 2:3])


def init(n_in, n_h, n_out):
    return {
        "W1": rng.normal(0, 0.5, (n_in, n_h)), "b1": np.zeros((1, n_h)),
        "W2": rng.normal(0, 0.5, (n_h, n_out)), "b2": np.zeros((1, n_out)),
    }


def forward(p, X):
    a1 = np.tanh(X @ p["W1"] + p["b1"])
    return a1, a1 @ p["W2"] + p["b2"]


def backward(p, X, y, a1, out):
    m = len(X)
    d2 = 2.0 / m * (out - y)
    d1 = (d2 @ p["W2"].T) * (1 - a1**2)
    return {"W2": a1.T @ d2, "b2": d2.sum(0, keepdims=True), "W1": X.T @ d1, "b1": d1.sum(0, keepdims=True)}


weights = init(5, 4, 1)
alpha = 0.1
for epoch in range(200):
    a1, out = forward(weights, X)
    cost = np.mean((out - y) ** 2)
    grads = backward(weights, X, y, a1, out)
    for key in weights:
        weights[key] = weights[key] - alpha * grads[key] / len(X)
    if epoch % 50 == 0:
        print("epoch", epoch, "cost", cost)
