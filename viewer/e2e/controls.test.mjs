// The replay is steered by keys and by buttons, and every viewer of it sees the same.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openPage, pauseAndSettle, waitForSnapshot, waitForText } from "./lib/browser.mjs";
import { withBrowser } from "./lib/setup.mjs";

const WINE = ["--dataset", "wine", "--rate", "500", "--loop"];
const open = withBrowser();

test("space holds the replay and lets it go on", async (t) => {
  const { page } = await open(t, WINE);
  await waitForSnapshot(page, "labels", (s) => s.state === "live" && s.labelled > 100);
  const held = await pauseAndSettle(page);
  await page.keyboard.press("Space");
  await waitForSnapshot(page, "more labels", (s) => s.state === "live" && s.labelled > held.labelled + 100);
});

test("two presses of space in a row hold the replay and let it go on", async (t) => {
  const { page } = await open(t, WINE);
  const before = await waitForSnapshot(page, "labels", (s) => s.state === "live" && s.labelled > 100);
  await page.keyboard.press("Space");
  await page.keyboard.press("Space");
  await waitForSnapshot(page, "more labels", (s) => s.state === "live" && s.labelled > before.labelled + 500);
});

test("brackets change the speed, home starts from the first row", async (t) => {
  const { page } = await open(t, WINE);
  await waitForSnapshot(page, "labels", (s) => s.state === "live" && s.labelled > 100);
  await page.keyboard.type("]");
  await waitForSnapshot(page, "twice the speed", (s) => s.source.speed === 2);
  await waitForText(page, "#speed", "2×");
  await page.keyboard.type("[");
  await waitForSnapshot(page, "the old speed", (s) => s.source.speed === 1);
  await waitForText(page, "#speed", "1×");
  await pauseAndSettle(page);
  await page.keyboard.press("Home");
  await waitForSnapshot(page, "the first row", (s) => s.state === "paused" && s.source.position === 0);
});

test("the pause button is reached by tabbing and pressed by keys", async (t) => {
  const { page } = await open(t, WINE);
  await waitForSnapshot(page, "labels", (s) => s.state === "live" && s.labelled > 100);
  // One that is not yet drawn as working cannot be reached.
  await page.waitForSelector("#pause:enabled");
  const focused = () => page.evaluate(() => document.activeElement?.id ?? "");
  for (let n = 0; n < 20 && (await focused()) !== "pause"; n += 1) await page.keyboard.press("Tab");
  assert.equal(await focused(), "pause");
  await page.keyboard.press("Enter");
  await waitForSnapshot(page, "a pause", (s) => s.state === "paused");
  await page.keyboard.press("Space");
  await waitForSnapshot(page, "the stream", (s) => s.state === "live");
});

test("a pause on one page is shown on the other", async (t) => {
  const { server, page } = await open(t, WINE);
  const other = await openPage(page.browser(), server.url);
  for (const each of [page, other.page]) {
    await each.bringToFront();
    await waitForSnapshot(each, "labels", (s) => s.state === "live" && s.labelled > 100);
  }
  await pauseAndSettle(other.page);
  await page.bringToFront();
  await waitForSnapshot(page, "the other's pause", (s) => s.state === "paused");
  await other.page.close();
  assert.deepEqual(other.problems, []);
});
