/**
 * True labels that come with their readings, later, or never, in words. Pure functions; tested by `node --test viewer/page-tests`.
 */
import { count, duration, plural, seconds } from "./format.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./snapshot.js").Truth} Truth */

/** Above this a delay is written in minutes. */
const MINUTES_FROM_MILLIS = 99_500;

/** Whether a label has come after its reading. @param {Truth} truth @returns {boolean} */
export function comesLate({ n_late, n_unmatched }) {
  return n_late + n_unmatched > 0;
}

/** Why a reading has no true label. @param {{is_awaited: boolean}} reading @param {Truth} truth @returns {string} */
export function missingTruth({ is_awaited }, truth) {
  if (!is_awaited) return "not scored";
  return comesLate(truth) ? "pending" : "not sent";
}

/** @param {number} millis @returns {string} */
function delay(millis) {
  return millis < MINUTES_FROM_MILLIS ? duration(millis * 1000) : seconds(millis);
}

/** How many readings wait for their true label, and how late it comes; empty where all come with their readings. @param {Pick<Snapshot, "labelled"|"n_without_true_label"|"truth">} snapshot @returns {string} */
export function lateText({ labelled, n_without_true_label, truth }) {
  if (!comesLate(truth)) return "";
  const { n_waiting, n_given_up, n_not_scored, n_unmatched, late_millis } = truth;
  const parts = [`true label known for ${count(labelled - n_without_true_label)} of ${plural(labelled, "reading")}`, `${count(n_waiting)} pending`];
  if (late_millis.p50 !== null && late_millis.p95 !== null) parts.push(`it comes ${delay(late_millis.p50)} late (median; 95\u00a0% within ${delay(late_millis.p95)})`);
  if (n_given_up > 0) parts.push(`${count(n_given_up)} no longer waited for`);
  if (n_not_scored > 0) parts.push(`${count(n_not_scored)} not scored, as the model may know them`);
  if (n_unmatched > 0) parts.push(`${plural(n_unmatched, "label")} for readings not waited for here`);
  return parts.join(" · ");
}
