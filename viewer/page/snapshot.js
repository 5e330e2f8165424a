/**
 * The snapshot: everything that the page knows about its stream, made by the worker, drawn by the page,
 * and handed to embedding pages and tests by `window.runnel.snapshot()`.
 *
 * Times ending in `_micros` are microseconds, `_millis` milliseconds; shares and accuracies are 0 to 1;
 * `null` means "not known" or "not defined yet", never zero.
 */

/** @typedef {"connecting"|"loading"|"waiting"|"live"|"behind"|"paused"|"ended"|"silent"|"disconnected"|"no-model"|"mismatch"|"locked"|"error"} State */
/** @typedef {{name: string, unit?: string|null, min?: number|null, max?: number|null}} Feature */
/** @typedef {{name: string, dataset: string|null, order: string|null, seed: number|null, pace: "rate"|"recorded"|"max"|null, rate: number|null, recorded_speed: number|null, speed: number|null, n_rows: number|null, n_twins: number|null, position: number|null, pass: number|null, looping: boolean|null, command: string|null, features: Feature[], classes: string[]}} Source */
/** @typedef {{name: string, has_model: boolean, state: string|null}} AnnouncedSource */
/** @typedef {[true_label: number, predicted: number, n: number]} Mistake */
/** @typedef {[labelled: number, accuracy: number|null, no_change: number|null, majority: number|null, lower: number|null, upper: number|null]} AccuracyPoint */
/** @typedef {{p50: number|null, p95: number|null, p99: number|null, max: number|null, n: number}} Percentiles */
/** @typedef {{n_at_once: number, n_late: number, n_waiting: number, n_given_up: number, n_not_scored: number, n_unmatched: number, late_millis: Percentiles}} Truth */
/** @typedef {"end_to_end"|"server"|"network"|"wait"|"classify"} Stage */
/** @typedef {{seq: number, predicted: number, true_label: number|null, is_awaited: boolean, shares: number[], latency_micros: number|null, distance: number|null}} LabelledReading */
/** @typedef {{description: string, n_bytes: number|null, n_loaded_bytes: number|null, n_rows: number|null, k: number|null, metric: string|null, voting: string|null, preparation: string|null, engine: string|null, load_millis: number|null}} Model */

/**
 * @typedef {object} Snapshot
 * @property {State} state what the page is doing
 * @property {string} message the same in one sentence for people
 * @property {number|null} retry_in_millis time to the next try to connect
 * @property {string|null} server name and version of the server's software
 * @property {string|null} session names this run of the server
 * @property {Source|null} source what is streamed
 * @property {AnnouncedSource[]} sources all sources that the server has
 * @property {string|null} wanted_source the source that was asked for by name
 * @property {number} received readings that came, with a label or without
 * @property {number} received_per_sec the same per second, lately
 * @property {number} labelled readings labelled so far
 * @property {number} labelled_per_sec the same per second, lately
 * @property {number} n_without_true_label labelled readings that are not scored
 * @property {Truth} truth where the true labels are
 * @property {number|null} accuracy cumulative
 * @property {[number, number]|null} accuracy_interval 95 % Wilson interval of `accuracy`, each row of a replay counting once
 * @property {number|null} accuracy_windowed over the last `window` readings
 * @property {[number, number]|null} accuracy_windowed_interval the same of `accuracy_windowed`
 * @property {number} window length of the window
 * @property {number} n_windowed readings in the window now
 * @property {number|null} baseline_no_change what "same as before" scores, cumulative
 * @property {number|null} baseline_majority what "the commonest class so far" scores, cumulative
 * @property {number|null} baseline_no_change_windowed
 * @property {number|null} baseline_majority_windowed
 * @property {number|null} kappa
 * @property {number|null} kappa_m
 * @property {number|null} kappa_t
 * @property {number|null} kappa_windowed
 * @property {number|null} kappa_m_windowed
 * @property {number|null} kappa_t_windowed
 * @property {Record<Stage, Percentiles>} latency_micros over all readings
 * @property {Record<Stage, Percentiles>} latency_recent_micros over the last few seconds
 * @property {{upper_micros: number[], counts: number[]}} latency_histogram end to end, log-spaced bins
 * @property {{offset_micros: number, uncertainty_micros: number, n: number}|null} clock server's clock less ours
 * @property {Record<string, number>} gaps readings that will never come, by cause, and their `total`
 * @property {number} n_reconnects
 * @property {number} n_lagging readings that exist and have no label yet
 * @property {number|null} newest_age_micros age of the newest labelled reading when it was labelled
 * @property {{n_malformed: number, n_ignored: number, n_not_classified: number, last: string|null}} [errors] messages of no use, and what was said of the last
 * @property {Model|null} model
 * @property {number[][]|null} confusion rows: true class, columns: predicted class; null: too many classes
 * @property {Mistake[]} most_frequent_mistakes at most ten, most frequent first
 * @property {{class: number, share: number, n: number, seq: number}|null} now commonest predicted class of the last 250 ms
 * @property {LabelledReading[]} last newest first, at most 30
 * @property {{bin_millis: number, first_bin: number, bins: [number, number, number, number, number[]][]}} timeline class or -1, readings, mistakes, missed, readings by class (empty above 12 classes)
 * @property {AccuracyPoint[]} accuracy_history all windowed
 * @property {number[]} features_now values of the newest reading
 * @property {number[][]} features_recent last 48 values of the first features that vary
 * @property {number[]} features_recent_idx which features those are
 */

