// Real sensors at the socket: what they send is labelled in the real page, each source by its own model.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import WebSocket from "ws";

import { waitForSnapshot, waitForSubscription, waitForText } from "./lib/browser.mjs";
import { post } from "./lib/server.mjs";
import { withBrowser } from "./lib/setup.mjs";

const open = withBrowser();
const python = process.env.RUNNEL_PYTHON ?? "python3";

/** Readings of an oven that is off or on, with their labels. */
function ovenLines(from, n) {
  const line = (idx) => JSON.stringify({ temp: (idx % 2 ? 180 : 20) + (idx % 7), door: idx % 3, label: idx % 2 ? "on" : "off" });
  return Array.from({ length: n }, (_, idx) => line(from + idx)).join("\n");
}

test("posted readings with labels train a model, and the page labels those that follow", async (t) => {
  const { server, page } = await open(t, ["--no-replay"]);
  await waitForSnapshot(page, "a server without sources", (s) => s.state === "connecting" && s.message.includes("/ingest/"));
  await post(server, "oven", '{"temp":21.5,"door":1}');
  await waitForSnapshot(page, "a source without a model, and why", (s) => s.state === "no-model" && s.message.includes("send true labels"));
  assert.equal((await post(server, "oven", ovenLines(0, 60))).accepted, 60);
  await waitForSnapshot(page, "the model", (s) => s.state === "waiting");
  await waitForSubscription(page, server, "oven");
  await post(server, "oven", ovenLines(60, 100));
  const labelled = await waitForSnapshot(page, "labels", (s) => s.labelled === 100);
  assert.deepEqual(labelled.source.classes, ["off", "on"]);
  assert.equal(labelled.accuracy, 1, "on and off are far apart");
  assert.equal(labelled.source.name, "oven");
  assert.equal(labelled.gaps.total, labelled.gaps["no-model"], "nothing was lost");
});

test("a third class that comes later gets its row and column, and all counts go on", async (t) => {
  const { server, page } = await open(t, ["--no-replay"], { path: "?source=oven" });
  const kinds = [["off", 20], ["on", 180], ["glowing", 400]];
  const lines = (n_kinds, n) =>
    Array.from({ length: n }, (_, idx) => {
      const [label, temp] = kinds[idx % n_kinds];
      return JSON.stringify({ temp: temp + (idx % 7), label });
    }).join("\n");
  await post(server, "oven", lines(2, 60));
  await waitForSnapshot(page, "the model", (s) => s.state === "waiting");
  await waitForSubscription(page, server, "oven");
  await post(server, "oven", lines(2, 100));
  const before = await waitForSnapshot(page, "labels", (s) => s.labelled === 100);
  assert.deepEqual(before.confusion, [[50, 0], [0, 50]]);
  await page.waitForFunction(() => document.querySelectorAll("#confusion tbody tr").length === 2);

  // Whatever the model that knows two classes makes of the third is wrong; from some reading on the next model knows it.
  let n_received = before.received;
  for (let round = 0; round < 200; round += 1) {
    await post(server, "oven", lines(3, 30));
    n_received += 30;
    const s = await waitForSnapshot(page, "the round's labels", (s) => s.received === n_received);
    if (s.confusion[2]?.[2] >= 50) break;
  }
  const after = await waitForSnapshot(page, "the last label", (s) => s.n_lagging === 0);
  assert.deepEqual(after.source.classes, ["off", "on", "glowing"]);
  assert.ok(after.confusion[2][2] >= 50, `the third class is learnt: ${JSON.stringify(after.confusion)}`);
  assert.ok(after.confusion[2][1] > 0, "and was taken for the second before");
  assert.ok(after.confusion[0][0] > 50 && after.confusion[1][1] > 50, "what was counted before goes on");
  // Every reading since the page was opened is in one count, before the third class and after.
  assert.equal(after.labelled + (after.gaps["no-model"] ?? 0), n_received);
  assert.equal(after.confusion.flat().reduce((sum, n) => sum + n, 0), after.labelled - after.n_without_true_label);
  assert.ok(after.latency_micros.classify.n >= 100 && after.timeline.bins.length >= before.timeline.bins.length);
  assert.doesNotMatch(after.message, /afresh/);

  await page.waitForFunction(() => [...document.querySelectorAll("#confusion tbody th")].map((cell) => cell.textContent).join() === "off,on,glowing");
  const n_hits = String(after.confusion[1][1]);
  await page.waitForFunction((n) => document.querySelector('#confusion button[data-true="1"][data-predicted="1"]').textContent === n, {}, n_hits);
});

