/** The network and its numbers: every quantity for all examples and for one of them, kept up to date. */

import {
  backward, forward, gradientOf, initial, loss, memory, optimizers, parameters, quantities, shapes, trainStep, values,
} from "./derivation.js";
import { random } from "./numbers.js";

const MOST_UNDONE = 100;
const FEW = 4;

/** @typedef {{ X: number[][], y: number[][], names?: string[], classes?: string[] | null }} Data */

export class Model {
  /** @param {object} told what Python says of the network */
  constructor(told) {
    this.told = told;
    this.inputs = told.sizes[0];
    this.outputs = told.sizes.at(-1);
    this.rate = told.learningRate;
    this.optimizer = told.optimizers[0];
    this.known = told.order.length;
    this.sample = 0;
    this.steps = 0;
    this.losses = [];
    this.past = [];
    this.one = quantities({ n: 1 });
    this.all = this.one;
    this.memory = memory(this.optimizer);
  }

  get sizes() {
    return { n: this.data.X.length };
  }

  get loss() {
    return this.all[loss][0];
  }

  /** A learning rate for these examples: where the loss is their sum, many of them make the gradient large. */
  suggestedRate() {
    const { learningRate, sums } = this.told;
    const count = this.data.X.length;
    return sums && count > FEW ? Number(((learningRate * FEW) / count).toPrecision(2)) : learningRate;
  }

  /** Other examples; the weights stay. @param {Data} data */
  setData(data) {
    this.data = data;
    this.sample = Math.min(this.sample, data.X.length - 1);
    const all = quantities(this.sizes);
    for (const id of parameters) all[id] = this.one[id];
    this.all = all;
    data.X.forEach((row, s) => this.place(all.X, row, s, data.X.length));
    data.y.forEach((row, s) => this.place(all.y, row, s, data.X.length));
    this.losses = [];
    this.compute();
  }

  /** One example into a matrix of many, as a row or as a column. */
  place(matrix, row, s, count) {
    const rows = this.told.samples === "rows";
    row.forEach((value, f) => (matrix[rows ? s * row.length + f : f * count + s] = value));
  }

  /** One entry of an example changes. */
  setEntry(id, at, value) {
    this.remember();
    if (id === "X" || id === "y") {
      const part = this.data[id].map((row) => [...row]);
      part[this.sample][at] = value;
      const { losses } = this;
      this.setData({ ...this.data, [id]: part });
      this.losses = losses;
    } else this.one[id][at] = value;
    this.compute();
  }

  /** Every quantity anew, of all examples and of the one. */
  compute() {
    forward(this.all, this.sizes);
    backward(this.all, this.sizes);
    this.place(this.one.X, this.data.X[this.sample], 0, 1);
    this.place(this.one.y, this.data.y[this.sample], 0, 1);
    forward(this.one, { n: 1 });
    backward(this.one, { n: 1 });
    if (this.losses.length === 0) this.losses.push([this.steps, this.loss]);
  }

  /** Whole steps of training, here and now. */
  train(count) {
    for (let k = 0; k < count; k++) {
      trainStep(this.all, this.memory, this.rate, this.sizes, this.optimizer);
      this.steps++;
      forward(this.all, this.sizes);
      this.losses.push([this.steps, this.loss]);
    }
    this.compute();
  }

  setOptimizer(name) {
    if (!(name in optimizers)) return;
    this.optimizer = name;
    this.memory = memory(name);
  }

  /** Weights as they were at the beginning. */
  reset() {
    this.restart((id, at) => initial[id][at]);
  }

  /** Weights drawn anew, as wide as they began. */
  draw(seed) {
    const next = random(seed);
    const widest = Object.fromEntries(parameters.map((id) => [id, Math.max(...initial[id].map(Math.abs))]));
    this.restart((id) => widest[id] * (2 * next() - 1));
  }

  restart(value) {
    for (const id of parameters) this.one[id].forEach((_, at) => (this.one[id][at] = value(id, at)));
    this.memory = memory(this.optimizer);
    this.steps = 0;
    this.losses = [];
    this.compute();
  }

  // --- what can be undone -----------------------------------------------------------------------------------------

  snapshot() {
    return structuredClone({
      weights: parameters.map((id) => this.one[id]), memory: this.memory, steps: this.steps, losses: this.losses,
      optimizer: this.optimizer, rate: this.rate, data: this.data, sample: this.sample, known: this.known,
    });
  }

  remember() {
    this.past.push(this.snapshot());
    if (this.past.length > MOST_UNDONE) this.past.shift();
  }

  undo() {
    const before = this.past.pop();
    if (before) this.restore(before);
  }

  restore({ weights, memory: remembered, steps, losses, optimizer, rate, data, sample, known }) {
    this.load(weights, remembered);
    Object.assign(this, { steps, optimizer, rate, sample, known });
    this.setData(data);
    this.losses = losses;
  }

  /** Weights and what the optimizer remembers, from elsewhere. */
  load(weights, remembered) {
    parameters.forEach((id, k) => this.one[id].set(weights[k]));
    this.memory = remembered;
  }

  // --- values -----------------------------------------------------------------------------------------------------

  /** The value of an equation, by where it is found: its entries row by row, and how many rows and columns. */
  value(source) {
    const q = source.batch ? this.all : this.one;
    const sizes = source.batch ? this.sizes : { n: 1 };
    const shape = (source.id && source.at === null ? shapes[source.id] : source.shape).map((size) => sizes[size] ?? size);
    const [rows, columns] = shape.length === 2 && source.at === null ? shape : [1, 1];
    if (source.fn !== null) return { entries: values[source.fn](q, sizes), rows, columns };
    const entries = source.at === null ? q[source.id] : [q[source.id][source.at]];
    return { entries, rows, columns };
  }

  /** After how many equations a quantity is known; inputs and parameters from the beginning. */
  knownFrom(id) {
    return this.told.order.indexOf(id) + 1;
  }

  /** The gradient's name for a parameter. */
  gradientOf(id) {
    return gradientOf[id];
  }

  /** What the network makes of rows of inputs. */
  predict(rows) {
    const q = quantities({ n: rows.length });
    for (const id of parameters) q[id] = this.one[id];
    rows.forEach((row, s) => this.place(q.X, row, s, rows.length));
    forward(q, { n: rows.length });
    const y = q[this.told.layers.at(-1).output];
    const asRows = this.told.samples === "rows";
    return rows.map((_, s) => Array.from({ length: this.outputs }, (_, k) => y[asRows ? s * this.outputs + k : k * rows.length + s]));
  }

  /** Whether the targets are classes: 0 or 1, one of them for several outputs. */
  get classes() {
    const ones = ({ y }) => y.every((row) => row.every((t) => t === 0 || t === 1));
    return ones(this.data) && (this.outputs === 1 || this.data.y.every((row) => row.reduce((a, b) => a + b, 0) === 1));
  }
}
