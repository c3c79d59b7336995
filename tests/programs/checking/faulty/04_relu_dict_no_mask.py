import numpy as np

np.random.seed(0)
N, D, H, C = 60, 2, 8, 3

# three noisy blobs
centers = np.array([[0.0, 1.5], [1.3, -0.8], [-1.3, -0.8]])
y = np.arange(N) % C
X = centers[y] + 0.4 * np.random.randn(N, D)

params = {
    'W1': 0.5 * np.random.randn(D, H),
    'b1': np.zeros(H),
    'W2': 0.5 * np.random.randn(H, C),
    'b2': np.zeros(C),
}


def loss_and_grads(params, X, y):
    W1, b1 = params['W1'], params['b1']
    W2, b2 = params['W2'], params['b2']
    n = X.shape[0]

    hidden = np.maximum(0, X.dot(W1) + b1)
    scores = hidden.dot(W2) + b2
    scores = scores - scores.max(axis=1, keepdims=True)
    probs = np.exp(scores)
    probs /= probs.sum(axis=1, keepdims=True)
    loss = -np.log(probs[np.arange(n), y]).mean()

    dscores = probs.copy()
    dscores[np.arange(n), y] -= 1
    dscores /= n
    grads = {}
    grads['W2'] = hidden.T.dot(dscores)
    grads['b2'] = dscores.sum(axis=0)
    dhidden = dscores.dot(W2.T)
    grads['W1'] = X.T.dot(dhidden)
    grads['b1'] = dhidden.sum(axis=0)
    return loss, grads


for it in range(200):
    loss, grads = loss_and_grads(params, X, y)
    for name in params:
        params[name] -= 0.5 * grads[name]
    if it % 50 == 0:
        print('iteration %d: loss %f' % (it, loss))
