/** What the network makes of the examples: a drawing for one or two inputs, counts of classes, or a table. */

import { shown } from "./numbers.js";
import { confusion, drawBoundary, drawFit } from "./plots.js";

const MOST_LISTED = 8;
const MOST_OUTPUTS = 6;

/**
 * @param {import("./model.js").Model} model
 * @param {{ canvas: HTMLCanvasElement, caption: HTMLElement, table: HTMLElement }} place
 */
export function drawPredictions(model, { canvas, caption, table }) {
  const two = model.inputs === 2;
  const one = model.inputs === 1 && model.outputs === 1;
  canvas.hidden = !(two || one);
  if (two) drawBoundary(canvas, model);
  if (one) drawFit(canvas, model);
  caption.textContent = two ? "Prediction over the two inputs" : one ? "Prediction over the input" : "Predictions";
  if (model.classes && model.data.X.length > 1) fill(table, counts(model));
  else if (two || one) table.replaceChildren();
  else fill(table, examples(model));
}

/** Which classes are taken for which. */
function counts(model) {
  const found = confusion(model);
  const right = found.reduce((sum, row, k) => sum + row[k], 0);
  const names = found.map((_, k) => model.data.classes?.[k] ?? String(k));
  const { test } = model.data;
  const share = `${((100 * right) / (test ?? model.data).X.length).toFixed(1)} % right${test ? " held out" : ""}`;
  return [[`${share}; wanted ↓ predicted →`, ...names], ...found.map((row, k) => [names[k], ...row.map(String)])];
}

/** The first examples, what is wanted of them and what is predicted. */
function examples(model) {
  const found = model.predict(model.data.X.slice(0, MOST_LISTED));
  return [["example", "wanted", "predicted"], ...found.map((y, s) => [String(s + 1), list(model.data.y[s]), list(y)])];
}

function list(numbers) {
  return numbers.slice(0, MOST_OUTPUTS).map(shown).join("  ") + (numbers.length > MOST_OUTPUTS ? " …" : "");
}

function fill(box, rows) {
  const element = document.createElement("table");
  rows.forEach((row, r) => {
    const line = element.insertRow();
    row.forEach((text, c) => {
      const cell = document.createElement(r === 0 || c === 0 ? "th" : "td");
      cell.textContent = text;
      line.append(cell);
    });
  });
  box.replaceChildren(element);
}
