// `KnnModel`: checks arguments, loads files, and leaves the rest to the WebAssembly. Documented in index.d.ts.

import {
  ENGINES,
  LOST,
  METRICS,
  OPTIONS,
  PREPARATIONS,
  VOTINGS,
  at,
  beginning,
  check,
  checkCount,
  checkOnProgress,
  checkedQuery,
  checkedWeights,
  choice,
  classNames,
  failure,
  featureNames,
  inMemory,
  isFloats,
  isNamed,
  isUnsigned,
  knownOptions,
  nClasses,
  neighbours,
  numbers,
  release,
  shown,
} from "./arguments.js";
import { checkReady } from "./loading.js";
import { Builder, Model } from "./wasm/bindings.js";

/** Values that cross into WebAssembly at once: its memory never holds a second copy of all rows. */
const CHUNK_VALUES = 1 << 16;

/** @param {number} nFeatures */
const nChunkRows = (nFeatures) => Math.max(1, Math.floor(CHUNK_VALUES / nFeatures));

/** More than any building takes. */
const ALL_STEPS = 0xffff_ffff;

/** How long `fitInSlices` keeps a page waiting: it can still draw 60 frames a second. */
const SLICE_MILLIS = 10;

/** How much of a fit's time goes into taking rows; about a third of it is with Covertype and Wine. */
const TAKING_SHARE = 1 / 3;

/** Only this module makes instances. */
const PRIVATE = Symbol();

export class KnnModel {
  /** @type {Model | null} */
  #model;
  #nFeatures;
  /** What became of it where there is none. */
  #end = "freed";

  /**
   * @param {typeof PRIVATE} key
   * @param {Model} model
   */
  constructor(key, model) {
    check(key === PRIVATE, TypeError, "KnnModel", "to be made by `KnnModel.fit` or `KnnModel.load`", "`new`");
    this.#model = model;
    this.#nFeatures = model.nFeatures;
  }

  /**
   * @param {Float32Array | Float64Array} features
   * @param {Uint32Array | Uint16Array | Uint8Array} labels
   * @param {import("./index.d.ts").FitOptions} options
   */
  static fit(features, labels, options) {
    checkReady("KnnModel.fit");
    const fit = new Fit(features, labels, options, OPTIONS);
    try {
      while (fit.take());
      return new KnnModel(PRIVATE, /** @type {Model} */ (fit.build(ALL_STEPS)));
    } finally {
      fit.free();
    }
  }

  /**
   * @param {Float32Array | Float64Array} features
   * @param {Uint32Array | Uint16Array | Uint8Array} labels
   * @param {import("./index.d.ts").FitInSlicesOptions} options
   */
  static async fitInSlices(features, labels, options) {
    checkReady("KnnModel.fitInSlices");
    const fit = new Fit(features, labels, options, [...OPTIONS, "onProgress", "signal"]);
    try {
      const { onProgress, signal } = options;
      checkOnProgress(onProgress);
      const isSignal = signal === undefined || isNamed(signal, ["AbortSignal"]);
      check(isSignal, TypeError, "signal", "an AbortSignal", shown(signal));
      let model;
      for (let isTaking = true; !model; ) {
        signal?.throwIfAborted();
        const end = performance.now() + SLICE_MILLIS;
        while (performance.now() < end && !model) {
          if (isTaking) isTaking = fit.take();
          else model = fit.build(1);
        }
        onProgress?.(fit.progress);
        await pause();
      }
      return new KnnModel(PRIVATE, model);
    } finally {
      fit.free();
    }
  }

  /**
   * @param {import("./index.d.ts").ModelSource | PromiseLike<import("./index.d.ts").ModelSource>} source
   * @param {(loaded: number, total: number | undefined) => void} [onProgress]
   */
  static async load(source, onProgress) {
    checkReady("KnnModel.load");
    checkOnProgress(onProgress);
    /** @type {any} */
    let given = await source;
    if (isNamed(given, ["Blob", "File"])) given = new Response(given, { headers: { "content-length": `${given.size}` } });
    const received = isNamed(given, ["Response"]) ? await body(given, onProgress) : given;
    const isBytes = isNamed(received, ["Uint8Array", "ArrayBuffer"]);
    check(isBytes, TypeError, "source", "a Uint8Array, an ArrayBuffer, a Blob or a Response", shown(received));
    const bytes = isNamed(received, ["Uint8Array"]) ? received : new Uint8Array(received);
    // 8 bytes say how long the header is, which is JSON.
    if (bytes[8] !== 0x7b) throw new Error(`source: expected a safetensors file${at(given)}, but it ${beginning(bytes)}`);
    return new KnnModel(PRIVATE, inMemory("source", `${bytes.length} bytes`, () => Model.load(bytes)));
  }

