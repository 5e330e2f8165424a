// `OnlineKnn`: checks arguments and leaves the rest to the WebAssembly. Documented in index.d.ts.

import {
  LOST,
  METRICS,
  VOTINGS,
  check,
  checkCount,
  checkedQuery,
  checkedWeights,
  choice,
  inMemory,
  isWholeNumber,
  knownOptions,
  neighbours,
  numbers,
  release,
  shown,
} from "./arguments.js";
import { checkReady } from "./loading.js";
import { Online } from "./wasm/bindings.js";

const OPTIONS = ["nFeatures", "nClasses", "k", "metric", "weights", "featureWeights", "scaling", "window"];

export class OnlineKnn {
  /** @type {Online | null} */
  #online;
  /** What became of it where there is none. */
  #end = "freed";
  #nFeatures;
  #nClasses;

  /** @param {import("./index.d.ts").OnlineOptions} given */
  constructor(given) {
    checkReady("OnlineKnn");
    const options = knownOptions(given, OPTIONS);
    const { nFeatures, nClasses, k = 5, window, scaling } = options;
    checkCount("nFeatures", nFeatures);
    checkCount("nClasses", nClasses, 65536);
    checkCount("k", k, 255);
    if (window !== undefined) checkCount("window", window);
    const [offset, scale] = checkedScaling(scaling, nFeatures);
    this.#nFeatures = nFeatures;
    this.#nClasses = nClasses;
    const metric = choice(options, "metric", METRICS);
    const voting = choice(options, "weights", VOTINGS);
    const weights = checkedWeights(options.featureWeights, nFeatures);
    const make = () => new Online(nFeatures, nClasses, k, metric, voting, weights, offset, scale, window ?? 0);
    this.#online = inMemory("nFeatures", String(nFeatures), make);
  }

  /**
   * @param {import("./index.d.ts").Query} features
   * @param {number} label
   */
  insert(features, label) {
    const online = OnlineKnn.#used(this, "insert");
    if (!isWholeNumber(label, 0, this.#nClasses - 1)) {
      check(false, RangeError, "label", `a class id from 0 to ${this.#nClasses - 1}`, shown(label));
    }
    const row = checkedQuery(features, this.#nFeatures, "features");
    return this.#inMemory("features", "a row too many", () => online.insert(row, label));
  }

  /** @param {number} row */
  remove(row) {
    const online = OnlineKnn.#used(this, "remove");
    check(isWholeNumber(row, 0, Number.MAX_SAFE_INTEGER), RangeError, "row", "the number of a row", shown(row));
    return online.remove(row);
  }

  /** @param {import("./index.d.ts").Query} query */
  predict(query) {
    const online = OnlineKnn.#used(this, "predict");
    const point = checkedQuery(query, this.#nFeatures);
    return this.#inMemory("query", "one too many", () => online.predict(point));
  }

  /** @param {import("./index.d.ts").Query} query */
  classShares(query) {
    const online = OnlineKnn.#used(this, "classShares");
    const point = checkedQuery(query, this.#nFeatures);
    return this.#inMemory("query", "one too many", () => online.classShares(point));
  }

  /** @param {import("./index.d.ts").Query} query */
  neighbours(query) {
    const online = OnlineKnn.#used(this, "neighbours");
    const point = checkedQuery(query, this.#nFeatures);
    return neighbours(this.#inMemory("query", "one too many", () => online.neighbours(point)));
  }

  get nRows() {
    return OnlineKnn.#used(this, "nRows").nRows;
  }

  get oldest() {
    return OnlineKnn.#used(this, "oldest").oldest;
  }

  free() {
    OnlineKnn.#checked(this, "free");
    release(this.#online);
    this.#online = null;
  }

  /**
   * Unlike a private method, whose error would name the class as the bundler does.
   * @param {OnlineKnn} given
   * @param {string} caller
   */
  static #checked(given, caller) {
    const isOne = Object(given) === given && #online in given;
    check(isOne, TypeError, caller, "to be called on an OnlineKnn", shown(given));
    return given;
  }

  /**
   * @param {OnlineKnn} given
   * @param {string} caller
   */
  static #used(given, caller) {
    const online = OnlineKnn.#checked(given, caller).#online;
    if (online === null) throw new Error(`${caller}: this OnlineKnn was ${given.#end}`);
    return online;
  }

  /**
   * As `inMemory`, and finds out whether a call that failed was its last.
   * @template T
   * @param {string} argument
   * @param {string} actual
   * @param {() => T} call
   */
  #inMemory(argument, actual, call) {
    try {
      return inMemory(argument, actual, call);
    } catch (error) {
      try {
        this.#online?.nRows;
      } catch {
        this.free();
        this.#end = LOST;
      }
      throw error;
    }
  }
}

// Older engines have no such symbol.
if (Symbol.dispose) Object.defineProperty(OnlineKnn.prototype, Symbol.dispose, { value: OnlineKnn.prototype.free });

/**
 * Offsets and scales, or none of either.
 * @param {unknown} scaling
 * @param {number} nFeatures
 */
function checkedScaling(scaling, nFeatures) {
  if (scaling === undefined) return [numbers([]), numbers([])];
  const parts = knownOptions(scaling, ["offset", "scale"], "scaling");
  return /** @type {const} */ (["offset", "scale"]).map((name) => {
    const values = checkedQuery(parts[name], nFeatures, `scaling.${name}`);
    const min = name === "scale" ? 0 : -Infinity;
    const wrong = values.findIndex((value) => !(value > min && value < Infinity));
    const expected = `a finite number${name === "scale" ? " above 0" : ""}`;
    check(wrong < 0, RangeError, `scaling.${name}[${wrong}]`, expected, String(values[wrong]));
    return values;
  });
}
