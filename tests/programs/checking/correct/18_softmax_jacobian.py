import numpy as np

np.random.seed(19)
X = np.random.randn(15, 4)
T = np.eye(3)[np.abs(X[:, :3]).argmax(axis=1)]
W1, b1 = np.random.randn(4, 5) * 0.5, np.zeros((1, 5))
W2, b2 = np.random.randn(5, 3) * 0.5, np.zeros((1, 3))


def softmax(z):
    z = z - z.max(axis=1, keepdims=True)
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


for it in range(150):
    A1 = np.tanh(X @ W1 + b1)
    P = softmax(A1 @ W2 + b2)
    loss = 0.5 * ((P - T) ** 2).sum()

    dP = P - T
    dZ2 = np.empty_like(P)
    for i, (p, d) in enumerate(zip(P, dP)):
        jacobian = np.diag(p) - np.outer(p, p)
        dZ2[i] = jacobian @ d
    dW2, db2 = A1.T @ dZ2, dZ2.sum(axis=0, keepdims=True)
    dZ1 = dZ2 @ W2.T * (1 - A1 ** 2)
    dW1, db1 = X.T @ dZ1, dZ1.sum(axis=0, keepdims=True)

    W1 -= 0.3 * dW1
    b1 -= 0.3 * db1
    W2 -= 0.3 * dW2
    b2 -= 0.3 * db2
    if it % 50 == 0:
        print(it, loss)
