/**
 * Third answer: is it keeping up. The slowest hundredth of the last few seconds, where a typical reading's time goes, and what is missing.
 */
import { byId, setAttribute, setStyle, setText } from "./dom.js";
import { UNKNOWN, count, duration, durationParts, hasLoss, missedText, plural, ratePerSec, shortMillis } from "./format.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */

/** In the order of a reading's way. @type {("server"|"network"|"wait"|"classify")[]} */
export const STAGES = ["server", "network", "wait", "classify"];

const bar = byId("stage-bar");
const segments = STAGES.map((stage) => /** @type {HTMLElement} */ (bar.querySelector(`.stage-${stage}`)));
const figures = STAGES.map((stage) => byId(`stage-${stage}`));

/** @param {Snapshot} snapshot */
export function drawPace(snapshot) {
  // Once nothing flows, "the last few seconds" are empty: then the figures of all readings stand there.
  const recent = snapshot.latency_recent_micros.end_to_end.n > 0;
  const latency = recent ? snapshot.latency_recent_micros : snapshot.latency_micros;
  const { p50, p95, p99 } = latency.end_to_end;
  const [value, unit] = durationParts(p99);
  setText(byId("pace-value"), value);
  setAttribute(byId("pace-value"), "data-unknown", p99 === null ? "true" : null);
  setText(byId("pace-unit"), p99 === null ? "no label yet" : `${unit} p99, ${recent ? "sent to labelled" : "all readings"}`);
  const { clock } = snapshot;
  const known_to = clock ? `, ± ${duration(clock.uncertainty_micros)}` : "";
  setText(byId("pace-percentiles"), p50 === null ? "\u00a0" : `half within ${duration(p50)}, 95 % ${duration(p95)}${known_to}`);

  const medians = STAGES.map((stage) => latency[stage].p50);
  const total = medians.reduce((/** @type {number} */ sum, micros) => sum + Math.max(0, micros ?? 0), 0);
  setAttribute(bar, "data-empty", total > 0 ? null : "true");
  medians.forEach((micros, i) => {
    setStyle(/** @type {HTMLElement} */ (segments[i]), "flex-grow", total > 0 ? (Math.max(0, micros ?? 0) / total).toFixed(3) : "0");
    const uncertain = STAGES[i] === "network" && clock && micros !== null ? ` ± ${shortMillis(clock.uncertainty_micros)}` : "";
    setText(/** @type {HTMLElement} */ (figures[i]), micros === null ? UNKNOWN : shortMillis(micros) + uncertain);
  });

  setText(byId("labelled"), count(snapshot.labelled));
  // Before there is a model the readings themselves are what comes in a second.
  setText(byId("labelled-per-sec"), ratePerSec(snapshot.state === "no-model" ? snapshot.received_per_sec : snapshot.labelled_per_sec));
  setText(byId("behind"), count(snapshot.n_lagging));
  setAttribute(byId("behind"), "data-tone", snapshot.state === "behind" ? "warn" : null);
  const n_missing = snapshot.gaps["total"] ?? 0;
  setText(byId("missed"), count(n_missing));
  setAttribute(byId("missed"), "data-tone", hasLoss(snapshot.gaps) ? "bad" : null);
  const reconnects = snapshot.n_reconnects > 0 ? `${plural(snapshot.n_reconnects, "reconnect")}` : "";
  const n_malformed = snapshot.errors?.n_malformed ?? 0;
  const malformed = n_malformed > 0 ? `${plural(n_malformed, "message")} not understood` : "";
  setText(byId("missed-causes"), [missedText(snapshot), reconnects, malformed].filter(Boolean).join(" · ") || "\u00a0");
}
