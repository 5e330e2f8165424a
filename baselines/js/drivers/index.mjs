// Every implementation that runs in a page as well as in Node, by name.
//
// A driver is made by `create({ training, k, form, case_name, platform })`, which is what build time means. `training` has
// `values` (row-major Float64Array), `labels`, `n_features`, `n_classes`; `values` are prepared unless the entry says
// `recorded`. The driver has
//   query(row) -> class id, or a promise of it     what is timed
//   neighbours() -> training rows of the last query, nearest first, or null where the implementation does not say
//   query_form(row)      optional: the row in the form it takes, not timed
//   facts()              optional: more to report, such as the bytes of its WebAssembly memory
//   close()              optional

import { tfjs } from "./tfjs.mjs";

const module_of = (load, name = "create") => ({ create: async (given) => (await load())[name](given) });

export const drivers = {
  naive: module_of(() => import("./naive.mjs")),
  typed: module_of(() => import("./typed.mjs")),
  textbook: module_of(() => import("./rust.mjs"), "textbook"),
  scan: module_of(() => import("./rust.mjs"), "scan"),
  ours: { ...module_of(() => import("./rust.mjs"), "ours"), recorded: true },
  "ours-loaded": { ...module_of(() => import("./rust.mjs"), "loaded"), recorded: true, needs_no_rows: true },
  "tfjs-cpu": { create: tfjs("cpu") },
  "tfjs-wasm": { create: tfjs("wasm") },
  "tfjs-webgl": { create: tfjs("webgl") },
  "tfjs-webgpu": { create: tfjs("webgpu") },
  flask: { ...module_of(() => import("./flask.mjs")), needs_no_rows: true },
  "knn-classifier": module_of(() => import("./knn-classifier.mjs")),
  "ml-knn": module_of(() => import("./ml-knn.mjs")),
  knear: module_of(() => import("./knear.mjs")),
  "static-kdtree": module_of(() => import("./static-kdtree.mjs")),
  "hnswlib-wasm": module_of(() => import("./hnswlib-wasm.mjs")),
};
