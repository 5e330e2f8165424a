/**
 * The header: state, what is streamed, one sentence; and the spoken summary.
 */
import { className } from "./classes.js";
import { byId, setAttribute, setText } from "./dom.js";
import { UNKNOWN, bytes, count, duration, paceText, percent, seconds } from "./format.js";
import { LOOKS } from "./states.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */

/** The spoken summary comes at most this often. */
const SPOKEN_EVERY_MILLIS = 5000;

const sign = byId("chip-sign");
const chip = byId("chip-text");
const source_line = byId("source-line");
const message = byId("message");
const live = byId("live-summary");

/** How long a complaint stands in the header; it stays among the facts. */
const COMPLAINT_MILLIS = 10_000;

let complaint_key = "";
let complained_at_millis = 0;
let spoken_at_millis = -Infinity;
let spoken_key = "";
/** When the newest snapshot with labels flowing was drawn, for "last seen". */
let seen_at_millis = 0;

/** `covertype · shuffled, seed 42 · 1,000 readings/s`. @param {Snapshot} snapshot @returns {string} */
export function sourceText({ source }) {
  if (!source) return "";
  const parts = [source.name];
  if (source.order === "shuffled") parts.push(source.seed === null ? "shuffled" : `shuffled, seed ${source.seed}`);
  else if (source.order) parts.push(`${source.order} order`);
  parts.push(paceText(source));
  return parts.filter(Boolean).join(" · ");
}

/** @param {Snapshot} snapshot @returns {string} what stands in the chip */
function chipText(snapshot) {
  const { state, model, retry_in_millis, n_lagging, gaps } = snapshot;
  if (state === "loading" && model?.n_bytes) return `loading ${percent((model.n_loaded_bytes ?? 0) / model.n_bytes, 0)}\u00a0%`;
  if (state === "disconnected" && retry_in_millis !== null) return `disconnected, retry in ${seconds(retry_in_millis)}`;
  if (state === "connecting" && snapshot.server !== null) return "waiting for a source";
  // Where the server skips what does not fit, how much waits says little and changes with each message.
  if (state === "behind" && !gaps["slow-viewer"]) return `behind ${count(n_lagging)}`;
  if (state === "paused" && n_lagging > 0) return `paused, behind ${count(n_lagging)}`;
  return LOOKS[state].name;
}

/** What was complained of last, while it is new. @param {Snapshot} snapshot @param {number} now_millis @returns {string} */
function complaint({ errors }, now_millis) {
  const last = errors?.last ?? null;
  const key = `${last} ${errors?.n_malformed} ${errors?.n_ignored} ${errors?.n_not_classified}`;
  if (key !== complaint_key) [complaint_key, complained_at_millis] = [key, now_millis];
  return last !== null && now_millis - complained_at_millis < COMPLAINT_MILLIS ? ` Last complaint: ${last}.` : "";
}

/** @param {Snapshot} snapshot @param {number} now_millis @returns {string} the message, with what only the page knows added */
function sentence(snapshot, now_millis) {
  const { state, model, labelled } = snapshot;
  if (state === "live" || state === "behind") seen_at_millis = now_millis;
  if (state === "disconnected" && seen_at_millis > 0 && labelled > 0) return `${snapshot.message} Last seen ${seconds(now_millis - seen_at_millis)} ago; what is shown is from then.`;
  if (state === "loading" && model?.n_bytes) return `${snapshot.message} ${bytes(model.n_loaded_bytes)} of ${bytes(model.n_bytes)}.`;
  return snapshot.message;
}

/** @param {Snapshot} snapshot @param {number} now_millis */
function speak(snapshot, now_millis) {
  if (now_millis - spoken_at_millis < SPOKEN_EVERY_MILLIS) return;
  const accuracy = snapshot.accuracy_windowed;
  const n_missing = snapshot.gaps["total"] ?? 0;
  // A new summary when what it says has changed in earnest, not whenever a figure trembles.
  const key = `${snapshot.state} ${accuracy === null ? "" : Math.round(accuracy * 50)} ${n_missing > 0} ${snapshot.now?.class ?? ""}`;
  if (key === spoken_key) return;
  spoken_at_millis = now_millis;
  spoken_key = key;
  const parts = [`${LOOKS[snapshot.state].name}.`];
  if (snapshot.labelled === 0) parts.push(snapshot.message);
  else {
    if (snapshot.now) parts.push(`Now ${className(snapshot.now.class)}.`);
    if (accuracy !== null) parts.push(`${percent(accuracy)} per cent of the last ${count(snapshot.n_windowed)} right.`);
    const p99 = duration(snapshot.latency_recent_micros.end_to_end.p99);
    if (p99 !== UNKNOWN) parts.push(`99 per cent labelled within ${p99}.`);
    if (n_missing > 0) parts.push(`${count(n_missing)} missed.`);
  }
  setText(live, parts.join(" "));
}

/** @param {Snapshot} snapshot @param {number} now_millis */
export function drawStatus(snapshot, now_millis) {
  const look = LOOKS[snapshot.state];
  setAttribute(document.body, "data-state", snapshot.state);
  setAttribute(document.body, "data-tone", look.tone);
  setText(sign, look.sign);
  setText(chip, chipText(snapshot));
  setText(source_line, sourceText(snapshot));
  setText(message, sentence(snapshot, now_millis) + complaint(snapshot, now_millis));
  const title = `${look.name} · Runnel`;
  if (document.title !== title) document.title = title;
  speak(snapshot, now_millis);
}
