import numpy as np

rng = np.random.default_rng(3)
f = np.float32

X = rng.standard_normal((16, 5)).astype(f)
rotation = np.linalg.qr(rng.standard_normal((5, 5)))[0].astype(f)
Y = np.tanh(X @ rotation)

A = (0.4 * rng.standard_normal((5, 5))).astype(f)
B = (0.4 * rng.standard_normal((5, 5))).astype(f)
lr = f(0.5)

for i in range(300):
    H = np.tanh(X @ A)
    P = H @ B
    R = P - Y
    loss = np.mean(R * R)

    dP = f(2) * R / f(R.size)
    dB = H.T @ dP
    dH = dP @ B
    dA = X.T @ (dH * (f(1) - H * H))

    A -= lr * dA
    B -= lr * dB
    if i % 100 == 0:
        print(i, float(loss))
