import numpy as np

np.random.seed(0)
num_examples = 40
angle = np.linspace(0, np.pi, num_examples // 2)
X = np.vstack([np.c_[np.cos(angle), np.sin(angle)], np.c_[1 - np.cos(angle), 0.5 - np.sin(angle)]])
X += 0.1 * np.random.randn(num_examples, 2)
y = np.repeat([0, 1], num_examples // 2)

epsilon = 0.2  # learning rate for gradient descent
reg_lambda = 0.01  # regularization strength


def build_model(nn_hdim, num_passes=300, print_loss=False):
    np.random.seed(0)
    W1 = np.random.randn(2, nn_hdim) / np.sqrt(2)
    b1 = np.zeros((1, nn_hdim))
    W2 = np.random.randn(nn_hdim, 2) / np.sqrt(nn_hdim)
    b2 = np.zeros((1, 2))

    for i in range(0, num_passes):
        # Forward propagation
        z1 = X.dot(W1) + b1
        a1 = np.tanh(z1)
        z2 = a1.dot(W2) + b2
        exp_scores = np.exp(z2)
        probs = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
        loss = -np.log(probs[range(num_examples), y]).mean()
        loss += reg_lambda / 2 * (np.sum(np.square(W1)) + np.sum(np.square(W2)))

        # Backpropagation
        delta3 = probs
        delta3[range(num_examples), y] -= 1
        delta3 /= num_examples
        dW2 = (a1.T).dot(delta3)
        db2 = np.sum(delta3, axis=0, keepdims=True)
        delta2 = delta3.dot(W2.T) * (1 - np.power(a1, 2))
        dW1 = np.dot(X.T, delta2)
        db1 = np.sum(delta2, axis=0)

        # Add regularization terms (b1 and b2 don't have regularization terms)
        dW2 += reg_lambda * W2
        dW1 += reg_lambda * W1

        # Gradient descent parameter update
        W1 += -epsilon * dW1
        b1 += -epsilon * db1
        W2 += -epsilon * dW2
        b2 += -epsilon * db2
        if print_loss and i % 100 == 0:
            print("Loss after iteration %i: %f" % (i, loss))
    return {'W1': W1, 'b1': b1, 'W2': W2, 'b2': b2}


model = build_model(5, print_loss=True)
