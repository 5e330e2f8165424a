// Labels that come late, in words.

import assert from "node:assert/strict";
import { test } from "node:test";

import { emptySnapshot } from "../page/snapshot.js";
import { comesLate, lateText, missingTruth } from "../page/truth.js";

/** @param {Partial<import("../page/snapshot.js").Truth>} change */
const truth = (change) => ({ ...emptySnapshot("live", "").truth, ...change });
const millis = { p50: 2100, p95: 340_000, p99: null, max: null, n: 5 };

test("a stream whose labels come with its readings says nothing of late ones", () => {
  assert.equal(comesLate(truth({ n_at_once: 5, n_waiting: 3 })), false);
  assert.equal(lateText({ labelled: 8, n_without_true_label: 3, truth: truth({ n_waiting: 3 }) }), "");
});

test("what is known, what waits and how late it comes stand in one line", () => {
  const late = truth({ n_late: 5, n_waiting: 3, late_millis: millis });
  assert.equal(lateText({ labelled: 8, n_without_true_label: 3, truth: late }),
    "true label known for 5 of 8 readings · 3 pending · it comes 2.10\u00a0s late (median; 95\u00a0% within 5 min 40 s)");
  const lost = truth({ n_unmatched: 1, n_given_up: 2, n_not_scored: 4, n_waiting: 1 });
  assert.equal(lateText({ labelled: 7, n_without_true_label: 7, truth: lost }),
    "true label known for 0 of 7 readings · 1 pending · 2 no longer waited for · 4 not scored, as the model may know them · 1 label for readings not waited for here");
});

test("a reading without a true label says why", () => {
  assert.equal(missingTruth({ is_awaited: true }, truth({})), "not sent");
  assert.equal(missingTruth({ is_awaited: true }, truth({ n_late: 1 })), "pending");
  assert.equal(missingTruth({ is_awaited: false }, truth({ n_late: 1 })), "not scored");
});
