import numpy as np

rng = np.random.default_rng(77)
X = rng.normal(size=(21, 5))
Y = np.eye(3)[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0)]

theta = {"W1": 0.5 * rng.normal(size=(5, 4)), "b1": np.zeros(4),
         "W2": 0.5 * rng.normal(size=(4, 3)), "b2": np.zeros(3)}


def predict(theta, X):
    H = np.tanh(X @ theta["W1"] + theta["b1"])
    S = np.exp(H @ theta["W2"] + theta["b2"])
    return H, S / S.sum(axis=1, keepdims=True)


def cross_entropy(P, Y):
    return -np.mean(Y * np.log(P))


for epoch in range(200):
    H, P = predict(theta, X)
    loss = cross_entropy(P, Y)
    dS = (P - Y) / X.shape[0]
    dH = (dS @ theta["W2"].T) * (1 - H * H)
    theta["W2"] -= 0.4 * H.T @ dS
    theta["b2"] -= 0.4 * dS.sum(axis=0)
    theta["W1"] -= 0.4 * X.T @ dH
    theta["b1"] -= 0.4 * dH.sum(axis=0)
    if epoch % 50 == 0:
        print(f"epoch {epoch}, loss {loss:.4f}, accuracy {np.mean(P.argmax(1) == Y.argmax(1)):.2f}")
