import numpy as np

rng = np.random.default_rng(99)
X = rng.standard_normal((64, 6), dtype=np.float32)
y = (X[:, :1] - 0.5 * X[:, 1:2] * X[:, 2:3]).astype(np.float32)

P = {
    'W1': rng.standard_normal((6, 8), dtype=np.float32) * np.float32(0.4),
    'b1': np.zeros(8, dtype=np.float32),
    'W2': rng.standard_normal((8, 1), dtype=np.float32) * np.float32(0.4),
    'b2': np.zeros(1, dtype=np.float32),
}
V = {k: np.zeros_like(v) for k, v in P.items()}
lr, mu = np.float32(0.05), np.float32(0.9)

for epoch in range(20):
    order = rng.permutation(len(X))
    for start in range(0, len(X), 16):
        idx = order[start:start + 16]
        xb, yb = X[idx], y[idx]
        pre = xb @ P['W1'] + P['b1']
        act = np.where(pre > 0, pre, np.float32(0))
        out = act @ P['W2'] + P['b2']
        loss = np.square(out - yb).mean()

        dout = (out - yb) * np.float32(2 / len(xb))
        dact = dout @ P['W2'].T
        dact[pre <= 0] = 0
        G = {'W2': act.T @ dout, 'b2': dout.sum(0), 'W1': xb.T @ dact, 'b1': dact.sum(0)}
        for k in P:
            V[k] = mu * V[k] + G[k]
            P[k] -= lr * V[k]
    if epoch % 5 == 0:
        print(f'epoch {epoch:3d}  loss {loss:.5f}')
