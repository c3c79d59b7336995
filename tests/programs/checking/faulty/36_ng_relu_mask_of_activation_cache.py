import numpy as np


def relu_backward(dA, Z):
    dZ = np.array(dA, copy=True)
    dZ[dA <= 0] = 0
    return dZ


def linear_backward(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]
    dW = 1. / m * np.dot(dZ, A_prev.T)
    db = 1. / m * np.sum(dZ, axis=1, keepdims=True)
    return np.dot(W.T, dZ), dW, db


def L_model_forward(X, params):
    A, caches = X, []
    L = len(params) // 2
    for l in range(1, L + 1):
        W, b = params["W" + str(l)], params["b" + str(l)]
        Z = np.dot(W, A) + b
        caches.append(((A, W, b), Z))
        A = np.maximum(0, Z) if l < L else 1 / (1 + np.exp(-Z))
    return A, caches


def L_model_backward(AL, Y, caches):
    grads = {}
    L = len(caches)
    dAL = -(np.divide(Y, AL) - np.divide(1 - Y, 1 - AL))
    dZ = dAL * AL * (1 - AL)
    for l in reversed(range(L)):
        linear_cache, Z = caches[l]
        if l < L - 1:
            dZ = relu_backward(dA_prev, Z)
        dA_prev, grads["dW" + str(l + 1)], grads["db" + str(l + 1)] = linear_backward(dZ, linear_cache)
    return grads


np.random.seed(3)
layers_dims = [3, 5, 4, 1]
params = {}
for l in range(1, len(layers_dims)):
    params['W' + str(l)] = np.random.randn(layers_dims[l], layers_dims[l - 1]) * np.sqrt(2 / layers_dims[l - 1])
    params['b' + str(l)] = np.zeros((layers_dims[l], 1))
X = np.random.randn(3, 50)
Y = (np.abs(X).sum(axis=0, keepdims=True) > 2).astype(float)
for i in range(200):
    AL, caches = L_model_forward(X, params)
    grads = L_model_backward(AL, Y, caches)
    for name in params:
        params[name] = params[name] - 0.1 * grads["d" + name]
print("accuracy:", np.mean((AL > 0.5) == Y))
