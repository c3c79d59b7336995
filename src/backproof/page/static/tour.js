/** The guided tour: the story of one weight, from the forward pass to the update, on the page as it is. */

import { calm } from "./equations.js";

const WIDE = 1024;

/**
 * The stops: what is said, what it is about, and what the page does for it.
 * @param {import("./model.js").Model} model
 */
export function stops(model) {
  const { told } = model;
  const { landmarks } = told;
  const weight = { id: told.layers[0].weights, at: 0 };
  const inputs = `${told.sizes[0]} input${told.sizes[0] === 1 ? "" : "s"}`;
  const equation = (key) => (key ? `[data-key="${key}"]` : "#equations");
  return [
    {
      text: `This is a network of ${inputs} and ${told.sizes.at(-1)} output${told.sizes.at(-1) === 1 ? "" : "s"}. Every line is a weight: blue where it is positive, orange where it is negative, and the wider, the larger. Every circle holds a number.`,
      target: "#picture", act: (page) => page.know(told.order.length),
    },
    {
      text: "First nothing is computed but the inputs. “Next” computes one equation after another, from the inputs to the loss: this is the forward pass. The first one is done now: look at its numbers.",
      target: "#next", view: "summary", act: (page) => page.know(1),
    },
    {
      text: "The forward pass ends in one number, the loss L: how far the prediction is from what is wanted. Training means to make it smaller. So for every weight we ask: how does L change when this weight changes a little?",
      target: equation(landmarks.loss), view: "scalar", act: (page) => page.know(told.forward),
    },
    {
      text: "Take one weight of the first layer, the one with the marked line. L depends on it only along the marked path, so its derivative is a product along that path: the chain rule. Where there are several paths, their products add up.",
      target: equation(landmarks.chain), view: "scalar", act: (page) => page.know(told.order.length), choose: weight,
    },
    {
      text: "The factors that do not depend on the weight's own input come back in every weight that leads to the same node. They get a name of their own: Δ, the error that arrives at the node. It stands above each circle.",
      target: equation(landmarks.delta), view: "scalar",
    },
    {
      text: "Likewise for every other weight: its derivative is the Δ of the node where it ends, times the number at the node where it begins. One pattern for all of them.",
      target: equation(landmarks.likewise), view: "scalar",
    },
    {
      text: "Put in their places, these derivatives form a matrix: the gradient with respect to all weights of the layer.",
      target: equation(landmarks.assembled), view: "scalar",
    },
    {
      text: "And that matrix is a product of two small ones: the inputs of the layer, transposed, times its Δ. This line is all that a program needs.",
      target: equation(landmarks.factored), view: "scalar",
    },
    {
      text: "Now the update: every weight moves a little against its gradient, W ← W − η ∂L/∂W. One step was made just now: compare the loss. Undo takes it back.",
      target: "#steps-1", act: (page) => page.step(1),
    },
    {
      text: "A thousand such steps are training. Press Play or 1000 and watch the loss fall, while every number beside the equations follows. Hover over any letter to see where it comes back; Quiz asks you for a value. That is backpropagation.",
      target: "#play",
    },
  ];
}

export class Tour {
  /**
   * @param {import("./screen.js").Page} page
   * @param {object} may what the stops may do: know, step, view, choose
   */
  constructor({ model }, may) {
    this.page = may;
    this.stops = stops(model);
    this.card = document.getElementById("tour");
    this.at = 0;
    const on = (id, act) => document.getElementById(id).addEventListener("click", act);
    on("tour-next", () => (this.at + 1 < this.stops.length ? this.go(this.at + 1) : this.close()));
    on("tour-back", () => this.go(Math.max(0, this.at - 1)));
    on("tour-close", () => this.close());
    this.card.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
  }

  open() {
    this.opener = document.activeElement;
    this.card.hidden = false;
    this.go(0);
    document.getElementById("tour-next").focus();
  }

  go(at) {
    this.at = at;
    const { text, target, view, act, choose } = this.stops[at];
    if (view) this.page.view(view);
    act?.(this.page);
    this.page.choose(choose ?? null);
    document.getElementById("tour-text").textContent = text;
    document.getElementById("tour-count").textContent = `${at + 1} of ${this.stops.length}`;
    document.getElementById("tour-back").disabled = at === 0;
    document.getElementById("tour-next").textContent = at + 1 < this.stops.length ? "Next" : "Done";
    this.mark(document.querySelector(target));
  }

  mark(element) {
    document.querySelector(".toured")?.classList.remove("toured");
    element?.classList.add("toured");
    const stage = document.getElementById("stage");
    if (!stage.contains(element)) stage.scrollTop = 0;
    const block = innerWidth < WIDE ? "start" : "center"; // below stands the card
    element?.scrollIntoView({ block, behavior: calm() ? "instant" : "smooth" });
  }

  close() {
    this.card.hidden = true;
    this.mark(null);
    this.page.choose(null);
    this.opener?.focus();
  }
}
