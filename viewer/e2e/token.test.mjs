// A server that asks for a token: the page takes it from its address, or from the person in front of it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { waitFor, waitForSnapshot } from "./lib/browser.mjs";
import { withBrowser } from "./lib/setup.mjs";

const open = withBrowser();
const TOKEN = "read+0c9b8a7d/6e5f4a3b=";
const args = ["--dataset", "wine", "--rate", "100", "--loop", "--prepare", "raw"];
const env = { RUNNEL_READ_TOKEN: TOKEN };

const locked = (s) => s.state === "locked";
const live = (s) => s.state === "live" && s.labelled > 20;

/** Says the token and sends the form, which loads the page anew. */
async function say(page, token) {
  await page.waitForSelector("#token", { visible: true });
  await page.type("#token", token);
  await Promise.all([page.waitForNavigation({ waitUntil: "domcontentloaded" }), page.keyboard.press("Enter")]);
}

test("without the token nothing is shown, and the person is asked for it", async (t) => {
  const { page, server } = await open(t, args, { env });
  const before = await waitForSnapshot(page, "the question", locked);
  assert.match(before.message, /asks for its read token/);
  assert.deepEqual([before.source, before.sources, before.labelled], [null, [], 0]);
  await say(page, "another-token-of-some-length");
  const wrong = await waitForSnapshot(page, "the question again", locked);
  assert.match(wrong.message, /not this server's read token/);
  await waitFor(page, "the server's word of it", () => server.log(), (log) => log.includes("this is not the read token"));
  await say(page, TOKEN);
  await waitForSnapshot(page, "labels", live);
  assert.equal(await page.$eval("#token-form", (form) => form.hidden), true);
  assert.ok(!server.log().includes(TOKEN) && !page.url().includes("token"), page.url());
});

test("a token in the address is taken out of it and remembered in the tab", async (t) => {
  const { page } = await open(t, args, { env, path: `?source=wine#token=${TOKEN}` });
  await waitForSnapshot(page, "labels", live);
  assert.equal(new URL(page.url()).hash, "");
  assert.equal(new URL(page.url()).search, "?source=wine");
  await page.reload();
  await waitForSnapshot(page, "labels again", live);
});
