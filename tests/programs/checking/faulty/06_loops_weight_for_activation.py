import math
import random

random.seed(3)

data = [([0.0, 0.0], 0.0), ([0.0, 1.0], 1.0), ([1.0, 0.0], 1.0), ([1.0, 1.0], 0.0)]

n_in, n_hid = 2, 3
w1 = [[random.uniform(-1, 1) for _ in range(n_hid)] for _ in range(n_in)]
w2 = [random.uniform(-1, 1) for _ in range(n_hid)]
eta = 0.5


def sigmoid(a):
    return 1.0 / (1.0 + math.exp(-a))


def forward(x):
    h = [sigmoid(sum(x[i] * w1[i][j] for i in range(n_in))) for j in range(n_hid)]
    o = sigmoid(sum(h[j] * w2[j] for j in range(n_hid)))
    return h, o


for epoch in range(200):
    total = 0.0
    for x, t in reversed(data):
        h, o = forward(x)
        total += 0.5 * (t - o) ** 2
        delta_o = (o - t) * o * (1 - o)
        delta_h = [delta_o * w2[j] * h[j] * (1 - h[j]) for j in range(n_hid)]
        for j in range(n_hid):
            w2[j] -= eta * delta_o * w2[j]
        for i in range(n_in):
            for j in range(n_hid):
                w1[i][j] -= eta * delta_h[j] * x[i]
    if epoch % 50 == 0:
        print(epoch, total)
