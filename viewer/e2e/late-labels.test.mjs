// True labels that come after their readings: scored when they come, and the page says how many wait and how late they are.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";

import { violations } from "./lib/axe.mjs";
import { waitForSnapshot, waitForSubscription, waitForText } from "./lib/browser.mjs";
import { post, serverBinary } from "./lib/server.mjs";
import { withBrowser } from "./lib/setup.mjs";

const open = withBrowser();

/** Starts `sensor-sim publish` toward the server; it ends with the test. */
function publish(t, server, source, args) {
  const url = `${server.url.replace("http", "ws")}ingest/${source}`;
  const child = spawn(serverBinary, ["publish", url, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (log += text));
  child.on("exit", (code) => code === 0 || child.killed || t.diagnostic(`publish ended with ${code}: ${log}`));
  t.after(() => child.kill());
  return child;
}

/** Every labelled reading is in one of these, and only those with a truth are in the accuracy. */
function assertAccounted({ truth, labelled, n_without_true_label, confusion }) {
  const n_known = truth.n_at_once + truth.n_late;
  assert.equal(n_known + truth.n_waiting + truth.n_given_up + truth.n_not_scored, labelled);
  assert.equal(n_without_true_label, labelled - n_known);
  assert.equal(confusion.flat().reduce((sum, n) => sum + n, 0), n_known);
}

test("labels of a sensor that come 400 readings later are scored by what was said of their readings", async (t) => {
  // The replay's own model labels the sensor: same features, same split, so that the sensor's rows are those of the replay.
  const { server, page } = await open(t, ["--dataset", "wine", "--rate", "1", "--loop"], { path: "?source=lab" });
  // Two seconds later: a label that overtook its reading in a server held up for less would come with it.
  publish(t, server, "lab", ["--dataset", "wine", "--rate", "200", "--label-delay", "400", "--loop"]);
  const snapshot = await waitForSnapshot(page, "late labels", (s) => s.truth.n_late >= 300);
  assertAccounted(snapshot);
  assert.equal(snapshot.truth.n_at_once, 0, "no reading brings its label");
  // 400 rows later, and at most a batch or two are on their way.
  assert.ok(snapshot.truth.n_waiting >= 300, `${snapshot.truth.n_waiting} wait`);
  assert.ok(snapshot.truth.late_millis.p50 > 0 && snapshot.truth.late_millis.p95 >= snapshot.truth.late_millis.p50);
  assert.ok(snapshot.accuracy > 0.3 && snapshot.accuracy < 1, `accuracy ${snapshot.accuracy}`);
  assert.equal(snapshot.last[0].true_label, null);
  assert.equal(snapshot.last[0].is_awaited, true);

  await waitForText(page, "#trust-truth", /^true label known for [\d,]+ of [\d,]+ readings · \d+ pending · it comes .* late/);
  await waitForText(page, "#readings-body .truth", "pending");
  assert.deepEqual(await violations(page), []);
});

test("a reading turns from pending to right or wrong when its label comes, over a cut connection too", async (t) => {
  const { server, relay, page } = await open(t, ["--no-replay"], { path: "?source=oven", relayed: true });
  const send = (lines) => post(server, "oven", lines.map((line) => JSON.stringify(line)).join("\n"));
  const reading = (idx) => ({ temp: (idx % 2 ? 180 : 20) + (idx % 7), seq: idx });
  await send(Array.from({ length: 60 }, (_, idx) => ({ ...reading(idx), label: idx % 2 ? "on" : "off" })));
  await waitForSnapshot(page, "the model", (s) => s.state === "waiting");
  await waitForSubscription(page, server, "oven");
  await send([60, 61, 62].map(reading));
  const before = await waitForSnapshot(page, "three labels", (s) => s.labelled === 3);
  assert.deepEqual([before.accuracy, before.truth.n_waiting], [null, 3]);

  await send([{ seq: 60, label: "off" }, { seq: 61, label: "off" }]);
  const scored = await waitForSnapshot(page, "two truths", (s) => s.truth.n_late === 2);
  assertAccounted(scored);
  assert.deepEqual(scored.confusion, [[1, 1], [0, 0]], "60 was right, 61 was called on");
  await page.waitForFunction(() => [...document.querySelectorAll("#readings-body .truth")].slice(0, 3).map((cell) => cell.textContent).join() === "pending,✗off,✓agrees");

  relay.cut();
  await waitForSnapshot(page, "another connection", (s) => s.n_reconnects === 1 && s.state !== "disconnected");
  await send([reading(63)]);
  await waitForSnapshot(page, "the fourth label", (s) => s.labelled === 4);
  await send([{ seq: 62, label: "off" }, { seq: 63, label: "on" }]);
  const after = await waitForSnapshot(page, "all truths", (s) => s.truth.n_late === 4);
  assertAccounted(after);
  assert.deepEqual(after.confusion, [[2, 1], [0, 1]]);
});
