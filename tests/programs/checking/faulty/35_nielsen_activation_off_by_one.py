import numpy as np

np.random.seed(17)
sizes = [5, 5, 5, 2]
biases = [np.random.randn(m, 1) for m in sizes[1:]]
weights = [np.random.randn(m, k) / np.sqrt(k) for k, m in zip(sizes, sizes[1:])]


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


x = np.random.rand(5, 12)
y = np.vstack([x.mean(axis=0) > 0.5, x[0] > x[4]]).astype(float)


def gradients(x, y):
    activations = [x]
    for b, w in zip(biases, weights):
        activations.append(sigmoid(np.dot(w, activations[-1]) + b))
    nabla_b, nabla_w = [None] * 3, [None] * 3
    out = activations[-1]
    delta = (out - y) * out * (1 - out)
    nabla_b[2] = delta.sum(axis=1, keepdims=True)
    nabla_w[2] = np.dot(delta, activations[2].T)

    delta = np.dot(weights[2].T, delta) * activations[2] * (1 - activations[2])
    nabla_b[1] = delta.sum(axis=1, keepdims=True)
    nabla_w[1] = np.dot(delta, activations[0].T)

    delta = np.dot(weights[1].T, delta) * activations[1] * (1 - activations[1])
    nabla_b[0] = delta.sum(axis=1, keepdims=True)
    nabla_w[0] = np.dot(delta, activations[0].T)
    return nabla_b, nabla_w


for epoch in range(150):
    nabla_b, nabla_w = gradients(x, y)
    biases = [b - 0.1 * nb for b, nb in zip(biases, nabla_b)]
    weights = [w - 0.1 * nw for w, nw in zip(weights, nabla_w)]

print(0.5 * np.sum((sigmoid(weights[2] @ sigmoid(weights[1] @ sigmoid(weights[0] @ x + biases[0]) + biases[1])
                            + biases[2]) - y) ** 2))
