/** What is chosen in the picture or in an equation: its value, to be changed where it can be, and its gradient. */

import { shapes, parameters } from "./derivation.js";
import { shown, typed } from "./numbers.js";

export class Inspector {
  /**
   * @param {HTMLElement} box
   * @param {import("./screen.js").Page} page
   * @param {{ before: () => void, after: () => void }} change what is done around a change
   */
  constructor(box, { model, diagram, equations }, change) {
    Object.assign(this, { box, model, diagram, equations, around: change, reference: null });
  }

  /** @param {object | null} reference */
  choose(reference) {
    this.reference = reference;
    this.diagram.path(reference);
    this.box.replaceChildren();
    if (reference === null) {
      this.box.append(paragraph("Choose a weight, an input or a symbol to see where it comes back, and to change its number."));
      return;
    }
    if (reference.at === null) this.whole(reference);
    else this.entry(reference);
  }

  /** A matrix: how large it is. */
  whole({ id }) {
    const shape = (shapes[id] ?? []).join("×");
    const line = paragraph("");
    line.append(this.equations.symbol({ id, at: null }) ?? id, `${shape ? `, ${shape}` : ""}: it is marked wherever it stands.`);
    this.box.append(line);
  }

  entry(reference) {
    const { id, at } = reference;
    const changeable = parameters.includes(id) || id === "X" || id === "y";
    const name = reference.name ?? this.nameOf(reference) ?? `${id}, entry ${at + 1}`;
    const line = document.createElement("div");
    line.className = "row";
    if (changeable) {
      const label = document.createElement("label");
      label.append(this.equations.symbol(reference) ?? name, " = ");
      this.input = document.createElement("input");
      this.input.setAttribute("aria-label", name);
      this.input.id = "entry";
      this.input.inputMode = "decimal";
      this.input.addEventListener("change", () => this.change());
      label.append(this.input);
      line.append(label);
    } else {
      this.input = null;
      this.text = document.createElement("span");
      line.append(this.equations.symbol(reference) ?? name, " = ", this.text);
    }
    this.gradient = document.createElement("span");
    this.gradient.className = "quiet";
    line.append(this.gradient);
    this.box.append(line);
    const paths = this.diagram.paths(reference);
    if (paths) {
      const many = `${paths} paths lead from it to the loss: their products add up.`;
      this.box.append(paragraph(paths === 1 ? "One path leads from it to the loss (marked)." : many));
    }
    this.update();
  }

  nameOf({ id, at }) {
    const { edges, nodes } = this.model.told;
    return [...Object.entries(edges), ...Object.entries(nodes)].find(([, [other, k]]) => other === id && k === at)?.[0];
  }

  change() {
    const value = typed(this.input.value);
    if (Number.isNaN(value)) this.update();
    else {
      this.around.before();
      this.model.setEntry(this.reference.id, this.reference.at, value);
      this.around.after();
    }
  }

  /** The numbers of what is chosen. */
  update() {
    if (this.reference === null || this.reference.at === null || !this.gradient) return;
    const { id, at } = this.reference;
    const value = this.model.one[id]?.[at];
    if (value === undefined) return;
    if (this.input) {
      if (document.activeElement !== this.input) this.input.value = String(Number(value.toPrecision(6)));
    } else this.text.textContent = shown(value);
    const gradient = this.model.gradientOf(id);
    this.gradient.textContent = gradient ? `∂L/∂ of it, for all examples: ${shown(this.model.all[gradient][at])}` : "";
  }
}

function paragraph(text) {
  const element = document.createElement("p");
  element.textContent = text;
  return element;
}
