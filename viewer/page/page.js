/**
 * The page: starts a worker, asks it for one snapshot a frame, and draws the newest one; or has several sources side by side
 * (overview.js), each with a worker of its own, of which one at a time is shown whole.
 *
 * Nothing here happens per reading. At most one request for a snapshot is unanswered; a frame draws only the parts that are due,
 * stops when its time is spent, and the next one goes on from there (schedule.js).
 *
 * `window.runnel.snapshot()` returns the newest snapshot (snapshot.js has its fields), `snapshots()` those of all sources that are open;
 * they are kept fresh while the page is hidden.
 */
import { setClasses } from "./classes.js";
import { drawControls, listenControls } from "./controls.js";
import { openCell, openReading, showCell, showNeighbours } from "./detail.js";
import { drawConfusion, layConfusion, listenConfusion } from "./draw-confusion.js";
import { drawFacts, drawFeatures } from "./draw-features.js";
import { drawHistogram, drawStages } from "./draw-latency.js";
import { drawNow } from "./draw-now.js";
import { drawPace } from "./draw-pace.js";
import { drawReadings, listenReadings } from "./draw-readings.js";
import { drawSources, listenSources } from "./draw-sources.js";
import { drawStatus } from "./draw-status.js";
import { drawTimeline, layTimeline } from "./draw-timeline.js";
import { drawTrustPlot, drawTrustText } from "./draw-trust.js";
import { drawDue } from "./schedule.js";
import { emptySnapshot } from "./snapshot.js";
import { openStream } from "./stream.js";
import { drawToken, listenToken, takeToken } from "./token.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./stream.js").Stream} Stream */
/** @typedef {import("./snapshot.js").Answer} Answer */
/** @typedef {import("./snapshot.js").LabelledReading} LabelledReading */
/** @typedef {import("./schedule.js").Part<Snapshot>} Part */

/** A frame starts no further part after this: half of what a frame of 60 Hz may take. */
const FRAME_BUDGET_MILLIS = 8;
/** How often a hidden page, which gets no animation frames, asks. */
const HIDDEN_EVERY_MILLIS = 1000;
/** How often the readings of a cell are asked for while there are none. */
const CELL_EVERY_MILLIS = 500;
/** How much less often pictures move for readers who asked for less motion. */
const REDUCED_MOTION_FACTOR = 4;

/** @type {Part[]} */
const parts = [
  { every_millis: 100, draw: drawStatus },
  { every_millis: 100, draw: drawToken },
  { every_millis: 250, draw: drawNow },
  { every_millis: 250, draw: drawSources },
  { every_millis: 100, draw: drawPace },
  { every_millis: 100, draw: drawTrustText },
  { every_millis: 250, draw: drawControls },
  { every_millis: 250, draw: drawTimeline },
  { every_millis: 250, draw: drawReadings },
  { every_millis: 500, draw: drawTrustPlot },
  { every_millis: 250, draw: drawFeatures },
  { every_millis: 500, draw: drawConfusion },
  { every_millis: 500, draw: drawHistogram },
  { every_millis: 250, draw: drawStages },
  { every_millis: 1000, draw: drawFacts },
].map((part) => ({ ...part, drawn_at: -Infinity }));

const reduced_motion = matchMedia("(prefers-reduced-motion: reduce)");

/** Stands for a source while none is shown. */
const NOTHING = emptySnapshot("connecting", "");
/** The source that is shown whole. @type {Stream|null} */
let shown = null;
/** Several sources side by side, where the address asks for them. @type {import("./overview.js").Overview|null} */
let overview = null;
/** @type {Snapshot|null} */
let drawn = null;
/** Whether every part shows `drawn`; the others follow in later frames. */
let complete = false;
/** The part with which the next frame begins. */
let first = 0;

/** Answers to what the reader of the shown source asked. @param {Answer} answer */
function heard(answer) {
  if (answer.type === "neighbours") showNeighbours(answer, newest());
  else if (answer.type === "cell" && showCell(answer, newest(), chooseReading)) setTimeout(askCell, CELL_EVERY_MILLIS, answer.true_label, answer.predicted);
}

/** @param {number} true_label @param {number} predicted */
function askCell(true_label, predicted) {
  shown?.post({ type: "cell", true_label, predicted });
}

/** @param {LabelledReading} reading */
function chooseReading(reading) {
  openReading(reading, newest());
  shown?.post({ type: "neighbours", seq: reading.seq });
}

/** @param {number} now_millis */
function frame(now_millis) {
  requestAnimationFrame(frame);
  const is_spent = spentAfter(performance.now() + FRAME_BUDGET_MILLIS);
  overview?.frame(now_millis, is_spent);
  if (!shown) return drawToken(overview?.snapshots().find(({ state }) => state === "locked") ?? NOTHING);
  shown.ask();
  const snapshot = shown.newest();
  if (snapshot === drawn && complete) return;
  if (setClasses(snapshot.source?.classes)) {
    layTimeline();
    layConfusion();
  }
  const afresh = drawn === null || drawn.state !== snapshot.state || drawn.session !== snapshot.session;
  const slower = reduced_motion.matches ? REDUCED_MOTION_FACTOR : 1;
  if (afresh) for (const part of parts) part.drawn_at = -Infinity; // A change of state is shown at once.
  ({ first, complete } = drawDue(parts, snapshot, { first: afresh ? 0 : first, now_millis, slower, is_spent }));
  drawn = snapshot;
}

/** @param {number} end_millis @returns {() => boolean} */
function spentAfter(end_millis) {
  return () => performance.now() > end_millis;
}

/** Shows a source whole, or none while the overview stands in its place. @param {Stream|null} stream */
function show(stream) {
  shown = stream;
  drawn = null;
}

/** What the page acts on: the newest snapshot of the source shown, drawn or not. */
function newest() {
  return shown?.newest() ?? NOTHING;
}

listenControls((control) => shown?.post(control), newest);
listenConfusion((true_label, predicted) => {
  openCell(true_label, predicted);
  askCell(true_label, predicted);
});
listenReadings(chooseReading);
listenToken();
listenSources((source) => shown?.post({ type: "follow", source }));
layTimeline();
layConfusion();

const wishes = new URLSearchParams(location.search);
/** How much slower than it is the classifier shall be, for trying what a slow page does: `?slow=10`. */
const slow_factor = Math.max(1, Number(wishes.get("slow")) || 1);
/** Which source to follow: `?source=py1`; several side by side: `?source=py1,py2`, all that there are: `?source=*`. */
const source = wishes.get("source");
const url = `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/live`;
const token = takeToken();
/** @param {string|null} name of the source, `null` for the first that the server names */
const open = (name) => openStream({ type: "start", url, slow_factor, ...token, ...(name === null ? {} : { source: name }) }, heard);

if (source !== null && (source === "*" || source.includes(","))) {
  // Not in the page that most people load.
  const { openOverview } = await import("./overview.js");
  overview = await openOverview(source, open, show);
} else {
  show(open(source));
}
setInterval(() => {
  if (!document.hidden) return;
  shown?.ask();
  overview?.ask();
}, HIDDEN_EVERY_MILLIS);
requestAnimationFrame(frame);

Object.defineProperty(window, "runnel", {
  value: Object.freeze({ snapshot: newest, snapshots: () => overview?.snapshots() ?? [newest()] }),
});
