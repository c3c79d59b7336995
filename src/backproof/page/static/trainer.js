/** The page's side of training: a worker made of the emitted JavaScript, and the news that it sends. */

import { parameters } from "./derivation.js";

export class Trainer {
  /**
   * @param {string} source the worker's script
   * @param {(news: object) => void} onNews
   */
  constructor(source, onNews) {
    this.onNews = onNews;
    this.job = 0;
    this.busy = false;
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    this.worker = new Worker(url);
    this.worker.addEventListener("message", ({ data }) => this.heard(data));
  }

  /**
   * Train from where the model is.
   * @param {import("./model.js").Model} model
   * @param {number} count how many steps; Infinity until it is stopped
   * @param {number} perSecond 0 for as many as it can
   */
  run(model, count, perSecond) {
    this.job++;
    this.busy = true;
    this.from = model.steps;
    this.worker.postMessage({
      type: "run", id: this.job, count, perSecond, sizes: model.sizes, X: model.all.X, y: model.all.y,
      weights: parameters.map((id) => model.one[id]), memory: model.memory, rate: model.rate, optimizer: model.optimizer,
    });
  }

  /** Take the last news and no more. */
  stop() {
    if (this.busy) this.worker.postMessage({ type: "stop" });
  }

  /** What is under way does not count any more. */
  forget() {
    this.stop();
    this.job++;
    this.busy = false;
  }

  heard(news) {
    if (news.id !== this.job) return;
    if (news.finished) this.busy = false;
    this.onNews({ ...news, steps: this.from + news.done, losses: news.losses.map(([k, value]) => [this.from + k, value]) });
  }
}
