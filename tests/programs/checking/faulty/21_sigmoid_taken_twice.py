from numpy import array, dot, exp, random


def sigmoid(x):
    return 1 / (1 + exp(-x))


def sigmoid_derivative(x):
    return sigmoid(x) * (1 - sigmoid(x))


random.seed(1)
synaptic_weights_1 = 2 * random.random((3, 4)) - 1
synaptic_weights_2 = 2 * random.random((4, 1)) - 1

inputs = array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [0, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 0]])
outputs = array([[0, 1, 1, 1, 1, 0, 0]]).T

for iteration in range(500):
    layer1_in = dot(inputs, synaptic_weights_1)
    layer1_out = sigmoid(layer1_in)
    layer2_in = dot(layer1_out, synaptic_weights_2)
    layer2_out = sigmoid(layer2_in)

    layer2_error = outputs - layer2_out
    layer2_delta = layer2_error * sigmoid_derivative(layer2_out)

    layer1_error = layer2_delta.dot(synaptic_weights_2.T)
    layer1_delta = layer1_error * sigmoid_derivative(layer1_in)

    layer1_adjustment = inputs.T.dot(layer1_delta)
    layer2_adjustment = layer1_out.T.dot(layer2_delta)

    synaptic_weights_1 += layer1_adjustment
    synaptic_weights_2 += layer2_adjustment

print("weights after training:")
print(synaptic_weights_1)
print(synaptic_weights_2)
print("[1, 1, 0] ->", sigmoid(dot(sigmoid(dot(array([1, 1, 0]), synaptic_weights_1)), synaptic_weights_2)))
