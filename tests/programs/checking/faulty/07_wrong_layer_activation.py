import numpy as np

np.random.seed(7)
s = lambda a: 1 / (1 + np.exp(-a))

X = np.random.rand(10, 3)
T = X[:, ::-1]          # learn to reverse the vector

U = np.random.randn(3, 3)
V = np.random.randn(3, 3)
e = 0.3

for t in range(300):
    h = s(X @ U)
    o = s(h @ V)
    E = 0.5 * np.sum((o - T) ** 2)
    d = (o - T) * o * (1 - o)
    g = d @ V.T * h * (1 - h)
    V = V - e * X.T @ d
    U = U - e * X.T @ g
    if t % 100 == 0:
        print(t, E)
