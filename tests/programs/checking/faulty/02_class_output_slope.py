import numpy as np


class NeuralNetwork:
    def __init__(self, n_in, n_hidden, n_out, lr=0.1):
        rng = np.random.default_rng(42)
        self.W1 = rng.normal(size=(n_in, n_hidden))
        self.W2 = rng.normal(size=(n_hidden, n_out))
        self.lr = lr

    @staticmethod
    def sigmoid(s):
        return 1 / (1 + np.exp(-s))

    @staticmethod
    def sigmoid_prime(s):
        return s * (1 - s)

    def forward(self, X):
        self.z = np.dot(X, self.W1)
        self.z2 = self.sigmoid(self.z)
        self.z3 = np.dot(self.z2, self.W2)
        return self.sigmoid(self.z3)

    def backward(self, X, y, o):
        self.o_error = o - y
        self.loss = 0.5 * np.sum(self.o_error ** 2)
        self.o_delta = self.o_error
        self.z2_error = self.o_delta.dot(self.W2.T)
        self.z2_delta = self.z2_error * self.sigmoid_prime(self.z2)
        self.W1 -= self.lr * X.T.dot(self.z2_delta)
        self.W2 -= self.lr * self.z2.T.dot(self.o_delta)

    def train(self, X, y):
        o = self.forward(X)
        self.backward(X, y, o)


# hours slept, hours studied -> score on test
X = np.array([[2, 9], [1, 5], [3, 6]], dtype=float)
y = np.array([[92], [86], [89]], dtype=float)
X = X / np.amax(X, axis=0)
y = y / 100

nn = NeuralNetwork(2, 4, 1)
for i in range(300):
    nn.train(X, y)
    if i % 100 == 0:
        print("Loss:", nn.loss)
print(nn.forward(X))
