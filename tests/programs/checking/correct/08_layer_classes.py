import numpy as np

rng = np.random.default_rng(6)


class Dense:
    def __init__(self, n_in, n_out):
        self.W = rng.standard_normal((n_in, n_out)) * np.sqrt(1 / n_in)
        self.b = 0.01 * rng.standard_normal((1, n_out))

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout, lr):
        dx = dout @ self.W.T
        self.W -= lr * self.x.T @ dout
        self.b -= lr * dout.sum(axis=0, keepdims=True)
        return dx


class ReLU:
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, dout, lr):
        return dout * self.mask


class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dout, lr):
        return dout * (1 - self.y ** 2)


X = rng.standard_normal((25, 4))
Y = np.hstack([X[:, :1] * X[:, 1:2], np.maximum(X[:, 2:3], X[:, 3:])])
dense1, dense2, dense3 = Dense(4, 6), Dense(6, 5), Dense(5, 2)
layers = [dense1, ReLU(), dense2, Tanh(), dense3]

for epoch in range(200):
    out = X
    for layer in layers:
        out = layer.forward(out)
    loss = ((out - Y) ** 2).mean()
    dout = 2 * (out - Y) / out.size
    for layer in layers[::-1]:
        dout = layer.backward(dout, lr=0.1)
    if epoch % 50 == 0:
        print(epoch, round(float(loss), 5))
