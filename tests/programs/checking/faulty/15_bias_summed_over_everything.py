import numpy as np


def sigmoid(z):
    return 1. / (1. + np.exp(-z))


def int_to_onehot(y, num_labels):
    ary = np.zeros((y.shape[0], num_labels))
    for i, val in enumerate(y):
        ary[i, val] = 1
    return ary


class NeuralNetMLP:
    def __init__(self, num_features, num_hidden, num_classes, random_seed=123):
        rng = np.random.RandomState(random_seed)
        self.weight_h = rng.normal(loc=0.0, scale=0.5, size=(num_features, num_hidden))
        self.bias_h = np.zeros(num_hidden)
        self.weight_out = rng.normal(loc=0.0, scale=0.5, size=(num_hidden, num_classes))
        self.bias_out = np.zeros(num_classes)

    def forward(self, x):
        a_h = sigmoid(np.dot(x, self.weight_h) + self.bias_h)
        a_out = sigmoid(np.dot(a_h, self.weight_out) + self.bias_out)
        return a_h, a_out

    def backward(self, x, a_h, a_out, y_onehot):
        delta_out = (a_out - y_onehot) * a_out * (1. - a_out)
        d_loss__dw_out = np.dot(a_h.T, delta_out)
        d_loss__db_out = np.sum(delta_out, axis=0)

        d_loss__a_h = np.dot(delta_out, self.weight_out.T)
        d_a_h__d_z_h = a_h * (1. - a_h)
        d_loss__d_w_h = np.dot(x.T, d_loss__a_h * d_a_h__d_z_h)
        d_loss__d_b_h = np.sum(d_loss__a_h * d_a_h__d_z_h)
        return d_loss__dw_out, d_loss__db_out, d_loss__d_w_h, d_loss__d_b_h


rs = np.random.RandomState(0)
X = rs.randn(20, 4)
y_onehot = int_to_onehot((X[:, 0] - X[:, 2] > 0).astype(int), 2)
mlp = NeuralNetMLP(4, 5, 2)
for e in range(200):
    a_h, a_out = mlp.forward(X)
    dw_out, db_out, dw_h, db_h = mlp.backward(X, a_h, a_out, y_onehot)
    mlp.weight_h -= 0.1 * dw_h
    mlp.bias_h -= 0.1 * db_h
    mlp.weight_out -= 0.1 * dw_out
    mlp.bias_out -= 0.1 * db_out
print("MSE", np.mean((mlp.forward(X)[1] - y_onehot) ** 2))
