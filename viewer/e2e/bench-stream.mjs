// Measures the stream in a real page: node bench-stream.mjs FOLDER COMMIT PAGE_FOLDER [--quick]
//
// Writes stream.json and stream.md into FOLDER. Each run starts its own server and a browser context of its own, so
// that nothing is cached. The DevTools Network domain is off (see lib/browser.mjs).

import { mkdir, readdir, writeFile } from "node:fs/promises";
import http from "node:http";
import os from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { gzipSync } from "node:zlib";

import { launch, openPage, snapshotOf, waitForSnapshot } from "./lib/browser.mjs";
import { startRelay } from "./lib/relay.mjs";
import { markdown } from "./lib/report.mjs";
import { startServer } from "./lib/server.mjs";

const [folder, commit, pageFolder, mode] = process.argv.slice(2);
const quick = mode === "--quick";
const COVERTYPE = ["--dataset", "covertype", "--prepare", "raw", "--loop"];
const WINE = ["--dataset", "wine", "--loop"];
/** How long a rate must be held, and how far the newest label may then be behind. */
const HOLD_SECONDS = quick ? 5 : 60;
const SEARCH_SECONDS = quick ? 3 : 20;
const MAX_LAG_SECONDS = 0.1;
/** Shares of the rate that `--rate max` reached, tried until one is held. */
const SHARES = [0.98, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2];

/** Readings/s, and how many times its time each classification takes, that leave a page about ten times too slow. */
const [SLOW_RATE, SLOW_FACTOR] = [4000, 120];

/** What only `/phone` and several sources side by side load. */
const ELSEWHERE = /^(phone|overview)[-.]/;

const browser = await launch();
const results = {
  date: new Date().toISOString().slice(0, 10),
  commit,
  command: `cargo xtask bench stream${quick ? " --quick" : ""}`,
  machine: { cpu: os.cpus()[0].model.trim(), n_cpus: os.cpus().length, memory_bytes: os.totalmem(), os: `${os.type()} ${os.release()}` },
  browser: await browser.version(),
};
try {
  results.page = await say("page size", pageSize());
  results.first_label = await say("time to the first label", firstLabel());
  results.wine = await say("Wine at 1,000 readings/s", hold(WINE, 1000, HOLD_SECONDS));
  results.covertype = await say("Covertype, highest rate", highestRate());
  results.slow_page = await say("a page ten times too slow", slowPage());
} finally {
  await browser.close();
}
await mkdir(folder, { recursive: true });
await writeFile(join(folder, "stream.json"), `${JSON.stringify(results, null, 2)}\n`);
await writeFile(join(folder, "stream.md"), markdown(results));
console.log(`wrote ${join(folder, "stream.json")} and stream.md`);

async function say(what, measured) {
  const result = await measured;
  console.log(`${what}: ${JSON.stringify(result)}`);
  return result;
}

/** Bytes of the page's files, as served to a browser that takes gzip: those that the ordinary page loads, and the others. */
async function pageSize() {
  const server = await startServer(WINE);
  try {
    const files = {};
    for (const name of (await readdir(pageFolder)).sort()) {
      const body = await served(new URL(name === "index.html" ? "" : name, server.url));
      files[name] = body;
    }
    const sum = (accepts) => Object.keys(files).filter(accepts).reduce((sum, name) => sum + files[name].n_bytes_gzip, 0);
    const n_bytes_gzip = sum((name) => !ELSEWHERE.test(name));
    return { n_bytes_gzip, n_bytes_gzip_elsewhere: sum((name) => ELSEWHERE.test(name)), files };
  } finally {
    await server.stop();
  }
}

/** A file that is served plain, because it is small, counts as if it were compressed here, or plain if that is less. */
function served(url) {
  return new Promise((done, failed) => {
    http.get(url, { headers: { "accept-encoding": "gzip" } }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("error", failed);
      answer.on("end", () => {
        const body = Buffer.concat(parts);
        if (answer.statusCode !== 200) return failed(new Error(`${url}: ${answer.statusCode}`));
        const isGzip = answer.headers["content-encoding"] === "gzip";
        done({ n_bytes_gzip: isGzip ? body.length : Math.min(body.length, gzipSync(body).length), served_as_gzip: isGzip });
      });
    }).on("error", failed);
  });
}

/** From opening the page (navigation start) to the first label, each time with nothing cached. */
async function firstLabel() {
  const server = await startServer([...COVERTYPE, "--rate", "1000"]);
  const runs = [];
  let model;
  try {
    for (let run = 0; run < (quick ? 2 : 5); run += 1) {
      await inFreshPage(server.url, async (page) => {
        const snapshot = await waitForSnapshot(page, "a label", (s) => s.labelled > 0);
        runs.push(Math.round(await firstLabelMillis(page)));
        model = { n_bytes: snapshot.model.n_bytes, load_millis: snapshot.model.load_millis, engine: snapshot.model.engine };
      });
    }
  } finally {
    await server.stop();
  }
  return { median_millis: median(runs), runs_millis: runs, model };
}

