/** Numbers as texts: four significant digits, a real minus sign, powers of ten where they are needed. */

const DIGITS = 4;

/**
 * The number for people.
 * @param {number} x
 * @returns {string}
 */
export function shown(x) {
  if (Number.isNaN(x)) return "NaN";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  if (x === 0) return "0";
  const size = Math.abs(x);
  const text = size < 1e-4 || size >= 1e6 ? x.toExponential(DIGITS - 2) : plain(x, size);
  return text.replace("e+", "e").replaceAll("-", "−");
}

/** Decimals for so many significant digits; a whole number stays one. */
function plain(x, size) {
  if (Number.isInteger(x)) return String(x);
  const decimals = Math.max(0, DIGITS - 1 - Math.floor(Math.log10(size)));
  return x.toFixed(Math.min(decimals, 7));
}

/**
 * A number that stands inside a formula: a negative one in parentheses.
 * @param {number} x
 * @returns {string}
 */
export function within(x) {
  return x < 0 ? `(${shown(x)})` : shown(x);
}

/**
 * What someone typed as a number; a comma and a typographic minus are understood.
 * @param {string} text
 * @returns {number} NaN where it is none
 */
export function typed(text) {
  const cleaned = text.trim().replace(/[−–]/, "-").replace(/^([-+]?\d*),(\d+)$/, "$1.$2");
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(cleaned) ? Number(cleaned) : NaN;
}

/**
 * Random numbers from 0 to below 1 that a seed determines (mulberry32).
 * @param {number} seed
 * @returns {() => number}
 */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
