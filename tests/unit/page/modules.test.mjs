// The modules of the page by themselves, under Node's test runner; test_modules.py starts it.
import assert from "node:assert/strict";
import test from "node:test";

import { cells, table } from "./csv.js";
import { dataset, fitting } from "./data.js";
import { initial, parameters } from "./derivation.js";
import { Model } from "./model.js";
import { random, shown, typed, within } from "./numbers.js";
import { diagnosis } from "./quiz.js";
import { fragment, state } from "./share.js";

const told = {
  sizes: [3, 2, 1], samples: "rows", learningRate: 0.5, optimizers: ["sgd", "adam"], order: ["l_1", "y_hat", "L"], sums: true,
  layers: [{ weights: "W_1", bias: null, output: "l_1", delta: "delta_1" }, { weights: "W_2", bias: null, output: "y_hat", delta: "delta_2" }],
  digits: null,
};

function model(name = "trask") {
  const found = new Model(told);
  found.setData({ ...dataset(name, told, 0), name });
  return found;
}

test("numbers are shown with four digits and a real minus", () => {
  const pairs = [[0, "0"], [1, "1"], [-0.5, "−0.5000"], [1 / 3, "0.3333"], [123.456, "123.5"], [1e-7, "1.00e−7"], [NaN, "NaN"], [-Infinity, "−∞"], [2.5e9, "2500000000"]];
  for (const [x, text] of pairs.slice(0, 8)) assert.equal(shown(x), text);
  assert.equal(within(-2), "(−2)");
  assert.equal(within(2), "2");
});

test("what is typed is a number or none", () => {
  for (const [text, x] of [["2,5", 2.5], ["−3", -3], [" 1e-3 ", 0.001], [".5", 0.5]]) assert.equal(typed(text), x);
  for (const text of ["", "a", "1+1", "0x10", "1,2,3", "Infinity"]) assert.ok(Number.isNaN(typed(text)), text);
});

test("a seed determines the random numbers", () => {
  const [a, b] = [random(1), random(1)];
  const drawn = Array.from({ length: 1000 }, a);
  assert.deepEqual(drawn.slice(0, 5), Array.from({ length: 5 }, b));
  assert.ok(drawn.every((x) => x >= 0 && x < 1));
  const mean = drawn.reduce((s, x) => s + x, 0) / 1000;
  assert.ok(Math.abs(mean - 0.5) < 0.05);
});

test("cells: quotes, separators and line ends", () => {
  assert.deepEqual(cells('a;"b;c";d\r\n1;2;3\n\n'), [["a", "b;c", "d"], ["1", "2", "3"]]);
  assert.deepEqual(cells('"say ""no""",2'), [['say "no"', "2"]]);
  assert.deepEqual(cells("1\t2\n"), [["1", "2"]]);
});

test("a table becomes inputs and targets, classes become columns", () => {
  const plain = table("a,b,c\n1,2,3\n4,5,6", 2, 1);
  assert.deepEqual([plain.X, plain.y, plain.names], [[[1, 2], [4, 5]], [[3], [6]], ["a", "b", "c"]]);
  const classes = table("1,2,cat\n3,4,dog\n5,6,cat", 2, 3);
  assert.deepEqual(classes.y, [[1, 0], [0, 1], [1, 0]]);
  assert.deepEqual(classes.classes, ["cat", "dog"]);
  assert.throws(() => table("1,2,a\n1,2,b\n1,2,c", 2, 2), /3 classes are more than the 2 outputs/);
});

test("the data fit the network", () => {
  assert.deepEqual(fitting(told).map(([name]) => name), ["seed", "trask", "random"]);
  for (const sizes of [[2, 2, 1], [2, 2, 3], [1, 4, 1], [64, 10]]) {
    for (const [name] of fitting({ sizes, digits: null })) {
      const { X, y } = dataset(name, { sizes, digits: null }, 0);
      assert.equal(X.length, y.length);
      assert.ok(X.every((row) => row.length === sizes[0] && row.every(Number.isFinite)));
      assert.ok(y.every((row) => row.length === sizes.at(-1) && row.every(Number.isFinite)));
      assert.deepEqual(dataset(name, { sizes, digits: null }, 0), { X, y });
    }
  }
});

test("training lowers the loss and can be undone", () => {
  const found = model();
  const before = found.loss;
  found.remember();
  found.train(50);
  assert.ok(found.loss < before);
  assert.equal(found.steps, 50);
  found.undo();
  assert.equal(found.loss, before);
  assert.equal(found.steps, 0);
  found.draw(7);
  assert.notEqual(found.loss, before);
  found.reset();
  assert.equal(found.loss, before);
  assert.deepEqual([...found.one.W_1], initial.W_1);
});

test("the one example has the numbers that it has among all", () => {
  const found = model();
  found.sample = 2;
  found.compute();
  assert.equal(found.one.y_hat[0], found.all.y_hat[2]);
  assert.ok(Math.abs(found.predict(found.data.X)[2][0] - found.all.y_hat[2]) < 1e-15);
  const whole = found.value({ id: "l_1", at: null, fn: null, batch: true, shape: ["n", 2] });
  assert.deepEqual([whole.rows, whole.columns, whole.entries.length], [4, 2, 8]);
});

test("many examples, whose loss is summed, get a smaller rate", () => {
  const found = model();
  assert.equal(found.suggestedRate(), 0.5);
  found.setData({ ...dataset("random", told, 0), name: "random" });
  assert.equal(found.suggestedRate(), 0.25);
});

test("a link brings the state back, and nothing that is no state", () => {
  const found = model();
  found.setOptimizer("adam");
  found.train(3);
  const text = fragment(found, { data: "trask", view: "matrix", seed: 5 });
  const back = state(text);
  assert.deepEqual(back.weights.map((w) => [...w]), parameters.map((id) => [...found.one[id]]));
  assert.deepEqual(structuredClone(back.memory), structuredClone(found.memory));
  assert.deepEqual([back.optimizer, back.steps, back.data, back.view, back.seed], ["adam", 3, "trask", "matrix", 5]);
  assert.equal(state(""), null);
  assert.equal(state("eq-7"), null);
  for (const bad of [text.replace("v=1", "v=2"), text.replace("o=adam", "o=constructor"), text.replace("r=0.5", "r=-1"), text.replace(/w=.{20}/, "w="), text.replace(/w=.{32}/, "w=")]) {
    assert.throws(() => state(bad), Error, bad);
  }
});

test("a wrong answer is told why", () => {
  const slips = [{ value: 0.3, text: "The factor x is left out." }];
  assert.equal(diagnosis(0.12, 0.12004, slips), "");
  assert.equal(diagnosis(-0.12, 0.12, slips), "The size is right, the sign is not.");
  assert.equal(diagnosis(0.3, 0.12, slips), "The factor x is left out.");
  assert.match(diagnosis(-0.3, 0.12, slips), /left out\. And the sign is wrong/);
  assert.match(diagnosis(0.24, 0.12, slips), /factor of 2/);
  assert.match(diagnosis(NaN, 0.12, slips), /no number/);
  assert.match(diagnosis(77, 0.12, slips), /No known slip/);
});
