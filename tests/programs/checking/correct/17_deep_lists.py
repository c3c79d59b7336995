import numpy as np

np.random.seed(18)
X = np.random.randn(40, 3)
y = np.prod(np.sign(X), axis=1, keepdims=True) * np.abs(X[:, :1])
sizes = [3, 6, 6, 6, 1]
Ws = [np.random.randn(a, b) * np.sqrt(2 / a) for a, b in zip(sizes[:-1], sizes[1:])]
bs = [np.zeros((1, b)) for b in sizes[1:]]
L = len(Ws)


def relu(v):
    return v * (v > 0)


for it in range(200):
    As, Zs = [X], []
    for l in range(L):
        Zs.append(As[l] @ Ws[l] + bs[l])
        As.append(relu(Zs[l]) if l < L - 1 else Zs[l])
    loss = np.sum((As[-1] - y) ** 2) / (2 * len(X))

    dWs, dbs = [0] * L, [0] * L
    dZ = (As[-1] - y) / len(X)
    for l in range(L - 1, -1, -1):
        dWs[l] = As[l].T @ dZ
        dbs[l] = dZ.sum(axis=0, keepdims=True)
        if l > 0:
            dZ = (dZ @ Ws[l].T) * (Zs[l - 1] > 0)
    for l in range(L):
        Ws[l] -= 0.1 * dWs[l]
        bs[l] -= 0.1 * dbs[l]
    if it % 50 == 0:
        print(it, loss)
