// The loss of a 3-2-1 network, its gradients and steps of training; every equation is derived by Backproof.

/** @typedef {Record<string, Float64Array>} Quantities every quantity by name, its entries row by row */
/** @typedef {Record<string, number>} Sizes how large the sizes are that are not fixed, such as { n: 4 } */

/** Rows and columns of every quantity; a name stands for a size, nothing for a single number. */
export const shapes = Object.fromEntries([
  ["X", ["n", 3]],
  ["y", ["n", 1]],
  ["W_1", [3, 2]],
  ["W_2", [2, 1]],
  ["l_1", ["n", 2]],
  ["y_hat", ["n", 1]],
  ["L", []],
  ["delta_2", ["n", 1]],
  ["grad_W_2", [2, 1]],
  ["delta_1", ["n", 2]],
  ["grad_W_1", [3, 2]],
]);
export const inputs = ["X", "y"];
export const parameters = ["W_1", "W_2"];
/** For each parameter the name of its gradient. */
export const gradientOf = Object.fromEntries([
  ["W_1", "grad_W_1"],
  ["W_2", "grad_W_2"],
]);
export const loss = "L";
/** Where the parameters start. */
export const initial = Object.fromEntries([
  ["W_1", [
    0.30006802263971943, -0.5043720396356872, -1.0056766217290054, -1.0592348798055353,
    0.6863407064201135, 0.9043021616442999,
  ]],
  ["W_2", [
    0.3016115206482439, 0.6491142981231095,
  ]],
]);

const sigmoid = (x) => Math.exp(Math.min(x, 0)) / (1 + Math.exp(-Math.abs(x)));

const square = (x) => x * x;

/**
 * Room for every quantity: parameters at their initial values, all else 0.
 * @param {Sizes} [sizes]
 * @returns {Quantities}
 */
export function quantities(sizes = {}) {
  const count = (shape) => shape.reduce((product, size) => product * (sizes[size] ?? size), 1);
  const room = Object.entries(shapes).map(([name, shape]) => [name, new Float64Array(count(shape))]);
  const q = Object.fromEntries(room);
  for (const [name, start] of Object.entries(initial)) q[name].set(start);
  return q;
}

/** The forward pass: every quantity up to the loss. @param {Quantities} q @param {Sizes} [sizes] */
export function forward(q, sizes) {
  const { n } = sizes;
  const { l_1, X, W_1, y_hat, W_2, L, y } = q;
  // l_1 = σ(X·W_1)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < 2; j++) {
      let s = 0;
      for (let k = 0; k < 3; k++) s += X[i * 3 + k] * W_1[k * 2 + j];
      l_1[i * 2 + j] = sigmoid(s);
    }
  }
  // ŷ = σ(l_1·W_2)
  for (let i = 0; i < n; i++) {
    let s = 0;
    for (let k = 0; k < 2; k++) s += l_1[i * 2 + k] * W_2[k];
    y_hat[i] = sigmoid(s);
  }
  // L = ½ × Σ((y − ŷ)²)
  {
    let s = 0;
    for (let i = 0; i < n; i++) s += square(y[i] - y_hat[i]);
    L[0] = 0.5 * s;
  }
}

/** The backward pass, after the forward one: every gradient. @param {Quantities} q @param {Sizes} [sizes] */
export function backward(q, sizes) {
  const { n } = sizes;
  const { delta_2, y_hat, y, grad_W_2, l_1, delta_1, W_2, grad_W_1, X } = q;
  // Δl_2 = (ŷ − y) ∘ ŷ ∘ (1 − ŷ)
  for (let i = 0; i < n; i++) delta_2[i] = (y_hat[i] - y[i]) * y_hat[i] * (1 - y_hat[i]);
  // ∂L/∂W_2 = l_1ᵀ·Δl_2
  for (let i = 0; i < 2; i++) {
    let s = 0;
    for (let k = 0; k < n; k++) s += l_1[k * 2 + i] * delta_2[k];
    grad_W_2[i] = s;
  }
  // Δl_1 = (Δl_2·W_2ᵀ) ∘ l_1 ∘ (1 − l_1)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < 2; j++) delta_1[i * 2 + j] = delta_2[i] * W_2[j] * l_1[i * 2 + j] * (1 - l_1[i * 2 + j]);
  }
  // ∂L/∂W_1 = Xᵀ·Δl_1
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 2; j++) {
      let s = 0;
      for (let k = 0; k < n; k++) s += X[k * 3 + i] * delta_1[k * 2 + j];
      grad_W_1[i * 2 + j] = s;
    }
  }
}

/**
 * Both passes.
 * @param {Quantities} q
 * @param {Sizes} [sizes]
 * @returns {{ loss: number, gradients: Quantities }} the gradient of each parameter by its name
 */
export function gradients(q, sizes) {
  forward(q, sizes);
  backward(q, sizes);
  const found = Object.entries(gradientOf).map(([name, gradient]) => [name, q[gradient]]);
  return { loss: q[loss][0], gradients: Object.fromEntries(found) };
}

/** Update rules: what each remembers of a parameter, and one step of it. */
export const optimizers = {
  "sgd": {
    memory: () => ({}),
    step(theta, gradient, memory, rate) {
      for (let i = 0; i < theta.length; i++) {
        // theta_next = theta − rate × gradient
        const theta_next = theta[i] - rate * gradient[i];
        theta[i] = theta_next;
      }
    },
  },
};

/** What an update rule remembers before the first step. @param {string} [name] */
export function memory(name = "sgd") {
  const of = (id) => optimizers[name].memory(initial[id].length);
  return Object.fromEntries(Object.keys(gradientOf).map((id) => [id, of(id)]));
}

/** One step: both passes, then every parameter moves. Returns the loss before it. */
export function trainStep(q, memory, rate, sizes, name = "sgd") {
  forward(q, sizes);
  backward(q, sizes);
  const { step } = optimizers[name];
  for (const id in gradientOf) step(q[id], q[gradientOf[id]], memory[id], rate);
  return q[loss][0];
}
