/** The buttons for what can be taken away: a link, pictures, scripts, paper, the LaTeX of an equation. */

import { copied, download, png, standalone } from "./saving.js";
import { on, save, say } from "./screen.js";

const SHORT = 1200;

/** @param {import("./screen.js").Page} page */
export function watchTaking(page) {
  const { told } = page;
  const svg = document.querySelector("#picture svg");
  const name = told.specification;
  on("link", "click", async () => {
    save(page);
    const worked = await copied(location.href);
    say(worked ? "The link is on the clipboard." : "The browser does not let the page copy: take the link from the address.");
  });
  on("save-svg", "click", () => download(`${name}.svg`, new Blob([standalone(svg)], { type: "image/svg+xml" })));
  on("save-png", "click", async () => {
    try {
      download(`${name}.png`, await png(svg));
    } catch (error) {
      say(`${error.message}.`, "bad");
    }
  });
  for (const [id, file] of [["save-python", "train.py"], ["save-javascript", "derivation.mjs"]]) {
    on(id, "click", () => download(file, new Blob([told.scripts[file]], { type: "text/plain" })));
  }
  on("print", "click", () => print());
  on("equations", "click", async ({ target }) => {
    if (!target.matches(".copy")) return;
    target.textContent = (await copied(target.dataset.latex)) ? "copied" : "no";
    setTimeout(() => (target.textContent = "TeX"), SHORT);
  });
}
