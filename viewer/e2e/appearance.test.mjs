// The page for everyone: no accessibility violation, no sideways scrolling, no error, in both themes and at both ends of width.

import assert from "node:assert/strict";
import { test } from "node:test";

import { violations } from "./lib/axe.mjs";
import { nextFrames, openPage, pauseAndSettle, waitForSnapshot } from "./lib/browser.mjs";
import { post } from "./lib/server.mjs";
import { withBrowser } from "./lib/setup.mjs";

const WINE = ["--dataset", "wine", "--rate", "500", "--loop"];
const open = withBrowser();

for (const scheme of ["light", "dark"]) {
  for (const width of [360, 1280, 1920]) {
    test(`${scheme}, ${width} pixels wide`, async (t) => {
      const { page } = await open(t, WINE, { scheme, width });
      await waitForSnapshot(page, "a full window", (s) => s.state === "live" && s.n_windowed >= s.window);
      await nextFrames(page, 60);
      assert.ok(await page.evaluate(() => crossOriginIsolated), "the page is cross-origin isolated");

      const scrollWidth = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(scrollWidth <= width, `the page is ${scrollWidth} pixels wide`);
      // Held, so that what is looked at does not change under the eye of the checker.
      await pauseAndSettle(page);
      await nextFrames(page, 60);
      assert.deepEqual(await violations(page), []);
    });
  }
}

test("help, opened by its key, has no violation either", async (t) => {
  const { page } = await open(t, WINE);
  await waitForSnapshot(page, "labels", (s) => s.labelled > 100);
  await page.keyboard.type("?");
  assert.ok(await page.$eval("#help-dialog", (dialog) => dialog.open));
  assert.deepEqual(await violations(page), []);
  await page.keyboard.press("Escape");
  assert.ok(!(await page.$eval("#help-dialog", (dialog) => dialog.open)));
});

test("a page without its server has no violation and says what is wrong", async (t) => {
  const { server, page } = await open(t, WINE, { expected_problem: /WebSocket|ERR_CONNECTION_REFUSED/ });
  await waitForSnapshot(page, "labels", (s) => s.labelled > 100);
  await server.kill();
  await waitForSnapshot(page, "the loss", (s) => s.state === "disconnected");
  assert.deepEqual(await violations(page), []);
});

test("a changed theme is kept for the next visit", async (t) => {
  const { server, page } = await open(t, WINE);
  await waitForSnapshot(page, "labels", (s) => s.labelled > 0);
  const theme = () => page.$eval("#theme-name", (name) => name.textContent);
  assert.equal(await theme(), "auto");
  await page.keyboard.press("t");
  assert.equal(await theme(), "light");
  await page.keyboard.press("t");
  assert.equal(await theme(), "dark");
  const next = await openPage(page.browser(), server.url);
  assert.equal(await next.page.$eval("#theme-name", (name) => name.textContent), "dark");
  await next.page.close();
});

// The widest figures stand there at the beginning, while the interval is wide. 1440 pixels: where three questions have the least room.
for (const width of [800, 1440, 1600, 1920]) {
  test(`no figure reaches into the next one, ${width} pixels wide`, async (t) => {
    const { page } = await open(t, ["--dataset", "wine", "--rate", "20"], { width });
    await waitForSnapshot(page, "some labels", (s) => s.labelled >= 20);
    await pauseAndSettle(page);
    await nextFrames(page, 60);
    const [n_figures, crowded] = await page.$$eval(".cells dd", (figures) => [
      figures.length,
      figures.filter((figure) => figure.scrollWidth > figure.clientWidth).map((figure) => figure.textContent),
    ]);
    assert.ok(n_figures >= 8, `${n_figures} figures`);
    assert.deepEqual(crowded, []);
  });
}

test("a class of a long name is cut with an ellipsis in the headline", async (t) => {
  const { server, page } = await open(t, ["--no-replay"], { width: 1440 });
  const classes = ["a", "b"].map((letter) => `${letter} ${"long ".repeat(40)}`);
  const lines = Array.from({ length: 60 }, (_, i) => JSON.stringify({ temp: i % 2, label: classes[i % 2] }));
  const send = () => post(server, "wordy", lines.join("\n"));
  await send();
  await page.goto(`${server.url}?source=wordy`);
  await waitForSnapshot(page, "the model", (s) => s.model !== null && s.state !== "loading");
  await send();
  await waitForSnapshot(page, "labels", (s) => s.labelled > 0);
  await page.waitForFunction(() => document.getElementById("now-name").textContent.includes("long"));
  const look = await page.$eval("#now-name", (name) => {
    const { display, textOverflow } = getComputedStyle(name);
    return { is_cut: name.scrollWidth > name.clientWidth, display, textOverflow };
  });
  // The ellipsis is drawn in blocks alone: a flex container cuts without one.
  assert.deepEqual(look, { is_cut: true, display: "block", textOverflow: "ellipsis" });
});

test("the last minute of many classes is as wide as a phone's page", async (t) => {
  const { server, page } = await open(t, ["--no-replay"], { width: 360 });
  const lines = Array.from({ length: 60 }, (_, i) => JSON.stringify({ temp: i % 20, label: `class ${i % 20}` }));
  await post(server, "many", lines.join("\n"));
  await page.goto(`${server.url}?source=many`);
  await page.waitForSelector('#timeline[data-mode="strip"]');
  const width = await page.$eval("#timeline-plot", (plot) => plot.clientWidth);
  assert.ok(width > 300, `it is ${width} pixels wide`);
});

test("the longest name of a source stays within a phone's page", async (t) => {
  const { server, page } = await open(t, ["--no-replay"], { width: 390 });
  const name = "s".repeat(64);
  await post(server, name, '{"temp":21.5}');
  for (const path of [`?source=${name}`, "?source=*"]) {
    await page.goto(server.url + path);
    await page.waitForFunction((name) => [...document.querySelectorAll("#source-line, .stream h3")].some((place) => place.textContent === name), {}, name);
    const scrollWidth = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(scrollWidth <= 390, `${path}: the page is ${scrollWidth} pixels wide`);
  }
});
