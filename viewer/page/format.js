/**
 * Numbers and words as people read them. Pure functions; tested by `node --test viewer/page-tests`.
 *
 * Widths change as little as they can: the number of decimals depends on the size alone, so that a figure that
 * trembles does not move what stands beside it.
 */

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
/** Shown where a number is not known. */
export const UNKNOWN = "–";

/** `184213` → `184,213`. @param {number|null|undefined} n @returns {string} */
export function count(n) {
  return n === null || n === undefined || !Number.isFinite(n) ? UNKNOWN : WHOLE.format(n);
}

/** At most four characters, for table cells: `9447`, `12k`, `1.2M`. @param {number} n @returns {string} */
export function shortCount(n) {
  if (n < 10_000) return String(n);
  if (n < 999_500) return `${Math.round(n / 1000)}k`;
  return n < 9_950_000 ? `${(n / 1e6).toFixed(1)}M` : `${Math.round(n / 1e6)}M`;
}

/**
 * A share as per cent without the sign: `0.9684` → `96.8`. Never rounds up to 100: `0.9997` → `99.9`.
 * @param {number|null|undefined} share @param {number} [n_decimals] @returns {string}
 */
export function percent(share, n_decimals = 1) {
  if (share === null || share === undefined || !Number.isFinite(share)) return UNKNOWN;
  const rounded = (share * 100).toFixed(n_decimals);
  if (share < 1 && Number(rounded) >= 100) return (100 - 10 ** -n_decimals).toFixed(n_decimals);
  return rounded;
}

/** Half the width of an interval in per cent points: `± 0.1`. @param {[number, number]|null} interval @returns {string} */
export function plusMinus(interval) {
  if (!interval) return "";
  const half = (interval[1] - interval[0]) * 50;
  return `± ${half < 0.1 ? half.toFixed(2) : half.toFixed(1)}`;
}

/** A kappa: `0.945`, `−0.120`. @param {number|null|undefined} kappa @returns {string} */
export function kappaText(kappa) {
  return kappa === null || kappa === undefined || !Number.isFinite(kappa) ? UNKNOWN : kappa.toFixed(3).replace("-", "−");
}

/**
 * A duration with its unit apart: `ms` below a second, with three decimals below 0.1 ms; `s` from there on.
 * @param {number|null|undefined} micros @returns {[string, string]}
 */
export function durationParts(micros) {
  if (micros === null || micros === undefined || !Number.isFinite(micros)) return [UNKNOWN, "ms"];
  const size = Math.abs(micros);
  const sign = micros < 0 ? "−" : "";
  if (size < 99.5) return [sign + (size / 1000).toFixed(3), "ms"];
  if (size < 9_995) return [sign + (size / 1000).toFixed(2), "ms"];
  if (size < 99_950) return [sign + (size / 1000).toFixed(1), "ms"];
  if (size < 999_500) return [sign + WHOLE.format(size / 1000), "ms"];
  if (size < 9_995_000) return [sign + (size / 1e6).toFixed(2), "s"];
  return [sign + (size < 99_950_000 ? (size / 1e6).toFixed(1) : WHOLE.format(size / 1e6)), "s"];
}

/** `0.51 ms`, with a space at which no line breaks. @param {number|null|undefined} micros @returns {string} */
export function duration(micros) {
  const [value, unit] = durationParts(micros);
  return value === UNKNOWN ? UNKNOWN : `${value}\u00a0${unit}`;
}

/** Milliseconds without unit, in few characters: `.052`, `.21`, `3.15`, `1,710`. @param {number} micros @returns {string} */
export function shortMillis(micros) {
  const millis = micros / 1000;
  const size = Math.abs(millis);
  if (size >= 99.95) return WHOLE.format(millis).replace("-", "−");
  return millis.toFixed(size < 0.0995 ? 3 : size < 9.995 ? 2 : 1).replace("-", "−").replace(/^(−?)0\./, "$1.");
}

/** A position on a log axis: `10 µs`, `1 ms`, `1 s`. @param {number} micros @returns {string} */
export function axisDuration(micros) {
  if (micros < 1000) return `${micros} µs`;
  return micros < 1e6 ? `${micros / 1000} ms` : `${micros / 1e6} s`;
}

/** `6291456` → `6.29 MB`. @param {number|null|undefined} n_bytes @returns {string} */
export function bytes(n_bytes) {
  if (n_bytes === null || n_bytes === undefined) return UNKNOWN;
  if (n_bytes < 1000) return `${n_bytes} B`;
  if (n_bytes < 1e6) return `${(n_bytes / 1000).toFixed(1)} kB`;
  return `${(n_bytes / 1e6).toFixed(n_bytes < 1e8 ? 2 : 0)} MB`;
}

