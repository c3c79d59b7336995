/** Drawings beside the network: the loss by steps, and what the network makes of inputs. */

import { shown } from "./numbers.js";

const GRID = 44;
const LEFT = 46;
const BELOW = 22;
const CLASSES = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999"];

/** A canvas in the pixels of the screen, with the colours of the page. */
function prepared(canvas) {
  const scale = devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.clearRect(0, 0, width, height);
  const style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  context.font = `12px ${style.fontFamily}`;
  return { context, width, height, ink: colour("ink"), quiet: colour("quiet"), rule: colour("rule"), line: colour("link") };
}

/** Numbers that read well, so many between two others. */
function ticks(low, high, count) {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * power).find((k) => k >= raw);
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high * (1 + 1e-9); k++) found.push(k * step);
  return found;
}

/**
 * The loss by steps.
 * @param {HTMLCanvasElement} canvas
 * @param {[number, number][]} losses
 * @param {boolean} logarithmic
 */
export function drawCurve(canvas, losses, logarithmic) {
  const { context, width, height, quiet, rule, line } = prepared(canvas);
  const points = losses.filter(([, loss]) => Number.isFinite(loss) && (!logarithmic || loss > 0));
  if (points.length === 0 || width < LEFT * 2) return;
  const value = (loss) => (logarithmic ? Math.log10(loss) : loss);
  let [low, high] = points.reduce(([a, b], [, loss]) => [Math.min(a, value(loss)), Math.max(b, value(loss))], [Infinity, -Infinity]);
  if (!logarithmic) low = Math.min(0, low);
  if (high - low < 1e-9) [low, high] = [low - 0.5, high + 0.5];
  const last = Math.max(1, points.at(-1)[0]);
  const first = points[0][0];
  const x = (step) => LEFT + ((step - first) / Math.max(1, last - first)) * (width - LEFT - 8);
  const y = (v) => 8 + ((high - v) / (high - low)) * (height - BELOW - 8);
  context.strokeStyle = rule;
  context.fillStyle = quiet;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const tick of ticks(low, high, 4)) {
    context.beginPath();
    context.moveTo(LEFT, y(tick));
    context.lineTo(width - 8, y(tick));
    context.stroke();
    context.fillText(logarithmic ? shown(10 ** tick) : shown(Number(tick.toPrecision(6))), LEFT - 5, y(tick));
  }
  context.textBaseline = "alphabetic";
  for (const [at, align] of [[first, "left"], [last, "right"]]) {
    context.textAlign = align;
    context.fillText(String(at), x(at), height - 6);
  }
  context.strokeStyle = line;
  context.lineWidth = 2;
  context.beginPath();
  points.forEach(([step, loss], k) => (k ? context.lineTo(x(step), y(value(loss))) : context.moveTo(x(step), y(value(loss)))));
  context.stroke();
}

/** From the least to the largest of one input, with room around them. */
function span(rows, f) {
  const values = rows.map((row) => row[f]);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = Math.max(0.15 * (high - low), high === low ? 1 : 1e-9);
  return [low - room, high + room];
}

/** Predictions over two inputs, as colours, with the examples. */
export function drawBoundary(canvas, model) {
  const { context, width, height, ink } = prepared(canvas);
  const [[left, right], [bottom, top]] = [span(model.data.X, 0), span(model.data.X, 1)];
  const rows = [];
  for (let r = 0; r < GRID; r++) {
    for (let c = 0; c < GRID; c++) {
      rows.push([left + ((c + 0.5) / GRID) * (right - left), top - ((r + 0.5) / GRID) * (top - bottom)]);
    }
  }
  const [w, h] = [width / GRID, height / GRID];
  model.predict(rows).forEach((y, k) => {
    context.fillStyle = colourOf(y);
    context.fillRect((k % GRID) * w, Math.floor(k / GRID) * h, w + 0.6, h + 0.6);
  });
  model.data.X.forEach(([a, b], s) => {
    const at = [((a - left) / (right - left)) * width, ((top - b) / (top - bottom)) * height];
    const label = classOf(model.data.y[s]);
    context.beginPath();
    if (label % 2) context.arc(...at, 4, 0, 7);
    else context.rect(at[0] - 3.5, at[1] - 3.5, 7, 7);
    context.fillStyle = CLASSES[label % CLASSES.length];
    context.fill();
    context.lineWidth = s === model.sample ? 3 : 1;
    context.strokeStyle = s === model.sample ? ink : "#fff";
    context.stroke();
  });
}

function classOf(y) {
  return y.length === 1 ? Number(y[0] > 0.5) : y.indexOf(Math.max(...y));
}

/** Between the colours of the two classes, or that of the likeliest of several. */
function colourOf(y) {
  if (y.length > 1) return `${CLASSES[classOf(y) % CLASSES.length]}77`;
  const t = Math.max(0, Math.min(1, y[0]));
  const mix = (a, b) => Math.round(a + (b - a) * t);
  return `rgb(${mix(0x9c, 0xf7)} ${mix(0xcb, 0xd5)} ${mix(0xe6, 0x9a)})`;
}

/** The prediction over one input, with the examples. */
export function drawFit(canvas, model) {
  const { context, width, height, rule, quiet, line } = prepared(canvas);
  const [left, right] = span(model.data.X, 0);
  const rows = Array.from({ length: 160 }, (_, k) => [left + ((right - left) * k) / 159]);
  const found = model.predict(rows).map(([y]) => y);
  const values = [...found, ...model.data.y.map(([y]) => y)].filter(Number.isFinite);
  let [low, high] = [Math.min(...values), Math.max(...values)];
  [low, high] = [low - 0.08 * (high - low || 1), high + 0.08 * (high - low || 1)];
  const x = (v) => LEFT + ((v - left) / (right - left)) * (width - LEFT - 4);
  const y = (v) => ((high - v) / (high - low)) * (height - 4);
  context.strokeStyle = rule;
  context.fillStyle = quiet;
  context.textAlign = "right";
  for (const tick of ticks(low, high, 4)) {
    context.fillText(shown(Number(tick.toPrecision(6))), LEFT - 5, y(tick) + 4);
    context.beginPath();
    context.moveTo(LEFT, y(tick));
    context.lineTo(width, y(tick));
    context.stroke();
  }
  context.fillStyle = CLASSES[1];
  model.data.X.forEach(([a], s) => context.fillRect(x(a) - 2.5, y(model.data.y[s][0]) - 2.5, 5, 5));
  context.strokeStyle = line;
  context.lineWidth = 2;
  context.beginPath();
  found.forEach((v, k) => (k ? context.lineTo(x(rows[k][0]), y(v)) : context.moveTo(x(rows[k][0]), y(v))));
  context.stroke();
}

/** How often each class is taken for which, as rows of counts; of the examples held out, where there are some. */
export function confusion(model) {
  const { X, y: wanted } = model.data.test ?? model.data;
  const classes = Math.max(2, model.outputs);
  const counts = Array.from({ length: classes }, () => Array(classes).fill(0));
  model.predict(X).forEach((y, s) => counts[classOf(wanted[s])][classOf(y)]++);
  return counts;
}
