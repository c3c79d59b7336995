import numpy as np

# fit a sine with one hidden layer
np.random.seed(10)
x = np.linspace(-2, 2, 25).reshape(-1, 1)
t = np.sin(1.5 * x)
n = len(x)

w1 = np.random.randn(1, 8)
b1 = np.random.randn(1, 8) * 0.1
w2 = np.random.randn(8, 1) * 0.5
b2 = np.zeros((1, 1))
eta = 0.05

for k in range(400):
    h = np.tanh(np.dot(x, w1) + b1)
    o = np.dot(h, w2) + b2
    loss = np.mean((o - t) ** 2)

    do = 2 * (o - t) / n
    dw2 = np.dot(h.T, do)
    db2 = np.sum(do, axis=0, keepdims=True)
    dh = np.dot(do, w2.T)
    dz = dh * (1 - h ** 2)
    dw1 = np.dot(x.T, dz)
    db1 = np.dot(x.T, dz)

    w1 -= eta * dw1
    b1 -= eta * db1
    w2 -= eta * dw2
    b2 -= eta * db2
    if k % 100 == 0:
        print('%4d  %.6f' % (k, loss))
