# multi-label classification with six tags, six training songs
import numpy as np

np.random.seed(4)
X = np.random.randn(3, 6)
Y = (np.random.rand(6, 6) > 0.5).astype(float)
m = X.shape[1]

W1, b1 = np.random.randn(6, 3) * 0.4, np.zeros((6, 1))
W2, b2 = np.random.randn(6, 6) * 0.4, np.zeros((6, 1))


def sigmoid(t):
    return 1 / (1 + np.exp(-t))


for it in range(250):
    A1 = sigmoid(W1 @ X + b1)
    A2 = sigmoid(W2 @ A1 + b2)
    J = -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))

    dZ2 = (A2 - Y) / Y.size
    dW2 = dZ2 @ A1.T
    db2 = dZ2.sum(axis=0).reshape(-1, 1)
    dZ1 = W2.T @ dZ2 * A1 * (1 - A1)
    dW1 = dZ1 @ X.T
    db1 = dZ1.sum(axis=1).reshape(-1, 1)

    W1 -= 0.5 * dW1; b1 -= 0.5 * db1
    W2 -= 0.5 * dW2; b2 -= 0.5 * db2
    if it % 50 == 0:
        print(it, J)
