/** The page put together: controls, and what follows from each. */

import { table, MOST_BYTES } from "./csv.js";
import { dataset, fitting } from "./data.js";
import { gradientOf, parameters } from "./derivation.js";
import { Diagram } from "./diagram.js";
import { Equations, typeset } from "./equations.js";
import { Inspector } from "./inspector.js";
import { Model } from "./model.js";
import { shown, typed } from "./numbers.js";
import { drawCurve } from "./plots.js";
import { drawPredictions } from "./predictions.js";
import { Quiz } from "./quiz.js";
import { copied, download, png, standalone } from "./saving.js";
import { fragment, state } from "./share.js";
import { Tour } from "./tour.js";
import { Trainer } from "./trainer.js";

const MOST_EXAMPLES_LISTED = 200;
const MOST_LOSSES = 4000;
const BETWEEN_DRAWINGS = 100;

const told = JSON.parse(document.getElementById("told").textContent);
const by = (id) => document.getElementById(id);
const model = new Model(told);
const page = { data: "", view: "scalar", seed: told.seed, own: null, logarithmic: false };

// --- what is shown ------------------------------------------------------------------------------------------------

let lit = null;
let drawn = 0;

function over(reference) {
  if (lit === reference) return;
  lit = reference;
  diagram.light(reference);
  equations.light(reference);
}

function choose(reference) {
  inspector.choose(reference);
  over(reference);
}

const heard = { over, choose };
const diagram = new Diagram(document.querySelector("#picture svg"), model, heard);
const equations = new Equations(by("equations"), model, heard);
const inspector = new Inspector(by("inspector"), model, diagram, equations, changed);
const quiz = new Quiz(equations, model);
const trainer = new Trainer(told.worker, news);

/** All that depends on the numbers. */
function refresh() {
  diagram.update(!trainer.busy);
  equations.update();
  inspector.update();
  by("loss").textContent = shown(model.loss);
  by("steps").textContent = String(model.steps);
  by("undo").disabled = model.past.length === 0;
  by("position").textContent = position();
  by("norms").textContent = norms();
  draw();
}

function position() {
  const { order, forward } = told;
  const { known } = model;
  if (known >= order.length) return "all computed";
  const pass = known === 0 ? "inputs only" : known <= forward ? "forward" : "backward";
  return `${known} of ${order.length}, ${pass}`;
}

function norms() {
  const norm = (id) => Math.sqrt(model.all[gradientOf[id]].reduce((sum, x) => sum + x * x, 0));
  return `Gradient norms: ${parameters.filter((id) => id in gradientOf).map((id) => `${id} ${shown(norm(id))}`).join(", ")}`;
}

/** The drawings; while it trains not more often than anyone can see. */
function draw() {
  if (trainer.busy && performance.now() - drawn < BETWEEN_DRAWINGS) return;
  drawn = performance.now();
  drawCurve(by("curve"), model.losses, page.logarithmic);
  drawPredictions(model, { canvas: by("fit"), caption: by("fit-caption"), table: by("table") });
}

function say(text, kind = "") {
  by("message").textContent = text;
  by("message").className = kind;
}

// --- the address --------------------------------------------------------------------------------------------------

let saving = 0;

/** After something changed: show it, and soon write it into the address. */
function changed() {
  refresh();
  clearTimeout(saving);
  saving = setTimeout(save, 250);
}

function save() {
  try {
    history.replaceState(null, "", `#${fragment(model, page)}`);
  } catch {
    // a frame without an address of its own
  }
}

function load() {
  try {
    const found = state(location.hash.slice(1));
    if (found === null) return false;
    const data = fitting(model.inputs, model.outputs).some(([name]) => name === found.data) ? found.data : page.data;
    page.seed = found.seed;
    chooseData(data);
    if (found.data === "own") say("The link holds the weights, but not the table that they were trained on: add it again.");
    model.restore({ ...found, losses: [], data: model.data, sample: Math.min(found.sample, model.data.X.length - 1) });
    model.known = Math.min(found.known, told.order.length);
    if (document.getElementById(`tab-${found.view}`)) view(found.view);
    model.compute();
    return true;
  } catch (error) {
    say(`The link cannot be used: ${error.message}. The page begins anew.`, "bad");
    return false;
  }
}

// --- data ---------------------------------------------------------------------------------------------------------

function chooseData(name) {
  page.data = name;
  model.setData(dataset(name, model.inputs, model.outputs, page.seed));
  model.rate = model.suggestedRate();
  settings();
  examples();
}

