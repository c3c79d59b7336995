import numpy as np

rng = np.random.default_rng(9)


def make_xor(n):
    X = rng.uniform(-1, 1, (n, 2))
    return X, (X[:, 0] * X[:, 1] > 0).astype(float).reshape(-1, 1)


def forward(X, W1, b1, W2, b2):
    z1 = X @ W1 + b1
    a1 = np.tanh(z1)
    z2 = a1 @ W2 + b2
    return z1, a1, 1 / (1 + np.exp(-z2))


def gradients(X, y, z1, a1, a2, W2):
    n = y.shape[0]
    dz2 = (a2 - y) / n
    dW2, db2 = a1.T @ dz2, dz2.sum(axis=0)
    dz1 = (dz2 @ W2.T) * (1 - z1**2)
    dW1, db1 = X.T @ dz1, dz1.sum(axis=0)
    return dW1, db1, dW2, db2


X, y = make_xor(50)
W1, b1 = rng.normal(size=(2, 6)), np.zeros(6)
W2, b2 = rng.normal(size=(6, 1)), np.zeros(1)

for i in range(300):
    z1, a1, a2 = forward(X, W1, b1, W2, b2)
    cost = -np.mean(y * np.log(a2) + (1 - y) * np.log(1 - a2))
    dW1, db1, dW2, db2 = gradients(X, y, z1, a1, a2, W2)
    W1 -= 0.5 * dW1
    b1 -= 0.5 * db1
    W2 -= 0.5 * dW2
    b2 -= 0.5 * db2
    if i % 100 == 0:
        print(i, cost)
