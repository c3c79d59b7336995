import numpy as np

np.random.seed(0)
D, H, K = 3, 6, 2
model = {}
model['W1'] = np.random.randn(H, D) / np.sqrt(D)  # "Xavier" initialization
model['W2'] = np.random.randn(K, H) / np.sqrt(H)


def policy_forward(x):
    h = np.dot(model['W1'], x)
    h[h < 0] = 0  # ReLU nonlinearity
    logp = np.dot(model['W2'], h)
    p = np.exp(logp - logp.max(axis=0))
    return p / p.sum(axis=0), h


def policy_backward(xs, hs, dlogps):
    dW2 = np.dot(dlogps, hs.T)
    dh = np.dot(model['W2'].T, dlogps)
    dh[dh <= 0] = 0
    dW1 = np.dot(dh, xs.T)
    return {'W1': dW1, 'W2': dW2}


xs = np.random.randn(D, 30)
labels = (xs[0] > xs[1]).astype(int)
ts = np.eye(K)[:, labels]

for episode in range(200):
    ps, hs = policy_forward(xs)
    loss = -np.sum(ts * np.log(ps)) / xs.shape[1]
    grads = policy_backward(xs, hs, (ps - ts) / xs.shape[1])
    for k, v in model.items():
        v -= 0.05 * grads[k]
    if episode % 50 == 0:
        print('ep %d loss %.4f' % (episode, loss))
