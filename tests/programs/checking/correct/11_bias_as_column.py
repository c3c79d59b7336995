import numpy as np

np.random.seed(23)
data = np.random.uniform(-1, 1, (40, 2))
labels = (data[:, 0] ** 2 + data[:, 1] ** 2 < 0.5).astype(float)


def with_ones(a):
    return np.hstack([a, np.ones((len(a), 1))])


X = with_ones(data)
V = np.random.randn(3, 4)
w = np.random.randn(5)

for epoch in range(300):
    H = with_ones(np.tanh(X @ V))
    p = 1 / (1 + np.exp(-(H @ w)))
    nll = -np.mean(labels * np.log(p) + (1 - labels) * np.log(1 - p))

    r = (p - labels) / len(labels)
    grad_w = r @ H
    grad_V = X.T @ (np.outer(r, w[:-1]) * (1 - H[:, :-1] ** 2))

    V -= 0.8 * grad_V
    w -= 0.8 * grad_w
    if epoch % 100 == 0:
        print(epoch, nll)
