// Which parts a frame draws.

import assert from "node:assert/strict";
import { test } from "node:test";

import { drawDue } from "../page/schedule.js";

/** Parts that note when they are drawn. @param {number} n @param {string[]} drawn */
function partsOf(n, drawn) {
  return Array.from({ length: n }, (_, i) => ({ every_millis: 100, draw: () => void drawn.push(String(i)), drawn_at: -Infinity }));
}

/** A frame with time for so many parts. @param {number} n_parts @param {string[]} drawn */
function timeFor(n_parts, drawn) {
  const n_before = drawn.length;
  return () => drawn.length - n_before >= n_parts;
}

test("a frame goes on where the one before stopped, so that no part starves", () => {
  /** @type {string[]} */
  const drawn = [];
  const parts = partsOf(5, drawn);
  let first = 0;
  // Every part is due in every frame, and two are all that a frame has time for.
  for (let frame = 0; frame < 5; frame++) {
    ({ first } = drawDue(parts, null, { first, now_millis: frame * 100, slower: 1, is_spent: timeFor(2, drawn) }));
  }
  assert.equal(drawn.join(""), "0123401234");
});

test("a frame with time draws what is due and says whether all is drawn", () => {
  /** @type {string[]} */
  const drawn = [];
  const parts = partsOf(3, drawn);
  const frame = { first: 0, now_millis: 0, slower: 1, is_spent: () => false };
  assert.deepEqual(drawDue(parts, null, frame), { first: 0, complete: true });
  assert.deepEqual(drawDue(parts, null, { ...frame, now_millis: 99 }), { first: 0, complete: false });
  assert.equal(drawDue(parts, null, { ...frame, now_millis: 100, slower: 4 }).complete, false);
  assert.equal(drawn.join(""), "012");
});
