// Steps of the replay's speed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { nextSpeed } from "../page/speed.js";

test("speeds step by 1, 2, 5 and stop at the ends", () => {
  assert.deepEqual([nextSpeed(1, 1), nextSpeed(1, -1), nextSpeed(3, 1), nextSpeed(3, -1)], [2, 0.5, 5, 2]);
  assert.deepEqual([nextSpeed(100, 1), nextSpeed(0.01, -1)], [100, 0.01]);
});
