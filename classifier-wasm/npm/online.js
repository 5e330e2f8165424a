// `OnlineKnn`: checks arguments and leaves the rest to the WebAssembly. Documented in index.d.ts.

import {
  METRICS,
  VOTINGS,
  check,
  checkedQuery,
  checkedWeights,
  isWholeNumber,
  knownOptions,
  numbers,
  shown,
  stringOption,
} from "./arguments.js";
import { checkReady } from "./loading.js";
import { Online } from "./wasm/bindings.js";

const OPTIONS = ["nFeatures", "nClasses", "k", "metric", "weights", "featureWeights", "scaling", "window"];

export class OnlineKnn {
  /** @type {Online | null} */
  #online;
  #nFeatures;
  #nClasses;

  /** @param {import("./index.d.ts").OnlineOptions} given */
  constructor(given) {
    checkReady("OnlineKnn");
    const options = knownOptions(given, OPTIONS);
    const { nFeatures, nClasses, k = 5, window, scaling } = options;
    check(isWholeNumber(nFeatures, 1, 0xffff_ffff), RangeError, "nFeatures", "a whole number above 0", shown(nFeatures));
    check(isWholeNumber(nClasses, 1, 65536), RangeError, "nClasses", "a whole number from 1 to 65536", shown(nClasses));
    check(isWholeNumber(k, 1, 255), RangeError, "k", "a whole number from 1 to 255", shown(k));
    const isWindow = window === undefined || isWholeNumber(window, 1, 0xffff_ffff);
    check(isWindow, RangeError, "window", "a whole number above 0", shown(window));
    this.#nFeatures = nFeatures;
    this.#nClasses = nClasses;
    this.#online = new Online(
      nFeatures,
      nClasses,
      k,
      stringOption(options, "metric", METRICS),
      stringOption(options, "weights", VOTINGS),
      checkedWeights(options.featureWeights, nFeatures),
      scaling ? checkedQuery(scaling.offset, nFeatures, "scaling.offset") : numbers([]),
      scaling ? checkedQuery(scaling.scale, nFeatures, "scaling.scale") : numbers([]),
      window ?? 0,
    );
  }

  /**
   * @param {import("./index.d.ts").Query} features
   * @param {number} label
   */
  insert(features, label) {
    const online = this.#used("insert");
    if (!isWholeNumber(label, 0, this.#nClasses - 1)) {
      check(false, RangeError, "label", `a class id from 0 to ${this.#nClasses - 1}`, shown(label));
    }
    return online.insert(checkedQuery(features, this.#nFeatures, "features"), label);
  }

  /** @param {number} row */
  remove(row) {
    const online = this.#used("remove");
    check(isWholeNumber(row, 0, Number.MAX_SAFE_INTEGER), RangeError, "row", "the number of a row", shown(row));
    return online.remove(row);
  }

  /** @param {import("./index.d.ts").Query} query */
  predict(query) {
    return this.#used("predict").predict(checkedQuery(query, this.#nFeatures));
  }

  /** @param {import("./index.d.ts").Query} query */
  classShares(query) {
    return this.#used("classShares").classShares(checkedQuery(query, this.#nFeatures));
  }

  /** @param {import("./index.d.ts").Query} query */
  neighbours(query) {
    return this.#used("neighbours").neighbours(checkedQuery(query, this.#nFeatures));
  }

  get nRows() {
    return this.#used("nRows").nRows;
  }

  get oldest() {
    return this.#used("oldest").oldest;
  }

  free() {
    this.#online?.free();
    this.#online = null;
  }

  /** @param {string} caller */
  #used(caller) {
    if (this.#online === null) throw new Error(`${caller}: this OnlineKnn was freed`);
    return this.#online;
  }
}

// Older engines have no such symbol.
if (Symbol.dispose) Object.defineProperty(OnlineKnn.prototype, Symbol.dispose, { value: OnlineKnn.prototype.free });
