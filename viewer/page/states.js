/**
 * What each state of the page is called, which sign and tone it has, and what the first answer says while no label can be shown.
 */

/** @typedef {import("./snapshot.js").State} State */
/** @typedef {{name: string, sign: string, tone: "good"|"warn"|"bad"|"quiet", headline: string}} Look */

/** `headline` stands where the newest class would stand; it is not used while labels flow. @type {Record<State, Look>} */
export const LOOKS = {
  connecting: { name: "connecting", sign: "◌", tone: "quiet", headline: "Connecting" },
  loading: { name: "loading model", sign: "◔", tone: "quiet", headline: "Loading the model" },
  waiting: { name: "waiting", sign: "◌", tone: "quiet", headline: "Waiting for readings" },
  live: { name: "live", sign: "●", tone: "good", headline: "Live" },
  behind: { name: "behind", sign: "▲", tone: "warn", headline: "Behind" },
  paused: { name: "paused", sign: "❚❚", tone: "quiet", headline: "Paused" },
  ended: { name: "ended", sign: "■", tone: "quiet", headline: "The stream has ended" },
  silent: { name: "silent", sign: "◌", tone: "warn", headline: "Silent" },
  disconnected: { name: "disconnected", sign: "○", tone: "bad", headline: "Disconnected" },
  "no-model": { name: "no model", sign: "○", tone: "warn", headline: "No model" },
  mismatch: { name: "mismatch", sign: "✕", tone: "bad", headline: "Features do not match" },
  locked: { name: "token needed", sign: "✕", tone: "warn", headline: "Locked" },
  error: { name: "error", sign: "✕", tone: "bad", headline: "Stopped" },
};

/** States in which the newest label is the answer; in the others it is history, or there is none. */
const SHOWS_LABEL = new Set(["live", "behind", "paused", "ended", "silent", "disconnected"]);

/** Whether the first answer is the newest label. @param {import("./snapshot.js").Snapshot} snapshot @returns {boolean} */
export function showsLabel(snapshot) {
  return SHOWS_LABEL.has(snapshot.state) && (snapshot.now !== null || snapshot.last.length > 0);
}
