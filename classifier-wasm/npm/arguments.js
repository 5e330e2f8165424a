// What may be passed to `KnnModel`, and what is said of anything else: the argument, what was expected, what came.

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
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  const name = value.constructor?.name ?? "object";
  return typeof value.length === "number" ? `${name} of ${value.length}` : name;
}

/**
 * @param {any} value
 * @returns {value is Float32Array | Float64Array}
 */
export function isFloats(value) {
  return value instanceof Float64Array || value instanceof Float32Array || isNamed(value, ["Float64Array", "Float32Array"]);
}

/**
 * @param {any} value
 * @returns {value is Uint32Array | Uint16Array | Uint8Array}
 */
export function isUnsigned(value) {
  return isNamed(value, ["Uint32Array", "Uint16Array", "Uint8Array"]);
}

/**
 * Whether a value is of one of these built-in types, be it another frame's or test runner's, which `instanceof` denies.
 * @param {any} value
 * @param {string[]} names
 */
export function isNamed(value, names) {
  return names.includes(value?.[Symbol.toStringTag]);
}

/**
 * @param {unknown} value
 * @param {number} min
 * @param {number} max
 * @returns {value is number}
 */
export function isWholeNumber(value, min, max) {
  return typeof value === "number" && Number.isInteger(value) && value >= min && value <= max;
}

export const METRICS = ["euclidean", "manhattan"];
export const VOTINGS = ["uniform", "distance"];

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
 * @returns {Partial<import("./index.d.ts").FitOptions & import("./index.d.ts").OnlineOptions>}
 */
export function knownOptions(options, known) {
  check(typeof options === "object" && options !== null, TypeError, "options", "an object", shown(options));
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  check(unknown === undefined, TypeError, "options", `only ${known.join(", ")}`, `${unknown}`);
  return options;
}

/**
 * One of `values`, the first if it is not given.
 * @param {Record<string, any>} options
 * @param {string} name
 * @param {string[]} values
 * @returns {string}
 */
export function stringOption(options, name, values) {
  const value = options[name] ?? values[0];
  const known = values.map((known) => JSON.stringify(known)).join(" or ");
  check(values.includes(value), RangeError, name, known, shown(value));
  return value;
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
  const wrong = value.findIndex((name) => typeof name !== "string");
  check(wrong === -1, TypeError, `${argument}[${wrong}]`, "a string", shown(value[wrong]));
  return value;
}

/**
 * The bindings copy any kind of numbers into WebAssembly's memory, though their types name only the one found there.
 * @param {import("./index.d.ts").Query} values
 */
export const numbers = (values) => /** @type {Float64Array} */ (values);

/**
 * A feature vector of the right length; what is in it the WebAssembly checks.
 * @param {import("./index.d.ts").Query} query
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
  return numbers(query);
}

/**
 * One number a feature, or none at all.
 * @param {import("./index.d.ts").Query | undefined} weights
 * @param {number} nFeatures
 */
export function checkedWeights(weights, nFeatures) {
  return weights === undefined ? numbers([]) : checkedQuery(weights, nFeatures, "featureWeights");
}
