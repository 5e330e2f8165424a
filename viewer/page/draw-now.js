/**
 * First answer: what is it now. Changes at most four times a second, whatever the rate.
 */
import { className, colour, hatch } from "./classes.js";
import { byId, setAttribute, setHidden, setStyle, setText, svg } from "./dom.js";
import { bytes, count, intervalText, measurement, percent, plural, ratePerSec, seconds } from "./format.js";
import { LOOKS, showsLabel } from "./states.js";
import { missingTruth } from "./truth.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./snapshot.js").LabelledReading} LabelledReading */

/** Largest and smallest size of the headline in CSS pixels. */
const [LARGEST_PX, SMALLEST_PX] = [48, 24];

const name = byId("now-name");
const bar = byId("now-bar");
const progress = /** @type {HTMLProgressElement} */ (byId("load-progress"));
const votes = byId("now-votes");
const truth = byId("now-true");
const which = byId("now-reading");
const interval = byId("now-interval");
const measure = document.createElement("canvas").getContext("2d");
/** Bar segments by class, made when first needed. @type {Map<number, SVGGElement>} */
const segments = new Map();

let fitted = "";

/** One headline size for all class names, so that a change of class moves nothing. @param {string[]} names */
function fitHeadline(names) {
  const width = name.clientWidth;
  const key = `${width} ${names.join("\n")}`;
  if (key === fitted || !measure || width === 0) return;
  fitted = key;
  measure.font = `700 ${LARGEST_PX}px ${getComputedStyle(name).fontFamily}`;
  const widest = Math.max(1, ...names.map((text) => measure.measureText(text).width));
  setStyle(name, "font-size", `${Math.floor(Math.min(LARGEST_PX, Math.max(SMALLEST_PX, (LARGEST_PX * width * 0.97) / widest)))}px`);
}

/** @param {number[]} shares votes by class, adding up to 1 */
function drawBar(shares) {
  let x = 0;
  const order = shares.map((_, class_id) => class_id).filter((class_id) => /** @type {number} */ (shares[class_id]) > 0);
  order.sort((a, b) => /** @type {number} */ (shares[b]) - /** @type {number} */ (shares[a]) || a - b);
  for (const [class_id, group] of segments) if (!order.includes(class_id)) setAttribute(group, "display", "none");
  for (const class_id of order) {
    let group = segments.get(class_id);
    if (!group) {
      const box = { y: "0", height: "10" };
      group = svg("g", { "data-colour": colour(class_id), "data-hatch": hatch(class_id) }, svg("rect", { class: "fill", ...box }), svg("rect", { class: "hatching", ...box }));
      segments.set(class_id, group);
      bar.append(group);
    }
    setAttribute(group, "display", null);
    const width = /** @type {number} */ (shares[class_id]) * 100;
    for (const rect of group.children) {
      setAttribute(rect, "x", x.toFixed(2));
      setAttribute(rect, "width", (x + width > 99.9 ? width : Math.max(0, width - 0.4)).toFixed(2));
    }
    x += width;
  }
}

/** `4 of 5 neighbours · 1 for Spruce/Fir`. @param {LabelledReading} reading @param {number|null} k @returns {string} */
export function votesText(reading, k) {
  const votes_of = (/** @type {number} */ share) => (k ? String(Math.round(share * k)) : `${percent(share, 0)}\u00a0%`);
  const others = reading.shares
    .map((share, class_id) => ({ share, class_id }))
    .filter(({ share, class_id }) => share > 0 && class_id !== reading.predicted)
    .sort((a, b) => b.share - a.share)
    .slice(0, 3)
    .map(({ share, class_id }) => `${votes_of(share)} for ${className(class_id)}`);
  const own = reading.shares[reading.predicted] ?? 0;
  return [k ? `${votes_of(own)} of ${plural(k, "neighbour")}` : `${percent(own, 0)}\u00a0% of the votes`, ...others].join(" · ");
}

