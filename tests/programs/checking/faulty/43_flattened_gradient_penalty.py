import numpy as np

np.random.seed(5)
X = np.random.rand(14, 3)
y = (X[:, 0] > X[:, 1]).astype(float)[:, None]
lam = 0.1


def unroll(theta):
    return theta[:12].reshape(3, 4), theta[12:].reshape(4, 1)


def g(z):
    return 1 / (1 + np.exp(-z))


def cost_function(theta):
    Theta1, Theta2 = unroll(theta)
    a2 = g(X @ Theta1)
    h = g(a2 @ Theta2)
    J = 0.5 * np.sum((h - y) ** 2) + lam / 2 * (np.sum(Theta1 ** 2) + np.sum(Theta2 ** 2))
    d3 = (h - y) * h * (1 - h)
    d2 = (d3 @ Theta2.T) * a2 * (1 - a2)
    Theta1_grad = X.T @ d2 + lam * Theta1
    Theta2_grad = a2.T @ d3 + 2 * lam * Theta2
    return J, np.concatenate([Theta1_grad.ravel(), Theta2_grad.ravel()])


theta = np.random.uniform(-0.8, 0.8, 16)
for it in range(200):
    cost, grad = cost_function(theta)
    theta = theta - 0.2 * grad
    if it % 50 == 0:
        print("Iteration", it, "| Cost:", cost)
