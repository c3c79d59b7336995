import numpy as np

rs = np.random.RandomState(8)
X = rs.randn(40, 3)
Y = ((X ** 2).sum(axis=1, keepdims=True) > 3).astype(float)

W1, b1 = rs.randn(3, 4), np.zeros((1, 4))
W2, b2 = rs.randn(4, 1), np.zeros((1, 1))


def bce(p, y):
    return np.mean(-y * np.log(p) + (1 - y) * np.log(1 - p))


for i in range(200):
    a1 = np.tanh(X @ W1 + b1)
    a2 = 1 / (1 + np.exp(-(a1 @ W2 + b2)))
    loss = bce(a2, Y)

    d2 = (a2 - Y) / len(Y)
    d1 = d2 @ W2.T * (1 - a1 ** 2)
    W2 -= 0.5 * a1.T @ d2
    b2 -= 0.5 * d2.sum(axis=0, keepdims=True)
    W1 -= 0.5 * X.T @ d1
    b1 -= 0.5 * d1.sum(axis=0, keepdims=True)
    if i % 50 == 0:
        print(i, loss)