test("a source without a model shows its values and their rate, and is labelled from its model on", async (t) => {
  const { server, page } = await open(t, ["--no-replay"], { path: "?source=*" });
  const socket = new WebSocket(`${server.url.replace("http", "ws")}ingest/bare`);
  t.after(() => socket.terminate());
  await once(socket, "open");
  let idx = 0;
  const timer = setInterval(() => socket.send(JSON.stringify({ temp: 20 + 160 * (idx++ % 2), door: 3 })), 20);
  t.after(() => clearInterval(timer));
  await page.waitForFunction(() => document.querySelector("#chip-text").textContent === "1 of 1 source live");
  await page.goto(`${server.url}?source=bare`);
  const bare = await waitForSnapshot(page, "values without labels", (s) => s.state === "no-model" && s.received >= 60 && s.received_per_sec > 0);
  assert.equal(bare.labelled, 0);
  assert.deepEqual([bare.gaps.total, bare.gaps["no-model"]], [bare.received, bare.received], "each is counted, as one without a model");
  assert.deepEqual(bare.features_recent.map((values) => values.length), [48, 48]);
  assert.deepEqual([...new Set(bare.features_recent[0])].sort(), [180, 20]);
  await page.waitForFunction(() => [...document.querySelectorAll("#features-body .value")].map((cell) => cell.textContent)[1] === "3");
  await page.waitForFunction(() => Number(document.getElementById("labelled-per-sec").textContent) > 0);
  await waitForText(page, "#now-name", "No model");
  await post(server, "bare", ovenLines(0, 60));
  const labelled = await waitForSnapshot(page, "labels", (s) => s.state === "live" && s.labelled > 20);
  assert.equal(labelled.gaps.total, labelled.gaps["no-model"], "nothing was lost");
  assert.equal(labelled.n_reconnects, 0, "values and labels come over the same connection");
});

test("a source is chosen from the list, labelled by the replay's model, and kept in the address", async (t) => {
  const { server, page } = await open(t, ["--dataset", "elec", "--rate", "100", "--loop", "--prepare", "standard"]);
  const replay = await waitForSnapshot(page, "the replay", (s) => s.state === "live" && s.labelled > 20);
  assert.equal(await page.$eval("#chooser", (chooser) => chooser.hidden), true, "one source is no choice");
  const names = replay.source.features.map(({ name }) => name);
  const socket = new WebSocket(`${server.url.replace("http", "ws")}ingest/desk`, ["arduino"]);
  t.after(() => socket.terminate());
  await once(socket, "open");
  assert.equal(socket.protocol, "arduino");
  // In another order than the model's.
  const send = () => socket.send(JSON.stringify(Object.fromEntries(names.toReversed().map((name, idx) => [name, idx / 10]))));
  send();
  await waitForSnapshot(page, "two sources", (s) => s.sources.length === 2);
  await page.waitForFunction(() => !document.getElementById("chooser").hidden);
  await page.select("#source-select", "desk");
  await waitForSnapshot(page, "the sensor's source", (s) => s.source?.name === "desk" && s.state === "waiting");
  await waitForSubscription(page, server, "desk");
  send();
  const labelled = await waitForSnapshot(page, "a label", (s) => s.labelled > 0);
  assert.deepEqual(labelled.source.features.map(({ name }) => name), names);
  assert.equal(new URL(page.url()).searchParams.get("source"), "desk");
  await page.reload();
  await waitForSnapshot(page, "the same source", (s) => s.source?.name === "desk");
  await page.select("#source-select", replay.source.name);
  await waitForSnapshot(page, "the replay again", (s) => s.source?.name === replay.source.name && s.state === "live");
});

test("the README's Python is a sensor", async (t) => {
  const { server, page } = await open(t, ["--no-replay"], { path: "?source=py1" });
  await waitForSnapshot(page, "nothing yet", (s) => s.message.includes("no source py1 yet"));
  await waitForText(page, "#chip-text", "waiting for a source");
  await waitForText(page, "#now-name", "Waiting for py1");
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  const snippets = [...readme.matchAll(/```python\n(.*?)```/gs)].map(([, code]) => code);
  const sensor = snippets.find((code) => code.includes("/ingest/py1"));
  const child = spawn(python, ["-c", sensor.replaceAll("127.0.0.1:9001", `127.0.0.1:${server.port}`)], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (log += text));
  t.after(() => process.kill(child.pid, "SIGKILL"));
  child.on("exit", () => assert.fail(`the sensor ended: ${log}`));
  const labelled = await waitForSnapshot(page, "labels of what Python sends", (s) => s.labelled > 0);
  assert.deepEqual(labelled.source.features.map(({ name }) => name), ["temp", "hum"]);
  child.removeAllListeners("exit");
});
