import numpy as np

gen = np.random.default_rng(2024)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


X = gen.normal(size=(30, 6))
Y = np.eye(3)[np.argmax(X[:, :3], axis=1)]

p = {'W1': gen.normal(size=(6, 5)) * 0.4, 'b1': np.full((1, 5), 0.01),
     'W2': gen.normal(size=(5, 3)) * 0.4, 'b2': np.zeros((1, 3))}
velocity = {name: np.zeros_like(value) for name, value in p.items()}
mu, lr = 0.9, 0.1

for epoch in range(60):
    z1 = X @ p['W1'] + p['b1']
    a1 = np.maximum(z1, 0)
    probs = softmax(a1 @ p['W2'] + p['b2'])
    loss = -np.sum(Y * np.log(probs)) / len(X)

    dz2 = (probs - Y) / len(X)
    dz1 = (dz2 @ p['W2'].T) * (z1 > 0)
    g = {'W2': a1.T @ dz2, 'b2': dz2.sum(axis=0, keepdims=True),
         'W1': X.T @ dz1, 'b1': dz1.sum(axis=0, keepdims=True)}

    for name in p:
        velocity[name] = mu * velocity[name] - lr * g[name]
        p[name] = p[name] - velocity[name]
    if epoch % 20 == 0:
        print(epoch, loss)
