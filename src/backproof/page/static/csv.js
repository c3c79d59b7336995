/** Tables that people paste or drop: read as text, checked in words, never run. */

/** More would make the page slow. */
export const MOST_BYTES = 5_000_000;
export const MOST_ROWS = 20_000;
const MOST_COLUMNS = 2_000;

/**
 * The cells of a table; quotes may enclose commas, quotes and line breaks.
 * @param {string} text
 * @returns {string[][]}
 */
export function cells(text) {
  const first = text.slice(0, text.search(/\r|\n|$/));
  const separator = [",", ";", "\t"].reduce((a, b) => (first.split(b).length > first.split(a).length ? b : a));
  const rows = [[]];
  let cell = "";
  let quoted = false;
  const end = () => {
    const row = rows.at(-1);
    if (row.length >= MOST_COLUMNS) throw new Error(`a row has more than ${MOST_COLUMNS} columns; choose the columns first`);
    row.push(cell);
    cell = "";
  };
  for (let k = 0; k < text.length; k++) {
    const c = text[k];
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[k + 1] === '"') cell += text[++k];
      else quoted = false;
    } else if (c === '"' && cell === "") quoted = true;
    else if (c === separator) end();
    else if (c === "\n" || c === "\r") {
      if (c === "\r" && text[k + 1] === "\n") k++;
      end();
      if (rows.length > MOST_ROWS + 1) throw new Error(`more than ${MOST_ROWS} rows; take a part of them`);
      rows.push([]);
    } else cell += c;
  }
  if (quoted) throw new Error('a quotation mark " is opened and never closed');
  end();
  return rows.filter((row) => row.some((text) => text.trim() !== ""));
}

/** A cell as a number, or NaN: no formula is looked at. */
function numeric(text) {
  const trimmed = text.trim();
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(trimmed) ? Number(trimmed) : NaN;
}

/**
 * A table as inputs and targets of a network.
 * @param {string} text
 * @param {number} inputs how many columns come first
 * @param {number} outputs how many targets follow; or one column of classes
 * @returns {{ X: number[][], y: number[][], names: string[], classes: string[] | null }}
 * @throws {Error} what is wrong, in words
 */
export function table(text, inputs, outputs) {
  if (text.length > MOST_BYTES) throw new Error(`${text.length} characters are too many (at most ${MOST_BYTES})`);
  let rows = cells(text);
  if (rows.length === 0) throw new Error("the table is empty");
  const width = rows[0].length;
  const byClass = outputs > 1 && width === inputs + 1;
  if (width !== inputs + outputs && !byClass) {
    throw new Error(`the first row has ${width} columns; this network takes ${inputs} inputs and ${targets(outputs)}`);
  }
  const looksNumeric = (row) => row.slice(0, inputs).every((cell) => !Number.isNaN(numeric(cell)));
  const names = looksNumeric(rows[0]) ? rows[0].map((_, k) => `column ${k + 1}`) : rows.shift();
  if (rows.length === 0) throw new Error("the table has a header, but no rows");
  const labels = byClass ? classesOf(rows, inputs, outputs) : null;
  const X = [];
  const y = [];
  rows.forEach((row, r) => {
    if (row.length !== width) throw new Error(`row ${r + 1} has ${row.length} columns, the first has ${width}`);
    const wanted = byClass ? row.slice(0, inputs) : row;
    const values = wanted.map((cell, c) => {
      const value = numeric(cell);
      if (!Number.isFinite(value)) throw new Error(`row ${r + 1}, column ${c + 1}: ${quoted(cell)} is no finite number`);
      return value;
    });
    X.push(values.slice(0, inputs));
    y.push(byClass ? labels.map((label) => Number(label === row[inputs].trim())) : values.slice(inputs));
  });
  return { X, y, names, classes: labels };
}

function targets(outputs) {
  return outputs === 1 ? "1 target" : `${outputs} targets, or one column with their ${outputs} classes`;
}

function classesOf(rows, inputs, outputs) {
  const found = [...new Set(rows.map((row) => (row[inputs] ?? "").trim()))].sort();
  if (found.length > outputs) throw new Error(`${found.length} classes are more than the ${outputs} outputs of this network`);
  return found;
}

/** A cell in a message, shortened. */
function quoted(cell) {
  return `“${cell.length > 24 ? `${cell.slice(0, 24)}…` : cell}”`;
}
