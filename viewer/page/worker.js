// The worker's few lines of JavaScript: they load the WebAssembly module and hand it the page's messages.
// Everything else is Rust, in viewer/src; README.md beside it documents the messages.
import init, { Worker } from "./viewer.js";

/** Messages that came while the module was loading. @type {string[]} */
const early = [];
/** @type {Worker | undefined} */
let worker;

/** @param {string} text */
function handle(text) {
  const answer = worker?.handle(text);
  if (answer !== undefined) {
    self.postMessage(answer);
  }
}

self.onmessage = ({ data }) => {
  const text = JSON.stringify(data);
  if (worker) {
    handle(text);
  } else {
    early.push(text);
  }
};

try {
  await init();
  worker = new Worker();
  self.postMessage(JSON.stringify({ type: "ready" }));
  early.forEach(handle);
} catch (error) {
  self.postMessage(JSON.stringify({ type: "failed", message: String(error) }));
}
