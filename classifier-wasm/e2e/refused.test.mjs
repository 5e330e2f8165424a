// Arguments that come from JSON, forms and workers, and what is said of them; `api.test.mjs` has the plainly wrong ones.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { install, node } from "./lib/install.mjs";

let installed, KnnModel, OnlineKnn;

before(async () => {
  installed = await install();
  ({ KnnModel, OnlineKnn } = await installed.import());
});

after(() => installed?.remove());

const POINTS = new Float64Array([0, 0, 1, 0, 8, 9, 9, 9]);
const CLASSES = new Uint8Array([0, 0, 1, 1]);

const fitted = (options) => KnnModel.fit(POINTS, CLASSES, { nFeatures: 2, k: 1, ...options });
const online = (options) => new OnlineKnn({ nFeatures: 2, nClasses: 2, k: 1, ...options });

/** An array whose memory another thread has now. */
function detached(array) {
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}

/** What is not a number, and what it looks like in the message. */
const NO_NUMBERS = [
  [null, "null"],
  [undefined, "undefined"],
  ["1", '"1"'],
  [true, "true"],
  [[1], "Array of 1"],
  [new Date(5), "Date"],
  [1n, "1n"],
  [Symbol("one"), "Symbol(one)"],
];

/** Each place that takes an array of numbers, with the name that its errors have. */
const PLACES = [
  ["query", (values) => fitted().predict(values)],
  ["query", (values) => fitted().classShares(values)],
  ["query", (values) => fitted().neighbours(values)],
  ["featureWeights", (values) => fitted({ featureWeights: values })],
  ["features", (values) => online().insert(values, 0)],
  ["query", (values) => online().predict(values)],
  ["query", (values) => online().classShares(values)],
  ["query", (values) => online().neighbours(values)],
  ["featureWeights", (values) => online({ featureWeights: values })],
  ["scaling.offset", (values) => online({ scaling: { offset: values, scale: [1, 1] } })],
  ["scaling.scale", (values) => online({ scaling: { offset: [0, 0], scale: values } })],
];

for (const [argument, call] of PLACES) {
  test(`nothing but numbers is a number: ${call.toString().slice(12)}`, () => {
    for (const [value, shown] of NO_NUMBERS) {
      const expected = (i) => ({ name: "TypeError", message: `${argument}[${i}]: expected a number, got ${shown}` });
      assert.throws(() => call([value, 1]), expected(0));
      assert.throws(() => call([1, value]), expected(1));
    }
    // A gap in an array is no zero either.
    assert.throws(() => call([, 1]), { message: `${argument}[0]: expected a number, got undefined` });
    const gone = { name: "TypeError", message: /^[\w.]+: expected .*, got a detached Float64Array$/ };
    assert.throws(() => call(detached(new Float64Array(2))), gone);
  });
}

const FLOATS = "expected a Float32Array or Float64Array";
const OPTIONS = '"nFeatures", "k", "metric", "weights", "featureWeights", "preparation", "engine", "classNames", "featureNames"';

