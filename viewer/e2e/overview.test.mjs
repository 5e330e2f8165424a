// Several sources in one page: a row each, labelled by its own model, and one shown whole with what it has counted.

import assert from "node:assert/strict";
import { test } from "node:test";

import { waitFor, waitForSnapshot, waitForSubscription, waitForText } from "./lib/browser.mjs";
import { violations } from "./lib/axe.mjs";
import { post } from "./lib/server.mjs";
import { withBrowser } from "./lib/setup.mjs";

const open = withBrowser();

/** Feeds a source of two classes: enough labelled readings for a model, then as many more as asked for, once the page is there for them. */
async function feed(server, page, source, { cold, hot, classes }) {
  let idx = 0;
  const lines = (n, is_labelled) => Array.from({ length: n }, () => {
    idx += 1;
    const is_hot = idx % 3 === 0;
    return JSON.stringify({ temp: (is_hot ? hot : cold) + (idx % 5), ...(is_labelled && { label: classes[Number(is_hot)] }) });
  }).join("\n");
  await post(server, source, lines(60, true));
  return async (n) => {
    await waitForSubscription(page, server, source);
    await post(server, source, lines(n, true));
  };
}

/** Waits until `accepts` is true of the snapshots of all sources, by name. */
function waitForSnapshots(page, what, accepts) {
  const read = async () => {
    const all = await page.evaluate(() => window.runnel?.snapshots() ?? []);
    return Object.fromEntries(all.map((s) => [s.source?.name ?? s.wanted_source, s]));
  };
  const describe = (all) => JSON.stringify(Object.entries(all).map(([name, { state, labelled, message }]) => ({ name, state, labelled, message })));
  return waitFor(page, what, read, accepts, describe);
}

/** What the rows say, as a reader has it. */
function shownRows(page) {
  return page.$$eval(".stream", (rows) => rows.map((row) => ({
    name: row.querySelector("h3").textContent,
    state: row.querySelector(".stream-state").textContent,
    now: row.querySelector(".stream-now").textContent,
    right: row.querySelector("dd").textContent,
    bars: row.querySelectorAll("path.fill[d^=M]").length,
  })));
}

test("all sources stand side by side, each labelled by its own model; one is opened whole and left again", async (t) => {
  const { server, page } = await open(t, ["--dataset", "wine", "--rate", "100", "--loop"], { path: "?source=*" });
  const oven = await feed(server, page, "oven", { cold: 20, hot: 180, classes: ["off", "on"] });
  const tank = await feed(server, page, "tank", { cold: 5, hot: 50, classes: ["empty", "full"] });
  await waitForSnapshots(page, "three sources", ({ wine, oven, tank }) => wine?.state === "live" && oven?.state === "waiting" && tank?.state === "waiting");
  await oven(30);
  await tank(40);
  const all = await waitForSnapshots(page, "their labels", ({ wine, oven, tank }) => wine.labelled > 100 && oven.labelled === 30 && tank.labelled === 40);
  assert.deepEqual(all.oven.source.classes, ["off", "on"]);
  assert.deepEqual(all.tank.source.classes, ["empty", "full"]);
  assert.deepEqual([all.oven.accuracy, all.tank.accuracy], [1, 1]);
  assert.equal(all.wine.gaps.total + all.oven.gaps.total + all.tank.gaps.total, 0);

  const is_drawn = ([wine, oven, tank]) => /^\d+\.\d.% ± \d.* of the last [\d,]+; majority \d.*, same as before \d/.test(wine.right)
    && /^(off|on) /.test(oven.now) && /^(empty|full) /.test(tank.now);
  const rows = await waitFor(page, "rows with all of it, each with its minute", () => shownRows(page), (rows) => is_drawn(rows) && rows.every(({ bars }) => bars > 0));
  assert.deepEqual(rows.map(({ name }) => name), ["wine", "oven", "tank"]);
  assert.equal(await page.$eval(".questions", (part) => part.checkVisibility()), false);

  await page.evaluate(() => [...document.querySelectorAll(".stream h3 button")].find((button) => button.textContent === "oven").click());
  const whole = await waitForSnapshot(page, "the oven whole", (s) => s.source?.name === "oven");
  assert.equal(whole.labelled, 30, "its counts went on, nothing began afresh");
  assert.equal(await page.$eval(".questions", (part) => part.checkVisibility()), true);
  assert.equal(await page.$eval(".overview", (part) => part.checkVisibility()), false);
  assert.equal(new URL(page.url()).searchParams.get("open"), "oven");
  await page.waitForFunction(() => document.getElementById("labelled").textContent === "30");
  await oven(5);
  await page.waitForFunction(() => document.getElementById("labelled").textContent === "35");

  await page.goBack();
  await page.waitForFunction(() => document.querySelector(".overview").checkVisibility());
  await page.goForward();
  await page.waitForFunction(() => document.querySelector(".questions").checkVisibility());
  await page.click("#overview-back");
  await page.waitForFunction(() => document.querySelector(".overview").checkVisibility());
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "oven", "the focus is where it was");
});

