/**
 * One source's worker, and the newest snapshot that it sent. At most one request for a snapshot is unanswered.
 */
import { emptySnapshot } from "./snapshot.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./snapshot.js").Request} Request */
/** @typedef {import("./snapshot.js").Answer} Answer */

/**
 * @typedef {object} Stream
 * @property {() => Snapshot} newest
 * @property {(request: Request) => void} post
 * @property {() => void} ask asks for a snapshot unless one is on its way
 */

/**
 * Starts a worker.
 * @param {Request & {type: "start"}} start where it connects @param {(answer: Answer) => void} [heard] is given the answers that are no snapshot
 * @returns {Stream}
 */
export function openStream(start, heard = () => {}) {
  let newest = emptySnapshot("connecting", "Connecting to the server that sent this page.");
  let asked = false;
  let failed = false;
  const worker = new Worker("./worker.js", { type: "module" });

  /** The worker cannot run: nothing more will come. @param {string} message */
  function fail(message) {
    failed = true;
    newest = emptySnapshot("error", message);
  }

  worker.addEventListener("message", ({ data }) => {
    /** @type {Answer} */
    const answer = JSON.parse(data);
    if (answer.type === "snapshot") {
      asked = false;
      newest = answer;
    } else if (answer.type === "failed") {
      fail(answer.message);
    } else {
      heard(answer);
    }
  });
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    fail(`The part of this page that labels readings stopped${event.message ? `: ${event.message}` : ""}. Reload the page to start it again.`);
  });
  worker.postMessage(start);
  return {
    newest: () => newest,
    post: (request) => worker.postMessage(request),
    ask() {
      if (asked || failed) return;
      asked = true;
      worker.postMessage({ type: "snapshot" });
    },
  };
}
