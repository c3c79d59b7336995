import numpy as np

rng = np.random.default_rng(5)
table = rng.normal(size=(24, 5))
table[:, 4] = np.abs(table[:, 0]) - table[:, 1]
X, y = table[:, :4], table[:, 4:]

n_in, n_hidden = 4, 3
W1 = rng.normal(size=(n_in, n_hidden)) * 0.5
w2 = rng.normal(size=n_hidden) * 0.5

for step in range(150):
    h = np.tanh(X @ W1)
    y_hat = h @ w2
    error = y_hat - y
    mse = np.mean(error ** 2)

    dW1 = np.zeros_like(W1)
    dw2 = np.zeros_like(w2)
    for j in range(n_hidden):
        dw2[j] = np.mean(2 * error * h[:, j])
        back = 2 * error * w2[j] * (1 - h[:, j] ** 2)
        for i in range(n_in):
            dW1[i, j] = np.mean(back * X[:, i])

    W1 -= 0.1 * dW1
    w2 -= 0.1 * dw2
    if step % 50 == 0:
        print(f"step {step}: {mse:.5f}")
