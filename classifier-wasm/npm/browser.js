// For pages, workers and bundlers: the WebAssembly is fetched by `init()`.

import { at, beginning, failure, isNamed, shown } from "./arguments.js";
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
  let where = "";
  try {
    /** @type {any} */
    const given = await (input === undefined ? (hasSimd() ? urls.simd() : urls.scalar()) : input);
    const isAddress = typeof given === "string" || given instanceof URL;
    where = isAddress ? ` at ${given}` : at(given);
    const module = await compiled(isAddress ? await fetch(given) : given);
    // The bindings would take any module, and fail only at the first fit.
    const isOurs = WebAssembly.Module.exports(module).some(({ name }) => name === "builder_new");
    if (!isOurs) throw Error("another module");
    setReady(await bind({ module_or_path: module }));
  } catch (/** @type {any} */ cause) {
    const actual = cause?.message ?? shown(cause);
    throw new Error(`init: expected this package's WebAssembly${where}, got ${actual}`, { cause });
  }
}

/**
 * Compiles while it arrives what has WebAssembly's type.
 * @param {any} source
 */
async function compiled(source) {
  if (isNamed(source, ["WebAssembly.Module"])) return source;
  const isBytes = ArrayBuffer.isView(source) || isNamed(source, ["ArrayBuffer"]);
  const response = isBytes ? new Response(/** @type {any} */ (source)) : source;
  if (!isNamed(response, ["Response"])) throw Error(shown(response));
  if (!response.ok) throw Error(failure(response));
  if (/^application\/wasm/i.test(response.headers.get("content-type"))) return WebAssembly.compileStreaming(response);
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes.length === 0) throw Error("nothing");
  // No text begins with 0. The compiler has words for whatever else there is.
  if (bytes[0] !== 0) throw Error(`what ${beginning(bytes)}`);
  return WebAssembly.compile(bytes);
}
