import numpy as np

np.random.seed(14)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def d_sigmoid(s):
    """Derivative, given the output of the sigmoid."""
    return s * (1.0 - s)


X = np.random.randn(4, 15)
Y = (X.max(axis=0, keepdims=True) > 1).astype(float)

W1 = np.random.randn(5, 4) * 0.5
b1 = np.zeros((5, 1))
W2 = np.random.randn(1, 5) * 0.5
b2 = np.zeros((1, 1))

for epoch in range(200):
    Z1 = W1.dot(X) + b1
    A1 = sigmoid(Z1)
    Z2 = W2.dot(A1) + b2
    A2 = sigmoid(Z2)
    cache = {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}
    loss = 0.5 * np.sum((A2 - Y) ** 2)

    dZ2 = (cache["A2"] - Y) * d_sigmoid(cache["A2"])
    dZ1 = W2.T.dot(dZ2) * d_sigmoid(cache["Z1"])

    W2 = W2 - 0.3 * dZ2.dot(cache["A1"].T)
    b2 = b2 - 0.3 * dZ2.sum(axis=1, keepdims=True)
    W1 = W1 - 0.3 * dZ1.dot(X.T)
    b1 = b1 - 0.3 * dZ1.sum(axis=1, keepdims=True)
    if epoch % 50 == 0:
        print("epoch", epoch, loss)
