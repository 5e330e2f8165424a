// The plain f64 scan and ours in turns, in one process and one WebAssembly module, each query used once.
//
// src/native/timing.rs is the same in native code.

import { batchSize, summary } from "./clock.mjs";
import { loadCase } from "./data.mjs";

/** Queries of ours in a turn. */
const N_OURS = 2000;
const N_WARM_UP = 200;
/** Each is asked so long before anything counts: WebAssembly is first compiled fast, and well only where it turns out to be hot. */
const WARM_UP_MILLIS = 400;
/** Before its turn, each is asked what is not timed for so long: in a stream, too, one query follows another of its kind. */
const SETTLE_MILLIS = 20;
const MIN_SCANS = 3;
/** Walked between two queries, so that nothing of the index is left in a cache. */
const EVICTED_BYTES = 128 << 20;
const N_EVICTED = 200;
const N_WARM = 20;
const WARM_BATCH = 100;

/** `job`: `case`, `form`, `turns`, `turn_millis`, `compare_millis`. */
export async function ratio(job, platform, drivers) {
  const { recorded, training: recorded_training, about, truth } = await given(job, platform, true);
  const { n_features, k } = about;
  const n_queries = recorded.length / n_features;
  const make = (name, training) =>
    drivers[name].create({ training, k, form: job.form, case_name: job.case, platform });

  const start = platform.now();
  const ours = await make("ours", recorded_training);
  const build_millis = platform.now() - start;
  const facts = await ours.facts();
  const prepared = await given(job, platform, false);
  const scan = await make("scan", prepared.training);
  prepared.training = null;

  const rows_of = (queries) => (idx) => queries.subarray((idx % n_queries) * n_features, ((idx % n_queries) + 1) * n_features);
  const [ask_ours, ask_scan] = [rows_of(recorded), rows_of(prepared.queries)];
  // Warm up by queries from the end, which the turns do not reach.
  const n_warm_up = Math.min(N_WARM_UP, Math.floor(n_queries / 10));
  let fresh_micros = Infinity;
  for (const until = platform.now() + WARM_UP_MILLIS; platform.now() < until; ) {
    const begin = platform.now();
    for (let i = 1; i <= n_warm_up; i += 1) ours.query(ask_ours(n_queries - i));
    fresh_micros = Math.min(fresh_micros, ((platform.now() - begin) * 1000) / n_warm_up);
  }
  const warm_micros = summary(timed(ours.query, () => ask_ours(n_queries - 1), platform, WARM_BATCH, (n) => n >= N_WARM)).p50;

  let next = 0;
  const turns = [];
  const micros = [];
  // Half for the scan, half for ours, and no query twice.
  const most = Math.min(N_OURS, Math.floor((n_queries * 0.45) / job.turns));
  const batch = Math.min(most, batchSize(fresh_micros, platform.resolution_micros));
  const scan_batch = Math.min(most, batchSize(scanMicros(scan, ask_scan, n_queries, platform), platform.resolution_micros));
  const settle = (query, ask) => {
    const until = platform.now() + SETTLE_MILLIS;
    for (let i = 0; platform.now() < until; i += 1) query(ask(n_queries - 1 - (i % n_warm_up)));
  };
  for (let turn = 0; turn < job.turns; turn += 1) {
    settle(scan.query, ask_scan);
    const until = platform.now() + job.turn_millis;
    const is_over = (n) => (n + 1) * scan_batch > most || (n >= MIN_SCANS && platform.now() >= until);
    const scan_micros = timed(scan.query, (idx) => ask_scan(next + idx), platform, scan_batch, is_over);
    next += scan_micros.length * scan_batch;
    settle(ours.query, ask_ours);
    const turn_micros = timed(ours.query, (idx) => ask_ours(next + idx), platform, batch, (n) => (n + 1) * batch > most);
    next += turn_micros.length * batch;
    turns.push(turnResult(scan_micros, turn_micros));
    micros.push(...turn_micros);
  }

  const evicted = evictedMicros((idx) => ours.query(ask_ours(next + idx)), platform, Math.min(N_EVICTED, n_queries));
  const compared = await compare(ours, ask_ours, truth, k, platform, job.compare_millis ?? 0);
  return {
    ...job,
    environment: platform.name,
    resolution_micros: platform.resolution_micros,
    build_millis,
    ...facts,
    turns,
    n_fresh: Math.min(next, n_queries),
    n_asked: next,
    ours_micros: { ...summary(micros), batch },
    evicted_micros: summary(evicted),
    warm_micros,
    compared,
  };
}

/** Times of `batch` queries each, as a mean a query. */
function timed(query, ask, platform, batch, is_enough) {
  const micros = [];
  while (!is_enough(micros.length)) {
    const begin = platform.now();
    for (let i = 0; i < batch; i += 1) query(ask(micros.length * batch + i));
    micros.push(((platform.now() - begin) * 1000) / batch);
  }
  return micros;
}

function turnResult(scan_micros, ours_micros) {
  const [scan, ours] = [summary(scan_micros), summary(ours_micros)];
  return { scan_p50: scan.p50, ours_p50: ours.p50, ratio: scan.p50 / ours.p50, ratio_of_means: scan.mean / ours.mean };
}

/** Warms the scan up; what it then takes for a query. */
function scanMicros(scan, ask, n_queries, platform) {
  const until = platform.now() + WARM_UP_MILLIS;
  let millis = Infinity;
  for (let i = 0; i < MIN_SCANS || platform.now() < until; i += 1) {
    const start = platform.now();
    scan.query(ask(n_queries - 1 - (i % Math.floor(n_queries / 10))));
    millis = Math.min(millis, platform.now() - start);
  }
  return Math.max(1, millis * 1000);
}

async function given(job, platform, recorded) {
  const data = await loadCase(platform, job.case, job.form, { recorded });
  return { ...data, recorded: data.queries };
}

function evictedMicros(query, platform, n) {
  const buffer = new Float64Array(EVICTED_BYTES / 8).fill(1);
  const micros = [];
  let sum = 0;
  for (let idx = 0; idx < n; idx += 1) {
    for (let at = 0; at < buffer.length; at += 8) sum += buffer[at];
    const start = platform.now();
    query(idx);
    micros.push((platform.now() - start) * 1000);
  }
  if (sum !== (n * buffer.length) / 8) throw new Error("the buffer was not walked");
  return micros;
}

async function compare(driver, ask, truth, k, platform, millis) {
  const until = platform.now() + millis;
  let [n, n_mismatches] = [0, 0];
  for (; n < truth.length / k && platform.now() < until; n += 1) {
    driver.query(ask(n));
    const rows = driver.neighbours();
    if (truth.subarray(n * k, (n + 1) * k).some((row, i) => row !== rows[i])) n_mismatches += 1;
  }
  return { n, n_mismatches };
}
