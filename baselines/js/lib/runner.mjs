// Runs jobs, each in a process or page of its own, says how far it is, and keeps within the time that it was given.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { bundlePage, inPage, runInPage, startPages } from "./chromium.mjs";

const here = fileURLToPath(new URL("..", import.meta.url));
/** Plain JavaScript keeps half a million arrays. */
const HEAP_MEGABYTES = 8192;
/** No job may take longer, whatever it does. */
const JOB_SECONDS = 60;

/** Paths come from xtask: `data_folder`, `wasm_folder`, `page_folder`, `native`, `python`. */
export async function startRunner(paths, { seconds }) {
  const started = performance.now();
  const elapsed = () => (performance.now() - started) / 1000;
  const say = (text) => console.log(`[${elapsed().toFixed(0).padStart(3)} s] ${text}`);
  await bundlePage(paths.page_folder);
  const pages = await startPages(paths);
  let flask;

  const node = (job) =>
    lastLine(process.execPath, [
      "--expose-gc",
      `--max-old-space-size=${HEAP_MEGABYTES}`,
      join(here, "node-job.mjs"),
      JSON.stringify({ ...paths, flask_url: flask?.url, job }),
    ]);
  const chromium = (job) => runInPage(pages.url, job, flask?.url);
  const native = (args) => lastLine(paths.native, args);
  const python = async (jobs) => {
    const list = Array.isArray(jobs) ? jobs : [jobs];
    const results = await lines(paths.python, [join(here, "../python/harness.py"), paths.data_folder, JSON.stringify(list)]);
    return Array.isArray(jobs) ? results : results[0];
  };

  const stop = async () => {
    for (const child of [...children]) await end(child);
    await pages.stop();
  };
  // Puppeteer ends its browsers itself.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => stop().finally(() => process.exit(1)));

  return {
    say,
    elapsed,
    node,
    chromium,
    native,
    python,
    adapters: () => inPage(pages.url, (page, browser) => page.evaluate(async () => globalThis.adapters()).then(async (found) => ({ ...found, version: await browser.version() }))),
    /** The Flask server, started at the first call. */
    async flask() {
      flask ??= await startFlask(paths);
      return flask.url;
    },
    /**
     * `run()`'s result, or `{ ...about, error }` where it failed, took too long, or the time was over before it began.
     */
    async attempt(about, run) {
      const name = Object.values(about).join(" ");
      if (elapsed() > seconds) {
        say(`${name}: left out, the time was over`);
        return { ...about, error: `not run: the command keeps to ${seconds} s` };
      }
      const begun = elapsed();
      try {
        const result = await within(run(), JOB_SECONDS);
        say(`${name}: ${brief(result)} (took ${(elapsed() - begun).toFixed(1)} s)`);
        return { ...about, ...result };
      } catch (error) {
        say(`${name}: ${error.message}`);
        return { ...about, error: error.message.split("\n")[0].slice(0, 200) };
      }
    },
    stop,
  };
}

const children = new Set();

function start(program, args, stderr) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", stderr] });
  children.add(child);
  child.on("close", () => children.delete(child));
  return child;
}

async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, "close");
  process.kill(child.pid, "SIGKILL");
  await closed;
}

/** What a program prints last, as JSON. */
async function lastLine(program, args) {
  return (await lines(program, args)).at(-1);
}

/** The lines of JSON that a program prints. It is ended if it takes too long. */
async function lines(program, args) {
  const child = start(program, args, "pipe");
  const timer = setTimeout(() => end(child), JOB_SECONDS * 1000);
  const text = (stream) => {
    const parts = [];
    stream.on("data", (part) => parts.push(part));
    return () => Buffer.concat(parts).toString();
  };
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
  const [code, signal] = await once(child, "close");
  clearTimeout(timer);
  if (signal) throw new Error(`ended after ${JOB_SECONDS} s`);
  if (code !== 0) throw new Error(reason(stderr()) || `exit code ${code}`);
  return stdout().split("\n").filter((line) => /^[[{]/.test(line)).map((line) => JSON.parse(line));
}

/** The line of a program's complaint that says what is wrong. */
function reason(stderr) {
  const lines = stderr.trim().split("\n");
  return lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1);
}

async function startFlask({ python, data_folder }) {
  const child = start(python, [join(here, "../python/flask_server.py"), data_folder], "inherit");
  const [url] = await once(createInterface({ input: child.stdout }), "line");
  return { url };
}

function within(promise, seconds) {
  let timer;
  const late = new Promise((_, failed) => {
    timer = setTimeout(() => failed(new Error(`ended after ${seconds} s`)), seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function brief(result) {
  const { latency_micros, ours_micros, turns } = result;
  if (turns) return `ours p50 ${ours_micros.p50.toFixed(1)} µs, ${turns.map(({ ratio }) => ratio.toFixed(0)).join(", ")} times the scan's speed`;
  if (latency_micros) return `p50 ${latency_micros.p50.toFixed(1)} µs of ${latency_micros.n_queries} queries`;
  return "done";
}
