/** Following the equations: one after another, forward and backward, and the ways to read them. */

import { calm } from "./equations.js";
import { changed, on, say } from "./screen.js";
import { halt } from "./training.js";

/** @typedef {import("./screen.js").Page} Page */

/** So many equations are computed, and the others not yet. @param {Page} page @param {number} count */
export function know(page, count) {
  const { model, trainer, told } = page;
  if (trainer.busy) halt(page);
  model.known = Math.max(0, Math.min(told.order.length, count));
  changed(page);
}

/** The next equation; after the last the update. @param {Page} page */
function next(page) {
  const { model, told } = page;
  if (model.known >= told.order.length) {
    step(page, 1);
    know(page, 0);
    say("The weights moved: forward again with the new ones.");
    return;
  }
  know(page, model.known + 1);
  say(model.known === told.order.length ? "All gradients are there. Next updates the weights." : "");
  page.equations.follow();
}

/** Whole steps of training, here and now. @param {Page} page @param {number} count */
export function step(page, count) {
  halt(page);
  page.model.remember();
  page.model.train(count);
  changed(page);
}

/** One of the ways to read the equations. @param {Page} page @param {string} name */
export function view(page, name) {
  page.chosen.view = name;
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const chosen = tab.dataset.view === name;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
  }
  page.equations.show(name);
}

/** @param {Page} page */
export function watchFollowing(page) {
  const { model, told } = page;
  on("next", "click", () => next(page));
  on("previous", "click", () => know(page, model.known - 1));
  on("first", "click", () => know(page, 0));
  on("last", "click", () => know(page, told.order.length));
  const tabs = [...document.querySelectorAll("[role=tab]")];
  tabs.forEach((tab, k) => {
    tab.addEventListener("click", () => {
      view(page, tab.dataset.view);
      changed(page);
    });
    tab.addEventListener("keydown", ({ key }) => {
      const move = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (!move) return;
      const other = tabs[(k + move + tabs.length) % tabs.length];
      other.focus();
      other.click();
    });
  });
  on("equations", "click", (event) => {
    const link = event.target.closest("a.ref");
    if (!link) return;
    event.preventDefault(); // the address is for the state
    const key = `${page.chosen.view}-${link.getAttribute("href").replace("#eq-", "")}`;
    page.equations.point(key, calm());
  });
}