const wrong = [
  [() => fitted().predictBatch(detached(new Float64Array(2))), TypeError, `queries: ${FLOATS}, got a detached Float64Array`],
  [() => KnnModel.fit(detached(new Float32Array(2)), CLASSES, { nFeatures: 2 }), TypeError, `features: ${FLOATS}, got a detached Float32Array`],
  [() => KnnModel.fit(POINTS, detached(new Uint8Array(4)), { nFeatures: 2 }), TypeError, "labels: expected a Uint32Array, Uint16Array or Uint8Array, got a detached Uint8Array"],
  [() => fitted().predict([1, Infinity]), RangeError, "query: expected a finite number in feature 1, got Infinity"],
  [() => fitted().predict([-Infinity, 1]), RangeError, "query: expected a finite number in feature 0, got -Infinity"],
  [() => fitted().predictBatch(new Float64Array([1, 1, -Infinity, 1])), RangeError, "queries: in query 1: expected a finite number in feature 0, got -Infinity"],
  [() => KnnModel.fit(new Float32Array([1, Infinity]), new Uint8Array(1), { nFeatures: 2 }), RangeError, "features: expected a finite number in row 0, feature 1, got Infinity"],
  [() => online().insert([Infinity, 1], 0), RangeError, "features: expected a finite number in feature 0, got Infinity"],
  [() => fitted({ featureWeights: [1, Infinity] }), RangeError, /^featureWeights: .* for feature 1, got Infinity$/],
  [() => fitted({ k: 5n }), RangeError, "k: expected a whole number from 1 to 255, got 5n"],
  [() => fitted({ neighbors: 5 }), TypeError, `options: expected only ${OPTIONS}, got "neighbors"`],
  [() => fitted({ k: null }), RangeError, "k: expected a whole number from 1 to 255, got null"],
  [() => fitted({ metric: null }), RangeError, 'metric: expected "euclidean" or "manhattan", got null'],
  [() => fitted({ preparation: null }), RangeError, /^preparation: .*, got null$/],
  [() => fitted({ engine: null }), RangeError, /^engine: .*, got null$/],
  [() => fitted({ featureWeights: null }), TypeError, /^featureWeights: .*, got null$/],
  [() => fitted({ classNames: null }), TypeError, "classNames: expected an array of strings, got null"],
  [() => online({ weights: null }), RangeError, 'weights: expected "uniform" or "distance", got null'],
  [() => online({ scaling: null }), TypeError, "scaling: expected an object, got null"],
  [() => online({ scaling: "standard" }), TypeError, 'scaling: expected an object, got "standard"'],
  [() => online({ scaling: { offset: [0, 0], scale: [1, 1], mean: 0 } }), TypeError, 'scaling: expected only "offset", "scale", got "mean"'],
  [() => online({ scaling: { offset: [0, NaN], scale: [1, 1] } }), RangeError, "scaling.offset[1]: expected a finite number, got NaN"],
  [() => online({ scaling: { offset: new Float32Array([-Infinity, 0]), scale: [1, 1] } }), RangeError, "scaling.offset[0]: expected a finite number, got -Infinity"],
  [() => online({ scaling: { offset: [0, 0], scale: [1, 0] } }), RangeError, "scaling.scale[1]: expected a finite number above 0, got 0"],
  [() => online({ scaling: { offset: [0, 0], scale: new Float64Array([-2, 1]) } }), RangeError, "scaling.scale[0]: expected a finite number above 0, got -2"],
  [() => online({ scaling: { offset: [0, 0], scale: [1, NaN] } }), RangeError, "scaling.scale[1]: expected a finite number above 0, got NaN"],
  [() => online({ scaling: { offset: [0, 0], scale: [Infinity, 1] } }), RangeError, "scaling.scale[0]: expected a finite number above 0, got Infinity"],
  [() => online().predict([0, 0]), Error, "OnlineKnn: expected at least one row, but there is none now"],
  [() => online().classShares([0, 0]), Error, "OnlineKnn: expected at least one row, but there is none now"],
];

for (const [call, kind, message] of wrong) {
  test(`refused: ${call.toString().slice(6)}`, () => assert.throws(call, { name: kind.name, message }));
}

test("a signal that is none and a listener that cannot be called are refused before any work", async () => {
  const inSlices = (options) => KnnModel.fitInSlices(POINTS, CLASSES, { nFeatures: 2, ...options });
  let nReports = 0;
  const onProgress = () => (nReports += 1);
  const refused = [
    [inSlices({ signal: {}, onProgress }), "signal: expected an AbortSignal, got Object"],
    [inSlices({ signal: new AbortController(), onProgress }), "signal: expected an AbortSignal, got AbortController"],
    [inSlices({ signal: null, onProgress }), "signal: expected an AbortSignal, got null"],
    [inSlices({ onProgress: 5 }), "onProgress: expected a function, got 5"],
    [inSlices({ onProgress: null }), "onProgress: expected a function, got null"],
    [KnnModel.load(fitted().save(), 5), "onProgress: expected a function, got 5"],
    [KnnModel.load(new Promise(() => {}), "done"), 'onProgress: expected a function, got "done"'],
  ];
  for (const [promise, message] of refused) await assert.rejects(promise, { name: "TypeError", message });
  assert.equal(nReports, 0);
});

