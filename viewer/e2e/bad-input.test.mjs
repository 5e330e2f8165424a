// A viewer that misbehaves is told so, or cut off, and nobody else notices.

import assert from "node:assert/strict";
import { test } from "node:test";
import { WebSocket } from "ws";

import { waitForSnapshot } from "./lib/browser.mjs";
import { runServer } from "./lib/server.mjs";
import { withBrowser } from "./lib/setup.mjs";

const WINE = ["--dataset", "wine", "--rate", "500", "--loop"];
const open = withBrowser();

/**
 * Sends one message, a function of the channel's number or plain, once the server has described the channel.
 * Returns the code of the server's `err`, or `closed` if it closes instead.
 */
async function answerTo(port, message) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/live`, "runnel.v1");
  const code = await new Promise((done) => {
    socket.on("message", (data) => {
      const { op, channel, code } = JSON.parse(data.toString());
      if (op === "schema") socket.send(typeof message === "function" ? message(channel) : message);
      if (op === "err") done(code);
    });
    socket.on("close", () => done("closed"));
    socket.on("error", () => done("closed"));
  });
  // Without a closing handshake: the way a viewer vanishes.
  socket.terminate();
  return code;
}

test("nonsense from one viewer is answered, and the page goes on", async (t) => {
  const { server, page } = await open(t, WINE);
  await waitForSnapshot(page, "a live stream", (s) => s.state === "live" && s.labelled > 100);

  const cases = [
    ["not JSON", "{", "malformed"],
    ["no op", "{}", "malformed"],
    ["an unknown op", '{"op":"fly"}', "unknown-op"],
    ["a subscription to nothing", '{"op":"subscribe","channel":77}', "unknown-channel"],
    ["a missing field", '{"op":"subscribe"}', "bad-value"],
    ["a seek beyond the end", (channel) => JSON.stringify({ op: "seek", channel, position: 2 ** 32 }), "bad-value"],
    ["bytes", Buffer.from([1, 2, 3]), "malformed"],
    ["a huge message", "x".repeat(8 << 20), /too-large|closed/],
  ];
  for (const [what, message, expected] of cases) {
    const code = await answerTo(server.port, message);
    if (expected instanceof RegExp) assert.match(code, expected, what);
    else assert.equal(code, expected, what);
  }

  const before = (await waitForSnapshot(page, "a snapshot", () => true)).labelled;
  const after = await waitForSnapshot(page, "more labels", (s) => s.labelled > before + 500);
  assert.equal(after.gaps.total, 0);
  assert.equal(after.n_reconnects, 0);
});

test("a second server on the port says what to do, and the first goes on", async (t) => {
  const { server, page } = await open(t, WINE);
  const second = await runServer([...WINE, "--port", String(server.port)]);
  assert.notEqual(second.code, 0);
  assert.match(second.stderr, new RegExp(`${server.port}`), "the message names the port");
  assert.match(second.stderr, /--port/, "and what to do");
  await waitForSnapshot(page, "labels", (s) => s.labelled > 500);
});