  save() {
    const model = KnnModel.#used(this, "save");
    return /** @type {Uint8Array<ArrayBuffer>} */ (this.#inMemory("save", `a file of ${model.nRows} rows`, () => model.save()));
  }

  /** @param {import("./index.d.ts").Query} query */
  predict(query) {
    const model = KnnModel.#used(this, "predict");
    const point = checkedQuery(query, this.#nFeatures);
    return this.#inMemory("query", "one too many", () => model.predict(point));
  }

  /** @param {Float32Array | Float64Array} queries */
  predictBatch(queries) {
    const model = KnnModel.#used(this, "predictBatch");
    const nFeatures = this.#nFeatures;
    check(isFloats(queries), TypeError, "queries", "a Float32Array or Float64Array", shown(queries));
    const isWhole = queries.length % nFeatures === 0;
    check(isWhole, RangeError, "queries", `a multiple of ${nFeatures} numbers`, `${queries.length}`);
    const classes = new Uint32Array(queries.length / nFeatures);
    for (let first = 0; first < classes.length; first += nChunkRows(nFeatures)) {
      const end = Math.min(classes.length, first + nChunkRows(nFeatures));
      const chunk = numbers(queries.subarray(first * nFeatures, end * nFeatures));
      const predict = () => model.predictBatch(first, chunk, classes.subarray(first, end));
      this.#inMemory("queries", `${chunk.length} numbers at once`, predict);
    }
    return classes;
  }

  /** @param {import("./index.d.ts").Query} query */
  classShares(query) {
    const model = KnnModel.#used(this, "classShares");
    const point = checkedQuery(query, this.#nFeatures);
    return this.#inMemory("query", "one too many", () => model.classShares(point));
  }

  /** @param {import("./index.d.ts").Query} query */
  neighbours(query) {
    const model = KnnModel.#used(this, "neighbours");
    const point = checkedQuery(query, this.#nFeatures);
    const { rows, distances } = neighbours(this.#inMemory("query", "one too many", () => model.neighbours(point)));
    return { rows: Uint32Array.from(rows), distances };
  }

  describe() {
    return KnnModel.#used(this, "describe").describe();
  }

  get k() {
    return KnnModel.#used(this, "k").k;
  }

  get nRows() {
    return KnnModel.#used(this, "nRows").nRows;
  }

  get nFeatures() {
    KnnModel.#used(this, "nFeatures");
    return this.#nFeatures;
  }

  get classNames() {
    return KnnModel.#used(this, "classNames").classNames;
  }

  get featureNames() {
    return KnnModel.#used(this, "featureNames").featureNames;
  }

  free() {
    KnnModel.#checked(this, "free");
    release(this.#model);
    this.#model = null;
  }

  /**
   * Unlike a private method, whose error would name the class as the bundler does.
   * @param {KnnModel} given
   * @param {string} caller
   */
  static #checked(given, caller) {
    const isOne = Object(given) === given && #model in given;
    check(isOne, TypeError, caller, "to be called on a KnnModel", shown(given));
    return given;
  }

  /**
   * @param {KnnModel} given
   * @param {string} caller
   */
  static #used(given, caller) {
    const model = KnnModel.#checked(given, caller).#model;
    if (model === null) throw new Error(`${caller}: this KnnModel was ${given.#end}`);
    return model;
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
        this.#model?.predictBatch(0, numbers([]), new Uint32Array());
      } catch {
        this.free();
        this.#end = LOST;
      }
      throw error;
    }
  }
}

// Older engines have no such symbol.
if (Symbol.dispose) Object.defineProperty(KnnModel.prototype, Symbol.dispose, { value: KnnModel.prototype.free });

/**
 * As `numbers`.
 * @param {Uint32Array | Uint16Array | Uint8Array} values
 */
const integers = (values) => /** @type {Uint32Array} */ (values);

/** A fit on its way: first all rows are taken, then the model is built. */
class Fit {
  #features;
  #labels;
  #nFeatures;
  #names;
  #builder;
  #nTaken = 0;

  /**
   * Checks all arguments but for the values of the features.
   * @param {unknown} features
   * @param {unknown} labels
   * @param {unknown} given
   * @param {string[]} known The options there are.
   */
  constructor(features, labels, given, known) {
    check(isFloats(features), TypeError, "features", "a Float32Array or Float64Array", shown(features));
    check(isUnsigned(labels), TypeError, "labels", "a Uint32Array, Uint16Array or Uint8Array", shown(labels));
    const options = knownOptions(given, known);
    const { nFeatures, k = 5 } = options;
    checkCount("nFeatures", nFeatures);
    checkCount("k", k, 255);
    const nValues = labels.length * nFeatures;
    const expected = `labels.length × nFeatures = ${labels.length} × ${nFeatures} = ${nValues} numbers`;
    check(features.length === nValues, RangeError, "features", expected, `${features.length}`);
    check(labels.length > 0, RangeError, "labels", "at least one row", "none");
    const n = nClasses(labels, options.classNames);
    this.#names = {
      classes: classNames(options.classNames, n),
      features: featureNames(options.featureNames, nFeatures),
    };
    this.#features = features;
    this.#labels = labels;
    this.#nFeatures = nFeatures;
    const metric = choice(options, "metric", METRICS);
    const preparation = choice(options, "preparation", PREPARATIONS);
    const engine = choice(options, "engine", ENGINES);
    const voting = choice(options, "weights", VOTINGS);
    const weights = checkedWeights(options.featureWeights, nFeatures);
    const nRows = labels.length;
    const make = () => new Builder(nFeatures, n, k, metric, preparation, engine, voting, weights, nRows);
    this.#builder = this.#inMemory(make);
  }

  /** Takes the next chunk of rows; false if there is none left. */
  take() {
    const n = this.#nFeatures;
    const end = Math.min(this.#labels.length, this.#nTaken + nChunkRows(n));
    const features = numbers(this.#features.subarray(this.#nTaken * n, end * n));
    const labels = integers(this.#labels.subarray(this.#nTaken, end));
    this.#inMemory(() => this.#builder.push(features, labels));
    this.#nTaken = end;
    if (end < this.#labels.length) return true;
    this.#inMemory(() => this.#builder.start(this.#names.classes, this.#names.features));
    return false;
  }

  /**
   * Builds on, and gives the model if that finishes it.
   * @param {number} nSteps
   */
  build(nSteps) {
    return this.#inMemory(() => this.#builder.advance(nSteps));
  }

  /** From 0 to 1. */
  get progress() {
    return TAKING_SHARE * (this.#nTaken / this.#labels.length) + (1 - TAKING_SHARE) * this.#builder.progress;
  }

  free() {
    release(this.#builder);
  }

  /**
   * @template T
   * @param {() => T} call
   */
  #inMemory(call) {
    return inMemory("features", `${this.#labels.length} × ${this.#nFeatures} numbers`, call);
  }
}

/** Lets whatever else is waiting have its turn, and unlike a timer costs no delay. */
function pause() {
  return new Promise((resolve) => {
    // Node delivers messages as long as there are any, before its timers; no browser has `setImmediate`.
    if (typeof setImmediate === "function") return setImmediate(resolve);
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve(port1.close());
    port2.postMessage(null);
  });
}

/**
 * The bytes of a response, as they come.
 * @param {Response} response
 * @param {((loaded: number, total: number | undefined) => void) | undefined} onProgress
 */
async function body(response, onProgress) {
  if (!response.ok) {
    throw new Error(`source: expected a model file${at(response)}, got ${failure(response)}`);
  }
  const isRead = response.bodyUsed || response.body?.locked;
  check(!isRead, TypeError, "source", "a Response that nobody has read", "one that was read already");
  if (!onProgress || !response.body) return new Uint8Array(await response.arrayBuffer());
  // Of a compressed response the header says how long it is before it is unpacked.
  const length = response.headers.get("content-encoding") ? null : response.headers.get("content-length");
  const total = length === null ? undefined : Number(length);
  const chunks = [];
  let loaded = 0;
  const reader = response.body.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    chunks.push(read.value);
    loaded += read.value.length;
    onProgress(loaded, total);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