test("a query too far for its distances gets rows in their order, at Infinity", () => {
  const { rows, distances } = fitted({ k: 3 }).neighbours([1e308, 1e308]);
  assert.deepEqual([[...rows], [...distances]], [[0, 1, 2], [Infinity, Infinity, Infinity]]);
  assert.deepEqual([...fitted({ k: 3, weights: "distance" }).classShares([1e308, 0])], [2 / 3, 1 / 3]);
});

test("the description of a few rows is without remarks on them", () => {
  assert.match(fitted().describe(), /; scan, whole numbers in integer arithmetic \(0\.\d kB: 2 integers or decimals in 16 bits\)$/);
});

test("where memory runs out that is said, and other models go on", async () => {
  const script = `
    import { KnnModel, OnlineKnn } from "runnel-classifier";
    const said = (call) => { try { console.log(call()); } catch (error) { console.log(error.name, error.message, error.cause?.name); } };
    const small = KnnModel.fit(new Float64Array([0, 1]), new Uint8Array([0, 1]), { nFeatures: 1, k: 1 });
    const features = Float64Array.from({ length: 300_000 * 16 }, (_, i) => Math.sin(i * i));
    const labels = Uint8Array.from({ length: 300_000 }, (_, i) => i % 2);
    said(() => KnnModel.fit(features, labels, { nFeatures: 16 }));
    await KnnModel.fitInSlices(features, labels, { nFeatures: 16 }).catch((error) => said(() => { throw error; }));
    await KnnModel.load(new Uint8Array(70e6).fill(0x7b)).catch((error) => said(() => { throw error; }));
    said(() => small.predict([0.9]));
    said(() => new OnlineKnn({ nFeatures: 1, nClasses: 1 }).insert([1], 0));
    said(() => new OnlineKnn({ nFeatures: 2 ** 18, nClasses: 1 }));
    // What each of them left on the stack used to fill it after some hundred.
    for (let i = 0; i < 1000; i += 1) try { new OnlineKnn({ nFeatures: 2 ** 18, nClasses: 1 }); } catch {}
    said(() => small.predict([0.9]));
  `;
  installed.write("memory.mjs", script);
  const memory = "expected to fit in WebAssembly's memory";
  const printed = await node(installed.folder, "--wasm-max-mem-pages=1000", "memory.mjs");
  assert.deepEqual(printed.trimEnd().split("\n"), [
    `RangeError features: ${memory}, got 300000 × 16 numbers RuntimeError`,
    `RangeError features: ${memory}, got 300000 × 16 numbers RuntimeError`,
    `RangeError source: ${memory}, got 70000000 bytes RuntimeError`,
    "1",
    "0",
    `RangeError nFeatures: ${memory}, got 262144 RuntimeError`,
    "1",
  ]);
});

test("a fit that cannot fit in memory is refused long before that is used up", async () => {
  // Of which all but the first pages are never touched.
  const features = new Float32Array(340_000_000);
  features.set(Array.from({ length: 100_000 }, (_, i) => Math.sin(i)));
  const message = "features: expected rows that fit in memory, got 340000000";
  const options = { nFeatures: 1 };
  assert.throws(() => KnnModel.fit(features, new Uint8Array(340_000_000), options), { name: "RangeError", message });
  let nReports = 0;
  const inSlices = KnnModel.fitInSlices(features, new Uint8Array(340_000_000), { ...options, onProgress: () => (nReports += 1) });
  await assert.rejects(inSlices, { name: "RangeError", message });
  assert.ok(nReports < 2, `${nReports} reports`);
});

