// For Node: the WebAssembly is read from disk while this module is imported, so nothing has to be awaited.

import { readFileSync } from "node:fs";

import { hasSimd, setReady } from "./loading.js";
import { initSync } from "./wasm/bindings.js";

export { KnnModel } from "./model.js";
export { OnlineKnn } from "./online.js";

const file = hasSimd() ? new URL("./wasm/simd.wasm", import.meta.url) : new URL("./wasm/scalar.wasm", import.meta.url);
setReady(initSync({ module: readFileSync(file) }));

/** Has nothing to do here; code that is shared with a page may call it. */
export async function init() {}
