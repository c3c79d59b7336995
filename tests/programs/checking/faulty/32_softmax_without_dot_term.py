import numpy as np

np.random.seed(30)
X = np.random.randn(18, 4)
T = np.eye(3)[np.argmin(X[:, 1:], axis=1)]

W = [np.random.randn(4, 5) * 0.6, np.random.randn(5, 3) * 0.6]
b = [np.zeros((1, 5)), np.zeros((1, 3))]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)


for epoch in range(200):
    a = [X]
    a.append(sigmoid(a[0] @ W[0] + b[0]))
    a.append(softmax(a[1] @ W[1] + b[1]))
    E = 0.5 * np.sum((a[2] - T) ** 2)

    dA2 = a[2] - T
    dZ2 = a[2] * dA2
    dZ1 = (dZ2 @ W[1].T) * a[1] * (1 - a[1])

    for k, dZ in enumerate([dZ1, dZ2]):
        W[k] -= 0.3 * a[k].T @ dZ
        b[k] -= 0.3 * dZ.sum(axis=0, keepdims=True)
    if epoch % 50 == 0:
        print(epoch, E)
