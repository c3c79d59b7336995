import numpy as np

np.random.seed(6)
examples = [(np.array([0., 0.]), 0.), (np.array([0., 1.]), 1.),
            (np.array([1., 0.]), 1.), (np.array([1., 1.]), 0.)]

W1 = np.random.uniform(-1, 1, (2, 3))
b1 = np.zeros(3)
W2 = np.random.uniform(-1, 1, (3, 1))
b2 = np.zeros(1)
lr = 0.8


def sig(v):
    return 1 / (1 + np.exp(-v))


for epoch in range(100):
    sse = 0
    for x, t in examples[::-1]:
        h = sig(x @ W1 + b1)
        o = sig(h @ W2 + b2)
        e = o - t
        sse += 0.5 * float(np.sum(e ** 2))

        delta_o = e * o * (1 - o)
        W2 -= lr * np.outer(h, delta_o)
        delta_h = (W2 @ delta_o) * h * (1 - h)
        b2 -= lr * delta_o
        W1 -= lr * np.outer(x, delta_h)
        b1 -= lr * delta_h
    if epoch % 25 == 0:
        print(epoch, sse)
