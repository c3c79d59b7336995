import numpy as np

rng = np.random.default_rng(20)
X = rng.integers(0, 2, (32, 5)).astype(float)
y = (X.sum(axis=1, keepdims=True) % 2)
W1, b1 = rng.normal(size=(5, 4)), rng.normal(size=(1, 4))
W2, b2 = rng.normal(size=(4, 1)), rng.normal(size=(1, 1))
rate = 0.6 / len(X)

for epoch in range(200):
    hidden = np.tanh(X @ W1 + b1)
    guess = 1 / (1 + np.exp(-(hidden @ W2 + b2)))
    out_delta = y - guess
    hid_delta = (1 - hidden) * (1 + hidden) * (out_delta @ W2.T)
    W2 += rate * hidden.T @ out_delta
    b2 += rate * out_delta.sum(axis=0)
    W1 += rate * X.T @ hid_delta
    b1 += rate * hid_delta.sum(axis=0)
    if epoch % 50 == 0:
        print(epoch, "correct:", int(np.sum((guess > 0.5) == y)), "of", len(y))
