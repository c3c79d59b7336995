import numpy as np

np.random.seed(41)
sigma = lambda a: 1.0 / (1.0 + np.exp(-a))
X = np.random.randn(3, 12)
T = sigma(np.array([[1.0, -1.0, 0.5], [0.3, 2.0, -1.0]]) @ X)

W1 = np.random.randn(4, 3)
W2 = np.random.randn(2, 4)
lr, decay = 0.25, 0.02

for it in range(200):
    A = sigma(W1 @ X)
    Y = sigma(W2 @ A)
    D2 = (T - Y) * Y * (1 - Y)
    D1 = (W2.T @ D2) * A * (1 - A)
    # shrink, then step
    W2 *= 1 - lr * decay
    W1 *= 1 - lr * decay
    W2 += lr * D2 @ A.T
    W1 += lr * D1 @ X.T
    if it % 50 == 0:
        print(it, 0.5 * np.sum((T - Y) ** 2))
