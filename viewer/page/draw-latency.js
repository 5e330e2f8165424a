/**
 * Latency: histogram over all readings on a log axis, percentiles marked in it, and the percentiles of each stage as a table.
 */
import { byId, html, setAttribute, setStyle, setText, table, twin } from "./dom.js";
import { STAGES } from "./draw-pace.js";
import { UNKNOWN, axisDuration, count, duration, percent } from "./format.js";
import { readable } from "./plot.js";
import { logScale, logTicks, rectPath, roundDown, roundUp, spread } from "./scales.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./snapshot.js").Stage} Stage */
/** @typedef {{from: number, to: number, n: number}} Bin */

const [WIDTH, HEIGHT] = [300, 100];
/** Least distance of two percentile labels. */
const LABEL_GAP_PX = 36;

const plot = byId("histogram-plot");
const axis = byId("log-axis");
const marks = [byId("mark-p50"), byId("mark-p95"), byId("mark-p99")];

/** @type {Bin[]} */
let bins = [];
/** @type {(micros: number) => number} */
let scale = () => 0;
let axis_key = "";

const read = readable(plot, {
  count: () => bins.length,
  describe: (i) => binText(i),
  mark(i) {
    const bin = i === null ? undefined : bins[i];
    const x = bin ? ((scale(bin.from) + scale(bin.to)) / 2) * WIDTH : 0;
    setAttribute(byId("histogram-cursor"), "d", bin ? `M${x.toFixed(1)} 0V${HEIGHT}` : "");
  },
  at(share) {
    const i = bins.findIndex(({ to }) => scale(to) >= share);
    return i < 0 ? bins.length - 1 : i;
  },
});

const redrawTwin = twin("histogram-twin", () =>
  table(
    "Readings by end-to-end latency",
    ["up to", "readings", "share"],
    bins.map(({ to, n }) => [duration(to), count(n), `${percent(n / Math.max(1, total()), 2)}\u00a0%`]),
  ),
);

/** @returns {number} */
function total() {
  return bins.reduce((sum, { n }) => sum + n, 0);
}

/** @param {number} i @returns {string} */
function binText(i) {
  const { from, to, n } = bins[i] ?? { from: 0, to: 0, n: 0 };
  return `${duration(from)} to ${duration(to)}: ${count(n)} readings, ${percent(n / Math.max(1, total()), 2)}\u00a0%`;
}

/**
 * Bins from the first to the last that holds a reading.
 * @param {Snapshot["latency_histogram"]} histogram @returns {Bin[]}
 */
export function usedBins({ upper_micros, counts }) {
  const first = counts.findIndex((n) => n > 0);
  if (first < 0) return [];
  let last = counts.length - 1;
  while (counts[last] === 0) last--;
  const used = [];
  for (let i = first; i <= last; i++) {
    const to = upper_micros[i] ?? 0;
    const ratio = to / (upper_micros[i + 1] ?? to * 1.25);
    used.push({ from: i > 0 ? (upper_micros[i - 1] ?? 0) : to * ratio, to, n: counts[i] ?? 0 });
  }
  return used;
}

/** @param {number} low @param {number} high */
function drawAxis(low, high) {
  const key = `${low} ${high}`;
  if (key === axis_key) return;
  axis_key = key;
  const ticks = logTicks(low, high);
  axis.replaceChildren(...ticks.map((micros) => {
    const tick = html("span", {}, axisDuration(micros));
    setStyle(tick, "left", `${(scale(micros) * 100).toFixed(2)}%`);
    setAttribute(tick, "data-minor", Math.log10(micros) % 1 === 0 ? null : "true");
    setAttribute(tick, "data-edge", scale(micros) < 0.08 ? "left" : scale(micros) > 0.92 ? "right" : null);
    return tick;
  }));
}

