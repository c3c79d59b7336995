/** The equations at work: set once by KaTeX, their numbers patched in place, their quantities linked with the picture. */

import { shown, within } from "./numbers.js";

const MOST = 5;

export class Equations {
  /**
   * @param {HTMLElement} root
   * @param {import("./model.js").Model} model
   * @param {{ over: (reference: object | null) => void, choose: (reference: object) => void }} heard
   */
  constructor(root, model, heard) {
    this.root = root;
    this.model = model;
    this.heard = heard;
    this.set = new Set();
    this.linked = [];
    this.lit = [];
    this.items = new Map();
    this.inSight = new Set();
    this.near = new IntersectionObserver((entries) => this.seen(entries), { rootMargin: "400px" });
    addEventListener("beforeprint", () => this.everything());
    const reference = (event) => this.referenceOf(event.target.closest?.("[data-v]"));
    root.addEventListener("pointerover", (event) => heard.over(reference(event)));
    root.addEventListener("pointerleave", () => heard.over(null));
    root.addEventListener("click", (event) => reference(event) && heard.choose(reference(event)));
  }

  referenceOf(element) {
    if (!element) return null;
    const [id, at] = this.model.told.references[Number(element.dataset.v)];
    return { id, at };
  }

  /** Sets the formulas of a view when it is first looked at. */
  show(view) {
    this.view = view;
    for (const panel of this.root.querySelectorAll("[role=tabpanel]")) panel.hidden = panel.id !== `panel-${view}`;
    const panel = this.root.querySelector(`#panel-${view}`);
    if (!this.set.has(view)) {
      this.set.add(view);
      for (const element of panel.querySelectorAll("[data-tex]")) typeset(element);
      for (const element of panel.querySelectorAll("[data-v]")) this.linked.push(element);
      this.items.set(view, [...panel.querySelectorAll(".equation")].map((element) => this.item(element)));
      document.fonts.ready.then(() => panel.querySelectorAll(".formula").forEach(reachable));
    }
    this.update();
  }

  item(element) {
    const source = this.model.told.sources[element.dataset.key] ?? null;
    const numbers = [...element.querySelectorAll("[data-n]")].map((span) => {
      const [id, at] = this.model.told.references[Number(span.dataset.n)];
      return { text: digits(span), id, at };
    });
    if (source === null) element.classList.add("valueless");
    this.near.observe(element);
    return { element, source, numbers, value: element.querySelector(".value"), quiz: false };
  }

  /** The numbers of the view that is shown, as far as they are known. */
  update() {
    for (const item of this.items.get(this.view) ?? []) {
      const { element, source, numbers, value } = item;
      if (source === null) continue;
      const known = source.known <= this.model.known;
      element.classList.toggle("unknown", !known || item.quiz);
      element.classList.toggle("now", this.model.known > 0 && source.known === this.model.known && this.model.known < this.model.told.order.length);
      if (!this.inSight.has(element)) continue;
      for (const { text, id, at } of numbers) patch(text, within(this.model.one[id][at ?? 0]));
      if (known) this.fill(value, this.model.value(source));
    }
  }

  /** Only what is near the window is kept up to date: patching all would cost more than the training. */
  seen(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.inSight.add(target);
      else this.inSight.delete(target);
    }
    this.update();
    for (const { target, isIntersecting } of entries) if (isIntersecting) reachable(target.querySelector(".formula"));
  }

  everything() {
    for (const { element } of this.items.get(this.view) ?? []) this.inSight.add(element);
    this.update();
  }

  /** A symbol as it is set in the equations, to be shown elsewhere; null where it stands in none. */
  symbol({ id, at }) {
    const found = this.linked.find((element) => {
      const other = this.referenceOf(element);
      return other.id === id && other.at === at;
    });
    if (!found) return null;
    const box = document.createElement("span");
    box.className = "katex";
    box.append(found.cloneNode(true));
    box.firstChild.classList.remove("lit");
    return box;
  }

  fill(box, { entries, rows, columns }) {
    if (rows * columns === 1) {
      if (box.dataset.shape !== "1") {
        box.replaceChildren();
        box.dataset.shape = "1";
      }
      patch(box, shown(entries[0]));
      return;
    }
    const [r, c] = [places(rows), places(columns)];
    if (box.dataset.shape !== `${rows}×${columns}`) {
      box.dataset.shape = `${rows}×${columns}`;
      const matrix = document.createElement("span");
      matrix.className = "matrix";
      matrix.style.gridTemplateColumns = `repeat(${c.length}, auto)`;
      matrix.append(...r.flatMap(() => c.map(() => document.createElement("span"))));
      box.replaceChildren(matrix);
    }
    const cells = box.firstChild.children;
    r.forEach((row, y) =>
      c.forEach((column, x) => {
        const dots = row === null ? "⋮" : "…";
        patch(cells[y * c.length + x], row === null || column === null ? dots : shown(entries[row * columns + column]));
      }),
    );
  }

  /** Every place where a quantity stands. */
  light(reference) {
    for (const element of this.lit) element.classList.remove("lit");
    this.lit = reference === null ? [] : this.linked.filter((element) => this.means(reference, this.referenceOf(element)));
    for (const element of this.lit) element.classList.add("lit");
  }

  means(reference, other) {
    if (reference.id !== other.id) return false;
    return reference.at === null || other.at === null || reference.at === other.at;
  }

  /** Brings the equation that was computed last into view. */
  follow() {
    const now = this.items.get(this.view)?.find(({ element }) => element.classList.contains("now"));
    if (!now) return;
    now.element.classList.remove("fresh");
    void now.element.offsetWidth; // so that the animation starts again
    now.element.classList.add("fresh");
    now.element.scrollIntoView({ block: "center", behavior: calm() ? "instant" : "smooth" });
  }

  /** Brings an equation that is cited into view. */
  point(key, calmly) {
    const element = this.root.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!element) return;
    element.scrollIntoView({ block: "center", behavior: calmly ? "instant" : "smooth" });
    element.classList.remove("fresh");
    void element.offsetWidth;
    element.classList.add("fresh");
  }
}

/** Whether the reader asked for little motion. */
export function calm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Sets one formula; where KaTeX refuses it, the text that stood there stays. */
export function typeset(element) {
  const text = element.textContent;
  const trust = ({ command }) => command === "\\htmlData";
  try {
    katex.render(`\\displaystyle ${element.dataset.tex}`, element, { throwOnError: true, strict: "ignore", trust });
  } catch (error) {
    element.textContent = text || element.dataset.tex;
    console.error(`equation not set: ${error.message}`);
  }
}

/** A box that scrolls can be reached by keyboard. */
function reachable(box) {
  if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
}

/** The digits inside a number's span; beside them stand KaTeX's spaces. */
function digits(span) {
  const [first, ...rest] = [...span.querySelectorAll(".mord")].filter((part) => part.children.length === 0);
  for (const part of rest) part.remove();
  return first ?? span;
}

function patch(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The rows or columns that are shown: of many the first and the last, null for those between. */
function places(count) {
  return count <= MOST + 1 ? [...Array(count).keys()] : [...Array(MOST - 2).keys(), null, count - 1];
}
