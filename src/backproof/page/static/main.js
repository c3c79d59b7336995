/** The page put together: its parts, the state that the address brings, and what is shown first. */

import { fitting } from "./data.js";
import { Diagram } from "./diagram.js";
import { Equations, typeset } from "./equations.js";
import { choose, list, useTable, watchExamples } from "./examples.js";
import { know, step, view, watchFollowing } from "./following.js";
import { Inspector } from "./inspector.js";
import { Model } from "./model.js";
import { Quiz } from "./quiz.js";
import { by, changed, draw, on, refresh, say, settings } from "./screen.js";
import { state } from "./share.js";
import { watchTaking } from "./taking.js";
import { Tour } from "./tour.js";
import { Trainer } from "./trainer.js";
import { halt, news, watchTraining } from "./training.js";

const PROSE = "p [data-tex], :is(h2, h3, h4, h5, h6) [data-tex], dt [data-tex], dd [data-tex]";

/** The parts of the page, which know of each other through it. @returns {import("./screen.js").Page} */
function assembled() {
  const told = JSON.parse(by("told").textContent);
  const model = new Model(told);
  const page = { told, model, chosen: { view: "scalar", seed: told.seed, table: null, logarithmic: false } };
  let lit = null;
  page.over = (reference) => {
    if (lit === reference) return;
    lit = reference;
    page.diagram.light(reference);
    page.equations.light(reference);
  };
  page.choose = (reference) => {
    page.inspector.choose(reference);
    page.over(reference);
  };
  const heard = { over: page.over, choose: page.choose };
  page.diagram = new Diagram(document.querySelector("#picture svg"), model, heard);
  page.equations = new Equations(by("equations"), model, heard);
  page.inspector = new Inspector(by("inspector"), page, { before: () => halt(page), after: () => changed(page) });
  page.quiz = new Quiz(page.equations, model);
  page.trainer = new Trainer(told.worker, (told) => news(page, told));
  return page;
}

/** The state that the address brings; whether it brings one. */
function restored(page) {
  const { model, told, chosen } = page;
  try {
    const found = state(location.hash.slice(1));
    if (found === null) return false;
    halt(page);
    chosen.seed = found.seed;
    const known = fitting(told).some(([name]) => name === found.data);
    choose(page, known ? found.data : model.data.name);
    if (!known) say("The link holds the weights, but not the table that they were trained on: add it again.");
    const sample = Math.min(found.sample, model.data.X.length - 1);
    const from = Math.min(found.known, told.order.length);
    model.restore({ ...found, losses: [], data: model.data, sample, known: from });
    if (by(`tab-${found.view}`)) view(page, found.view);
    return true;
  } catch (error) {
    say(`The link cannot be used: ${error.message}. The page begins anew.`, "bad");
    return false;
  }
}

/** What the lists and labels say of this network. */
function fillIn({ told }) {
  for (const element of document.querySelectorAll(PROSE)) typeset(element);
  by("data").append(...fitting(told).map(([name, title]) => new Option(title, name)));
  by("optimizer").append(...told.optimizers.map((name) => new Option(name, name)));
  const [inputs, outputs] = [told.sizes[0], told.sizes.at(-1)];
  const targets = outputs === 1 ? "the target" : `${outputs} targets or one class`;
  by("columns").textContent = `${inputs} input${inputs === 1 ? "" : "s"}, then ${targets} in each row.`;
}

function watchRest(page) {
  on("quiz", "click", () => {
    view(page, "scalar");
    by("quiz").setAttribute("aria-pressed", String(page.quiz.toggle()));
  });
  addEventListener("resize", () => draw(page));
  addEventListener("hashchange", () => {
    if (!restored(page)) return;
    settings(page);
    list(page);
    refresh(page);
  });
  const tour = new Tour(page, {
    know: (count) => know(page, count), step: (count) => step(page, count), view: (name) => view(page, name),
    choose: page.choose,
  });
  on("tour-start", "click", () => tour.open());
}

function begin() {
  const page = assembled();
  fillIn(page);
  choose(page, fitting(page.told)[0][0]);
  view(page, "scalar");
  page.choose(null);
  if (!restored(page) && page.told.table !== null) useTable(page, page.told.table);
  settings(page);
  list(page);
  watchTraining(page, () => list(page));
  watchFollowing(page);
  watchExamples(page);
  watchTaking(page);
  watchRest(page);
  refresh(page);
  document.documentElement.dataset.ready = "yes";
}

begin();
