// Geometry of the pictures.

import assert from "node:assert/strict";
import { test } from "node:test";

import { accuracyFloor, bandPath, linePath, logScale, logTicks, mistakeCeiling, rectPath, roundDown, roundUp, sparkPath, spread } from "../page/scales.js";

test("the accuracy axis reaches below everything drawn and never hides that there is room above", () => {
  assert.equal(accuracyFloor([0.97, 0.377, 0.488]), 0.3);
  assert.equal(accuracyFloor([0.99, 0.98, null]), 0.9);
  assert.equal(accuracyFloor([0.01]), 0);
  assert.equal(accuracyFloor([]), 0.9);
});

test("the axis of mistakes has few ends", () => {
  assert.deepEqual([0, 0.05, 0.06, 0.3, 0.9, 1].map(mistakeCeiling), [0.05, 0.05, 0.1, 0.5, 1, 1]);
});

test("a missing value lifts the pen", () => {
  assert.equal(linePath([0, 1, 2, 3], [5, null, 7, 8]), "M0 5M2 7L3 8");
  assert.equal(linePath([], []), "");
});

test("a band goes there and back", () => {
  assert.equal(bandPath([0, 1], [4, 5], [2, 3]), "M0 2L1 3L1 5L0 4Z");
  assert.equal(bandPath([0], [4], [2]), "");
  assert.equal(rectPath(1, 2, 3, 4), "M1 2h3v4h-3z");
});

test("a sparkline fills its height, ends at the right, and is level for a constant", () => {
  assert.equal(sparkPath([10, 20], 100, 20, 5), "M75 20L100 0");
  assert.equal(sparkPath([7, 7], 100, 20, 2), "M0 10L100 10");
  assert.equal(sparkPath([], 100, 20, 48), "");
});

test("log axes end and tick at 1, 2 and 5", () => {
  assert.deepEqual([1, 1.9, 2, 4.9, 5, 99, 100].map(roundDown), [1, 1, 2, 2, 5, 50, 100]);
  assert.deepEqual([1, 1.1, 2, 2.1, 5, 5.1, 99, 100].map(roundUp), [1, 2, 2, 5, 5, 10, 100, 100]);
  assert.deepEqual(logTicks(50, 5000), [50, 100, 200, 500, 1000, 2000, 5000]);
  assert.deepEqual(logTicks(10, 100_000), [10, 100, 1000, 10_000, 100_000]);
  const scale = logScale(10, 1000);
  assert.ok(Math.abs(scale(100) - 0.5) < 1e-12);
  assert.equal(scale(1), 0);
  assert.equal(scale(1e9), 1);
});

test("labels keep their distance, their order and the frame", () => {
  assert.deepEqual(spread([10, 12, 50], 17, 100), [10, 27, 50]);
  assert.deepEqual(spread([95, 96, 97], 17, 100), [66, 83, 100]);
  assert.deepEqual(spread([12, 10], 17, 100), [27, 10]);
});
