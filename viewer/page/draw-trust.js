/**
 * Second answer: can I trust it. Accuracy is never shown without its interval and both baselines in the same frame.
 */
import { byId, setAttribute, setHidden, setStyle, setText, table, twin } from "./dom.js";
import { UNKNOWN, count, kappaText, percent, plural, plusMinus } from "./format.js";
import { readable } from "./plot.js";
import { accuracyFloor, bandPath, linePath, spread } from "./scales.js";
import { comesLate, lateText } from "./truth.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */

/** The picture's viewBox. */
const [WIDTH, HEIGHT] = [240, 100];
/** Least distance of two labels at the lines' ends, in CSS pixels. */
const LABEL_GAP_PX = 17;
/** Shares of fewer readings than this are too rough to choose an axis by. */
const UNSETTLED = 100;

const value = byId("trust-value");
const unit = byId("trust-unit");
const plot = byId("trust-plot");
const area = /** @type {SVGElement} */ (plot.querySelector("svg"));
const verdict = byId("trust-verdict");
const truth_line = byId("trust-truth");
/** In the order of `labels`. */
const NAMES = ["model", "majority", "same as before"];
const labels = [byId("trust-label-model"), byId("trust-label-majority"), byId("trust-label-repeat")];

/** The history, and the newest figures as its end. @type {import("./snapshot.js").AccuracyPoint[]} */
let points = [];
/** @type {number[]} */
let xs = [];

const read = readable(plot, {
  count: () => points.length,
  describe(i) {
    const [labelled, accuracy, no_change, majority, low, high] = points[i] ?? [0, null, null, null, null, null];
    return `at ${count(labelled)}: ${percent(accuracy)}\u00a0% (${percent(low)} to ${percent(high)}), majority ${percent(majority)}, same as before ${percent(no_change)}`;
  },
  mark: (i) => setAttribute(byId("trust-cursor"), "d", i === null ? "" : `M${(xs[i] ?? 0).toFixed(1)} 0V${HEIGHT}`),
  at(share) {
    let nearest = 0;
    xs.forEach((x, i) => {
      if (Math.abs(x - share * WIDTH) < Math.abs((xs[nearest] ?? 0) - share * WIDTH)) nearest = i;
    });
    return nearest;
  },
});

const redrawTwin = twin("trust-twin", () => {
  const step = Math.max(1, Math.floor(points.length / 12));
  const rows = points.filter((_, i) => (points.length - 1 - i) % step === 0).reverse();
  return table(
    "Per cent right of the window that ends at a reading, newest first",
    ["readings", "model", "majority", "same as before"],
    rows.map(([labelled, accuracy, no_change, majority]) => [count(labelled), percent(accuracy), percent(majority), percent(no_change)]),
  );
});

/** Numbers of the second answer. @param {Snapshot} snapshot */
export function drawTrustText(snapshot) {
  const { accuracy_windowed, n_windowed, window, accuracy, accuracy_interval, labelled, n_without_true_label } = snapshot;
  setText(value, percent(accuracy_windowed));
  setAttribute(value, "data-unknown", accuracy_windowed === null ? "true" : null);
  const n_known = labelled - n_without_true_label;
  setText(unit, accuracy_windowed === null ? "no true labels yet" : `% of the last ${count(n_windowed < window ? n_windowed : window)}`);
  setText(byId("all-term"), n_known > 0 ? `of all ${plural(n_known, "reading")}${n_without_true_label > 0 ? " with a true label" : ""}:` : "of all readings:");
  setText(byId("all-accuracy"), accuracy === null ? UNKNOWN : `${percent(accuracy)}\u00a0%`);
  setText(byId("all-interval"), plusMinus(accuracy_interval));
  setText(byId("kappa"), kappaText(snapshot.kappa));
  setText(byId("kappa-m"), kappaText(snapshot.kappa_m));
  setText(byId("kappa-t"), kappaText(snapshot.kappa_t));
  setText(verdict, verdictText(snapshot));
  const late = lateText(snapshot);
  setHidden(truth_line, late === "");
  setText(truth_line, late);
  newestShares(snapshot).forEach((share, i) => setText(/** @type {HTMLElement} */ (labels[i]), share === null ? "" : `${NAMES[i]} ${percent(share)}`));
}