/**
 * Four significant digits at most below a thousand, then all before the point, thousands separated: `2,784`, `0.0451`. From a thousand millions on
 * powers of ten, as a number that is cut off would be another one: `3.319e300`. @param {number|null|undefined} value @returns {string}
 */
export function measurement(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return UNKNOWN;
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 999_999_999.5) return value.toExponential(3).replaceAll("-", "−").replace("e+", "e");
  if (size >= 1000) return WHOLE.format(value).replace("-", "−");
  if (size < 1e-4) return value.toExponential(2).replaceAll("-", "−");
  return String(Number(value.toPrecision(4))).replace("-", "−");
}

/** Readings a second: `1,000`, `12.5`, `0.25`. @param {number|null|undefined} rate @returns {string} */
export function ratePerSec(rate) {
  if (rate === null || rate === undefined || !Number.isFinite(rate)) return UNKNOWN;
  if (rate >= 20 || rate === 0) return WHOLE.format(rate);
  return rate >= 2 ? rate.toFixed(1) : rate.toFixed(2);
}

/** Whole seconds for people: `3 s`, `2 min 5 s`. @param {number} millis @returns {string} */
export function seconds(millis) {
  const secs = Math.max(0, Math.ceil(millis / 1000));
  return secs < 60 ? `${secs} s` : `${Math.floor(secs / 60)} min ${secs % 60} s`;
}

/** How a stream is paced, in words. @param {import("./snapshot.js").Source} source @returns {string} */
export function paceText({ pace, rate, recorded_speed, speed }) {
  const factor = speed ?? 1;
  // Servers that do not send a pace have no rate where there is none.
  if (pace === "max" || (pace === "rate" && rate === null)) return "as fast as this page takes them";
  if (pace === "recorded") {
    const times = (recorded_speed ?? 1) * factor;
    return times === 1 ? "as recorded" : `${measurement(times)} times as fast as recorded`;
  }
  return rate === null ? "" : `${ratePerSec(rate * factor)} readings/s`;
}

/** Where the newest label comes from, by state. @param {{class: number, share: number, n: number}} now @param {import("./snapshot.js").State} state @returns {string} */
export function intervalText(now, state) {
  const flows = state === "live" || state === "behind";
  const when = { paused: " before the pause", ended: " of the stream", disconnected: " before the connection was lost" }[/** @type {string} */ (state)];
  return `the commonest label of the last quarter second${flows ? "" : (when ?? "")}: ${percent(now.share, 0)}\u00a0% of ${plural(now.n, "reading")}`;
}

/** Rows of the stream that the model has seen; empty where there are none. @param {import("./snapshot.js").Source} source @returns {string} */
export function twinsText({ n_twins, n_rows }) {
  if (!n_twins || n_rows === null) return "";
  return `${count(n_twins)} of ${count(n_rows)} streamed rows also occur in the training part: accuracy on them flatters`;
}

/** One reading, two readings. @param {number} n @param {string} one @param {string} [many] @returns {string} */
export function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** Causes of missing readings in words; a cause that is not listed is shown by its own name. */
const CAUSES = new Map([
  ["slow-viewer", "this page was too slow"],
  ["history-lost", "no longer held by the server"],
  ["latest", "skipped as asked"],
  ["reconnect", "while disconnected"],
  ["unexplained", "for a reason not told"],
  ["not-classified", "refused by the classifier (a feature is not a number)"],
  ["no-model", "before there was a model"],
]);

/** `12 this page was too slow, 5 while disconnected`; empty when nothing is missing. @param {Record<string, number>} gaps @returns {string} */
export function gapCauses(gaps) {
  const parts = [];
  for (const [cause, n] of Object.entries(gaps)) {
    if (cause !== "total" && n > 0) parts.push(`${count(n)} ${CAUSES.get(cause) ?? cause}`);
  }
  return parts.join(", ");
}

/** Whether readings were lost, not only shown without a label for want of a model. @param {Record<string, number>} gaps @returns {boolean} */
export function hasLoss(gaps) {
  return (gaps["total"] ?? 0) > (gaps["no-model"] ?? 0);
}

/** What became of all readings so far; empty before the first label. @param {import("./snapshot.js").Snapshot} snapshot @returns {string} */
export function missedText({ gaps, labelled, n_lagging }) {
  const causes = gapCauses(gaps);
  if (causes !== "") return `missed: ${causes}`;
  if (labelled === 0) return "";
  return n_lagging > 0 ? "nothing was missed so far" : "every reading so far has its label";
}