test("what was in use when memory ran out says so from then on, and can be freed", async () => {
  const script = `
    import { KnnModel, OnlineKnn } from "runnel-classifier";
    const said = (call) => { try { console.log(call()); } catch (error) { console.log(error.name, error.message); } };
    const features = Float64Array.from({ length: 50_000 * 16 }, (_, i) => Math.sin(i * i));
    const model = KnnModel.fit(features, new Uint8Array(50_000), { nFeatures: 16 });
    const rows = new OnlineKnn({ nFeatures: 1000, nClasses: 1 });
    const row = features.subarray(0, 1000);
    said(() => { for (;;) rows.insert(row, 0); });
    said(() => rows.insert(row, 0));
    said(() => rows.predict(row));
    said(() => rows.nRows);
    said(() => rows.free());
    said(() => model.save());
    said(() => model.predict(row.subarray(0, 16)));
    said(() => model.nRows);
    said(() => model.free());
    said(() => new OnlineKnn({ nFeatures: 1, nClasses: 1 }).insert([1], 0));
  `;
  installed.write("lost.mjs", script);
  const printed = await node(installed.folder, "--wasm-max-mem-pages=1000", "lost.mjs");
  const memory = "expected to fit in WebAssembly's memory";
  const lost = (caller, name) => `Error ${caller}: this ${name} was lost when memory ran out: make a new one`;
  assert.deepEqual(printed.trimEnd().split("\n"), [
    `RangeError features: ${memory}, got a row too many`,
    lost("insert", "OnlineKnn"),
    lost("predict", "OnlineKnn"),
    lost("nRows", "OnlineKnn"),
    "undefined",
    `RangeError save: ${memory}, got a file of 50000 rows`,
    lost("predict", "KnnModel"),
    lost("nRows", "KnnModel"),
    "undefined",
    "0",
  ]);
});

test("the trace of an error leads to the caller, wherever the error was made", () => {
  const model = fitted();
  const rows = online();
  rows.insert([0, 0], 0);
  const calls = [
    () => model.predict([NaN, 1]),
    () => model.predict([1]),
    () => model.classShares([NaN, 1]),
    () => model.neighbours([NaN, 1]),
    () => model.predictBatch(new Float64Array([NaN, 1])),
    () => KnnModel.fit(new Float64Array([NaN, 1]), new Uint8Array(1), { nFeatures: 2 }),
    () => rows.insert([NaN, 1], 0),
    () => rows.predict([NaN, 1]),
    () => rows.neighbours([NaN, 1]),
  ];
  for (const call of calls) {
    assert.throws(call, ({ stack }) => stack.includes("refused.test.mjs"), `${call}`);
  }
});

test("names that no file could hold are refused by the fit, not by save", async () => {
  const message = (n) => `classNames and featureNames: expected up to 7000000 bytes of names and source, got ${n}`;
  // Two bytes each in UTF-8.
  const classNames = ["", "é".repeat(3_499_998)];
  const fit = (featureNames) => KnnModel.fit(POINTS, CLASSES, { nFeatures: 2, classNames, featureNames });
  const model = fit(["xx", "yy"]);
  assert.deepEqual((await KnnModel.load(model.save())).classNames, classNames);
  assert.throws(() => fit(["xx", "yyy"]), { name: "RangeError", message: message(7_000_001) });
  const inSlices = KnnModel.fitInSlices(POINTS, CLASSES, { nFeatures: 2, classNames: ["", "x".repeat(8e6)] });
  await assert.rejects(inSlices, { name: "RangeError", message: message(8_000_004) });
});

test("names that change during a fit in slices are not the model's", async () => {
  const classNames = ["near", "far"];
  const building = KnnModel.fitInSlices(POINTS, CLASSES, { nFeatures: 2, classNames });
  classNames.pop();
  assert.deepEqual((await building).classNames, ["near", "far"]);
});