/** No label to show: the state's own answer. @param {Snapshot} snapshot */
function drawState(snapshot) {
  const { state, model, retry_in_millis, source, sources, wanted_source, server } = snapshot;
  const loading = state === "loading";
  // Connected, and the source to follow is not there yet.
  const awaited = state === "connecting" && server !== null ? (wanted_source ?? "a first source") : null;
  const headline = awaited === null ? LOOKS[state].headline : `Waiting for ${awaited}`;
  fitHeadline([headline]);
  setText(name, headline);
  setAttribute(name, "data-quiet", "true");
  setHidden(progress, !loading);
  drawBar([]);
  const share = model?.n_bytes ? (model.n_loaded_bytes ?? 0) / model.n_bytes : null;
  if (loading) {
    if (share === null) setAttribute(progress, "value", null);
    else setAttribute(progress, "value", share.toFixed(3));
  }
  const lines = ["", "", "", ""];
  if (awaited !== null) {
    lines[0] = sources.length === 0 ? "The server has no sources yet." : `The server has ${sources.map(({ name }) => name).join(", ")}.`;
  } else if (loading && model) {
    lines[0] = model.n_bytes ? `${bytes(model.n_loaded_bytes)} of ${bytes(model.n_bytes)} · ${percent(share, 0)}\u00a0%` : bytes(model.n_loaded_bytes);
    lines[1] = model.description;
  } else if (state === "disconnected") {
    lines[0] = retry_in_millis === null ? "Trying again." : `Next try in ${seconds(retry_in_millis)}.`;
  } else if (state === "waiting") {
    lines[0] = model?.description ?? "";
    lines[1] = "The model is ready; the first reading is labelled as it arrives.";
  } else if (state === "no-model") {
    lines[0] = "The server has no model for this stream: readings come, labels cannot.";
    if (snapshot.received > 0) lines[1] = `${plural(snapshot.received, "reading")} received, ${ratePerSec(snapshot.received_per_sec)} a second; their values stand under Features.`;
  } else if (state === "mismatch" && source) {
    lines[0] = `The stream has ${plural(source.features.length, "feature")}; the model expects others. Nothing is guessed.`;
  } else if (state === "error") {
    lines[0] = "Reload the page to start again; the sentence above says what went wrong.";
  }
  [votes, truth, which, interval].forEach((line, i) => setText(line, lines[i] || "\u00a0"));
  setAttribute(truth, "data-tone", null);
}

/** @param {Snapshot} snapshot */
export function drawNow(snapshot) {
  if (!showsLabel(snapshot)) return drawState(snapshot);
  const { now, last, source } = snapshot;
  const class_id = now?.class ?? /** @type {LabelledReading} */ (last[0]).predicted;
  // The newest reading that got the headline's label: bar, votes and true label then speak of what the headline says.
  const reading = last.find(({ predicted }) => predicted === class_id) ?? last[0];
  fitHeadline(source?.classes ?? [className(class_id)]);
  setText(name, className(class_id));
  setAttribute(name, "data-quiet", null);
  setHidden(progress, true);
  if (!reading) return;
  drawBar(reading.shares);
  setText(votes, votesText(reading, snapshot.model?.k ?? null));
  const known = reading.true_label !== null;
  const right = reading.true_label === reading.predicted;
  setText(truth, !known ? `true label ${missingTruth(reading, snapshot.truth)}` : right ? "✓ true label agrees" : `✗ true label is ${className(reading.true_label)}`);
  setAttribute(truth, "data-tone", !known ? "quiet" : right ? "good" : "bad");
  const distance = reading.distance === null ? "" : ` · nearest neighbour at ${measurement(reading.distance)}`;
  setText(which, `reading ${count(reading.seq)}${distance}`);
  setText(interval, now && now.n > 1 ? intervalText(now, snapshot.state) : "\u00a0");
}
