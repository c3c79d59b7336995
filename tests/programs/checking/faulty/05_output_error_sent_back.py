import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


np.random.seed(21)
features = np.random.randn(8, 3)
targets = np.column_stack([features[:, 0] > 0, features[:, 1] > features[:, 2]]).astype(float)

n_hidden = 4
learning_rate = 0.2
weights_input_hidden = np.random.normal(scale=0.8, size=(3, n_hidden))
weights_hidden_output = np.random.normal(scale=0.8, size=(n_hidden, 2))

for epoch in range(300):
    # forward pass
    hidden_input = np.dot(features, weights_input_hidden)
    hidden_output = sigmoid(hidden_input)
    output = sigmoid(np.dot(hidden_output, weights_hidden_output))

    # backward pass
    error = targets - output
    loss = (error ** 2).sum() / 2
    output_error_term = error * output * (1 - output)
    hidden_error = np.dot(error, weights_hidden_output.T)
    hidden_error_term = hidden_error * hidden_output * (1 - hidden_output)

    weights_hidden_output += learning_rate * np.dot(hidden_output.T, output_error_term)
    weights_input_hidden += learning_rate * np.dot(features.T, hidden_error_term)

    if epoch % 100 == 0:
        print("loss", loss)
