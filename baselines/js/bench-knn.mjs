// `cargo xtask bench knn`: the best peers beside ours, ratios to the plain scan, cost against size: node bench-knn.mjs OPTIONS
//
// OPTIONS is JSON with the paths of lib/runner.mjs, `results_folder`, `commit`, `quick` and `seconds`, after which no
// further measurement is begun. Writes knn.json and knn.md.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { newJudge } from "./lib/judge.mjs";
import { machine } from "./lib/machine.mjs";
import { knnMarkdown } from "./lib/report-knn.mjs";
import { startRunner } from "./lib/runner.mjs";

const options = JSON.parse(process.argv[2]);
const { quick, results_folder, commit, data_folder } = options;
const FORMS = ["raw", "standard"];

/** By case and form: which implementations, and where; slow or unsuitable ones only where they matter most. */
const IN_NODE = ["scan", "ours", "typed", "static-kdtree", "usearch-exact", "knear", "ml-knn", "knn-classifier"];
const IN_CHROMIUM = ["scan", "ours", "ours-loaded", "typed", "static-kdtree"];
const IN_PYTHON = ["scipy-ckdtree", "sklearn-kd-tree", "sklearn-ball-tree", "sklearn-brute", "faiss-flat"];
const STANDARD_TOO = ["scan", "ours", "ours-loaded", "typed", "static-kdtree", "usearch-exact", "scipy-ckdtree", "sklearn-kd-tree", "faiss-flat"];
/** Indexes whose building takes minutes on Covertype get a sample of its rows; so do, for comparison, two exact ones. */
const GRAPHS = [
  ["node", "usearch-hnsw"],
  ["chromium", "hnswlib-wasm"],
  ["python", "hnswlib"],
  ["python", "usearch-hnsw-python"],
  ["node", "ours"],
  ["python", "scipy-ckdtree"],
];
const CURVE_ROWS = quick ? [1000, 30_000, 464_809] : [1000, 3000, 10_000, 30_000, 100_000, 464_809];
const CURVE_FEATURES = quick ? [2, 8, 64] : [2, 4, 8, 16, 32, 64];
const CURVE_K = quick ? [1, 100] : [1, 5, 20, 100];
/** Ours, the scan that bounds it, and the best exact peers in a page and in native code. */
const CURVE_DRIVERS = [
  ["node", "ours"],
  ["node", "scan"],
  ["node", "typed"],
  ["node", "static-kdtree"],
  ["python", "scipy-ckdtree"],
];

const runner = await startRunner(options, { seconds: options.seconds });
const judge = newJudge(data_folder);
const results = {
  date: new Date().toISOString().slice(0, 10),
  commit,
  command: `cargo xtask bench knn${quick ? " --quick" : ""}`,
  machine: machine(),
};
try {
  const { version, ...adapters } = await runner.adapters();
  Object.assign(results, { browser: version, node: process.version, chromium_resolution_micros: adapters.resolution_micros, is_isolated: adapters.is_isolated });
  results.bandwidth = await runner.native(["bandwidth"]);
  runner.say(`one core reads ${results.bandwidth.median_gb_per_sec.toFixed(1)} GB/s`);
  results.ratios = await ratios();
  // What matters most first: the time may not suffice for all on a busy machine.
  results.peers = [...(await peersOf("covertype", "raw")), ...(await graphs())];
  results.curves = await curves();
  for (const [name, form] of quick ? [["wine", "raw"]] : [["wine", "raw"], ["covertype", "standard"], ["wine", "standard"]]) {
    results.peers.push(...(await peersOf(name, form)));
  }
  results.seconds = Math.round(runner.elapsed());
} finally {
  await runner.stop();
}
await mkdir(results_folder, { recursive: true });
await writeFile(join(results_folder, "knn.json"), `${JSON.stringify(results, null, 1)}\n`);
await writeFile(join(results_folder, "knn.md"), knnMarkdown(results));
console.log(`wrote knn.json and knn.md into ${results_folder}`);
process.exit(0);

/** The plain scan and ours in turns, everywhere. */
async function ratios() {
  const found = [];
  const turns = quick ? 3 : 5;
  const turn_millis = quick ? 200 : 400;
  for (const case_name of ["covertype", "wine"]) {
    for (const form of FORMS) {
      const job = { kind: "ratio", case: case_name, form, turns, turn_millis, compare_millis: quick ? 500 : 5000 };
      const native = ["time", join(data_folder, case_name), "--turns", String(turns), "--turn-millis", String(turn_millis)];
      if (form === "standard") native.push("--standard");
      for (const [environment, run] of [
        ["Node", () => runner.node(job)],
        ["Chromium", () => runner.chromium(job)],
        ["native", () => runner.native(native)],
      ]) {
        found.push(await runner.attempt({ what: "ratio", case: case_name, form, environment }, run));
      }
    }
  }
  return found;
}

async function peer(environment, driver, case_name, form) {
  const covertype_millis = form === "raw" ? 2000 : 1000;
  const millis = (case_name === "covertype" ? covertype_millis : 500) / (quick ? 4 : 1);
  const job = { kind: "measure", driver, case: case_name, form, budget_millis: millis, compare_millis: millis / 4 };
  const about = { what: "peer", case: case_name, form, driver, environment: { node: "Node", chromium: "Chromium", python: "Python" }[environment] };
  return runner.attempt(about, async () => judge(await runner[environment](job)));
}

async function peersOf(case_name, form) {
  const found = [];
  const is_shown = (driver) => form === "raw" || STANDARD_TOO.includes(driver);
  for (const driver of IN_PYTHON.filter(is_shown)) found.push(await peer("python", driver, case_name, form));
  for (const driver of IN_CHROMIUM.filter(is_shown)) found.push(await peer("chromium", driver, case_name, form));
  for (const driver of IN_NODE.filter(is_shown)) found.push(await peer("node", driver, case_name, form));
  return found;
}

async function graphs() {
  const found = [];
  for (const [environment, driver] of GRAPHS) found.push(await peer(environment, driver, "covertype-20k", "raw"));
  return found;
}

/** Cost against rows, features and k: each curve is a process of its own. */
async function curves() {
  const budget_millis = quick ? 100 : 300;
  const kinds = {
    rows: CURVE_ROWS.map((n_training) => ({ x: n_training, case: "covertype", n_training })),
    features: CURVE_FEATURES.map((n_features) => ({ x: n_features, case: `uniform-${n_features}` })),
    k: CURVE_K.map((k) => ({ x: k, case: "covertype", k })),
  };
  const found = [];
  for (const [kind, points] of Object.entries(kinds)) {
    for (const [environment, driver] of CURVE_DRIVERS) {
      // Builds for seconds at each point, only to be as slow as the typed arrays.
      if (kind === "k" && driver === "static-kdtree") continue;
      const jobs = points.map(({ x, ...point }) => ({ kind: "measure", driver, form: "raw", budget_millis, ...point }));
      const run = async () => {
        const measured = await (environment === "python" ? runner.python(jobs) : runner.node({ kind: "measures", jobs }));
        return {
          points: measured.map(({ latency_micros, build_millis }, idx) => ({ x: points[idx].x, build_millis, ...latency_micros })),
        };
      };
      found.push(await runner.attempt({ what: "curve", kind, driver, environment: environment === "python" ? "Python" : "Node" }, run));
    }
  }
  return found;
}
