// A real Chromium with the real page, driven through the DevTools protocol.
//
// The protocol's Network domain stays off: it slows WebSockets down threefold, and these tests are about a stream.

import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
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

/** What a test waits for takes seconds at most where nothing else runs; a busy machine may take long, a broken page for ever. */
const LIMIT_MILLIS = 180_000;

export function launch() {
  return puppeteer.launch({ executablePath, args, headless: true, networkEnabled: false, timeout: LIMIT_MILLIS });
}

/** Opens `url` in a new page that remembers every error it showed; `instrument` runs in it before its own scripts. */
export async function openPage(browser, url, { width = 1280, height = 900, scheme = "light", instrument } = {}) {
  const page = await browser.newPage();
  page.setDefaultTimeout(LIMIT_MILLIS);
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

/**
 * Reads each few frames of the page until `accepts` is true of what was read, and returns that. What follows from what was seen,
 * but comes by another message, timer or frame, has to be waited for in its turn; what is asserted has to come of one read.
 */
export async function waitFor(page, what, read, accepts, describe = JSON.stringify) {
  const deadline = Date.now() + LIMIT_MILLIS;
  let newest;
  do {
    newest = await read();
    if (accepts(newest)) return newest;
    await nextFrames(page, 3);
  } while (Date.now() < deadline);
  assert.fail(`${what} did not come within ${LIMIT_MILLIS / 1000} s; newest: ${describe(newest)}`);
}

/** Waits until `accepts` is true of the page's snapshot, and returns that one. */
export function waitForSnapshot(page, what, accepts) {
  return waitFor(page, what, () => snapshotOf(page), (snapshot) => snapshot !== null && accepts(snapshot), shown);
}

/** Waits until an element of the page reads `text`, or matches it. */
export function waitForText(page, selector, text) {
  const read = async () => (await page.$eval(selector, (element) => element.textContent)).trim();
  return waitFor(page, `${selector} reading ${text}`, read, (shown) => (text instanceof RegExp ? text.test(shown) : shown === text));
}

/** Waits until what `read` gives, of what the page has drawn, equals `expected`. */
export function waitForEqual(page, what, read, expected) {
  return waitFor(page, `${what}: ${JSON.stringify(expected)}`, read, (drawn) => isDeepStrictEqual(drawn, expected));
}

/** Waits until the server sends readings of this source to a page: those that are posted before that reach none. */
export function waitForSubscription(page, server, source) {
  const read = async () => (await (await fetch(`${server.url}healthz`)).json()).channels;
  return waitFor(page, `a subscription to ${source}`, read, (channels) => channels.some((each) => each.source === source && each.n_subscriptions > 0));
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
