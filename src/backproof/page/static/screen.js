/** What the page shows beside diagram and equations, brought up to date; and the address, which keeps the state. */

import { gradientOf, parameters } from "./derivation.js";
import { shown } from "./numbers.js";
import { drawCurve } from "./plots.js";
import { drawPredictions } from "./predictions.js";
import { fragment } from "./share.js";

const BETWEEN_DRAWINGS = 100;
const UNTIL_SAVED = 250;

/**
 * @typedef {object} Page all parts of the page
 * @property {object} told what Python says of the network
 * @property {import("./model.js").Model} model
 * @property {import("./diagram.js").Diagram} diagram
 * @property {import("./equations.js").Equations} equations
 * @property {import("./inspector.js").Inspector} inspector
 * @property {import("./trainer.js").Trainer} trainer
 * @property {import("./quiz.js").Quiz} quiz
 * @property {{ view: string, seed: number, table: string | null, logarithmic: boolean }} chosen
 */

/** The element with this id. */
export function by(id) {
  return document.getElementById(id);
}

/** Does something whenever it happens to the element with this id. */
export function on(id, type, act) {
  by(id).addEventListener(type, act);
}

/** A message for the reader. @param {"" | "good" | "bad"} [kind] */
export function say(text, kind = "") {
  by("message").textContent = text;
  by("message").className = kind;
}

let drawn = 0;
let saving = 0;

/** All that depends on the numbers. @param {Page} page */
export function refresh(page) {
  const { model, trainer } = page;
  page.diagram.update(!trainer.busy);
  page.equations.update();
  page.inspector.update();
  by("loss").textContent = shown(model.loss);
  by("steps").textContent = String(model.steps);
  by("undo").disabled = model.past.length === 0;
  by("position").textContent = position(page);
  by("norms").textContent = norms(model);
  draw(page);
}

function position({ told, model }) {
  const { order, forward } = told;
  const { known } = model;
  if (known >= order.length) return "all computed";
  const pass = known === 0 ? "inputs only" : known <= forward ? "forward" : "backward";
  return `${known} of ${order.length}, ${pass}`;
}

function norms(model) {
  const norm = (id) => Math.sqrt(model.all[gradientOf[id]].reduce((sum, x) => sum + x * x, 0));
  const texts = parameters.filter((id) => Object.hasOwn(gradientOf, id)).map((id) => `${id} ${shown(norm(id))}`);
  return `Gradient norms: ${texts.join(", ")}`;
}

/** The drawings; while it trains not more often than anyone can see. @param {Page} page */
export function draw({ model, trainer, chosen }) {
  if (trainer.busy && performance.now() - drawn < BETWEEN_DRAWINGS) return;
  drawn = performance.now();
  drawCurve(by("curve"), model.losses, chosen.logarithmic);
  drawPredictions(model, { canvas: by("fit"), caption: by("fit-caption"), table: by("table") });
}

/** The controls as the model is. @param {Page} page */
export function settings({ model, chosen }) {
  by("rate").value = String(model.rate);
  by("optimizer").value = model.optimizer;
  by("seed").value = String(chosen.seed);
  by("data").value = model.data.name;
}

/** After something changed: show it, and soon write it into the address. @param {Page} page */
export function changed(page) {
  refresh(page);
  clearTimeout(saving);
  saving = setTimeout(save, UNTIL_SAVED, page);
}

/** The state into the address. @param {Page} page */
export function save({ model, chosen }) {
  try {
    history.replaceState(null, "", `#${fragment(model, { ...chosen, data: model.data.name })}`);
  } catch {
    // a frame without an address of its own
  }
}
