// Steps of the replay's speed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { nextSpeed, speedWish } from "../page/speed.js";

test("speeds step by 1, 2, 5 and stop at the ends", () => {
  assert.deepEqual([nextSpeed(1, 1), nextSpeed(1, -1), nextSpeed(3, 1), nextSpeed(3, -1)], [2, 0.5, 5, 2]);
  assert.deepEqual([nextSpeed(100, 1), nextSpeed(0.01, -1)], [100, 0.01]);
});

test("quick steps go on from the speed last asked for", () => {
  const wish = speedWish();
  assert.deepEqual([wish.step(1, 0), wish.step(1, 10), wish.step(-1, 20)], [2, 5, 2]);
  assert.equal(wish.confirm(1, 30), 2, "the server has not answered yet");
  assert.equal(wish.confirm(2, 40), 2);
  assert.equal(wish.confirm(5, 50), 5, "another viewer changed it");
});

test("a wish that is not granted is given up", () => {
  const wish = speedWish();
  assert.equal(wish.step(1, 0), 2);
  assert.equal(wish.confirm(1, 2001), 1);
  assert.equal(wish.step(1, 2002), 2);
});

test("there is no step beyond the ends", () => {
  const wish = speedWish();
  wish.confirm(100, 0);
  assert.equal(wish.step(1, 1), null);
});
