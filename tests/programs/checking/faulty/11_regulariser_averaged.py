import numpy as np

np.random.seed(2)
num_examples = 30
X = np.random.randn(num_examples, 2)
y = (X[:, 0] * X[:, 1] > 0).astype(int)

reg_lambda = 0.01  # regularization strength
epsilon = 0.1
nn_hdim = 4

W1 = np.random.randn(2, nn_hdim) / np.sqrt(2)
b1 = np.zeros((1, nn_hdim))
W2 = np.random.randn(nn_hdim, 2) / np.sqrt(nn_hdim)
b2 = np.zeros((1, 2))


def calculate_loss(probs, W1, W2):
    correct_logprobs = -np.log(probs[range(num_examples), y])
    data_loss = np.sum(correct_logprobs)
    # Add regulatization term to loss (optional)
    reg_loss = reg_lambda / 2 * (np.sum(np.square(W1)) + np.sum(np.square(W2)))
    return 1. / num_examples * (data_loss + reg_loss)


for i in range(300):
    # Forward propagation
    z1 = X.dot(W1) + b1
    a1 = np.tanh(z1)
    z2 = a1.dot(W2) + b2
    exp_scores = np.exp(z2)
    probs = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
    loss = calculate_loss(probs, W1, W2)

    # Backpropagation
    delta3 = probs.copy()
    delta3[range(num_examples), y] -= 1
    delta3 = delta3 / num_examples
    dW2 = (a1.T).dot(delta3) + reg_lambda * W2
    db2 = np.sum(delta3, axis=0, keepdims=True)
    delta2 = delta3.dot(W2.T) * (1 - np.power(a1, 2))
    dW1 = np.dot(X.T, delta2) + reg_lambda * W1
    db1 = np.sum(delta2, axis=0)

    W1 += -epsilon * dW1
    b1 += -epsilon * db1
    W2 += -epsilon * dW2
    b2 += -epsilon * db2
    if i % 100 == 0:
        print("Loss after iteration %i: %f" % (i, loss))
