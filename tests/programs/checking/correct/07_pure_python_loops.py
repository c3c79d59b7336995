from math import exp
from random import Random

rng = Random(4)
n_in, n_hid = 2, 3
w1 = [[rng.gauss(0, 1) for _ in range(n_hid)] for _ in range(n_in)]
b1 = [0.0] * n_hid
w2 = [rng.gauss(0, 1) for _ in range(n_hid)]
b2 = [0.0]
rows = [[0.1, 0.9, 1.0], [0.8, 0.2, 0.0], [0.7, 0.8, 0.0], [0.3, 0.4, 1.0], [0.9, 0.9, 0.0]]


def transfer(activation):
    return 1.0 / (1.0 + exp(-activation))


for epoch in range(100):
    sum_error = 0.0
    for row in rows:
        x, t = row[:-1], row[-1]
        hidden = []
        for j in range(n_hid):
            a = b1[j]
            for i in range(n_in):
                a += w1[i][j] * x[i]
            hidden.append(transfer(a))
        output = transfer(sum(h * w for h, w in zip(hidden, w2)) + b2[0])
        sum_error += (t - output) ** 2

        delta_out = (output - t) * output * (1.0 - output)
        delta_hid = [delta_out * w2[j] * hidden[j] * (1.0 - hidden[j]) for j in range(n_hid)]
        for j in range(n_hid):
            w2[j] -= 0.5 * delta_out * hidden[j]
        b2[0] -= 0.5 * delta_out
        for j in range(n_hid):
            for i in range(n_in):
                w1[i][j] -= 0.5 * delta_hid[j] * x[i]
            b1[j] -= 0.5 * delta_hid[j]
    if epoch % 20 == 0:
        print('>epoch=%d, lrate=0.5, error=%.3f' % (epoch, sum_error))
