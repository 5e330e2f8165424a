// Numbers as the page writes them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { axisDuration, bytes, count, duration, durationParts, gapCauses, hasLoss, intervalText, kappaText, measurement, missedText, paceText, percent, plural, plusMinus, ratePerSec, seconds, shortCount, shortMillis, twinsText } from "../page/format.js";

/** @param {(value: any) => unknown} write @param {[unknown, unknown][]} cases */
function check(write, cases) {
  for (const [input, expected] of cases) assert.deepEqual(write(input), expected, `of ${input}`);
}

test("counts have thousands apart, unknown ones a dash", () => {
  check(count, [[0, "0"], [184213, "184,213"], [null, "–"], [undefined, "–"], [NaN, "–"]]);
});

test("counts in table cells stay within four characters", () => {
  check(shortCount, [[0, "0"], [9447, "9447"], [9999, "9999"], [10000, "10k"], [464809, "465k"], [999499, "999k"], [999500, "1.0M"], [9_949_999, "9.9M"], [12_345_678, "12M"]]);
  for (let n = 1; n < 1e8; n = Math.ceil(n * 1.37)) assert.ok(shortCount(n).length <= 4, shortCount(n));
});

test("only what is always right is 100 per cent", () => {
  check(percent, [[0.9684, "96.8"], [0.99999, "99.9"], [1, "100.0"], [0, "0.0"], [null, "–"]]);
  assert.equal(percent(0.997, 0), "99");
  assert.equal(percent(1, 0), "100");
});

test("half an interval has as many decimals as it needs", () => {
  check(plusMinus, [[[0.965, 0.967], "± 0.1"], [[0.9655, 0.9665], "± 0.05"], [[0, 1], "± 50.0"], [null, ""]]);
});

test("kappas below zero have a minus sign, not a hyphen", () => {
  check(kappaText, [[0.9451, "0.945"], [-0.12, "−0.120"], [null, "–"]]);
});

test("durations keep three digits or so from microseconds to minutes", () => {
  check(durationParts, [
    [4.1, ["0.004", "ms"]], [99, ["0.099", "ms"]], [99.6, ["0.10", "ms"]], [512, ["0.51", "ms"]], [9_994, ["9.99", "ms"]], [10_040, ["10.0", "ms"]],
    [123_456, ["123", "ms"]], [1_254_000, ["1.25", "s"]], [12_540_000, ["12.5", "s"]], [125_400_000, ["125", "s"]], [-1200, ["−1.20", "ms"]], [null, ["–", "ms"]],
  ]);
  check(duration, [[512, "0.51\u00a0ms"], [null, "–"]]);
  check(axisDuration, [[50, "50 µs"], [1000, "1 ms"], [5_000_000, "5 s"]]);
});

test("figures of stages are all in milliseconds", () => {
  check(shortMillis, [[4.1, ".004"], [52, ".052"], [210, ".21"], [3150, "3.15"], [22_500, "22.5"], [510_000, "510"], [1_710_000, "1,710"], [-30, "−.030"], [0, ".000"]]);
});

test("sizes are decimal", () => {
  check(bytes, [[512, "512 B"], [16_100, "16.1 kB"], [16_100_000, "16.10 MB"], [161_000_000, "161 MB"], [null, "–"]]);
});

test("measurements have four digits", () => {
  check(measurement, [[0, "0"], [2784, "2,784"], [-173, "−173"], [0.991523, "0.9915"], [12.3456, "12.35"], [0.0000123, "1.23e−5"], [-0.0000123, "−1.23e−5"], [999_999_999, "999,999,999"], [1e9, "1.000e9"], [-3.3190363e300, "−3.319e300"], [null, "–"]]);
});

test("rates, seconds and plurals read as words do", () => {
  check(ratePerSec, [[1000.4, "1,000"], [12.52, "12.5"], [0.25, "0.25"], [0, "0"]]);
  check(seconds, [[0, "0 s"], [2100, "3 s"], [125_000, "2 min 5 s"], [-5, "0 s"]]);
  assert.equal(plural(1, "reading"), "1 reading");
  assert.equal(plural(7, "class", "classes"), "7 classes");
});

test("paces are told apart", () => {
  /** @param {object} source */
  const text = (source) => paceText(/** @type {any} */ ({ rate: null, recorded_speed: null, speed: 1, ...source }));
  assert.equal(text({ pace: "rate", rate: 1000, speed: 2 }), "2,000 readings/s");
  assert.equal(text({ pace: "recorded" }), "as recorded");
  assert.equal(text({ pace: "recorded", recorded_speed: 60, speed: 2 }), "120 times as fast as recorded");
  assert.equal(text({ pace: "max" }), "as fast as this page takes them");
  assert.equal(text({ pace: "rate" }), "as fast as this page takes them", "of a server that sends no pace");
  assert.equal(text({ pace: null }), "", "no replay");
});

test("the last quarter second is said to be past once nothing flows", () => {
  const now = { class: 0, share: 0.8, n: 250 };
  assert.equal(intervalText(now, "live"), "the commonest label of the last quarter second: 80\u00a0% of 250 readings");
  assert.match(intervalText(now, "paused"), /last quarter second before the pause:/);
  assert.match(intervalText(now, "ended"), /last quarter second of the stream:/);
  assert.match(intervalText(now, "disconnected"), /before the connection was lost:/);
});

test("rows seen in training are named where there are any", () => {
  /** @param {object} source */
  const text = (source) => twinsText(/** @type {any} */ (source));
  assert.equal(text({ n_twins: 296, n_rows: 980 }), "296 of 980 streamed rows also occur in the training part: accuracy on them flatters");
  assert.deepEqual([text({ n_twins: 0, n_rows: 980 }), text({ n_twins: null, n_rows: 980 })], ["", ""]);
});

test("missing readings are named by cause, an unknown cause by its own name", () => {
  assert.equal(gapCauses({ "slow-viewer": 1250, reconnect: 5, latest: 0, total: 1255 }), "1,250 this page was too slow, 5 while disconnected");
  assert.equal(gapCauses({ gremlins: 2, total: 2 }), "2 gremlins");
  assert.match(gapCauses({ "not-classified": 3, total: 3 }), /^3 refused by the classifier/);
  assert.equal(gapCauses({ total: 0 }), "");
});

test("every reading has its label only if none waits and none is missed, for want of a model either", () => {
  check(missedText, [
    [{ gaps: { total: 0 }, labelled: 280, n_lagging: 0 }, "every reading so far has its label"],
    [{ gaps: { total: 0 }, labelled: 443, n_lagging: 1_966_771 }, "nothing was missed so far"],
    [{ gaps: { "no-model": 20, total: 20 }, labelled: 280, n_lagging: 0 }, "missed: 20 before there was a model"],
    [{ gaps: { total: 0 }, labelled: 0, n_lagging: 0 }, ""],
  ]);
  check(hasLoss, [[{ total: 0 }, false], [{ "no-model": 20, total: 20 }, false], [{ "no-model": 20, reconnect: 1, total: 21 }, true]]);
});
