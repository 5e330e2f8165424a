// A real Chromium whose pages are cross-origin isolated: that gives them the 5 µs clock and the memory measurement.

import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import http from "node:http";
import { join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";
import puppeteer from "puppeteer-core";

const here = fileURLToPath(new URL("..", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".json": "application/json" };
const PAGE = "<!doctype html><title>Runnel's baselines</title><link rel=icon href=data:,><script type=module src=/page/page.js></script>";

// As in viewer/e2e/lib/browser.mjs, but with an adapter if there is one; and the memory is measured when asked for,
// not at the next garbage collection, which may be half a minute away.
const FLAGS = [
  "--no-sandbox",
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--enable-blink-features=ForceEagerMeasureMemory",
];

/** Bundles the page into `folder`. */
export async function bundlePage(folder) {
  await build({
    entryPoints: [join(here, "page.mjs")],
    bundle: true,
    splitting: true,
    format: "esm",
    outdir: folder,
    logLevel: "error",
    // Packages that also run in Node look for these and then do without.
    external: ["fs", "path", "crypto", "perf_hooks", "worker_threads", "util", "os"],
    define: { global: "globalThis" },
  });
}

/** Serves the bundle, the WebAssembly module and the cases to pages on this machine. */
export async function startPages({ page_folder, wasm_folder, data_folder }) {
  const roots = {
    page: page_folder,
    wasm: wasm_folder,
    data: data_folder,
    tfjs: join(here, "../node_modules/@tensorflow/tfjs-backend-wasm/dist"),
  };
  const server = http.createServer(async (request, response) => {
    response.setHeader("cross-origin-opener-policy", "same-origin");
    response.setHeader("cross-origin-embedder-policy", "require-corp");
    const path = normalize(decodeURIComponent(new URL(request.url, "http://x/").pathname));
    if (path === "/") return response.setHeader("content-type", "text/html").end(PAGE);
    const [, root, ...rest] = path.split("/");
    const file = roots[root] && join(roots[root], ...rest);
    try {
      const { size } = await stat(file);
      response.setHeader("content-type", TYPES[file.slice(file.lastIndexOf("."))] ?? "application/octet-stream");
      response.setHeader("content-length", size);
      createReadStream(file).pipe(response);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    stop() {
      server.closeAllConnections();
      return new Promise((closed) => server.close(closed));
    },
  };
}

/** Opens a page in a browser of its own, hands it to `use`, and ends both. */
export async function inPage(url, use) {
  const browser = await puppeteer.launch({
    executablePath: process.env.RUNNEL_CHROMIUM ?? "/usr/bin/chromium",
    args: FLAGS,
    headless: true,
    networkEnabled: false,
    protocolTimeout: 600_000,
  });
  try {
    const page = await browser.newPage();
    const problems = [];
    page.on("pageerror", (error) => problems.push(error.message));
    await page.goto(url);
    await page.waitForFunction("globalThis.ready").catch((error) => {
      throw new Error([error.message, ...problems].join("; "));
    });
    return await use(page, browser);
  } finally {
    await browser.close();
  }
}

/** One job in a page of its own; the renderer's resident memory is added where this system says it. */
export function runInPage(url, job, flask_url) {
  return inPage(url, async (page, browser) => {
    const result = await page.evaluate((job, flask_url) => globalThis.runJob(job, flask_url), job, flask_url ?? null);
    const renderer = await rendererMemory(browser);
    for (const one of Array.isArray(result) ? result : [result]) if (one.memory) Object.assign(one.memory, renderer);
    return result;
  });
}

/** The largest renderer is the page's; Chromium keeps a spare one. */
async function rendererMemory(browser) {
  const session = await browser.target().createCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const read = async ({ id }) => {
    const status = await readFile(`/proc/${id}/status`, "utf8").catch(() => "");
    const kilobytes = (name) => Number(status.match(new RegExp(`${name}:\\s+(\\d+) kB`))?.[1] ?? 0) * 1024;
    return { renderer_rss_bytes: kilobytes("VmRSS"), renderer_peak_rss_bytes: kilobytes("VmHWM") };
  };
  const renderers = await Promise.all(processInfo.filter(({ type }) => type === "renderer").map(read));
  const largest = renderers.sort((a, b) => b.renderer_peak_rss_bytes - a.renderer_peak_rss_bytes)[0];
  return largest?.renderer_rss_bytes ? largest : {};
}
