// Every driver that runs in Node without a server finds the neighbours that sorting all distances gives.
//
// node --test drivers.test.mjs, with the WebAssembly module in the folder that RUNNEL_BASELINES_WASM names.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { batchSize, summary } from "../js/clock.mjs";
import { drivers } from "../js/drivers/index.mjs";
import { measure } from "../js/measure.mjs";
import { ratio } from "../js/ratio.mjs";

const [N_TRAINING, N_QUERIES, N_FEATURES, N_CLASSES, K] = [60, 20, 3, 2, 5];
const wasm_folder = process.env.RUNNEL_BASELINES_WASM;

/** Distinct distances from every query, so that no tie rule matters. */
function table(n_rows, seed) {
  let state = seed;
  return Float64Array.from({ length: n_rows * N_FEATURES }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 1000;
  });
}

const training = table(N_TRAINING, 1);
const queries = table(N_QUERIES, 2);
const labels = Uint32Array.from({ length: N_TRAINING }, (_, row) => row % N_CLASSES);
const expected = Array.from({ length: N_QUERIES }, (_, idx) => bySorting(queries.subarray(idx * N_FEATURES, (idx + 1) * N_FEATURES)));

function bySorting(query) {
  const dist = (row) => query.reduce((sum, x, i) => sum + (training[row * N_FEATURES + i] - x) ** 2, 0);
  return [...labels.keys()].sort((a, b) => dist(a) - dist(b) || a - b).slice(0, K);
}

function classOf(rows) {
  const votes = new Array(N_CLASSES).fill(0);
  for (const row of rows) votes[labels[row]] += 1;
  return votes.indexOf(Math.max(...votes));
}

const files = {
  "case.json": new TextEncoder().encode(
    JSON.stringify({ n_features: N_FEATURES, n_classes: N_CLASSES, n_training: N_TRAINING, n_queries: N_QUERIES, k: K, n_truth: N_QUERIES }),
  ),
  "training.raw.f64": training,
  "queries.raw.f64": queries,
  "training.labels.u32": labels,
  "queries.labels.u32": Uint32Array.from(expected, classOf),
  "truth.raw.u32": Uint32Array.from(expected.flat()),
};

let wasm;
const platform = {
  name: "Node",
  now: () => performance.now(),
  resolution_micros: 0.1,
  file: async (_, name) => files[name].buffer.slice(0),
  memory: async () => ({ rss_bytes: process.memoryUsage().rss }),
  wasm() {
    wasm ??= import(pathToFileURL(join(wasm_folder, "baselines.js"))).then(async (module) => {
      const { memory } = module.initSync({ module: await readFile(join(wasm_folder, "baselines_bg.wasm")) });
      return { ...module, memory };
    });
    return wasm;
  },
};

const job = (driver) => ({ kind: "measure", driver, case: "tiny", form: "raw", budget_millis: 5, compare_millis: 5000 });

for (const driver of ["naive", "typed", "textbook", "scan", "ours", "static-kdtree"]) {
  test(`${driver} finds the expected rows, and the harness sees it`, async () => {
    const { compared, accuracy, latency_micros } = await measure(job(driver), platform, drivers);
    assert.deepEqual(compared, { n: N_QUERIES, n_other_rows: 0, differing: [] });
    assert.equal(accuracy.n_right, accuracy.n);
    assert.ok(latency_micros.n_queries >= 3);
  });
}

for (const driver of ["knear", "ml-knn"]) {
  test(`${driver} says the expected classes`, async () => {
    const { compared, accuracy } = await measure(job(driver), platform, drivers);
    assert.equal(compared.n, 0, "it does not say its neighbours");
    assert.equal(accuracy.n_right, accuracy.n, "five votes for two classes have no ties");
  });
}

test("the harness sees a driver that is wrong", async () => {
  const wrong = { create: () => ({ query: () => 0, neighbours: () => [0, 1, 2, 3, 4] }) };
  const { compared } = await measure(job("wrong"), platform, { wrong });
  assert.equal(compared.n, N_QUERIES);
  assert.equal(compared.n_other_rows, compared.differing.length);
  assert.ok(compared.n_other_rows > N_QUERIES / 2);
});

test("scan and ours take turns, and ours has no mismatch", async () => {
  const result = await ratio({ case: "tiny", form: "raw", turns: 2, turn_millis: 1, compare_millis: 5000 }, platform, drivers);
  assert.equal(result.turns.length, 2);
  assert.deepEqual(result.compared, { n: N_QUERIES, n_mismatches: 0 });
});

test("a query shorter than 20 ticks of the clock is timed with others", () => {
  assert.equal(batchSize(3, 5), 34);
  assert.equal(batchSize(200, 5), 1);
});

test("the 99th percentile needs 100 times", () => {
  assert.equal(summary(Array(99).fill(1)).p99, null);
  assert.equal(summary([...Array(99).fill(1), 7]).p99, 7);
});
