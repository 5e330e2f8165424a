// A connection that ends is said to have ended, comes back by itself, and costs no reading.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openPage, pauseAndSettle, waitForSnapshot, waitForText } from "./lib/browser.mjs";
import { reference } from "./lib/reference.mjs";
import { startServer } from "./lib/server.mjs";
import { withBrowser } from "./lib/setup.mjs";

const WINE = ["--dataset", "wine", "--prepare", "raw", "--seed", "42", "--rate", "500", "--loop"];
// Chromium itself reports a WebSocket that fails; there is no way to keep it from doing so.
const NO_SERVER = /WebSocket connection to|net::ERR_CONNECTION_REFUSED|Failed to load resource/;
const open = withBrowser();

test("a server that dies and comes back is said to be gone, then streams again", async (t) => {
  const { server, page } = await open(t, WINE, { expected_problem: NO_SERVER });
  const before = await waitForSnapshot(page, "a live stream", (s) => s.state === "live" && s.labelled > 100);
  await server.kill();
  const gone = await waitForSnapshot(page, "the loss", (s) => s.state === "disconnected");
  assert.match(gone.message, /\w/, "the loss is said in words");
  await waitForText(page, "#chip-text", /disconnected/);

  const again = await startServer(WINE, { port: server.port });
  t.after(() => again.kill());
  const after = await waitForSnapshot(page, "a live stream", (s) => s.state === "live" && s.session !== before.session);
  assert.ok(after.n_reconnects >= 1);
});

test("a connection that is cut resumes where it was, and every reading is labelled once", async (t) => {
  const { server, relay, page } = await open(t, WINE, { relayed: true, expected_problem: NO_SERVER });
  let n_labelled = 0;
  for (let n_cuts = 1; n_cuts <= 3; n_cuts += 1) {
    const moreThan = n_labelled + 300;
    await waitForSnapshot(page, `${moreThan} labels`, (s) => s.state === "live" && s.labelled > moreThan);
    relay.cut();
    const back = await waitForSnapshot(page, "the way back", (s) => s.state === "live" && s.n_reconnects >= n_cuts);
    n_labelled = back.labelled;
  }
  await waitForSnapshot(page, "more labels", (s) => s.labelled > n_labelled + 300);
  const settled = await pauseAndSettle(page);

  const first = relay.seen.subscriptions[0];
  assert.equal(first.resume ?? null, null, "the first subscription asks for nothing in particular");
  for (const { resume } of relay.seen.subscriptions.slice(1)) assert.equal(resume.session, settled.session);
  assert.equal(settled.gaps.total, 0, "nothing was lost");
  assert.equal(settled.last[0].seq, settled.labelled - 1, "as many labels as sequence numbers");
  // A reading labelled twice and another not at all would still add up; the matrix would differ.
  const expected = await reference({
    dataset: "wine", seed: 42, n_readings: settled.labelled, classes: settled.source.classes, url: server.url, algorithm: "kd_tree",
  });
  assert.deepEqual(settled.confusion, expected.confusion);
  assert.equal(settled.accuracy, expected.accuracy);
});

test("two pages see one replay, and one that leaves takes nothing from the other", async (t) => {
  const { server, page } = await open(t, WINE);
  await waitForSnapshot(page, "a live stream", (s) => s.state === "live" && s.labelled > 100);
  const other = await openPage(page.browser(), server.url);
  await waitForSnapshot(other.page, "a live stream", (s) => s.state === "live" && s.labelled > 100);
  await other.page.close();
  assert.deepEqual(other.problems, []);
  const alone = await waitForSnapshot(page, "more labels", (s) => s.labelled > 1000);
  assert.equal(alone.gaps.total, 0);
  assert.equal(alone.n_reconnects, 0);
});
