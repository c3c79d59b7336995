import numpy as np

np.random.seed(0)
n = 20
X = np.random.randn(n, 3)
y = 2 * X[:, 0] - X[:, 1] + 0.1 * np.random.randn(n)

W1 = 0.5 * np.random.randn(3, 5)
W2 = 0.5 * np.random.randn(5, 1)
lr = 0.05

for epoch in range(200):
    hidden = np.tanh(X.dot(W1))
    y_pred = hidden.dot(W2)
    error = y_pred - y
    mse = np.mean(error ** 2)

    grad_y_pred = 2 * error / n
    grad_W2 = hidden.T.dot(grad_y_pred)
    grad_hidden = grad_y_pred.dot(W2.T)
    grad_W1 = X.T.dot(grad_hidden * (1 - hidden ** 2))

    W1 -= lr * grad_W1
    W2 -= lr * grad_W2
    if epoch % 50 == 0:
        print(epoch, mse)
