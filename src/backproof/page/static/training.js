/** The controls of training: steps, play and pause, undo, new weights, rate and optimizer. */

import { typed } from "./numbers.js";
import { by, changed, draw, on, refresh, say, settings } from "./screen.js";

const MOST_LOSSES = 4000;
const FEW = 10;

/** @typedef {import("./screen.js").Page} Page */

/** So many steps; a training that is under way pauses instead. @param {Page} page @param {number} count */
export function train(page, count) {
  const { model, trainer, told } = page;
  if (trainer.busy) return trainer.stop();
  readRate(page);
  model.remember();
  model.known = told.order.length;
  if (count <= FEW) {
    model.train(count);
    changed(page);
    return;
  }
  run(page, count);
}

function run({ model, trainer }, count) {
  trainer.run(model, count, Number.isFinite(count) ? 0 : Number(by("speed").value));
  by("play").textContent = "Pause";
  by("play").setAttribute("aria-pressed", "true");
}

/** Nothing of a training that is under way is taken any more. @param {Page} page */
export function halt({ trainer }) {
  trainer.forget();
  stopped();
}

function stopped() {
  by("play").textContent = "Play";
  by("play").setAttribute("aria-pressed", "false");
}

let drawing = 0;

/** What the worker tells. @param {Page} page */
export function news(page, { weights, memory, steps, losses, finished, done, milliseconds }) {
  const { model } = page;
  model.load(weights, memory);
  model.steps = steps;
  model.losses.push(...losses);
  if (model.losses.length > MOST_LOSSES) model.losses = model.losses.filter((_, k) => k % 2 === 0);
  if (finished) {
    stopped();
    model.compute();
    const speed = Math.round((1000 * done) / milliseconds);
    if (Number.isFinite(model.loss)) say(`${done.toLocaleString("en")} steps, ${speed.toLocaleString("en")} a second.`);
    else say("The loss is not finite any more: undo, and take a smaller rate.", "bad");
    changed(page);
  } else if (!drawing) {
    drawing = requestAnimationFrame(() => {
      drawing = 0;
      model.compute();
      refresh(page);
    });
  }
}

/** One change of all weights, which can be undone. */
function anew(page, act) {
  halt(page);
  page.model.remember();
  act();
  settings(page);
  say("");
  changed(page);
}

function readRate({ model }) {
  const rate = typed(by("rate").value);
  if (rate > 0 && Number.isFinite(rate)) model.rate = rate;
  by("rate").value = String(model.rate);
}

/** @param {Page} page @param {() => void} undone what else follows the model when something is undone */
export function watchTraining(page, undone) {
  const { model, trainer, chosen } = page;
  on("play", "click", () => train(page, Infinity));
  for (const count of [1, 10, 1000]) on(`steps-${count}`, "click", () => train(page, count));
  on("undo", "click", () => {
    halt(page);
    model.undo();
    settings(page);
    undone();
    changed(page);
  });
  on("reset", "click", () => anew(page, () => model.reset()));
  on("draw", "click", () => anew(page, () => model.draw(++chosen.seed)));
  const again = (read) => () => {
    const { busy } = trainer;
    read();
    if (busy) run(page, Infinity);
    else changed(page);
  };
  on("rate", "change", again(() => readRate(page)));
  on("speed", "change", again(() => {}));
  on("optimizer", "change", again(() => model.setOptimizer(by("optimizer").value)));
  on("seed", "change", () => {
    const seed = typed(by("seed").value);
    if (Number.isInteger(seed) && seed >= 0) chosen.seed = seed;
    settings(page);
  });
  on("scale", "click", () => {
    chosen.logarithmic = !chosen.logarithmic;
    by("scale").setAttribute("aria-pressed", String(chosen.logarithmic));
    draw(page);
  });
}
