// A real Chromium with the real page, driven through the DevTools protocol.
//
// The protocol's Network domain stays off: it slows WebSockets down threefold, and these tests are about a stream.

import assert from "node:assert/strict";
import puppeteer from "puppeteer-core";

const executablePath = process.env.RUNNEL_CHROMIUM ?? "/usr/bin/chromium";

// The same flags as in xtask's `write_capabilities`: as root there is no sandbox, and nothing looks for the network.
const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function launch() {
  return puppeteer.launch({ executablePath, args, headless: true, networkEnabled: false });
}

/** Opens `url` in a new page that remembers every error it showed; `instrument` runs in it before its own scripts. */
export async function openPage(browser, url, { width = 1280, height = 900, scheme = "light", instrument } = {}) {
  const page = await browser.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(`uncaught: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`console: ${message.text()}`);
  });
  await page.exposeFunction("reportViolation", (text) => problems.push(`content security policy: ${text}`));
  await page.evaluateOnNewDocument(() => {
    addEventListener("securitypolicyviolation", (event) => {
      window.reportViolation(`${event.violatedDirective} blocked ${event.blockedURI}`);
    });
  });
  if (instrument) await page.evaluateOnNewDocument(instrument);
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.setViewport({ width, height });
  await page.goto(url, { waitUntil: "domcontentloaded" });
  return { page, problems };
}

/** The newest snapshot, or null while the page has none. */
export function snapshotOf(page) {
  return page.evaluate(() => window.runnel?.snapshot() ?? null);
}

/** Looks at each few frames' snapshot until `accepts` is true of one, and returns that one. */
export async function waitForSnapshot(page, what, accepts, { seconds = 120 } = {}) {
  const deadline = Date.now() + seconds * 1000;
  let newest = null;
  while (Date.now() < deadline) {
    newest = await snapshotOf(page);
    if (newest && accepts(newest)) return newest;
    await nextFrames(page, 3);
  }
  assert.fail(`${what} did not come within ${seconds} s; newest snapshot: ${shown(newest)}`);
}

/** Waits until an element of the page reads `text`. */
export async function waitForText(page, selector, text, { seconds = 60 } = {}) {
  const deadline = Date.now() + seconds * 1000;
  let shown = null;
  while (Date.now() < deadline) {
    shown = (await page.$eval(selector, (element) => element.textContent)).trim();
    if (shown === text) return;
    await nextFrames(page, 3);
  }
  assert.fail(`${selector} did not read ${JSON.stringify(text)} within ${seconds} s, but ${JSON.stringify(shown)}`);
}

/** Returns after the page has drawn `n` frames; a page in the background draws none, and is given as long. */
export function nextFrames(page, n) {
  return page.evaluate(async (n) => {
    for (let i = 0; i < n; i += 1) {
      await new Promise((next) => {
        requestAnimationFrame(next);
        setTimeout(next, 100);
      });
    }
  }, n);
}

/** A snapshot's few fields that explain most failures. */
function shown(snapshot) {
  if (!snapshot) return "none";
  const { state, message, labelled, n_lagging, n_reconnects, gaps, source, model } = snapshot;
  return JSON.stringify({ state, message, labelled, n_lagging, n_reconnects, gaps, position: source?.position, model });
}

/** Holds the replay with the page's own key and waits until everything that was sent is labelled. */
export async function pauseAndSettle(page) {
  await page.keyboard.press("Space");
  return waitForSnapshot(page, "a settled pause", (s) => s.state === "paused" && s.n_lagging === 0);
}
