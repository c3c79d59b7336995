import numpy as np

np.random.seed(0)
N, D, K = 45, 4, 3
y = np.arange(N) % K
X = np.random.randn(N, D)
X[np.arange(N), y] += 1.5

# initialize parameters randomly
W = 0.01 * np.random.randn(D, K)
b = np.zeros((1, K))

for i in range(200):
    scores = np.dot(X, W) + b
    exp_scores = np.exp(scores)
    probs = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
    corect_logprobs = -np.log(probs[range(N), y])
    data_loss = np.sum(corect_logprobs) / N
    if i % 50 == 0:
        print("iteration %d: loss %f" % (i, data_loss))
    dscores = probs
    dscores[range(N), y] -= 1
    dscores /= N
    dW = np.dot(X.T, dscores)
    db = np.sum(dscores, axis=0, keepdims=True)
    W += -1.0 * dW
    b += -1.0 * db
