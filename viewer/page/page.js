/**
 * The page: starts the worker, asks it for one snapshot a frame, and draws the newest one.
 *
 * Nothing here happens per reading. At most one request for a snapshot is unanswered; a frame draws only the parts that are due,
 * stops when its time is spent, and the next one goes on from there (schedule.js).
 *
 * `window.runnel.snapshot()` returns the newest snapshot (snapshot.js has its fields); it is kept fresh while the page is hidden.
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

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./snapshot.js").Request} Request */
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

let newest = emptySnapshot("connecting", "Connecting to the server that sent this page.");
/** @type {Snapshot|null} */
let drawn = null;
/** Whether every part shows `drawn`; the others follow in later frames. */
let complete = false;
/** The part with which the next frame begins. */
let first = 0;
let asked = false;
let failed = false;

const worker = new Worker("./worker.js", { type: "module" });

/** @param {Request} request */
function post(request) {
  worker.postMessage(request);
}

/** Asks for a snapshot unless one is on its way. */
function ask() {
  if (asked || failed) return;
  asked = true;
  post({ type: "snapshot" });
}

/** The worker cannot run: nothing more will come. @param {string} message */
function fail(message) {
  failed = true;
  newest = emptySnapshot("error", message);
}

worker.addEventListener("message", ({ data }) => {
  /** @type {Answer} */
  const answer = JSON.parse(data);
  switch (answer.type) {
    case "snapshot":
      asked = false;
      newest = answer;
      break;
    case "neighbours":
      showNeighbours(answer, newest);
      break;
    case "cell":
      if (showCell(answer, newest, chooseReading)) setTimeout(askCell, CELL_EVERY_MILLIS, answer.true_label, answer.predicted);
      break;
    case "failed":
      fail(answer.message);
      break;
    case "ready":
      break;
  }
});
worker.addEventListener("error", (event) => {
  event.preventDefault();
  fail(`The part of this page that labels readings stopped${event.message ? `: ${event.message}` : ""}. Reload the page to start it again.`);
});

/** @param {number} true_label @param {number} predicted */
function askCell(true_label, predicted) {
  post({ type: "cell", true_label, predicted });
}

/** @param {LabelledReading} reading */
function chooseReading(reading) {
  openReading(reading, newest);
  post({ type: "neighbours", seq: reading.seq });
}

/** @param {number} now_millis */
function frame(now_millis) {
  requestAnimationFrame(frame);
  ask();
  if (newest === drawn && complete) return;
  const snapshot = newest;
  if (setClasses(snapshot.source?.classes)) {
    layTimeline();
    layConfusion();
  }
  const afresh = drawn === null || drawn.state !== snapshot.state || drawn.session !== snapshot.session;
  const slower = reduced_motion.matches ? REDUCED_MOTION_FACTOR : 1;
  const end_millis = performance.now() + FRAME_BUDGET_MILLIS;
  if (afresh) for (const part of parts) part.drawn_at = -Infinity; // A change of state is shown at once.
  ({ first, complete } = drawDue(parts, snapshot, { first: afresh ? 0 : first, now_millis, slower, is_spent: () => performance.now() > end_millis }));
  drawn = snapshot;
}

listenControls(post, () => newest);
listenConfusion((true_label, predicted) => {
  openCell(true_label, predicted);
  askCell(true_label, predicted);
});
listenReadings(chooseReading);
listenSources((source) => post({ type: "follow", source }));
layTimeline();
layConfusion();

/** How much slower than it is the classifier shall be, for trying what a slow page does: `?slow=10`. */
const wishes = new URLSearchParams(location.search);
const slow_factor = Math.max(1, Number(wishes.get("slow")) || 1);
/** Which source to follow: `?source=py1`. */
const source = wishes.get("source") ?? undefined;
post({ type: "start", url: `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/live`, slow_factor, ...(source === undefined ? {} : { source }) });
setInterval(() => {
  if (document.hidden) ask();
}, HIDDEN_EVERY_MILLIS);
requestAnimationFrame(frame);

Object.defineProperty(window, "runnel", { value: Object.freeze({ snapshot: () => newest }) });
