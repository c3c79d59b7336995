import numpy as np

rng = np.random.RandomState(1)
X = rng.randn(25, 4)
Y = (X @ np.array([[1.0], [-2.0], [0.5], [0.0]]) + 0.7 > 0).astype(float)

Wh, bh = rng.randn(4, 3) * 0.5, np.zeros((1, 3))
Wo, bo = rng.randn(3, 1) * 0.5, np.zeros((1, 1))
lr = 0.3

for epoch in range(200):
    H = np.tanh(X @ Wh + bh)
    P = 1 / (1 + np.exp(-(H @ Wo + bo)))
    L = -(Y * np.log(P) + (1 - Y) * np.log(1 - P)).mean()

    dO = (P - Y) / len(X)
    dWo = H.T @ dO
    dbo = dO.sum(axis=0, keepdims=True)
    dH = dO @ Wo.T * (1 - H ** 2)
    dWh = X.T @ dH
    dbh = dH.sum(axis=0, keepdims=True)

    Wo -= lr * dWo
    bo -= lr * dbo
    Wh -= lr * dWh
    bh += lr * dbh
    if epoch % 50 == 0:
        print(epoch, L)
