/** The data that come with the page: small sets that people know, for the networks that they fit. */

import { random } from "./numbers.js";

/** @typedef {{ X: number[][], y: number[][], names?: string[], classes?: string[] | null, test?: Data }} Data */

const POINTS = 200;

/** Two classes as targets: one number, or one output each. */
function classed(points, outputs) {
  const y = points.map(({ label }) => (outputs === 1 ? [label] : Array.from({ length: outputs }, (_, k) => Number(k === label))));
  return { X: points.map(({ x }) => x), y };
}

function normal(draw) {
  return Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
}

function circles(draw, k) {
  const label = k % 2;
  const radius = (label ? 0.35 : 0.9) + 0.08 * normal(draw);
  const angle = 2 * Math.PI * draw();
  return { x: [radius * Math.cos(angle), radius * Math.sin(angle)], label };
}

function moons(draw, k) {
  const label = k % 2;
  const angle = Math.PI * draw();
  const [x, y] = label ? [0.5 - Math.cos(angle), 0.25 - Math.sin(angle)] : [Math.cos(angle) - 0.5, Math.sin(angle) - 0.25];
  return { x: [x / 1.5 + 0.05 * normal(draw), y / 1.5 + 0.05 * normal(draw)], label };
}

function spirals(draw, k) {
  const label = k % 2;
  const t = draw();
  const angle = 3.5 * t * Math.PI + (label ? Math.PI : 0);
  return { x: [t * Math.cos(angle) + 0.02 * normal(draw), t * Math.sin(angle) + 0.02 * normal(draw)], label };
}

const XOR = [[0, 0], [0, 1], [1, 0], [1, 1]];
const TRASK = [[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]];

/** Each with the number of inputs that it takes, the least and the most outputs, and how it is made. */
const SETS = {
  seed: { title: "the seed's example", inputs: 3, outputs: [1, 1], make: () => ({ X: [[0, 0, 1]], y: [[0]] }) },
  trask: { title: "Trask's table", inputs: 3, outputs: [1, 1], make: () => ({ X: TRASK, y: [[0], [1], [1], [0]] }) },
  xor: {
    title: "XOR", inputs: 2, outputs: [1, 99],
    make: (_, outputs) => classed(XOR.map((x) => ({ x, label: x[0] ^ x[1] })), outputs),
  },
  circles: { title: "circles", inputs: 2, outputs: [1, 99], make: (draw, outputs) => drawn(circles, draw, outputs) },
  moons: { title: "moons", inputs: 2, outputs: [1, 99], make: (draw, outputs) => drawn(moons, draw, outputs) },
  spirals: { title: "spirals", inputs: 2, outputs: [1, 99], make: (draw, outputs) => drawn(spirals, draw, outputs) },
  sine: { title: "a noisy sine", inputs: 1, outputs: [1, 1], make: sine },
  random: { title: "random numbers", inputs: 0, outputs: [1, 1e9], make: anything },
};

function drawn(point, draw, outputs) {
  return classed(Array.from({ length: POINTS }, (_, k) => point(draw, k)), outputs);
}

function sine(draw) {
  const X = Array.from({ length: 60 }, (_, k) => [(2 * k) / 59 - 1]);
  return { X, y: X.map(([x]) => [0.5 + 0.4 * Math.sin(Math.PI * x) + 0.05 * normal(draw)]) };
}

function anything(draw, outputs, inputs) {
  const row = (length) => Array.from({ length }, () => Math.round(100 * draw()) / 100);
  const one = (k) => Array.from({ length: outputs }, (_, j) => Number(j === k));
  return {
    X: Array.from({ length: 8 }, () => row(inputs)),
    y: Array.from({ length: 8 }, () => (outputs === 1 ? [Number(draw() > 0.5)] : one(Math.floor(outputs * draw())))),
  };
}

/** The digits that Python put into the page, a letter for each of 64 pixels; every fourth is held out. */
function digits({ pixels, labels }) {
  const part = (wanted) => {
    const chosen = [...labels].map((_, k) => k).filter(wanted);
    const row = (k) => Array.from(pixels.slice(64 * k, 64 * (k + 1)), (letter) => (letter.charCodeAt(0) - 97) / 16);
    return { X: chosen.map(row), y: chosen.map((k) => Array.from({ length: 10 }, (_, c) => Number(c === Number(labels[k])))) };
  };
  return { ...part((k) => k % 4 !== 0), test: part((k) => k % 4 === 0) };
}

/**
 * The names and titles of the data that fit a network; the first is where it begins.
 * @param {{ sizes: number[], digits: object | null }} told
 * @returns {[string, string][]}
 */
export function fitting({ sizes, digits: given }) {
  const [input, output] = [sizes[0], sizes.at(-1)];
  const fits = ({ inputs, outputs: [least, most] }) => (inputs === input || inputs === 0) && output >= least && output <= most;
  const found = Object.entries(SETS).filter(([, set]) => fits(set)).map(([name, { title }]) => [name, title]);
  return given ? [["digits", "handwritten digits"], ...found] : found;
}

/**
 * A set of data by name, the same for the same seed.
 * @param {string} name
 * @param {{ sizes: number[], digits: object | null }} told
 * @param {number} seed
 * @returns {Data}
 */
export function dataset(name, { sizes, digits: given }, seed) {
  return name === "digits" ? digits(given) : SETS[name].make(random(seed + 1), sizes.at(-1), sizes[0]);
}
