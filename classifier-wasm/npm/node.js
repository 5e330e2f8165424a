// For Node: the WebAssembly is read from disk while this module is imported, so nothing has to be awaited.

import { readFileSync } from "node:fs";

import { hasSimd, setReady } from "./loading.js";
import { initSync } from "./wasm/bindings.js";

export { KnnModel } from "./model.js";
export { OnlineKnn } from "./online.js";

setReady(initSync({ module: read() }));

/** Has nothing to do here; code that is shared with a page may call it. */
export async function init() {}

function read() {
  try {
    return readFileSync(hasSimd() ? new URL("./wasm/simd.wasm", import.meta.url) : new URL("./wasm/scalar.wasm", import.meta.url));
  } catch (/** @type {any} */ cause) {
    const hint = "a bundle for Node has to leave this package out, as external";
    throw new Error(`runnel-classifier: expected its WebAssembly beside its scripts, got ${cause.message}: ${hint}`, { cause });
  }
}
