// One job in a Node process of its own: node --expose-gc node-job.mjs JOB, where JOB is JSON; the result is the last line.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { resolutionMicros } from "./clock.mjs";
import { drivers } from "./drivers/index.mjs";
import { nodeDrivers } from "./drivers/node-only.mjs";
import { runJob } from "./jobs.mjs";

const { data_folder, wasm_folder, flask_url, job } = JSON.parse(process.argv[2]);
const now = () => performance.now();
let wasm;

const platform = {
  name: "Node",
  now,
  resolution_micros: resolutionMicros(now),
  flask_url,
  async file(case_name, file) {
    const { buffer, byteOffset, byteLength } = await readFile(join(data_folder, case_name, file));
    // Small files share a pool, where numbers may lie at odd addresses.
    return byteOffset === 0 && byteLength === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + byteLength);
  },
  wasm() {
    wasm ??= loadWasm();
    return wasm;
  },
  async memory() {
    globalThis.gc?.();
    return { rss_bytes: process.memoryUsage().rss, peak_rss_bytes: process.resourceUsage().maxRSS * 1024 };
  },
};

async function loadWasm() {
  const module = await import(pathToFileURL(join(wasm_folder, "baselines.js")));
  const { memory } = module.initSync({ module: await readFile(join(wasm_folder, "baselines_bg.wasm")) });
  return { ...module, memory };
}

const result = await runJob(job, platform, { ...drivers, ...nodeDrivers });
process.stdout.write(`\n${JSON.stringify(result)}\n`, () => process.exit(0));
