// What a phone sends for its motion events.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isName, motionReader } from "../page/phone-motion.js";

/** @param {number} at @param {object} [change] */
const event = (at, change = {}) => ({
  timeStamp: at,
  acceleration: { x: 0, y: 0, z: 0 },
  accelerationIncludingGravity: { x: 0, y: 0, z: 9.81 },
  rotationRate: { alpha: 0, beta: 3, gamma: 4 },
  ...change,
});

test("a reading has the event's numbers, its time and the label", () => {
  const read = motionReader();
  assert.deepEqual(read(event(100.4), 1_700_000_000_000, "still"), {
    time: 1_700_000_000_100,
    acceleration: { x: 0, y: 0, z: 0 },
    with_gravity: { x: 0, y: 0, z: 9.81 },
    rotation: { alpha: 0, beta: 3, gamma: 4 },
    last_second: { shake: 0, turn: 5 },
    label: "still",
  });
  assert.equal("label" in (read(event(116), 0, null) ?? {}), false);
});

test("what the device does not measure is left out, and an event without a number is none", () => {
  const read = motionReader();
  assert.equal(read(event(0, { acceleration: null, accelerationIncludingGravity: { x: null, y: null, z: null }, rotationRate: null }), 0, "still"), null);
  const only_gravity = read(event(16, { acceleration: { x: null, y: null, z: null }, rotationRate: null }), 0, null);
  assert.deepEqual(Object.keys(only_gravity ?? {}), ["time", "with_gravity", "last_second"]);
  assert.deepEqual(only_gravity?.["last_second"], { shake: 0 });
});

test("shaking shows over the last second and is over a second later", () => {
  const read = motionReader();
  /** @param {number} at @param {number} z */
  const shake = (at, z) => /** @type {{shake: number}} */ (read(event(at, { accelerationIncludingGravity: { x: 0, y: 0, z } }), 0, null)?.["last_second"]).shake;
  let newest = 0;
  for (let at = 0; at < 1000; at += 20) newest = shake(at, at % 40 ? 6 : 14);
  assert.ok(Math.abs(newest - 4) < 0.01, `${newest}`);
  for (let at = 1000; at < 2100; at += 20) newest = shake(at, 10);
  assert.equal(newest, 0);
});

test("names are those that the server takes", () => {
  for (const name of ["phone-1", "a", "A_b.c", "x".repeat(64)]) assert.ok(isName(name), name);
  for (const name of ["", "a b", "ä", "x".repeat(65), "a/b"]) assert.ok(!isName(name), name);
});
