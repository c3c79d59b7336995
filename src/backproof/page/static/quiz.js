/** The quiz: an equation without its value; what someone answers is compared, and a wrong answer is told why. */

import { shown, typed } from "./numbers.js";

const CLOSE = 0.01;

/** Whether two numbers agree as far as four digits tell. */
function agree(a, b) {
  return Math.abs(a - b) <= CLOSE * Math.max(Math.abs(a), Math.abs(b)) + 1e-9 || shown(a) === shown(b);
}

/**
 * What is wrong with an answer.
 * @param {number} answer
 * @param {number} right
 * @param {{ value: number, text: string }[]} slips what well-known mistakes give
 * @returns {string} empty where nothing is
 */
export function diagnosis(answer, right, slips) {
  if (Number.isNaN(answer)) return "That is no number.";
  if (agree(answer, right)) return "";
  const slip = slips.find(({ value }) => agree(answer, value));
  if (slip) return slip.text;
  if (agree(answer, -right)) return "The size is right, the sign is not.";
  const negative = slips.find(({ value }) => agree(answer, -value));
  if (negative) return `${negative.text} And the sign is wrong.`;
  if (right !== 0 && agree(answer, 1 / right)) return "That is one divided by it.";
  if (right !== 0 && (agree(answer, 2 * right) || agree(answer, right / 2))) return "That is off by a factor of 2.";
  return "No known slip gives that number: put the numbers in once more, factor by factor.";
}

export class Quiz {
  /**
   * @param {import("./equations.js").Equations} equations
   * @param {import("./model.js").Model} model
   */
  constructor(equations, model) {
    this.equations = equations;
    this.model = model;
    this.on = false;
    this.count = 0;
  }

  /** Begins or ends; each time with another equation. */
  toggle() {
    if (this.on) return this.end();
    const asked = (this.equations.items.get("scalar") ?? []).filter(({ numbers, source }) => numbers.length > 1 && source);
    const known = asked.filter(({ source }) => source.known <= this.model.known);
    if (known.length === 0) return false;
    const telling = known.filter(({ element }) => element.dataset.key in this.model.told.slips);
    const chosen = telling.length ? telling : known;
    this.on = true;
    this.ask(chosen[(this.count++ * 7) % chosen.length]);
    return true;
  }

  end() {
    this.on = false;
    if (this.item) {
      this.item.quiz = false;
      this.box.remove();
    }
    this.equations.update();
    return false;
  }

  ask(item) {
    this.item = item;
    item.quiz = true;
    this.equations.update();
    this.box = document.createElement("form");
    this.box.className = "answer";
    const label = document.createElement("label");
    label.textContent = "Its value? ";
    const input = document.createElement("input");
    input.inputMode = "decimal";
    input.autocomplete = "off";
    label.append(input);
    const check = document.createElement("button");
    check.textContent = "Check";
    const solve = document.createElement("button");
    solve.type = "button";
    solve.textContent = "Show";
    this.verdict = document.createElement("span");
    this.verdict.setAttribute("role", "status");
    this.box.append(label, check, solve, this.verdict);
    this.hints();
    item.element.append(this.box);
    this.box.addEventListener("submit", (event) => {
      event.preventDefault();
      this.answer(typed(input.value));
    });
    solve.addEventListener("click", () => this.reveal());
    item.element.scrollIntoView({ block: "center" });
    input.focus({ preventScroll: true });
  }

  /** The numbers that are to be put in. */
  hints() {
    const list = document.createElement("span");
    list.className = "quiet";
    const given = new Map(this.item.numbers.map(({ id, at }) => [`${id} ${at}`, { id, at }]));
    for (const reference of given.values()) {
      const { id, at } = reference;
      list.append(this.equations.symbol(reference) ?? this.equations.symbol({ id, at: null }) ?? id);
      list.append(` = ${shown(this.model.one[id][at ?? 0])}   `);
    }
    this.box.append(list);
  }

  answer(value) {
    const { source, element } = this.item;
    const right = this.model.value(source).entries[0];
    const slips = (this.model.told.slips[element.dataset.key] ?? []).map(({ fn, text }) => ({
      value: this.model.value({ ...source, id: null, at: null, fn, shape: [] }).entries[0],
      text,
    }));
    const wrong = diagnosis(value, right, slips);
    this.verdict.className = `verdict ${wrong ? "bad" : "good"}`;
    this.verdict.textContent = wrong || `Right: ${shown(right)}.`;
    if (!wrong) this.reveal();
  }

  reveal() {
    this.item.quiz = false;
    this.equations.update();
  }
}
