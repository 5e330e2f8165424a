// What was asked of the server and is not confirmed yet.

import assert from "node:assert/strict";
import { test } from "node:test";

import { wishFor } from "../page/wish.js";

test("a second wish starts from the first, before the server has answered", () => {
  const speed = wishFor(1);
  speed.ask(2, 0);
  assert.equal(speed.current(10), 2);
  speed.ask(5, 10);
  assert.equal(speed.confirm(1, 30), 5, "the server has not answered yet");
  assert.equal(speed.confirm(2, 40), 5, "the first wish is granted, the second not yet");
  assert.equal(speed.confirm(5, 50), 5);
  assert.equal(speed.confirm(10, 60), 10, "another viewer changed it");
});

test("a pause and its end asked at once are a pause and its end", () => {
  const held = wishFor(false);
  held.ask(!held.current(0), 0);
  held.ask(!held.current(1), 1);
  assert.equal(held.current(2), false);
});

test("a wish that is not granted is given up", () => {
  const held = wishFor(false);
  held.ask(true, 0);
  assert.equal(held.confirm(false, 2000), true);
  assert.equal(held.confirm(false, 2001), false);
  assert.equal(held.current(2002), false);
});
