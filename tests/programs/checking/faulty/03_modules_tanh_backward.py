import numpy as np

rng = np.random.default_rng(0)


class Linear:
    def __init__(self, n_in, n_out):
        self.W = rng.standard_normal((n_in, n_out)) / np.sqrt(n_in)
        self.b = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad):
        self.dW = self.x.T @ grad
        self.db = grad.sum(axis=0)
        return grad @ self.W.T


class Tanh:
    def forward(self, x):
        self.out = np.tanh(x)
        return self.out

    def backward(self, grad):
        return grad


class Sequential:
    def __init__(self, *layers):
        self.layers = layers

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, grad):
        for layer in reversed(self.layers):
            grad = layer.backward(grad)

    def step(self, lr):
        for layer in self.layers:
            if isinstance(layer, Linear):
                layer.W -= lr * layer.dW
                layer.b -= lr * layer.db


X = rng.standard_normal((20, 4))
Y = np.stack([np.sin(X[:, 0]) + X[:, 1], X[:, 2] * X[:, 3]], axis=1)
net = Sequential(Linear(4, 6), Tanh(), Linear(6, 2))

for epoch in range(300):
    pred = net.forward(X)
    loss = np.mean((pred - Y) ** 2)
    net.backward(2 * (pred - Y) / pred.size)
    net.step(lr=0.05)
    if epoch % 100 == 0:
        print(f"epoch {epoch}: loss {loss:.5f}")
