/**
 * The newest readings. Rows are made once and rewritten in place; while the pointer or the focus is on the list it holds still,
 * so that the reading one chooses is the reading one gets.
 */
import { className, colour, hatch, swatch } from "./classes.js";
import { byId, html, setAttribute, setText } from "./dom.js";
import { UNKNOWN, count, duration, percent, plural } from "./format.js";
import { missingTruth } from "./truth.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./snapshot.js").LabelledReading} LabelledReading */

/** As many as fit beside the confusion matrix of seven classes. */
const N_ROWS = 12;

const list = byId("readings");
const held_line = byId("readings-held");

/** @typedef {{row: HTMLTableRowElement, seq: HTMLButtonElement, mark: HTMLElement, predicted: HTMLElement, votes: HTMLElement, sign: HTMLElement, truth: HTMLElement, latency: HTMLElement, reading: LabelledReading|null}} Row */

/** @type {Row[]} */
const rows = Array.from({ length: N_ROWS }, () => {
  const seq = html("button", { type: "button" });
  const mark = swatch(-1);
  const [predicted, sign, truth] = [html("span"), html("span", { class: "verdict" }), html("span")];
  const [votes, latency] = [html("td", { class: "col-votes" }), html("td", { class: "col-latency number" })];
  const row = html("tr", { "data-empty": "true" }, html("th", { scope: "row", class: "col-seq" }, seq), html("td", { class: "col-class" }, mark, predicted), votes, html("td", { class: "col-class truth" }, sign, truth), latency);
  return { row, seq, mark, predicted, votes, sign, truth, latency, reading: null };
});
byId("readings-body").replaceChildren(...rows.map(({ row }) => row));

let held_at_seq = -1;
let pointed = false;

/** @param {(reading: LabelledReading) => void} open what choosing a reading does */
export function listenReadings(open) {
  list.addEventListener("pointerenter", () => (pointed = true));
  list.addEventListener("pointerleave", () => (pointed = false));
  list.addEventListener("click", (event) => {
    const target = event.target;
    const chosen = rows.find(({ row }) => target instanceof Node && row.contains(target));
    if (chosen?.reading) open(chosen.reading);
  });
}

/** `4/5`, or per cent where k is not known. @param {LabelledReading} reading @param {number|null} k @returns {string} */
export function votesOf(reading, k) {
  const share = reading.shares[reading.predicted];
  if (share === undefined) return UNKNOWN;
  return k ? `${Math.round(share * k)}/${k}` : `${percent(share, 0)}\u00a0%`;
}

/** What stands in the column of true labels. @param {LabelledReading} reading @param {Snapshot} snapshot @returns {[sign: string, text: string, tone: string|null]} */
export function truthOf(reading, { truth }) {
  if (reading.true_label === null) return ["", missingTruth(reading, truth), "quiet"];
  return reading.true_label === reading.predicted ? ["✓", "agrees", "good"] : ["✗", className(reading.true_label), "bad"];
}

/** @param {Snapshot} snapshot */
export function drawReadings(snapshot) {
  const newest = snapshot.last[0]?.seq ?? -1;
  const focused = document.activeElement !== document.body && list.contains(document.activeElement);
  const held = (pointed || focused) && rows[0]?.reading != null && newest >= held_at_seq;
  if (held) {
    const n_newer = newest - held_at_seq;
    setText(held_line, n_newer > 0 ? `held while you point at it · ${plural(n_newer, "newer reading")}` : "\u00a0");
    return;
  }
  held_at_seq = newest;
  setText(held_line, snapshot.last.length === 0 ? `No reading has been labelled yet${snapshot.received > 0 ? `; ${count(snapshot.received)} came` : ""}.` : "\u00a0");
  const k = snapshot.model?.k ?? null;
  rows.forEach((row, i) => {
    const reading = snapshot.last[i] ?? null;
    if (row.reading === null && reading === null) return;
    row.reading = reading;
    setAttribute(row.row, "data-empty", reading ? null : "true");
    if (!reading) {
      [row.seq, row.predicted, row.votes, row.sign, row.truth, row.latency].forEach((cell) => setText(cell, ""));
      return;
    }
    setText(row.seq, count(reading.seq));
    setText(row.predicted, className(reading.predicted));
    setAttribute(row.mark, "data-colour", colour(reading.predicted));
    setAttribute(row.mark, "data-hatch", hatch(reading.predicted));
    setText(row.votes, votesOf(reading, k));
    const [sign, text, tone] = truthOf(reading, snapshot);
    setText(row.sign, sign);
    setText(row.truth, text);
    setAttribute(row.row, "data-tone", tone);
    setText(row.latency, duration(reading.latency_micros));
  });
}
