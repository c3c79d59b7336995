import numpy as np


class TwoLayerNet(object):
    def __init__(self, input_size, hidden_size, output_size, std=0.3):
        self.params = {}
        self.params['W1'] = std * np.random.randn(input_size, hidden_size)
        self.params['b1'] = np.zeros(hidden_size)
        self.params['W2'] = std * np.random.randn(hidden_size, output_size)
        self.params['b2'] = np.zeros(output_size)

    def loss(self, X, y, reg=0.0):
        W1, b1 = self.params['W1'], self.params['b1']
        W2, b2 = self.params['W2'], self.params['b2']
        N, D = X.shape

        # compute the class scores
        h1 = np.maximum(0, np.dot(X, W1) + b1)
        scores = np.dot(h1, W2) + b2

        # softmax loss with L2 regularization
        exp_scores = np.exp(scores - np.max(scores, axis=1, keepdims=True))
        probs = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
        loss = -np.sum(np.log(probs[np.arange(N), y])) / N
        loss += 0.5 * reg * (np.sum(W1 * W1) + np.sum(W2 * W2))

        grads = {}
        dscores = probs
        dscores[np.arange(N), y] -= 1
        dscores /= N
        grads['W2'] = np.dot(h1.T, dscores) + reg * W2
        grads['b2'] = np.sum(dscores, axis=0)
        dh = np.dot(dscores, W2.T)
        dh[h1 <= 0] = 0
        grads['W1'] = np.dot(X.T, dh)
        grads['b1'] = np.sum(dh, axis=0)
        return loss, grads


np.random.seed(0)
X = np.random.randn(24, 4)
y = np.random.randint(3, size=24)
net = TwoLayerNet(4, 6, 3)
for it in range(200):
    loss, grads = net.loss(X, y, reg=0.05)
    for p in net.params:
        net.params[p] -= 0.2 * grads[p]
    if it % 50 == 0:
        print('iteration %d / 200: loss %f' % (it, loss))