function useTable(text) {
  try {
    const data = table(text, model.inputs, model.outputs);
    trainer.forget();
    stopped();
    model.remember();
    if (page.own === null) by("data").append(new Option("your own", "own"));
    page.own = text;
    page.data = "own";
    model.sample = 0;
    model.setData(data);
    model.rate = model.suggestedRate();
    settings();
    examples();
    say(`${data.X.length} examples.`, "good");
    changed();
    return true;
  } catch (error) {
    say(`This table cannot be used: ${error.message}.`, "bad");
    return false;
  }
}

async function useFile(file) {
  if (!file) return;
  if (file.size > MOST_BYTES) return say(`${file.name} has ${file.size} bytes; the page takes at most ${MOST_BYTES}.`, "bad");
  useTable(await file.text());
}

function examples() {
  const count = Math.min(model.data.X.length, MOST_EXAMPLES_LISTED);
  by("sample").replaceChildren(...Array.from({ length: count }, (_, s) => new Option(`${s + 1} of ${model.data.X.length}`, s)));
  by("sample").value = String(Math.min(model.sample, count - 1));
  for (const output of document.querySelectorAll(".sample-name")) output.textContent = String(model.sample + 1);
}

// --- training -----------------------------------------------------------------------------------------------------

function train(count) {
  if (trainer.busy) return pause();
  readSettings();
  model.remember();
  model.known = told.order.length;
  if (count <= 10) {
    model.train(count);
    changed();
    return;
  }
  trainer.run(model, count, Number.isFinite(count) ? 0 : Number(by("speed").value));
  by("play").textContent = "Pause";
  by("play").setAttribute("aria-pressed", "true");
}

function pause() {
  trainer.stop();
}

function stopped() {
  by("play").textContent = "Play";
  by("play").setAttribute("aria-pressed", "false");
}

let drawing = 0;

function news({ weights, memory, steps, losses, finished, done, milliseconds }) {
  model.load(weights, memory);
  model.steps = steps;
  model.losses.push(...losses);
  if (model.losses.length > MOST_LOSSES) model.losses = model.losses.filter((_, k) => k % 2 === 0 || k > MOST_LOSSES - 50);
  if (finished) {
    stopped();
    model.compute();
    const speed = Math.round((1000 * done) / milliseconds);
    say(Number.isFinite(model.loss) ? `${done.toLocaleString("en")} steps, ${speed.toLocaleString("en")} a second.` : "The loss is not finite any more: undo, and take a smaller rate.", Number.isFinite(model.loss) ? "" : "bad");
    changed();
    return;
  }
  if (drawing) return;
  drawing = requestAnimationFrame(() => {
    drawing = 0;
    model.compute();
    refresh();
  });
}

/** Nothing of a training that is under way is taken any more. */
function halt() {
  trainer.forget();
  stopped();
}

function readSettings() {
  const rate = typed(by("rate").value);
  if (rate > 0 && Number.isFinite(rate)) model.rate = rate;
  by("rate").value = String(model.rate);
}

// --- stepping -----------------------------------------------------------------------------------------------------

function know(count) {
  if (trainer.busy) halt();
  model.known = Math.max(0, Math.min(told.order.length, count));
  changed();
}

function next() {
  if (model.known >= told.order.length) {
    model.remember();
    model.train(1);
    model.known = 0;
    say("The weights moved: forward again with the new ones.");
    changed();
    return;
  }
  know(model.known + 1);
  if (model.known === told.order.length) say("All gradients are there. Next updates the weights.");
  else say("");
  equations.follow();
}

function view(name) {
  page.view = name;
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const chosen = tab.dataset.view === name;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
  }
  equations.show(name);
}

function step(count) {
  halt();
  model.remember();
  model.train(count);
  changed();
}

// --- controls -----------------------------------------------------------------------------------------------------

function on(id, type, act) {
  by(id).addEventListener(type, act);
}