/** When the page's own frames saw the first label, in milliseconds since the navigation; waits for that frame. */
async function firstLabelMillis(page) {
  const handle = await page.waitForFunction(() => window.bench.first_label_millis);
  return handle.jsonValue();
}

/** One rate for some seconds after the first label. */
async function hold(args, rate, seconds) {
  const server = await startServer([...args, "--rate", String(rate)]);
  try {
    return await inFreshPage(server.url, async (page) => {
      const first = await waitForSnapshot(page, "a label", (s) => s.labelled > 0);
      const { max_age_millis } = await sample(page, seconds);
      const last = await snapshotOf(page);
      await firstLabelMillis(page);
      const long_tasks = await page.evaluate(() => window.bench);
      return {
        rate,
        seconds,
        n_labelled: last.labelled,
        n_labelled_per_sec: Math.round((last.labelled - first.labelled) / seconds),
        n_missed: last.gaps.total,
        n_lagging: last.n_lagging,
        max_age_millis,
        latency_micros: last.latency_micros,
        latency_recent_micros: last.latency_recent_micros,
        clock_uncertainty_micros: last.clock?.uncertainty_micros ?? null,
        accuracy: last.accuracy,
        longest_task_millis: longest(long_tasks.long_tasks, long_tasks.first_label_millis),
        longest_task_while_opening_millis: longest(long_tasks.long_tasks, 0, long_tasks.first_label_millis),
        model: last.model.description,
        engine: last.model.engine,
      };
    });
  } finally {
    await server.stop();
  }
}

/** What the page labels when it sets the pace, then the highest share of that which it holds with nothing missed. */
async function highestRate() {
  const paced = await hold(COVERTYPE, "max", SEARCH_SECONDS);
  const tried = [];
  for (const share of SHARES) {
    const rate = Math.round(paced.n_labelled_per_sec * share);
    const run = await hold(COVERTYPE, rate, SEARCH_SECONDS);
    const is_held = run.n_missed === 0 && run.n_lagging <= Math.max(1, rate * MAX_LAG_SECONDS);
    tried.push({ rate, is_held, n_missed: run.n_missed, n_lagging: run.n_lagging });
    if (is_held) return { max_rate: rate, labelled_per_sec_at_rate_max: paced.n_labelled_per_sec, held: run, tried };
  }
  return { max_rate: 0, labelled_per_sec_at_rate_max: paced.n_labelled_per_sec, held: null, tried };
}

/** A page that takes about a tenth of its stream: classifying is a small part of a reading, hence the large factor. */
async function slowPage() {
  const server = await startServer([...COVERTYPE, "--rate", String(SLOW_RATE)]);
  const relay = await startRelay(server.port);
  try {
    return await inFreshPage(`${relay.url}?slow=${SLOW_FACTOR}`, async (page) => {
      await waitForSnapshot(page, "a skipped reading", (s) => s.gaps.total > 0);
      const { max_age_millis, ages_millis } = await sample(page, HOLD_SECONDS);
      await page.keyboard.press("Space");
      const last = await waitForSnapshot(page, "a settled pause", (s) => s.state === "paused" && s.n_lagging === 0);
      const stats = relay.seen.stats;
      await waitForSnapshot(page, "fresh stats", () => relay.seen.stats !== stats);
      return {
        rate: SLOW_RATE,
        slow_factor: SLOW_FACTOR,
        credit: relay.seen.subscriptions[0].credit,
        max_in_flight: relay.seen.max_in_flight,
        max_age_millis,
        ages_millis,
        n_labelled: last.labelled,
        gaps: last.gaps,
        n_produced: relay.seen.stats.n_produced,
        n_unaccounted: relay.seen.stats.n_produced - last.labelled - last.gaps.total,
      };
    });
  } finally {
    await relay.stop();
    await server.stop();
  }
}

async function inFreshPage(url, measure) {
  const context = await browser.createBrowserContext();
  try {
    const { page } = await openPage(context, url, { instrument: watchPage });
    return await measure(page);
  } finally {
    await context.close();
  }
}

/** Runs in the page: notes its long tasks and when the first label was there to be drawn. */
function watchPage() {
  window.bench = { long_tasks: [], first_label_millis: null };
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) window.bench.long_tasks.push([startTime, duration]);
  }).observe({ type: "longtask", buffered: true });
  const look = () => {
    if (window.runnel?.snapshot().labelled > 0) window.bench.first_label_millis = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

/** The longest task that began in a span of time; 0 if none reached the 50 ms from which Chromium reports them. */
function longest(tasks, from, until = Infinity) {
  const inside = tasks.filter(([start]) => start >= from && start < until);
  return Math.round(Math.max(0, ...inside.map(([, duration]) => duration)));
}

/** Looks once a second at how old the newest label is. */
async function sample(page, seconds) {
  const ages_millis = [];
  for (let second = 0; second < seconds; second += 1) {
    await wait(1000);
    const { newest_age_micros } = await snapshotOf(page);
    ages_millis.push(newest_age_micros === null ? null : Math.round(newest_age_micros / 100) / 10);
  }
  return { ages_millis, max_age_millis: Math.max(...ages_millis) };
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}
