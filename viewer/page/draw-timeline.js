/**
 * The last minute: one lane a class, so that place says what colour says, filled by the class's share of each quarter
 * second; mistakes as bars below; gaps hatched.
 *
 * Above `MOST_LANES` classes there is one strip for all, told apart by colour and hatch, with the names below it.
 */
import { className, colour, hatch, nClasses, swatch } from "./classes.js";
import { byId, html, setAttribute, setStyle, setText, svg, table, twin } from "./dom.js";
import { count, percent, plural } from "./format.js";
import { readable } from "./plot.js";
import { mistakeCeiling, rectPath } from "./scales.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */

/** More lanes than this would be thinner than their names. */
const MOST_LANES = 12;
/** A class that had any reading fills this much of its lane, so that it is seen. */
const LEAST_FILL = 0.1;
/** A minute in bins of 250 ms. */
const N_BINS = 240;
const [HEIGHT, MISTAKES_HEIGHT] = [100, 20];

const frame = byId("timeline");
const lanes = byId("lanes");
const names = byId("lane-names");
const plot = byId("timeline-plot");
const mistakes = byId("mistake-bars");

/** One path for a class's colour and one for its hatch. @type {{fill: SVGPathElement, hatching: SVGPathElement|null}[]} */
let lane_paths = [];
let gaps = svg("path");
let cursor = svg("path");
let n_lanes = 1;
/** @type {Snapshot["timeline"]} */
let drawn = { bin_millis: 250, first_bin: 0, bins: [] };

const read = readable(plot, {
  count: () => drawn.bins.length,
  describe: (i) => binText(i),
  mark: (i) => setAttribute(cursor, "d", i === null ? "" : `M${N_BINS - drawn.bins.length + i + 0.5} 0V${HEIGHT}`),
  at: (share) => Math.floor(share * N_BINS) - (N_BINS - drawn.bins.length),
});

const redrawTwin = twin("minute-twin", () => {
  const per_row = 20; // 20 bins of 250 ms: 5 s.
  const rows = [];
  for (let end = drawn.bins.length; end > 0; end -= per_row) {
    const bins = drawn.bins.slice(Math.max(0, end - per_row), end);
    /** @type {Map<number, number>} */
    const by_class = new Map();
    let [n, n_mistakes, n_missing] = [0, 0, 0];
    for (const [class_id, n_bin, wrong, missing] of bins) {
      if (class_id >= 0) by_class.set(class_id, (by_class.get(class_id) ?? 0) + 1);
      [n, n_mistakes, n_missing] = [n + n_bin, n_mistakes + wrong, n_missing + missing];
    }
    const commonest = [...by_class].sort((a, b) => b[1] - a[1])[0]?.[0] ?? -1;
    const age_secs = ((drawn.bins.length - end) * drawn.bin_millis) / 1000;
    rows.push([`${age_secs} to ${age_secs + (bins.length * drawn.bin_millis) / 1000} s ago`, className(commonest), count(n), count(n_mistakes), count(n_missing)]);
  }
  return table("The last minute in steps of five seconds, newest first", ["when", "mostly", "readings", "mistakes", "missed"], rows);
});

/** @param {number} i @returns {string} */
function binText(i) {
  const [class_id, n, n_mistakes, n_missing, counts] = drawn.bins[i] ?? [-1, 0, 0, 0, []];
  const age_secs = ((drawn.bins.length - 1 - i) * drawn.bin_millis) / 1000;
  const missing = n_missing > 0 ? `, ${count(n_missing)} missed` : "";
  if (n === 0) return `${age_secs.toFixed(2)} s ago: no readings${missing}`;
  const shares = counts.map((n_class, class_id) => ({ n_class, class_id })).filter(({ n_class }) => n_class > 0).sort((a, b) => b.n_class - a.n_class);
  const classes = shares.length > 0 ? shares.map(({ n_class, class_id }) => `${className(class_id)} ${percent(n_class / n, 0)} %`).join(", ") : `mostly ${className(class_id)}`;
  return `${age_secs.toFixed(2)} s ago: ${plural(n, "reading")}, ${classes}, ${plural(n_mistakes, "mistake")}${missing}`;
}

/** Lanes and names for the source's classes, made anew when these change. */
export function layTimeline() {
  const n = nClasses();
  const mode = n > MOST_LANES ? "strip" : "lanes";
  n_lanes = mode === "lanes" ? Math.max(1, n) : 1;
  frame.dataset["mode"] = mode;
  setStyle(frame, "--n-lanes", String(n_lanes));
  names.replaceChildren(...Array.from({ length: n }, (_, class_id) => html("li", { title: className(class_id) }, swatch(class_id), html("span", {}, className(class_id)))));
  lane_paths = Array.from({ length: n }, (_, class_id) => ({
    fill: svg("path", { class: "fill", "data-colour": colour(class_id) }),
    hatching: hatch(class_id) === "0" ? null : svg("path", { class: "hatching", "data-hatch": hatch(class_id) }),
  }));
  gaps = svg("path", { class: "gap" });
  cursor = svg("path", { class: "cursor" });
  const lines = Array.from({ length: n_lanes + 1 }, (_, lane) => `M0 ${((lane * HEIGHT) / n_lanes).toFixed(2)}H${N_BINS}`).join("");
  lanes.replaceChildren(svg("path", { class: "grid", d: lines }), ...lane_paths.flatMap(({ fill, hatching }) => (hatching ? [fill, hatching] : [fill])), gaps, cursor);
}

/** @param {Snapshot} snapshot @param {number} now_millis */
export function drawTimeline(snapshot, now_millis) {
  drawn = snapshot.timeline;
  const { bins } = drawn;
  const lane_height = HEIGHT / n_lanes;
  const inset = lane_height * 0.12;
  const fills = lane_paths.map(() => "");
  let gap_path = "";
  let worst = 0;
  for (const [, n, n_mistakes] of bins) if (n > 0) worst = Math.max(worst, n_mistakes / n);
  const ceiling = mistakeCeiling(worst);
  let mistake_path = "";
  bins.forEach(([commonest, n, n_mistakes, n_missing, counts], i) => {
    const x = N_BINS - bins.length + i;
    if (x < 0) return;
    if (n_lanes > 1) {
      counts.forEach((n_class, class_id) => {
        if (n_class === 0) return;
        const height = Math.max(LEAST_FILL, n_class / n) * (lane_height - inset);
        fills[class_id] += rectPath(x, (class_id + 1) * lane_height - height, 0.94, height);
      });
    } else if (commonest >= 0 && commonest < fills.length) {
      fills[commonest] += rectPath(x, 0, 0.94, lane_height);
    }
    if (n_missing > 0) gap_path += rectPath(x, 0, 1, HEIGHT);
    if (n_mistakes > 0 && n > 0) {
      const height = Math.max(2, (n_mistakes / n / ceiling) * MISTAKES_HEIGHT);
      mistake_path += rectPath(x + 0.1, 0, 0.8, height);
    }
  });
  lane_paths.forEach(({ fill, hatching }, class_id) => {
    setAttribute(fill, "d", fills[class_id] ?? "");
    if (hatching) setAttribute(hatching, "d", fills[class_id] ?? "");
  });
  setAttribute(gaps, "d", gap_path);
  setAttribute(mistakes, "d", mistake_path);
  const known = snapshot.labelled === 0 || snapshot.labelled > snapshot.n_without_true_label;
  setText(byId("mistake-scale"), known ? `mistakes ≤ ${percent(ceiling, 0)}\u00a0%` : "no true labels");
  read();
  redrawTwin(now_millis);
}
