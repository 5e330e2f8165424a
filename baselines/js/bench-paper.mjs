// `cargo xtask bench paper`: the paper's implementations on the paper's data, and ours: node bench-paper.mjs OPTIONS
//
// OPTIONS is JSON with the paths of lib/runner.mjs, `results_folder`, `commit`, `quick` and `seconds`, after which no
// further measurement is begun. Writes paper.json and paper.md.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { newJudge } from "./lib/judge.mjs";
import { machine } from "./lib/machine.mjs";
import { paperMarkdown } from "./lib/report-paper.mjs";
import { startRunner } from "./lib/runner.mjs";

const options = JSON.parse(process.argv[2]);
const { quick, results_folder, commit } = options;
const CASES = quick ? ["wine", "covertype"] : ["wine", "wine-binary", "covertype"];
/** Both environments each; standardising changes no brute-force latency, so there the slow ones get less time. */
const DRIVERS = ["naive", "typed", "tfjs-cpu", "tfjs-wasm", "flask", "textbook", "scan", "ours", "ours-loaded"];
const GPU_BACKENDS = ["webgl", "webgpu"];

const runner = await startRunner(options, { seconds: options.seconds });
const judge = newJudge(options.data_folder);
const results = { date: new Date().toISOString().slice(0, 10), commit, command: `cargo xtask bench paper${quick ? " --quick" : ""}`, machine: machine() };
try {
  const { version, ...adapters } = await runner.adapters();
  results.browser = version;
  results.node = process.version;
  results.adapters = adapters;
  runner.say(`adapters: ${JSON.stringify(adapters)}`);
  results.splits = await runner.native(["accuracy", "--seeds", quick ? "5" : "20"]);
  await runner.flask();
  const gpu = GPU_BACKENDS.filter((name) => isHardware(adapters[name])).map((name) => `tfjs-${name}`);
  results.gpu_backends_measured = gpu;
  results.rows = [];
  for (const form of ["raw", "standard"]) {
    for (const case_name of CASES) {
      for (const driver of [...DRIVERS, ...gpu]) {
        for (const environment of gpu.includes(driver) ? ["chromium"] : ["node", "chromium"]) {
          const job = { kind: "measure", driver, case: case_name, form, ...budget(case_name, form) };
          const about = { case: case_name, form, driver, environment: environment === "node" ? "Node" : "Chromium" };
          results.rows.push(await runner.attempt(about, async () => judge(await runner[environment](job))));
        }
      }
    }
  }
  results.seconds = Math.round(runner.elapsed());
} finally {
  await runner.stop();
}
await mkdir(results_folder, { recursive: true });
await writeFile(join(results_folder, "paper.json"), `${JSON.stringify(results, null, 1)}\n`);
await writeFile(join(results_folder, "paper.md"), paperMarkdown(results));
console.log(`wrote paper.json and paper.md into ${results_folder}`);
process.exit(0);

/** How long queries are timed, and how long more of them are compared. */
function budget(case_name, form) {
  const millis = case_name === "covertype" ? (form === "raw" ? 3000 : 1000) : form === "raw" ? 1500 : 700;
  return { budget_millis: quick ? millis / 5 : millis, compare_millis: quick ? 200 : 500 };
}

/** Software renderers say something of a processor, not of a graphics adapter. */
function isHardware(renderer) {
  return renderer !== null && !/swiftshader|llvmpipe|software|basic render/i.test(renderer);
}
