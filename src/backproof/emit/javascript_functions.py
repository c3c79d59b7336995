"""Functions in JavaScript: those that it has, and the text of those that it lacks."""

from __future__ import annotations

from collections.abc import Mapping

JAVASCRIPT_FUNCTIONS: Mapping[str, str] = {
    "exp": "Math.exp({})",
    "expm1": "Math.expm1({})",
    "log": "Math.log({})",
    "log1p": "Math.log1p({})",
    "tanh": "Math.tanh({})",
    "sin": "Math.sin({})",
    "cos": "Math.cos({})",
    "abs": "Math.abs({})",
    "sign": "Math.sign({})",
    "relu": "Math.max({}, 0)",
    "negative_part": "Math.min({}, 0)",
}
"""The functions that JavaScript has."""

JAVASCRIPT_HELPERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "square": ("const square = (x) => x * x;\n", ()),
    "softmax": (
        """\
/** exp(x) / Σ exp(x) along the rows of an r×c matrix (axis 1) or down its columns (axis 0). */
function softmax(out, x, r, c, axis) {
  const [lines, length, line, next] = axis === 1 ? [r, c, c, 1] : [c, r, 1, c];
  for (let i = 0; i < lines; i++) {
    let largest = -Infinity;
    let sum = 0;
    for (let k = 0; k < length; k++) largest = Math.max(largest, x[i * line + k * next]);
    for (let k = 0; k < length; k++) sum += out[i * line + k * next] = Math.exp(x[i * line + k * next] - largest);
    for (let k = 0; k < length; k++) out[i * line + k * next] /= sum;
  }
}
""",
        (),
    ),
    "logsumexp": (
        """\
/** log Σ exp(x) along the rows of an r×c matrix (axis 1) or down its columns (axis 0). */
function logsumexp(out, x, r, c, axis) {
  const [lines, length, line, next] = axis === 1 ? [r, c, c, 1] : [c, r, 1, c];
  for (let i = 0; i < lines; i++) {
    let largest = -Infinity;
    let sum = 0;
    for (let k = 0; k < length; k++) largest = Math.max(largest, x[i * line + k * next]);
    for (let k = 0; k < length; k++) sum += Math.exp(x[i * line + k * next] - largest);
    out[i] = largest + Math.log(sum);
  }
}
""",
        (),
    ),
    "erf": (
        """\
/** The error function: its series near 0 (Abramowitz & Stegun 7.1.6), 1 - erfc beyond. */
function erf(x) {
  if (Math.abs(x) > 2) return x > 0 ? 1 - erfc(x) : erfc(-x) - 1;
  let term = x;
  let sum = x;
  for (let k = 1; Math.abs(term) > 1e-17 * Math.abs(sum); k++) sum += term *= (2 * x * x) / (2 * k + 1);
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
""",
        ("erfc",),
    ),
    "erfc": (
        """\
/** 1 - erf(x): its continued fraction for large x (Abramowitz & Stegun 7.1.14), 1 - erf near 0. */
function erfc(x) {
  if (x < 1) return x < -2 ? 2 - erfc(-x) : 1 - erf(x);
  let tail = 0;
  for (let k = Math.ceil(10 + 170 / (x * x)); k > 0; k--) tail = k / 2 / (x + tail);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + tail);
}
""",
        ("erf",),
    ),
}
"""Functions that JavaScript lacks, each with the others that it calls; a script has those that it uses."""
