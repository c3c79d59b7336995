import numpy as np


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def nn_cost_function(nn_params, n_in, n_hid, n_out, X, Y, lam):
    Theta1 = nn_params[:n_hid * n_in].reshape(n_hid, n_in)
    Theta2 = nn_params[n_hid * n_in:].reshape(n_out, n_hid)
    a2 = sigmoid(Theta1 @ X)
    a3 = sigmoid(Theta2 @ a2)
    J = -np.mean(Y * np.log(a3) + (1 - Y) * np.log(1 - a3))
    J += lam / 2 * (np.sum(Theta1**2) + np.sum(Theta2**2))

    d3 = a3 - Y
    d2 = (Theta2.T @ d3) * a2 * (1 - a2)
    Theta1_grad = d2 @ X.T / Y.size + lam * Theta1
    Theta2_grad = d3 @ a2.T / Y.size + lam * Theta2
    return J, np.hstack([Theta1_grad.ravel(), Theta2_grad.ravel()])


np.random.seed(16)
Xt = np.random.randn(3, 20)
Yt = np.vstack([Xt[0] > 0, Xt[1] + Xt[2] > 0]).astype(float)
nn_params = np.random.uniform(-1, 1, 20)
for it in range(200):
    J, grad = nn_cost_function(nn_params, 3, 4, 2, Xt, Yt, 0.1)
    nn_params = nn_params - 0.5 * grad
    if it % 50 == 0:
        print("Iteration %d | Cost: %e" % (it, J))
