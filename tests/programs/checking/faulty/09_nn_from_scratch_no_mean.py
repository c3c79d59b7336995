import numpy as np

np.random.seed(0)
num_examples = 40
t = np.linspace(0, np.pi, num_examples // 2)
X = np.vstack([np.c_[np.cos(t), np.sin(t)], np.c_[1 - np.cos(t), 0.5 - np.sin(t)]])
X += 0.1 * np.random.randn(*X.shape)
y = np.repeat([0, 1], num_examples // 2)

nn_input_dim, nn_output_dim = 2, 2
epsilon = 0.01  # learning rate for gradient descent


def forward(model, x):
    z1 = x.dot(model['W1']) + model['b1']
    a1 = np.tanh(z1)
    z2 = a1.dot(model['W2']) + model['b2']
    exp_scores = np.exp(z2)
    return a1, exp_scores / np.sum(exp_scores, axis=1, keepdims=True)


# Helper function to evaluate the total loss on the dataset
def calculate_loss(model):
    _, probs = forward(model, X)
    corect_logprobs = -np.log(probs[range(num_examples), y])
    return 1. / num_examples * np.sum(corect_logprobs)


nn_hdim = 5
model = {'W1': np.random.randn(nn_input_dim, nn_hdim) / np.sqrt(nn_input_dim), 'b1': np.zeros((1, nn_hdim)),
         'W2': np.random.randn(nn_hdim, nn_output_dim) / np.sqrt(nn_hdim), 'b2': np.zeros((1, nn_output_dim))}

for i in range(300):
    a1, probs = forward(model, X)

    # Backpropagation
    delta3 = probs
    delta3[range(num_examples), y] -= 1
    dW2 = (a1.T).dot(delta3)
    db2 = np.sum(delta3, axis=0, keepdims=True)
    delta2 = delta3.dot(model['W2'].T) * (1 - np.power(a1, 2))
    dW1 = np.dot(X.T, delta2)
    db1 = np.sum(delta2, axis=0)

    # Gradient descent parameter update
    model['W1'] += -epsilon * dW1
    model['b1'] += -epsilon * db1
    model['W2'] += -epsilon * dW2
    model['b2'] += -epsilon * db2
    if i % 100 == 0:
        print("Loss after iteration %i: %f" % (i, calculate_loss(model)))
