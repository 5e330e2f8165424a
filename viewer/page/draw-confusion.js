/**
 * Where it errs: the confusion matrix as a table of buttons, with the share found of each true class and the share right of each predicted one.
 *
 * Right answers are tinted by their share of the row, mistakes by the square root of theirs, so that rare mistakes are still seen;
 * the figures say the same in text. The table is made anew only when the classes change.
 */
import { className, nClasses, swatch } from "./classes.js";
import { byId, html, setAttribute, setHidden, setStyle, setText } from "./dom.js";
import { UNKNOWN, count, percent, plural, shortCount } from "./format.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */

/** More classes than this have no table, only a list of the most frequent mistakes; as many as the worker sends counts of. */
const MOST_CLASSES = 64;
/** More classes than this do not fit into one column of the page. */
const MOST_NARROW = 9;

const table = /** @type {HTMLTableElement} */ (byId("confusion"));
const sections = /** @type {HTMLElement} */ (document.querySelector(".sections"));
const scroller = byId("confusion-scroller");
const mistakes = byId("confusion-mistakes");
const sub = byId("errs-sub");
const worst_line = byId("confusion-worst");

/** @type {{button: HTMLButtonElement, cell: HTMLTableCellElement, n: number}[][]} */
let cells = [];
/** @type {HTMLTableCellElement[]} */
let found = [];
/** @type {HTMLTableCellElement[]} */
let right = [];

/** @param {(true_label: number, predicted: number) => void} open what choosing a cell does */
export function listenConfusion(open) {
  table.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (button) open(Number(button.dataset["true"]), Number(button.dataset["predicted"]));
  });
  // One tab stop for the whole matrix; arrow keys go from cell to cell.
  table.addEventListener("keydown", (event) => {
    const button = event.target instanceof HTMLButtonElement ? event.target : null;
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!button || !step) return;
    const next = cells[Number(button.dataset["true"]) + (step[0] ?? 0)]?.[Number(button.dataset["predicted"]) + (step[1] ?? 0)];
    if (!next) return;
    event.preventDefault();
    button.tabIndex = -1;
    next.button.tabIndex = 0;
    next.button.focus();
  });
}

/** Makes the table for the source's classes; none for more than can be read. */
export function layConfusion() {
  const is_table = nClasses() <= MOST_CLASSES;
  const n = is_table ? nClasses() : 0;
  setHidden(scroller, !is_table);
  setHidden(mistakes, is_table);
  setText(sub, is_table ? "rows: true label, columns: predicted; choose a cell for its readings" : `${count(nClasses())} classes are too many for a table; the most frequent mistakes`);
  const ids = Array.from({ length: n }, (_, class_id) => class_id);
  // A matrix that needs the width of two columns gets the whole row.
  setAttribute(sections, "data-wide", n > MOST_NARROW ? "true" : null);
  const corner = html("td", { class: "corner" });
  const heads = ids.map((id) => html("th", { scope: "col", class: "predicted-name" }, html("span", {}, className(id), swatch(id))));
  const head = html("tr", {}, corner, ...heads, html("th", { scope: "col", class: "predicted-name margin" }, html("span", {}, "found, %")));
  cells = ids.map((row) =>
    ids.map((column) => {
      const button = html("button", { type: "button", "data-true": String(row), "data-predicted": String(column), tabindex: row === 0 && column === 0 ? "0" : "-1" });
      return { button, cell: html("td", row === column ? { class: "hit" } : { class: "miss" }, button), n: -1 };
    }),
  );
  found = ids.map(() => html("td", { class: "margin" }));
  right = ids.map(() => html("td", { class: "margin" }));
  const rows = ids.map((id) =>
    html("tr", {}, html("th", { scope: "row", title: className(id) }, html("span", {}, className(id)), swatch(id)), .../** @type {typeof cells[0]} */ (cells[id]).map(({ cell }) => cell), /** @type {HTMLTableCellElement} */ (found[id])),
  );
  const foot = html("tr", { class: "margin-row" }, html("th", { scope: "row", title: "share of what was labelled so that was labelled right" }, "right, %"), ...right, html("td", { class: "corner" }));
  const caption = html("caption", { class: "visually-hidden" }, "Readings by true label (rows) and predicted label (columns), since the start");
  table.replaceChildren(caption, html("thead", {}, head), html("tbody", {}, ...rows), html("tfoot", {}, foot));
}

/** A mistake in words. @param {import("./snapshot.js").Mistake} mistake @returns {string} */
function mistakeText([true_label, predicted, n]) {
  return `${className(true_label)} taken for ${className(predicted)}, ${plural(n, "time")}`;
}

/** @param {Snapshot} snapshot */
export function drawConfusion(snapshot) {
  const confusion = snapshot.confusion ?? [];
  const n = cells.length;
  setAttribute(table, "data-empty", n === 0 ? "true" : null);
  const column_sums = new Array(n).fill(0);
  cells.forEach((row, true_label) => {
    const counts = confusion[true_label] ?? [];
    const sum = counts.reduce((a, b) => a + b, 0);
    row.forEach((cell, predicted) => {
      const n_cell = counts[predicted] ?? 0;
      column_sums[predicted] += n_cell;
      const share = sum > 0 ? n_cell / sum : 0;
      // Tints in steps of a hundredth: a change too small to see is not written.
      setStyle(cell.cell, "--heat", (true_label === predicted ? share : Math.sqrt(share)).toFixed(2));
      if (cell.n === n_cell) return;
      cell.n = n_cell;
      setText(cell.button, n_cell === 0 ? "" : shortCount(n_cell));
      setAttribute(cell.button, "aria-label", `${shortCount(n_cell)}: true ${className(true_label)}, predicted ${className(predicted)}`);
      setAttribute(cell.button, "title", `${plural(n_cell, "reading")} of true class ${className(true_label)} labelled ${className(predicted)}`);
    });
    setText(/** @type {Element} */ (found[true_label]), sum > 0 ? percent((counts[true_label] ?? 0) / sum, 0) : UNKNOWN);
  });
  right.forEach((cell, predicted) => {
    const hits = cells[predicted]?.[predicted]?.n ?? 0;
    setText(cell, column_sums[predicted] > 0 ? percent(hits / column_sums[predicted], 0) : UNKNOWN);
  });
  const [worst] = snapshot.most_frequent_mistakes;
  if (snapshot.confusion === null) drawMistakes(snapshot.most_frequent_mistakes.map(mistakeText));
  const no_truth = snapshot.labelled > 0 && snapshot.labelled === snapshot.n_without_true_label;
  let line = "";
  if (no_truth) line = "No true labels yet: nothing to compare with.";
  else if (!worst) line = snapshot.labelled > 0 ? "No mistake so far." : "Fills with the first readings that have a true label.";
  else if (snapshot.confusion !== null) line = `Most frequent mistake: ${mistakeText(worst)}.`;
  setText(worst_line, line || "\u00a0");
}

/** The list that stands for a table too large. @param {string[]} texts */
function drawMistakes(texts) {
  while (mistakes.children.length < texts.length) mistakes.append(html("li"));
  while (mistakes.children.length > texts.length) mistakes.lastElementChild?.remove();
  texts.forEach((text, i) => setText(/** @type {Element} */ (mistakes.children[i]), text));
}
