/// <reference lib="esnext.disposable" />

/**
 * Where `init` may take the WebAssembly from: an address, a response, its bytes, or a compiled `WebAssembly.Module`, which
 * has no type of its own where TypeScript's library "dom" is not included.
 */
export type InitInput = string | URL | Response | PromiseLike<Response> | ArrayBuffer | ArrayBufferView | object;

/**
 * Loads the WebAssembly. In a page or worker, await it once before anything else; further calls return the same
 * promise, and a call after one that failed tries again. In Node the WebAssembly is there from the import on, and
 * `init` does nothing.
 *
 * Without `input`, the build for this browser (SIMD or scalar) is fetched from beside the package's scripts. The promise
 * is rejected with an error that says what was there instead of it.
 */
export function init(input?: InitInput): Promise<void>;

/** How to fit. */
export interface FitOptions {
  /** How many features each row has: `features.length / labels.length`. */
  nFeatures: number;
  /** How many neighbours vote, 1 to 255; with fewer rows all of them do. Default 5. */
  k?: number | undefined;
  /** The distance. Default `"euclidean"`. */
  metric?: "euclidean" | "manhattan" | undefined;
  /**
   * What each neighbour's vote is worth: one, or the inverse of its distance, where neighbours at distance 0 have one
   * vote each and the others none. Default `"uniform"`.
   */
  weights?: "uniform" | "distance" | undefined;
  /**
   * How much each feature counts: `nFeatures` numbers, finite and not negative, at least one above 0. Distances are
   * then the root of Σ w·(x − q)², or Σ w·|x − q|. Default: all 1.
   */
  featureWeights?: Float32Array | Float64Array | readonly number[] | undefined;
  /**
   * What is done to features before distances are taken, fitted to the training rows and applied to every query:
   * nothing, scaling to mean 0 and standard deviation 1, or scaling to 0..1. Default `"raw"`.
   */
  preparation?: "raw" | "standard" | "min-max" | undefined;
  /** Which code answers; the answers are the same. Default `"auto"`, which chooses by counting. */
  engine?: "auto" | "scan" | "tree" | undefined;
  /** One name for each class, by class id. Default: the ids themselves, up to the largest label. */
  classNames?: readonly string[] | undefined;
  /** One name for each feature. Default: `"x0"`, `"x1"`, … */
  featureNames?: readonly string[] | undefined;
}

/** How to fit without keeping the page waiting. */
export interface FitInSlicesOptions extends FitOptions {
  /** Told every few milliseconds how much is done, from 0 to 1: an estimate that never falls. */
  onProgress?: ((done: number) => void) | undefined;
  /** Ends the fit between two slices; the promise is then rejected with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** The nearest training rows of a query, by (distance, row) ascending. */
export interface Neighbours {
  /** Their numbers, counted from 0 in the order in which they were fitted. */
  rows: Uint32Array;
  /**
   * Their distances (not squared), between prepared vectors. Where a square or sum exceeds 64-bit floats, from differences
   * of about 1e154 on, the distance is `Infinity`: such rows are in the order of their numbers.
   */
  distances: Float64Array;
}

/** What `KnnModel.load` reads a model file from; a `File` is a `Blob`. */
export type ModelSource = Uint8Array | ArrayBuffer | Blob | Response;

/**
 * One feature vector: `nFeatures` finite numbers, as recorded. The model prepares it itself. Elements of an array that
 * are not numbers are refused, `null` and `"1"` among them.
 */
export type Query = Float32Array | Float64Array | readonly number[];

/**
 * A fitted k-nearest-neighbour classifier.
 *
 * Answers are exact, those of brute force in 64-bit floats: neighbours are ordered by (distance, row), and equal votes
 * go to the smallest class id. Wrong arguments throw a `TypeError` or `RangeError` that names the argument, what was
 * expected and what came; an option that is `undefined` counts as left out, one that is `null` does not.
 *
 * What does not fit in WebAssembly's memory, of 4 GiB at most, throws a `RangeError` too. Other models live on, but what
 * was in use or in the making is lost and keeps its memory until the page or process ends.
 */
export class KnnModel {
  private constructor();

  /**
   * Fits to `labels.length` rows.
   *
   * @param features Row after row, `labels.length × nFeatures` finite numbers. Values of a `Float32Array` are taken as
   *   the 32-bit numbers that they are: 0.1 in it differs from 0.1 in a query.
   * @param labels The class id of each row, counted from 0.
   */
  static fit(
    features: Float32Array | Float64Array,
    labels: Uint32Array | Uint16Array | Uint8Array,
    options: FitOptions,
  ): KnnModel;

