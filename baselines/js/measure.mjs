// One implementation on one case: build time, latency of fresh queries, memory, accuracy, and its neighbours beside the true ones.
//
// Runs in a page as in Node; `platform` is what differs (page.mjs, node-job.mjs). Every timed query is used once, and they
// end where the time or the table does. Those that warm up the just-in-time compiler come from the end of the table and
// are not timed.

import { batchSize, summary } from "./clock.mjs";
import { loadCase } from "./data.mjs";

const MAX_WARM_UP = 200;
/** So long, but for what is slow: V8 compiles WebAssembly well only once it has turned out to be hot. */
const WARM_UP_MILLIS = 400;
const MIN_QUERIES = 3;

/**
 * `job`: `driver`, `case`, `form` (raw or standard), `k`, `budget_millis` for the timed queries, `compare_millis` for
 * comparing more of them, `n_training` to take only the first rows.
 */
export async function measure(job, platform, drivers) {
  const entry = drivers[job.driver];
  const data = await loadCase(platform, job.case, job.form, { ...entry, n_training: job.n_training });
  const { queries, truth } = data;
  const { n_features } = data.about;
  const k = job.k ?? data.about.k;
  const n_queries = data.query_labels.length;

  const started = platform.now();
  const driver = await entry.create({ training: data.training, k, form: job.form, case_name: job.case, platform });
  const build_millis = platform.now() - started;
  // Whoever needs the rows keeps them; the harness must not be counted as memory.
  data.training = null;

  const form = driver.query_form ?? ((row) => row);
  const query = (idx) => form(queries.subarray(idx * n_features, (idx + 1) * n_features));
  const warm_up = await warmUp(driver, query, n_queries, platform);

  const batch = batchSize(warm_up.mean_micros, platform.resolution_micros);
  const n_fresh = Math.max(1, n_queries - warm_up.n);
  const classes = [];
  const micros = [];
  const compared = newComparison(truth, k);
  const deadline = platform.now() + job.budget_millis;
  let next = 0;
  while (classes.length < MIN_QUERIES || (platform.now() < deadline && next + batch <= n_fresh)) {
    const asked = Array.from({ length: batch }, (_, i) => query((next + i) % n_queries));
    const answers = new Array(batch);
    const start = platform.now();
    for (let i = 0; i < batch; i += 1) {
      const answer = driver.query(asked[i]);
      answers[i] = typeof answer === "number" ? answer : await answer;
    }
    micros.push(((platform.now() - start) * 1000) / batch);
    classes.push(...answers);
    if (batch === 1) compared.add(next, driver.neighbours());
    next += batch;
  }
  const memory = { ...(await platform.memory()), ...(await driver.facts?.()) };

  const compare_until = platform.now() + (job.compare_millis ?? 0);
  for (let idx = batch === 1 ? next : 0; idx < compared.n_known && platform.now() < compare_until; idx += 1) {
    await driver.query(query(idx));
    compared.add(idx, driver.neighbours());
  }
  driver.close?.();
  const n_right = classes.filter((answer, idx) => answer === data.query_labels[idx % n_queries]).length;
  return {
    ...job,
    environment: platform.name,
    resolution_micros: platform.resolution_micros,
    build_millis,
    latency_micros: { ...summary(micros), batch, n_queries: classes.length },
    accuracy: { n: classes.length, n_right },
    memory,
    compared: compared.result(),
  };
}

async function warmUp(driver, query, n_queries, platform) {
  const start = platform.now();
  let n = 0;
  do {
    await driver.query(query(n_queries - 1 - n));
    n += 1;
  } while (n < Math.min(MAX_WARM_UP, n_queries / 10) && platform.now() - start < WARM_UP_MILLIS);
  // Again while there is time, and the fastest round counts: the first calls are compiled on the way.
  let mean_micros = ((platform.now() - start) * 1000) / n;
  while (platform.now() - start < WARM_UP_MILLIS) {
    const again = platform.now();
    for (let i = 0; i < n; i += 1) await driver.query(query(n_queries - 1 - i));
    mean_micros = Math.min(mean_micros, ((platform.now() - again) * 1000) / n);
  }
  return { n, mean_micros };
}

/** Collects the neighbours that differ from the true ones; the command that started this job judges their distances. */
function newComparison(truth, k) {
  const differing = [];
  let n = 0;
  return {
    n_known: truth && truth.length > 0 ? truth.length / k : 0,
    add(idx, rows) {
      if (!rows || idx >= this.n_known) return;
      n += 1;
      const expected = truth.subarray(idx * k, (idx + 1) * k);
      if (rows.length !== k || expected.some((row, i) => row !== rows[i])) differing.push([idx, ...rows]);
    },
    result: () => ({ n, n_other_rows: differing.length, differing }),
  };
}
