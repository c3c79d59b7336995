import numpy as np

rng = np.random.default_rng(13)
X = rng.random((10, 3))
y = (X[:, :1] > X[:, 1:2]) * 1.0
W1 = rng.normal(size=(3, 4))
W2 = rng.normal(size=(4, 1))

for k in range(200):
    z = X @ W1
    h = 1 / (1 + np.exp(-z))
    p = 1 / (1 + np.exp(-(h @ W2)))
    loss = ((p - y) ** 2).sum() / 2
    # p * (1 - p) is symmetric in the sign of its argument, so is the order of the factors
    delta = (1 - p) * p * -(y - p)
    grad_h = delta * W2.T
    slope = np.exp(-z) / (1 + np.exp(-z)) ** 2
    W2 = W2 - 0.4 * (delta.T @ h).T
    W1 = W1 - 0.4 * np.dot((grad_h * slope).T, X).T
    if not k % 50:
        print(k, loss)