  /**
   * Fits as `fit` does, some milliseconds at a time: between them the page or worker does whatever else it has to. The
   * arrays must not be changed meanwhile.
   */
  static fitInSlices(
    features: Float32Array | Float64Array,
    labels: Uint32Array | Uint16Array | Uint8Array,
    options: FitInSlicesOptions,
  ): Promise<KnnModel>;

  /**
   * Reads a model file (safetensors) as `save` writes it, here, in Rust or on the server.
   *
   * @param source Its bytes, or a file chosen in a form or a response that has them, or the promise of any:
   *   `KnnModel.load(fetch(url))`.
   * @param onProgress Told how many bytes of a file or response have come, and of how many, if the server says so.
   */
  static load(
    source: ModelSource | PromiseLike<ModelSource>,
    onProgress?: (loaded: number, total: number | undefined) => void,
  ): Promise<KnnModel>;

  /** The model as a file (safetensors), index included: loading it does not fit again. */
  save(): Uint8Array<ArrayBuffer>;

  /** The class id with most votes among the k nearest rows. */
  predict(query: Query): number;

  /** The class id of each query, which stand row after row: `n × nFeatures` numbers. */
  predictBatch(queries: Float32Array | Float64Array): Uint32Array<ArrayBuffer>;

  /** The share of the votes that each class got, by class id; they sum to 1. */
  classShares(query: Query): Float64Array;

  /** The k nearest rows. */
  neighbours(query: Query): Neighbours;

  /** What the model is, how it is stored and which code answers, in one line for people. */
  describe(): string;

  /** How many neighbours vote. */
  readonly k: number;
  /** How many rows it was fitted to. */
  readonly nRows: number;
  /** How many numbers a query has. */
  readonly nFeatures: number;
  /** Names of the classes, by class id. */
  readonly classNames: string[];
  /** Names of the features, in the order that queries have them. */
  readonly featureNames: string[];

  /** Gives the memory back; any other use of the model throws from then on. A model that is dropped without it is freed
   * by the garbage collector, in its own time. */
  free(): void;
  [Symbol.dispose](): void;
}

/** How an `OnlineKnn` classifies and what it keeps. */
export interface OnlineOptions {
  /** How many features each row has. */
  nFeatures: number;
  /** How many classes there are; not every one need ever occur. */
  nClasses: number;
  /** How many neighbours vote, 1 to 255; with fewer rows all of them do. Default 5. */
  k?: number | undefined;
  /** The distance. Default `"euclidean"`. */
  metric?: "euclidean" | "manhattan" | undefined;
  /** What each neighbour's vote is worth, as in `FitOptions`. Default `"uniform"`. */
  weights?: "uniform" | "distance" | undefined;
  /** How much each feature counts, as in `FitOptions`. Default: all 1. */
  featureWeights?: Float32Array | Float64Array | readonly number[] | undefined;
  /**
   * What is done to each feature first: `(value - offset) / scale`, with finite offsets and scales that are finite and
   * above 0. Default: nothing.
   */
  scaling?: { offset: Query; scale: Query } | undefined;
  /** How many rows are kept: at the next insertion the oldest leaves. Default: all. */
  window?: number | undefined;
}

/**
 * A classifier whose rows come and go: a growing set, or the latest rows of a stream. Rows are numbered from 0 in the
 * order in which they are inserted, and the number takes the row's place in the rule for ties. Otherwise it answers as a
 * `KnnModel` that is fitted to the rows there are, without being fitted.
 */
export class OnlineKnn {
  constructor(options: OnlineOptions);

  /** Adds a row and returns its number. If the window is full, the oldest row leaves. */
  insert(features: Query, label: number): number;

  /** Takes a row out; false if there is no such row or it has left already. */
  remove(row: number): boolean;

  /** The class id with most votes among the k nearest rows. Throws while there is no row. */
  predict(query: Query): number;

  /** The share of the votes that each class got, by class id; they sum to 1. Throws while there is no row. */
  classShares(query: Query): Float64Array;

  /** The k nearest rows, fewer if there are fewer, none if there are none. Their numbers may exceed 32 bits. */
  neighbours(query: Query): { rows: Float64Array; distances: Float64Array };

  /** How many rows there are now. */
  readonly nRows: number;
  /** The number of the oldest row, if there is one. */
  readonly oldest: number | undefined;

  /** Gives the memory back; any other use throws from then on. */
  free(): void;
  [Symbol.dispose](): void;
}