function watchControls() {
  on("next", "click", next);
  on("previous", "click", () => know(model.known - 1));
  on("first", "click", () => know(0));
  on("last", "click", () => know(told.order.length));
  on("play", "click", () => train(Infinity));
  for (const count of [1, 10, 1000]) on(`steps-${count}`, "click", () => train(count));
  on("undo", "click", () => {
    halt();
    model.undo();
    settings();
    examples();
    changed();
  });
  on("reset", "click", () => anew(() => model.reset()));
  on("draw", "click", () => anew(() => model.draw(++page.seed)));
  on("rate", "change", () => {
    readSettings();
    changed();
  });
  on("optimizer", "change", () => {
    halt();
    model.setOptimizer(by("optimizer").value);
    changed();
  });
  on("seed", "change", () => {
    const seed = typed(by("seed").value);
    if (Number.isInteger(seed) && seed >= 0) page.seed = seed;
    settings();
  });
  on("scale", "click", () => {
    page.logarithmic = !page.logarithmic;
    by("scale").setAttribute("aria-pressed", String(page.logarithmic));
    draw();
  });
}

function anew(act) {
  halt();
  model.remember();
  act();
  settings();
  say("");
  changed();
}

function watchData() {
  on("data", "change", () => {
    if (by("data").value === "own") return void useTable(page.own);
    halt();
    model.remember();
    model.sample = 0;
    chooseData(by("data").value);
    changed();
  });
  on("sample", "change", () => {
    model.sample = Number(by("sample").value);
    model.compute();
    examples();
    changed();
  });
  on("use-csv", "click", () => useTable(by("csv").value));
  on("file", "change", () => useFile(by("file").files[0]));
  for (const type of ["dragover", "dragenter"]) {
    document.addEventListener(type, (event) => {
      event.preventDefault();
      by("own").classList.add("over");
    });
  }
  document.addEventListener("dragleave", () => by("own").classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    by("own").classList.remove("over");
    by("own").open = true;
    useFile(event.dataTransfer.files[0]);
  });
}

function watchPage() {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  tabs.forEach((tab, k) => {
    tab.addEventListener("click", () => {
      view(tab.dataset.view);
      changed();
    });
    tab.addEventListener("keydown", ({ key }) => {
      const move = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (!move) return;
      const other = tabs[(k + move + tabs.length) % tabs.length];
      other.focus();
      other.click();
    });
  });
  on("quiz", "click", () => {
    view("scalar");
    const asked = quiz.toggle();
    by("quiz").setAttribute("aria-pressed", String(asked));
    if (!quiz.on && !asked) equations.update();
  });
  on("link", "click", async () => {
    save();
    say((await copied(location.href)) ? "The link is on the clipboard." : "The browser does not let the page copy; take the link from the address.");
  });
  const svg = document.querySelector("#picture svg");
  on("save-svg", "click", () => download(`${told.specification}.svg`, new Blob([standalone(svg)], { type: "image/svg+xml" })));
  on("save-png", "click", () => png(svg).then((blob) => download(`${told.specification}.png`, blob), (error) => say(error.message, "bad")));
  for (const [id, name] of [["save-python", "train.py"], ["save-javascript", "derivation.mjs"]]) {
    on(id, "click", () => download(name, new Blob([told.scripts[name]], { type: "text/plain" })));
  }
  on("print", "click", () => print());
  by("equations").addEventListener("click", async ({ target }) => {
    if (!target.matches(".copy")) return;
    const worked = await copied(target.dataset.latex);
    target.textContent = worked ? "copied" : "no";
    setTimeout(() => (target.textContent = "TeX"), 1200);
  });
  addEventListener("resize", draw);
  addEventListener("hashchange", () => load() && (settings(), examples(), refresh()));
}

/** The controls as the model is. */
function settings() {
  by("rate").value = String(model.rate);
  by("optimizer").value = model.optimizer;
  by("seed").value = String(page.seed);
  by("data").value = page.data;
}

function begin() {
  for (const element of document.querySelectorAll("p [data-tex], h3 [data-tex], h4 [data-tex], h5 [data-tex], dt [data-tex], .subtitle [data-tex], dd [data-tex]")) typeset(element);
  const sets = fitting(model.inputs, model.outputs);
  by("data").append(...sets.map(([name, title]) => new Option(title, name)));
  by("optimizer").append(...told.optimizers.map((name) => new Option(name, name)));
  by("columns").textContent = `${model.inputs} input${model.inputs === 1 ? "" : "s"}, then ${model.outputs === 1 ? "the target" : `${model.outputs} targets or one class`} in each row.`;
  chooseData(sets[0][0]);
  choose(null);
  view("scalar");
  const restored = load();
  if (!restored && told.table !== null) useTable(told.table);
  settings();
  examples();
  watchControls();
  watchData();
  watchPage();
  const tour = new Tour({ know, step, view, choose }, model);
  on("tour-start", "click", () => tour.open());
  refresh();
  document.documentElement.dataset.ready = "yes";
}

begin();