/** @param {Snapshot} snapshot @param {number} now_millis */
export function drawHistogram(snapshot, now_millis) {
  bins = usedBins(snapshot.latency_histogram);
  setAttribute(plot, "data-empty", bins.length === 0 ? "true" : null);
  const { p50, p95, p99 } = snapshot.latency_micros.end_to_end;
  // Round ends, so that the axis stands still while the tail grows.
  const low = roundDown(Math.max(1, bins[0]?.from ?? 100));
  const high = Math.max(low * 10, roundUp(bins[bins.length - 1]?.to ?? 10_000));
  scale = logScale(low, high);
  drawAxis(low, high);
  const most = Math.max(1, ...bins.map(({ n }) => n));
  let [body, tail] = ["", ""];
  for (const { from, to, n } of bins) {
    if (n === 0) continue;
    const x = scale(from) * WIDTH;
    const height = Math.max(0.8, (n / most) * (HEIGHT - 1));
    const rect = rectPath(x, HEIGHT - height, Math.max(0.5, (scale(to) - scale(from)) * WIDTH - 0.6), height);
    if (p95 !== null && from >= p95) tail += rect;
    else body += rect;
  }
  setAttribute(byId("bar-body"), "d", body);
  setAttribute(byId("bar-tail"), "d", tail);
  const values = [p50, p95, p99];
  const places = values.map((micros) => (micros === null ? 0 : scale(micros)));
  setAttribute(byId("percentile-lines"), "d", values.map((micros, i) => (micros === null ? "" : `M${((places[i] ?? 0) * WIDTH).toFixed(1)} 0V${HEIGHT}`)).join(""));
  const gap = LABEL_GAP_PX / Math.max(1, plot.clientWidth);
  const spots = spread(places, gap, 1 - gap);
  ["p50", "p95", "p99"].forEach((name, i) => {
    const mark = /** @type {HTMLElement} */ (marks[i]);
    setText(mark, values[i] === null ? "" : name);
    setStyle(mark, "left", `${((spots[i] ?? 0) * 100).toFixed(1)}%`);
  });
  read();
  redrawTwin(now_millis);
}

/** @type {Map<Stage, HTMLTableCellElement[]>} */
const stage_cells = new Map();

/** Table of stages, made once. */
function layStages() {
  /** @type {[Stage, string][]} */
  const names = [["end_to_end", "end to end"], ...STAGES.map((stage) => /** @type {[Stage, string]} */ ([stage, stage]))];
  const rows = names.map(([stage, name]) => {
    const cells = [0, 1, 2, 3].map(() => html("td", { class: "number" }));
    stage_cells.set(stage, cells);
    return html("tr", {}, html("th", { scope: "row" }, html("i", { class: `key stage-${stage}`, "aria-hidden": "true" }), name), ...cells);
  });
  const head = html("tr", {}, ...["milliseconds", "p50", "p95", "p99", "max"].map((name, i) => html("th", { scope: "col", class: i ? "number" : "" }, name)));
  byId("stage-table").replaceChildren(html("caption", { class: "visually-hidden" }, "Latency of all readings by stage"), html("thead", {}, head), html("tbody", {}, ...rows));
}
layStages();

/** @param {Snapshot} snapshot */
export function drawStages(snapshot) {
  for (const [stage, cells] of stage_cells) {
    const { p50, p95, p99, max } = snapshot.latency_micros[stage];
    [p50, p95, p99, max].forEach((micros, i) => setText(/** @type {Element} */ (cells[i]), duration(micros).replace("\u00a0ms", "")));
  }
  const { clock } = snapshot;
  setText(
    byId("clock-line"),
    clock === null ? "The server's clock is not compared with ours yet." : `The server's clock is ${duration(clock.offset_micros)} from ours, ± ${duration(clock.uncertainty_micros)} (${count(clock.n)} exchanges): latency at the server is exact, that of the network and end to end is known to ± ${duration(clock.uncertainty_micros)}.`.replace(UNKNOWN, "an unknown time"),
  );
}
