/** The choice of examples: those that come with the page, and tables of one's own. */

import { table, MOST_BYTES } from "./csv.js";
import { dataset } from "./data.js";
import { by, changed, on, say, settings } from "./screen.js";
import { halt } from "./training.js";

const MOST_LISTED = 200;
const OWN = "own";

/** @typedef {import("./screen.js").Page} Page */

/** Examples by name, with a rate that suits them. @param {Page} page @param {string} name */
export function choose(page, name) {
  const { model, chosen, told } = page;
  model.setData({ ...dataset(name, told, chosen.seed), name });
  model.rate = model.suggestedRate();
  settings(page);
  list(page);
}

/** A table that someone pasted or dropped. @param {Page} page @param {string} text */
export function useTable(page, text) {
  const { model, chosen } = page;
  try {
    const data = table(text, model.inputs, model.outputs);
    halt(page);
    model.remember();
    if (chosen.table === null) by("data").append(new Option("your own", OWN));
    chosen.table = text;
    model.sample = 0;
    model.setData({ ...data, name: OWN });
    model.rate = model.suggestedRate();
    settings(page);
    list(page);
    say(`${data.X.length} examples.`, "good");
    changed(page);
  } catch (error) {
    say(`This table cannot be used: ${error.message}.`, "bad");
  }
}

async function useFile(page, file) {
  if (!file) return;
  if (file.size > MOST_BYTES) say(`${file.name} has ${file.size} bytes; the page takes at most ${MOST_BYTES}.`, "bad");
  else useTable(page, await file.text());
}

/** The examples that one can be chosen from. @param {Page} page */
export function list({ model }) {
  const count = model.data.X.length;
  const names = Array.from({ length: Math.min(count, MOST_LISTED) }, (_, s) => new Option(`${s + 1} of ${count}`, s));
  by("sample").replaceChildren(...names);
  by("sample").value = String(Math.min(model.sample, names.length - 1));
  for (const output of document.querySelectorAll(".sample-name")) output.textContent = String(model.sample + 1);
}

/** @param {Page} page */
export function watchExamples(page) {
  const { model, chosen } = page;
  on("data", "change", () => {
    if (by("data").value === OWN) return useTable(page, chosen.table);
    halt(page);
    model.remember();
    model.sample = 0;
    choose(page, by("data").value);
    changed(page);
  });
  on("sample", "change", () => {
    model.sample = Number(by("sample").value);
    model.compute();
    list(page);
    changed(page);
  });
  on("use-csv", "click", () => useTable(page, by("csv").value));
  on("file", "change", () => useFile(page, by("file").files[0]));
  watchDrops(page);
}

function watchDrops(page) {
  const mark = (over) => by("own").classList.toggle("over", over);
  for (const type of ["dragover", "dragenter"]) {
    document.addEventListener(type, (event) => {
      event.preventDefault();
      mark(true);
    });
  }
  document.addEventListener("dragleave", () => mark(false));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(false);
    by("own").open = true;
    useFile(page, event.dataTransfer.files[0]);
  });
}
