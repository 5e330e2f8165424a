/**
 * One click deeper: a reading's neighbours, or the newest readings of one cell of the confusion matrix. One dialog for both.
 */
import { className, swatch } from "./classes.js";
import { byId, html, setText } from "./dom.js";
import { count, duration, measurement, plural } from "./format.js";
import { votesText } from "./draw-now.js";
import { truthOf, votesOf } from "./draw-readings.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./snapshot.js").LabelledReading} LabelledReading */
/** @typedef {import("./snapshot.js").NeighboursAnswer} NeighboursAnswer */
/** @typedef {import("./snapshot.js").CellAnswer} CellAnswer */

const dialog = /** @type {HTMLDialogElement} */ (byId("detail-dialog"));
const heading = byId("detail-heading");
const body = byId("detail-body");

/** What the dialog waits for: an answer to an older question is dropped. */
let awaited = "";

/** @param {string} title @param {string} key @param {...Node} children */
function open(title, key, ...children) {
  awaited = key;
  setText(heading, title);
  body.replaceChildren(...children);
  if (!dialog.open) dialog.showModal();
}

/** @param {string} text @param {string} [tone] @returns {HTMLElement} */
function line(text, tone = "quiet") {
  return html("p", { class: "line", "data-tone": tone }, text);
}

/** @param {number} class_id @returns {HTMLElement} */
function classCell(class_id) {
  return html("td", {}, swatch(class_id), className(class_id));
}

/** @param {string[]} columns @param {HTMLTableRowElement[]} rows @returns {HTMLElement} */
function list(columns, rows) {
  const head = html("tr", {}, ...columns.map((name, i) => html("th", { scope: "col", class: rows[0]?.cells[i]?.className ?? "" }, name)));
  return html("div", { class: "scroller" }, html("table", { class: "detail-table" }, html("thead", {}, head), html("tbody", {}, ...rows)));
}

/** Opens a reading and leaves room for its neighbours, which the worker is asked for. @param {LabelledReading} reading @param {Snapshot} snapshot */
export function openReading(reading, snapshot) {
  const [sign, text, tone] = truthOf(reading, snapshot);
  const truth = sign === "✗" ? `✗ true label is ${text}` : sign ? "✓ true label agrees" : `true label ${text}`;
  open(
    `Reading ${count(reading.seq)}: ${className(reading.predicted)}`, `neighbours ${reading.seq}`,
    line(votesText(reading, snapshot.model?.k ?? null), ""), line(truth, tone ?? ""),
    line(`labelled ${duration(reading.latency_micros)} after it was sent`),
    html("div", { class: "answer" }, line("Asking for its neighbours…")),
  );
}

/** @param {NeighboursAnswer} answer @param {Snapshot} snapshot */
export function showNeighbours(answer, snapshot) {
  if (awaited !== `neighbours ${answer.seq}` || !dialog.open) return;
  const place = body.querySelector(".answer");
  if (!place) return;
  if (answer.neighbours.length === 0) {
    place.replaceChildren(line("This reading is no longer kept: only the newest few hundred are, and the newest four of each cell of the confusion matrix."));
    return;
  }
  const neighbours = answer.neighbours.map(({ row, distance, class: class_id }, i) =>
    html("tr", {}, html("th", { scope: "row" }, String(i + 1)), classCell(class_id), html("td", { class: "number" }, measurement(distance)), html("td", { class: "number" }, count(row))),
  );
  const features = snapshot.source?.features ?? [];
  const values = answer.features.map((value, i) => ({ value, feature: features[i] })).filter(({ value }) => value !== 0);
  const n_zero = answer.features.length - values.length;
  const rows = values.map(({ value, feature }) =>
    html("tr", {}, html("th", { scope: "row" }, feature?.name ?? "?"), html("td", { class: "number" }, measurement(value)), html("td", { class: "quiet" }, feature?.unit ?? "")),
  );
  place.replaceChildren(
    html("h3", {}, "Nearest rows of the training set"), list(["#", "class", "distance", "training row"], neighbours),
    html("h3", {}, "Its features"), list(["feature", "value", "unit"], rows),
    ...(n_zero > 0 ? [line(`${plural(n_zero, "feature")} more, all 0`)] : []),
  );
}

/** Opens a cell of the confusion matrix; its readings are asked of the worker. @param {number} true_label @param {number} predicted */
export function openCell(true_label, predicted) {
  const title = true_label === predicted ? `${className(true_label)}, labelled right` : `${className(true_label)} taken for ${className(predicted)}`;
  open(title, `cell ${true_label} ${predicted}`, html("div", { class: "answer" }, line("Asking for its readings…")));
}

/**
 * @param {CellAnswer} answer @param {Snapshot} snapshot @param {(reading: LabelledReading) => void} choose
 * @returns {boolean} whether the dialog still waits for a reading of this cell
 */
export function showCell(answer, snapshot, choose) {
  if (awaited !== `cell ${answer.true_label} ${answer.predicted}` || !dialog.open) return false;
  const place = body.querySelector(".answer");
  if (!place) return false;
  const total = snapshot.confusion?.[answer.true_label]?.[answer.predicted] ?? 0;
  if (answer.readings.length === 0) {
    place.replaceChildren(line(total > 0 ? `${plural(total, "reading")} so far, none of them kept. The next one will stand here.` : "No such reading so far. The first one will stand here."));
    return true;
  }
  const k = snapshot.model?.k ?? null;
  const rows = answer.readings.map((reading) => {
    const button = html("button", { type: "button", class: "link" }, count(reading.seq));
    button.addEventListener("click", () => choose(reading));
    return html("tr", {}, html("th", { scope: "row" }, button), html("td", {}, votesOf(reading, k)), html("td", { class: "number" }, measurement(reading.distance)), html("td", { class: "number" }, duration(reading.latency_micros)));
  });
  place.replaceChildren(line(`${count(answer.readings.length)} kept of ${plural(total, "reading")}, newest first; choose one for its neighbours.`), list(["#", "votes", "nearest", "latency"], rows));
  return false;
}

