import numpy as np

rng = np.random.RandomState(15)
xs = rng.randn(30, 3)
ts = np.stack([xs[:, 0] * xs[:, 1], np.sin(xs[:, 2])], axis=1)
W, b = rng.randn(4, 3) * 0.6, np.zeros(4)
V, c = rng.randn(2, 4) * 0.6, np.zeros(2)
eta = 0.05

for epoch in range(10):
    total = 0.0
    for x, t in zip(xs, ts):
        h = np.tanh(W.dot(x) + b)
        y = V.dot(h) + c
        e = y - t
        loss = e.dot(e) / 2
        dh = V.T.dot(e) * (1 - h ** 2)
        V -= eta * np.outer(e, h)
        c -= eta * e
        W -= eta * np.outer(dh, x)
        b -= eta * dh
        total += loss
    print("epoch", epoch, "loss", total / len(xs))
