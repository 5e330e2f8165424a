// What may be passed to the classifiers, and what is said of anything else: the argument, what was expected, what came.

import { clearStack } from "./loading.js";

/** @import { FitInSlicesOptions, OnlineOptions, Query } from "./index.d.ts" */

/**
 * @param {boolean} isRight
 * @param {new (message: string) => Error} kind
 * @param {string} argument
 * @param {string} expected
 * @param {string} actual
 * @returns {asserts isRight}
 */
export function check(isRight, kind, argument, expected, actual) {
  if (!isRight) throw new kind(`${argument}: expected ${expected}, got ${actual}`);
}

/**
 * A value as error messages show it: short, and its type where that says more.
 * @param {any} value
 */
export function shown(value) {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  const name = value.constructor?.name ?? "object";
  if (isDetached(value)) return `a detached ${name}`;
  return typeof value.length === "number" ? `${name} of ${value.length}` : name;
}

/**
 * @param {any} value
 * @returns {value is Float32Array | Float64Array}
 */
export function isFloats(value) {
  // The first is the quick answer for most queries.
  return (value instanceof Float64Array && value.length > 0) || isNamed(value, ["Float64Array", "Float32Array"]);
}

/**
 * @param {any} value
 * @returns {value is Uint32Array | Uint16Array | Uint8Array}
 */
export function isUnsigned(value) {
  return isNamed(value, ["Uint32Array", "Uint16Array", "Uint8Array"]);
}

/**
 * Whether a value is of one of these built-in types, be it another frame's or test runner's, which `instanceof` denies,
 * and still has its memory.
 * @param {any} value
 * @param {string[]} names
 */
export function isNamed(value, names) {
  return names.includes(value?.[Symbol.toStringTag]) && !isDetached(value);
}

/**
 * Whether the memory of an array or buffer was transferred, to a worker for instance: it then looks empty.
 * @param {any} value
 */
function isDetached(value) {
  try {
    if (value.byteLength === 0) new Uint8Array(value.buffer ?? value);
    return false;
  } catch {
    return true; // Not every engine has `detached`, but none makes an array of such memory.
  }
}

/**
 * @param {any} value
 * @param {number} min
 * @param {number} max
 */
export function isWholeNumber(value, min, max) {
  return Number.isInteger(value) && value >= min && value <= max;
}

/**
 * A whole number above 0, and at most `max` if that is less than fits in 32 bits.
 * @param {string} argument
 * @param {unknown} value
 * @param {number} [max]
 * @returns {asserts value is number}
 */
export function checkCount(argument, value, max) {
  const expected = `a whole number ${max ? `from 1 to ${max}` : "above 0"}`;
  check(isWholeNumber(value, 1, max ?? 0xffff_ffff), RangeError, argument, expected, shown(value));
}

// Choices, the first where none is made. The WebAssembly is told the place of one (src/options.rs).
export const METRICS = ["euclidean", "manhattan"];
export const VOTINGS = ["uniform", "distance"];
export const PREPARATIONS = ["raw", "standard", "min-max"];
export const ENGINES = ["auto", "scan", "tree"];

/** Of every fit. */
export const OPTIONS = [
  "nFeatures",
  "k",
  "metric",
  "weights",
  "featureWeights",
  "preparation",
  "engine",
  "classNames",
  "featureNames",
];

/**
 * The options, none of them misspelt.
 * @param {unknown} options
 * @param {string[]} known
 * @param {string} [argument]
 * @returns {Partial<FitInSlicesOptions & OnlineOptions & Record<"offset" | "scale", any>>}
 */
export function knownOptions(options, known, argument = "options") {
  check(typeof options === "object" && options !== null, TypeError, argument, "an object", shown(options));
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  check(unknown === undefined, TypeError, argument, `only ${known.map(shown).join(", ")}`, shown(unknown));
  return options;
}

/**
 * The place of an option among `values`.
 * @param {Record<string, any>} options
 * @param {string} name
 * @param {string[]} values
 */
export function choice(options, name, values) {
  const { [name]: value = values[0] } = options;
  check(values.includes(value), RangeError, name, values.map(shown).join(" or "), shown(value));
  return values.indexOf(value);
}

/** @param {unknown} value */
export function checkOnProgress(value) {
  check(value === undefined || typeof value === "function", TypeError, "onProgress", "a function", shown(value));
}

/** Without names for them, class ids end here: a stray label would otherwise take memory for all ids below it. */
const MAX_UNNAMED_CLASSES = 65536;

/**
 * How many classes there are; every label is one.
 * @param {ArrayLike<number>} labels
 * @param {unknown} names
 */
