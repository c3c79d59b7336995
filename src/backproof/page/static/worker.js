/** Training beside the page: steps in slices of a few milliseconds, between which it listens. */

import { forward, loss, parameters, quantities, trainStep } from "./derivation.js";

const SLICE = 12;
const MOST_TOLD = 40;

let running = null;

/** @param {{ data: object }} event what the page wants: to run so many steps, or to stop */
function heard({ data }) {
  if (data.type === "stop") {
    if (running) tell(running, true);
    running = null;
    return;
  }
  const { sizes, X, y, weights } = data;
  const q = quantities(sizes);
  q.X.set(X);
  q.y.set(y);
  parameters.forEach((id, k) => q[id].set(weights[k]));
  running = { ...data, q, done: 0, losses: [], began: performance.now() };
  slice(running);
}

/** Some steps, then the news; the next slice comes when messages were heard. */
function slice(job) {
  if (job !== running) return;
  const end = performance.now() + SLICE;
  const due = job.perSecond ? Math.floor(((performance.now() - job.began) * job.perSecond) / 1000) + 1 : Infinity;
  const last = Math.min(job.count, due);
  while (job.done < last && performance.now() < end) step(job);
  const finished = job.done >= job.count;
  tell(job, finished);
  if (finished) running = null;
  else setTimeout(slice, job.perSecond ? Math.min(200, 1000 / job.perSecond) : 0, job);
}

function step(job) {
  const { q, sizes, memory, rate, optimizer } = job;
  for (let k = 0; k < 16 && job.done < job.count; k++) {
    const before = trainStep(q, memory, rate, sizes, optimizer);
    if (job.losses.length < MOST_TOLD && job.done > 0) job.losses.push([job.done, before]);
    job.done++;
    if (job.perSecond) break;
  }
}

function tell(job, finished) {
  const { q, sizes, memory, id, done } = job;
  forward(q, sizes);
  job.losses.push([done, q[loss][0]]);
  const weights = parameters.map((name) => q[name]);
  postMessage({ id, finished, done, weights, memory, losses: job.losses, milliseconds: performance.now() - job.began });
  job.losses = [];
}

addEventListener("message", heard);
