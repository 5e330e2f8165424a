// A page that is slower than its stream is late by a bounded number of readings, and says what it misses.

import assert from "node:assert/strict";
import { test } from "node:test";

import { pauseAndSettle, waitForSnapshot, waitForText } from "./lib/browser.mjs";
import { withBrowser } from "./lib/setup.mjs";

const open = withBrowser();

test("a page far too slow: never more than the credit in flight, every skipped reading counted", async (t) => {
  const args = ["--dataset", "covertype", "--prepare", "raw", "--rate", "4000", "--loop"];
  const { relay, page } = await open(t, args, { path: "?slow=200", relayed: true });
  const behind = await waitForSnapshot(page, "skipped readings", (s) => s.state === "behind" && s.gaps["slow-viewer"] > 2000);
  await waitForText(page, "#chip-text", /behind/);
  assert.match(behind.message, /\w/);
  const settled = await pauseAndSettle(page);

  const { credit, policy } = relay.seen.subscriptions[0];
  assert.ok(credit > 0, "the page asks for a bounded number in flight");
  assert.notEqual(policy, "lossless");
  assert.ok(relay.seen.max_in_flight <= credit, `${relay.seen.max_in_flight} in flight, credit ${credit}`);

  const { total, ...causes } = settled.gaps;
  assert.equal(total, Object.values(causes).reduce((sum, n) => sum + n, 0), "the total is the sum of the causes");
  assert.equal(causes["slow-viewer"], total, "and this is the only cause");
  const n_in_gaps = relay.seen.gaps.reduce((sum, gap) => sum + gap.until - gap.from, 0);
  assert.equal(total, n_in_gaps, "the page counts what the server announced");
  const n_produced = await waitForProduced(page, relay);
  assert.equal(settled.labelled + total, n_produced, "labelled or counted as a gap: nothing else");
  assert.equal(settled.labelled, relay.seen.n_sent.size, "what was sent was labelled");
});

/** How many readings the held source has made, from the next `stats`. */
async function waitForProduced(page, relay) {
  const stats = relay.seen.stats;
  await waitForSnapshot(page, "fresh stats", () => relay.seen.stats !== stats);
  return relay.seen.stats.n_produced;
}