export function nClasses(labels, names) {
  const limit = names === undefined ? MAX_UNNAMED_CLASSES : stringList("classNames", names).length;
  let n = 0;
  for (let row = 0; row < labels.length; row += 1) {
    if (labels[row] >= limit) {
      const expected = names === undefined ? `a class id from 0 to ${limit - 1}` : `an id of the ${limit} classNames`;
      check(false, RangeError, `labels[${row}]`, expected, `${labels[row]}`);
    }
    if (labels[row] >= n) n = labels[row] + 1;
  }
  return names === undefined ? n : limit;
}

/**
 * @param {unknown} names
 * @param {number} n
 */
export function classNames(names, n) {
  return names === undefined ? Array.from({ length: n }, (_, id) => String(id)) : stringList("classNames", names);
}

/**
 * @param {unknown} names
 * @param {number} n
 */
export function featureNames(names, n) {
  if (names === undefined) return Array.from({ length: n }, (_, feature) => `x${feature}`);
  const list = stringList("featureNames", names);
  check(list.length === n, RangeError, "featureNames", `${n} strings, one a feature`, `${list.length}`);
  return list;
}

/**
 * @param {string} argument
 * @param {unknown} value
 * @returns {string[]}
 */
function stringList(argument, value) {
  check(Array.isArray(value), TypeError, argument, "an array of strings", shown(value));
  checkTypes(value, "string", argument);
  return [...value];
}

/**
 * @param {any[]} values
 * @param {string} type
 * @param {string} argument
 */
function checkTypes(values, type, argument) {
  const wrong = values.findIndex((value) => typeof value !== type);
  if (wrong >= 0) check(false, TypeError, `${argument}[${wrong}]`, `a ${type}`, shown(values[wrong]));
}

/**
 * The bindings copy any kind of numbers into WebAssembly's memory, though their types name only the one found there.
 * @param {Query} values
 */
export const numbers = (values) => /** @type {Float64Array} */ (values);

/**
 * A feature vector of the right length, made of numbers; whether they are finite the WebAssembly checks.
 * @param {Query} query
 * @param {number} nFeatures
 * @param {string} [argument]
 */
export function checkedQuery(query, nFeatures, argument = "query") {
  if (!isFloats(query) && !Array.isArray(query)) {
    check(false, TypeError, argument, "a Float32Array, Float64Array or array of numbers", shown(query));
  }
  if (query.length !== nFeatures) {
    check(false, RangeError, argument, `${nFeatures} numbers, one a feature`, `${query.length}`);
  }
  // Typed arrays hold nothing else. WebAssembly would read null as 0, "1" as 1.
  if (Array.isArray(query)) checkTypes(query, "number", argument);
  return numbers(query);
}

/**
 * One number a feature, or none at all.
 * @param {Query | undefined} weights
 * @param {number} nFeatures
 */
export function checkedWeights(weights, nFeatures) {
  return weights === undefined ? numbers([]) : checkedQuery(weights, nFeatures, "featureWeights");
}

/**
 * The WebAssembly gives rows and distances in one array, the former first.
 * @param {Float64Array} found
 */
export function neighbours(found) {
  const k = found.length / 2;
  return { rows: found.slice(0, k), distances: found.slice(k) };
}

/**
 * What `call` returns. WebAssembly whose memory is at an end gives up without a word: this is the word.
 * @template T
 * @param {string} argument
 * @param {string} actual
 * @param {() => T} call
 */
export function inMemory(argument, actual, call) {
  try {
    return call();
  } catch (cause) {
    if (!(cause instanceof WebAssembly.RuntimeError)) throw fromHere(cause);
    clearStack();
    throw new RangeError(`${argument}: expected to fit in WebAssembly's memory, got ${actual}`, { cause });
  }
}

/**
 * An error that the WebAssembly made, with the calls that led here: its own would be all that the trace has room for.
 * @param {unknown} error
 */
export function fromHere(error) {
  if (error instanceof Error) Error.captureStackTrace?.(error, fromHere);
  return error;
}

/** What became of something that was in use when memory ran out: Rust lends it to nobody else from then on. */
export const LOST = "lost when memory ran out: make a new one";

/**
 * Gives memory back. After WebAssembly gave up that cannot be, and is not what has to be said then.
 * @param {{ free(): void } | null} held
 */
export function release(held) {
  try {
    held?.free();
  } catch {
    clearStack();
  }
}

/** @param {any} response */
export const at = (response) => (response?.url ? ` at ${response.url}` : "");

/**
 * What a response is that is not `ok`. Where the fetch failed, or was not allowed to show what came, there is no status.
 * @param {Response} response
 */
export function failure({ status, statusText }) {
  return status ? `${status} ${statusText}`.trimEnd() : "a fetch that failed, without an HTTP status";
}

/** @param {Uint8Array} bytes */
export function beginning(bytes) {
  const text = new TextDecoder().decode(bytes.subarray(0, 16));
  const hint = /^\s*<(!doctype|html)/i.test(text) ? ": an HTML page" : "";
  return text ? `begins with ${shown(text)}${hint}` : "is empty";
}
