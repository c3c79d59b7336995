import numpy as np

rng = np.random.RandomState(0)
X = rng.rand(12, 3)
y = (X.sum(axis=1, keepdims=True) > 1.5).astype(float)

W1 = rng.randn(3, 5)
b1 = np.zeros((1, 5))
W2 = rng.randn(5, 1)
b2 = np.zeros((1, 1))
lr = 0.1


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


losses = []
for i in range(300):
    z1 = X.dot(W1) + b1
    a1 = sigmoid(z1)
    z2 = a1.dot(W2) + b2
    a2 = sigmoid(z2)

    loss = 0.5 * np.sum((a2 - y) ** 2)
    losses.append(loss)

    dz2 = (a2 - y) * a2 * (1 - a2)
    dW2 = a1.T.dot(dz2)
    db2 = dz2.sum(axis=0, keepdims=True)
    dz1 = dz2.dot(W2.T) * a1 * (1 - a1)
    dW1 = 2 * X.T.dot(dz1)
    db1 = dz1.sum(axis=0, keepdims=True)

    W1 -= lr * dW1
    b1 -= lr * db1
    W2 -= lr * dW2
    b2 -= lr * db2

print("first loss", losses[0], "last loss", losses[-1])
