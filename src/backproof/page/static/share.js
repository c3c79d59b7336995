/** The state of the page in the link to it: what the address says is checked before any of it is used. */

import { memory, optimizers, parameters, initial } from "./derivation.js";

const VERSION = 1;
const LONGEST = 200_000;

function encoded(numbers) {
  let text = "";
  for (const byte of new Uint8Array(Float64Array.from(numbers).buffer)) text += String.fromCharCode(byte);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function decoded(text) {
  const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  if (bytes.length % 8) throw new Error("numbers are cut off");
  return new Float64Array(bytes.buffer);
}

/** All numbers of what an optimizer remembers, in order. */
function flat(remembered) {
  return Object.values(remembered).flatMap((of) => Object.values(of).flatMap((array) => [...array]));
}

/**
 * The state as a fragment.
 * @param {import("./model.js").Model} model
 * @param {{ data: string, view: string, seed: number }} page
 * @returns {string}
 */
export function fragment(model, page) {
  const fields = {
    v: VERSION, w: encoded(parameters.flatMap((id) => [...model.one[id]])), m: encoded(flat(model.memory)),
    o: model.optimizer, r: model.rate, t: model.steps, k: model.known, e: model.sample, d: page.data, p: page.view, s: page.seed,
  };
  return new URLSearchParams(fields).toString();
}

/**
 * What a fragment says.
 * @param {string} text without its #
 * @returns {object | null} null where it says nothing
 * @throws {Error} where it says something that cannot be
 */
export function state(text) {
  if (!text.includes("w=")) return null;
  if (text.length > LONGEST) throw new Error("the link is too long");
  const fields = new URLSearchParams(text);
  if (fields.get("v") !== String(VERSION)) throw new Error("the link was made by another version of this page");
  const optimizer = fields.get("o");
  if (!Object.hasOwn(optimizers, optimizer)) throw new Error("the link names an optimizer that this page does not have");
  const numbers = decoded(fields.get("w"));
  const count = parameters.reduce((sum, id) => sum + initial[id].length, 0);
  if (numbers.length !== count) throw new Error("the link belongs to another network");
  let at = 0;
  const taken = (array) => array.set(numbers.subarray(at, (at += array.length)));
  const weights = parameters.map((id) => new Float64Array(initial[id].length));
  weights.forEach(taken);
  const remembered = memory(optimizer);
  const kept = decoded(fields.get("m") ?? "");
  if (kept.length === flat(remembered).length) {
    let next = 0;
    for (const of of Object.values(remembered)) for (const array of Object.values(of)) array.set(kept.subarray(next, (next += array.length)));
  }
  return {
    weights, memory: remembered, optimizer, rate: positive(fields.get("r")), steps: whole(fields.get("t")),
    known: whole(fields.get("k")), sample: whole(fields.get("e")), data: fields.get("d"), view: fields.get("p"),
    seed: whole(fields.get("s")),
  };
}

function positive(text) {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new Error("the link has a learning rate that is none");
  return value;
}

function whole(text) {
  const value = Number(text);
  return Number.isInteger(value) && value >= 0 ? value : 0;
}