test("sources are named in the address, one that is not there yet too, and chosen from the list of sources", async (t) => {
  const { server, page } = await open(t, ["--dataset", "wine", "--rate", "50", "--loop"], { path: "?source=wine,oven,later" });
  await feed(server, page, "oven", { cold: 20, hot: 180, classes: ["off", "on"] });
  await feed(server, page, "other", { cold: 20, hot: 180, classes: ["off", "on"] });
  const has_come = ({ wine, oven, later }) => wine?.state === "live" && oven?.state === "waiting" && /no source later yet/.test(later?.message);
  const all = await waitForSnapshots(page, "two of three", has_come);
  assert.deepEqual(Object.keys(all), ["wine", "oven", "later"], "no others");

  await page.goto(`${server.url}?source=nosuch`);
  await waitForText(page, "#now-name", "Waiting for nosuch");
  await waitForText(page, "#now-votes", "The server has wine, oven, other.");

  await page.goto(`${server.url}?source=wine`);
  await waitForSnapshot(page, "the list of sources", (s) => s.sources.length === 3);
  await page.waitForFunction(() => !document.getElementById("chooser").hidden);
  await Promise.all([page.waitForNavigation(), page.select("#source-select", "*")]);
  await waitForSnapshots(page, "all three", (all) => Object.keys(all).length === 3);
});

test("a page that was never seen follows all sources", async (t) => {
  const hide = () => {
    Object.defineProperty(Document.prototype, "hidden", { get: () => true });
    window.requestAnimationFrame = () => 0;
  };
  const { server, page } = await open(t, ["--dataset", "wine", "--rate", "50", "--loop"], { path: "?source=*", instrument: hide });
  const oven = await feed(server, page, "oven", { cold: 20, hot: 180, classes: ["off", "on"] });
  await waitForSnapshots(page, "both sources", ({ wine, oven }) => wine?.state === "live" && oven?.state === "waiting");
  await oven(30);
  await waitForSnapshots(page, "labels of the second", ({ oven }) => oven.labelled === 30);
  await page.waitForFunction(() => /of 2 sources live/.test(document.title), { polling: 100 });
});

for (const scheme of ["light", "dark"]) {
  for (const width of [360, 1280]) {
    test(`side by side, ${scheme}, ${width} pixels wide`, async (t) => {
      const { server, page } = await open(t, ["--dataset", "wine", "--rate", "100", "--loop"], { path: "?source=*", scheme, width });
      const oven = await feed(server, page, "oven", { cold: 20, hot: 180, classes: ["off", "on"] });
      await waitForSnapshots(page, "two sources", ({ wine, oven }) => wine?.state === "live" && oven?.state === "waiting");
      await oven(30);
      await waitForSnapshots(page, "labels of both", ({ wine, oven }) => wine.labelled > 100 && oven.labelled === 30);
      await waitFor(page, "both rows with their minutes", () => shownRows(page), (rows) => rows.length === 2 && rows.every(({ bars }) => bars > 0));
      const scroll_width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(scroll_width <= width, `the page is ${scroll_width} pixels wide`);
      assert.deepEqual(await violations(page), []);
    });
  }
}