/** @typedef {{row: number, distance: number, class: number}} Neighbour a training row near a reading */

/**
 * What the page asks of its worker.
 * @typedef {{type: "start", url: string, slow_factor: number, source?: string, token?: string}|{type: "follow", source: string}|{type: "snapshot"}|{type: "neighbours", seq: number}|{type: "cell", true_label: number, predicted: number}|Control} Request
 */
/** @typedef {{type: "control", op: "play"|"pause"}|{type: "control", op: "seek", position: number}|{type: "control", op: "speed", factor: number}} Control */

/** What the worker sends, each as one string of JSON. The lists of an answer are empty where the worker keeps the reading no more. */
/** @typedef {{type: "neighbours", seq: number, neighbours: Neighbour[], features: number[], shares: number[]}} NeighboursAnswer */
/** @typedef {{type: "cell", true_label: number, predicted: number, readings: LabelledReading[]}} CellAnswer */
/** @typedef {{type: "ready"}|({type: "snapshot"} & Snapshot)|NeighboursAnswer|CellAnswer|{type: "failed", message: string}} Answer */

/** @returns {Percentiles} */
function noPercentiles() {
  return { p50: null, p95: null, p99: null, max: null, n: 0 };
}

/** @returns {Record<Stage, Percentiles>} */
function noLatency() {
  return { end_to_end: noPercentiles(), server: noPercentiles(), network: noPercentiles(), wait: noPercentiles(), classify: noPercentiles() };
}

/**
 * The snapshot before the worker has answered, and the one shown when the worker cannot run.
 * @param {State} state @param {string} message @returns {Snapshot}
 */
export function emptySnapshot(state, message) {
  return {
    state, message, retry_in_millis: null, server: null, session: null, source: null, sources: [], wanted_source: null,
    received: 0, received_per_sec: 0, labelled: 0, labelled_per_sec: 0, n_without_true_label: 0,
    truth: { n_at_once: 0, n_late: 0, n_waiting: 0, n_given_up: 0, n_not_scored: 0, n_unmatched: 0, late_millis: noPercentiles() },
    accuracy: null, accuracy_interval: null, accuracy_windowed: null, accuracy_windowed_interval: null, window: 1000, n_windowed: 0,
    baseline_no_change: null, baseline_majority: null, baseline_no_change_windowed: null, baseline_majority_windowed: null,
    kappa: null, kappa_m: null, kappa_t: null, kappa_windowed: null, kappa_m_windowed: null, kappa_t_windowed: null,
    latency_micros: noLatency(), latency_recent_micros: noLatency(), latency_histogram: { upper_micros: [], counts: [] },
    clock: null, gaps: { total: 0 }, n_reconnects: 0, n_lagging: 0, newest_age_micros: null, model: null,
    confusion: [], most_frequent_mistakes: [], now: null, last: [], timeline: { bin_millis: 250, first_bin: 0, bins: [] },
    accuracy_history: [], features_now: [], features_recent: [], features_recent_idx: [],
  };
}
