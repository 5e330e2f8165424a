// For pages, workers and bundlers: the WebAssembly is fetched by `init()`.

import { hasSimd, setReady } from "./loading.js";
import bind from "./wasm/bindings.js";

export { KnnModel } from "./model.js";
export { OnlineKnn } from "./online.js";

// Spelt out in full, once each: that is how bundlers find the files.
const urls = {
  simd: () => new URL("./wasm/simd.wasm", import.meta.url),
  scalar: () => new URL("./wasm/scalar.wasm", import.meta.url),
};

/** @type {Promise<void> | undefined} */
let loading;

/**
 * See index.d.ts.
 * @param {import("./index.d.ts").InitInput} [input]
 * @returns {Promise<void>}
 */
export function init(input) {
  loading ??= load(input).catch((error) => {
    loading = undefined; // A lost connection may be back at the next call.
    throw error;
  });
  return loading;
}

/** @param {import("./index.d.ts").InitInput} [input] */
async function load(input) {
  let source = await (input ?? (hasSimd() ? urls.simd() : urls.scalar()));
  if (typeof source === "string" || source instanceof URL) source = await fetch(source);
  if (source instanceof Response && !source.ok) {
    throw new Error(`init: expected WebAssembly at ${source.url}, got ${source.status} ${source.statusText}`);
  }
  // The bindings compile a response while it arrives, or after it if the server gave it another type than wasm's.
  await bind({ module_or_path: source });
  setReady();
}