/** What the lines end at, in the order of their labels: the figures of the headline's window. @param {Snapshot} snapshot @returns {(number|null)[]} */
function newestShares(snapshot) {
  return [snapshot.accuracy_windowed, snapshot.baseline_majority_windowed, snapshot.baseline_no_change_windowed];
}

/** The history up to the newest figures: it is sampled, and would end up to a quarter second earlier. @param {Snapshot} snapshot */
function pointsOf(snapshot) {
  const { accuracy_history: history, labelled, accuracy_windowed, accuracy_windowed_interval, baseline_no_change_windowed, baseline_majority_windowed } = snapshot;
  const [low, high] = accuracy_windowed_interval ?? [null, null];
  const last = history[history.length - 1];
  if (!last) return history;
  /** @type {import("./snapshot.js").AccuracyPoint} */
  const newest = [labelled, accuracy_windowed, baseline_no_change_windowed, baseline_majority_windowed, low, high];
  return last[0] < labelled ? [...history, newest] : [...history.slice(0, -1), newest];
}

/** The comparison with the baselines in one sentence. @param {Snapshot} snapshot @returns {string} */
export function verdictText(snapshot) {
  const { accuracy_windowed, baseline_no_change_windowed: as_before, baseline_majority_windowed: majority, labelled, n_without_true_label } = snapshot;
  if (accuracy_windowed === null) {
    return labelled > 0 ? `${count(labelled)} readings labelled, none scored by a true label: there is no accuracy to show.` : "Accuracy needs true labels, with the readings or later.";
  }
  const without = n_without_true_label > 0 && !comesLate(snapshot.truth) ? ` ${count(n_without_true_label)} came without a true label.` : "";
  if (as_before === null || majority === null) return without.trim() || "\u00a0";
  if (as_before > accuracy_windowed) return `Saying the same as before would do better: ${percent(as_before)}\u00a0%.${without}`;
  if (majority > accuracy_windowed) return `Always saying the commonest class would do better: ${percent(majority)}\u00a0%.${without}`;
  const [better, guess] = majority > as_before ? [majority, "always saying the commonest class"] : [as_before, "saying the same as before"];
  return `${percent(accuracy_windowed - better)} points better than ${guess}.${without}`;
}

/** Picture of the second answer. @param {Snapshot} snapshot @param {number} now_millis */
export function drawTrustPlot(snapshot, now_millis) {
  points = pointsOf(snapshot);
  const history = points;
  setAttribute(plot, "data-empty", history.length < 2 ? "true" : null);
  // The first readings' shares jump between 0 and 1; they are drawn, but do not stretch the axis for ever.
  const settled = history.filter(([labelled]) => labelled >= UNSETTLED);
  const floor = accuracyFloor((settled.length > 0 ? settled : history).flatMap(([, accuracy, no_change, majority]) => [accuracy, no_change, majority]));
  const y = (/** @type {number|null} */ share) => (share === null ? null : Math.min(1, (1 - share) / (1 - floor)) * HEIGHT);
  const first = history[0]?.[0] ?? 0;
  const last = history[history.length - 1]?.[0] ?? 1;
  xs = history.map(([labelled]) => ((labelled - first) / Math.max(1, last - first)) * WIDTH);
  const lower = history.map(([, , , , low]) => y(low) ?? HEIGHT);
  const upper = history.map(([, , , , , high]) => y(high) ?? 0);
  setAttribute(byId("trust-band"), "d", bandPath(xs, lower, upper));
  setAttribute(byId("trust-line"), "d", linePath(xs, history.map(([, accuracy]) => y(accuracy))));
  setAttribute(byId("trust-repeat"), "d", linePath(xs, history.map(([, , no_change]) => y(no_change))));
  setAttribute(byId("trust-majority"), "d", linePath(xs, history.map(([, , , majority]) => y(majority))));
  setText(byId("trust-top"), "100");
  setText(byId("trust-bottom"), percent(floor, 0));

  const box_px = area.clientHeight || 100;
  const wanted = newestShares(snapshot).map((share) => ((y(share) ?? HEIGHT) / HEIGHT) * box_px);
  const tops = spread(wanted, LABEL_GAP_PX, box_px);
  labels.forEach((label, i) => setStyle(label, "top", `${(tops[i] ?? 0).toFixed(1)}px`));
  read();
  redrawTwin(now_millis);
}
