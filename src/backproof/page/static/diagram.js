/** The picture at work: outputs in the circles, Δ above them, weights as width and colour, the path of the chain rule. */

import { shown } from "./numbers.js";

const SVG = "http://www.w3.org/2000/svg";
const THINNEST = 0.8;
const WIDEST = 7;
const ROOM = 10;

export class Diagram {
  /**
   * @param {SVGElement} svg
   * @param {import("./model.js").Model} model
   * @param {{ over: (reference: object | null) => void, choose: (reference: object) => void }} heard
   */
  constructor(svg, model, heard) {
    this.svg = svg;
    this.model = model;
    svg.removeAttribute("role"); // what is inside can be reached and read
    svg.setAttribute("role", "group");
    const { edges, nodes } = model.told;
    this.edges = this.bound(".bp-edge", "weight", edges, heard);
    this.nodes = this.bound(".bp-node", "name", nodes, heard);
    this.lower(svg);
    for (const node of this.nodes) {
      const [x, y, r] = ["cx", "cy", "r"].map((name) => Number(node.circle.getAttribute(name)));
      node.layer = Number(node.element.dataset.layer);
      node.number = this.text(node.element, x, y + r + 10, "number");
      node.delta = this.text(node.element, x, y - r - 3, "number delta");
    }
  }

  /** Makes room for the numbers under the circles. */
  lower(svg) {
    const { width, height } = svg.viewBox.baseVal;
    svg.setAttribute("viewBox", `0 0 ${width} ${height + ROOM}`);
    svg.setAttribute("height", height + ROOM);
    for (const caption of svg.querySelectorAll(".bp-caption")) {
      const y = Number(caption.querySelector("[y]")?.getAttribute("y"));
      if (y > height / 2) caption.setAttribute("transform", `translate(0 ${ROOM})`);
    }
  }

  bound(selector, key, entries, heard) {
    const found = [];
    for (const element of this.svg.querySelectorAll(selector)) {
      const name = element.dataset[key];
      if (!Object.hasOwn(entries, name)) continue;
      const [id, at] = entries[name];
      const part = { element, name, id, at, title: element.querySelector("title"), circle: element.querySelector("circle") };
      for (const line of element.querySelectorAll("line")) line.style.strokeWidth = "var(--width)";
      element.setAttribute("tabindex", "0");
      element.setAttribute("role", "button");
      element.addEventListener("pointerenter", () => heard.over({ id, at }));
      element.addEventListener("pointerleave", () => heard.over(null));
      element.addEventListener("focus", () => heard.over({ id, at }));
      element.addEventListener("blur", () => heard.over(null));
      element.addEventListener("click", () => heard.choose({ id, at, name }));
      element.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        heard.choose({ id, at, name });
      });
      found.push(part);
    }
    return found;
  }

  text(parent, x, y, css) {
    const text = document.createElementNS(SVG, "text");
    text.setAttribute("class", css);
    text.setAttribute("x", x);
    text.setAttribute("y", y);
    parent.append(text);
    return text;
  }

  /**
   * The numbers of the example that is looked at, as far as they are known.
   * @param {boolean} described whether they are written for listeners too, which costs more than to draw them
   */
  update(described = true) {
    const { model } = this;
    const widest = Math.max(1, ...this.edges.map(({ id, at }) => Math.abs(model.one[id][at])));
    for (const edge of this.edges) {
      const value = model.one[edge.id][edge.at];
      const width = (THINNEST + (WIDEST - THINNEST) * (Math.abs(value) / widest)).toFixed(1);
      const sign = value > 0 ? "positive" : value < 0 ? "negative" : "zero";
      if (edge.width !== width) edge.element.style.setProperty("--width", (edge.width = width));
      if (edge.sign !== sign) {
        edge.element.classList.toggle("positive", value > 0);
        edge.element.classList.toggle("negative", value < 0);
        edge.sign = sign;
      }
      if (described) this.describe(edge, `${edge.name} = ${shown(value)}`);
    }
    for (const node of this.nodes) this.updateNode(node, described);
  }

  updateNode(node, described) {
    const { model } = this;
    const { id, at, layer } = node;
    const value = model.one[id][at];
    const known = model.knownFrom(id) <= model.known;
    node.number.textContent = known ? shown(value) : "";
    const error = layer > 0 ? model.told.layers[layer - 1].delta : null;
    const passed = error !== null && model.knownFrom(error) <= model.known;
    node.delta.textContent = passed ? `Δ ${shown(model.one[error][at])}` : "";
    const opacity = known ? (0.08 + 0.5 * Math.min(1, Math.abs(value))).toFixed(2) : "0";
    if (node.opacity !== opacity) node.circle.style.fillOpacity = node.opacity = opacity;
    if (!described) return;
    const numbers = known ? ` = ${shown(value)}${passed ? `, ${node.delta.textContent}` : ""}` : ", not computed yet";
    this.describe(node, node.name + numbers);
  }

  describe({ element, title }, text) {
    title.textContent = text;
    element.setAttribute("aria-label", text);
  }

  /** What a reference means in the picture. */
  light(reference) {
    for (const { element, id, at } of [...this.edges, ...this.nodes]) {
      element.classList.toggle("lit", reference !== null && this.means(reference, id, at));
    }
  }

  means(reference, id, at) {
    const same = reference.at === null || reference.at === at;
    if (reference.id === id) return same;
    const layer = this.model.told.layers.find(({ delta }) => delta === reference.id);
    return layer !== undefined && layer.output === id && same;
  }

  /** From a weight to the loss: every edge and node that the chain rule passes. */
  path(reference) {
    for (const { element } of [...this.edges, ...this.nodes]) element.classList.remove("path", "chosen");
    if (reference === null) return;
    const layer = this.model.told.layers.findIndex(({ weights, bias }) => [weights, bias].includes(reference.id));
    if (layer < 0) return;
    const target = this.targetOf(reference, layer);
    for (const edge of this.edges) {
      const own = this.model.told.layers.findIndex(({ weights }) => weights === edge.id);
      edge.element.classList.toggle("chosen", edge.id === reference.id && edge.at === reference.at);
      const next = own === layer + 1 && this.sourceOf(edge, own) === target;
      edge.element.classList.toggle("path", next || own > layer + 1);
    }
    for (const node of this.nodes) {
      node.element.classList.toggle("path", (node.layer === layer + 1 && node.at === target) || node.layer > layer + 1);
    }
  }

  /** How many paths lead from a weight to the outputs. */
  paths(reference) {
    const layer = this.model.told.layers.findIndex(({ weights, bias }) => [weights, bias].includes(reference.id));
    return layer < 0 ? 0 : this.model.told.sizes.slice(layer + 2).reduce((product, size) => product * size, 1);
  }

  targetOf({ id, at }, layer) {
    const { sizes, samples, layers } = this.model.told;
    if (id === layers[layer].bias) return at;
    return samples === "rows" ? at % sizes[layer + 1] : Math.floor(at / sizes[layer]);
  }

  sourceOf({ at }, layer) {
    const { sizes, samples } = this.model.told;
    return samples === "rows" ? Math.floor(at / sizes[layer + 1]) : at % sizes[layer];
  }
}
