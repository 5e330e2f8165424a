// What `KnnModel` takes, gives and refuses, in Node; the examples have their own test.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { NO_SIMD } from "./lib/browser.mjs";
import { install, node } from "./lib/install.mjs";
import { serve } from "./lib/serve.mjs";

let installed, KnnModel, OnlineKnn;

before(async () => {
  installed = await install();
  ({ KnnModel, OnlineKnn } = await installed.import());
});

after(() => installed?.remove());

const POINTS = new Float64Array([0, 1, 10, 12]);
const CLASSES = new Uint32Array([0, 0, 1, 1]);

/** Four points on a line; the first two are of class 0. */
function fitted(options) {
  return KnnModel.fit(POINTS, CLASSES, { nFeatures: 1, k: 3, ...options });
}

/** Small integers from a seed: distances tie all the time. */
function grid(n, seed) {
  let state = seed;
  return Float64Array.from({ length: n }, () => (state = (state * 48271) % 2147483647) % 5);
}

/** The definition, in as few words as it has: nearest by (distance, row), most votes, the smallest class. */
function byDefinition(features, labels, { nFeatures, k, metric = "euclidean", weights = "uniform" }, query) {
  const near = Array.from(labels, (label, row) => {
    let sum = 0;
    for (let i = 0; i < nFeatures; i += 1) {
      const difference = features[row * nFeatures + i] - query[i];
      sum += metric === "euclidean" ? difference * difference : Math.abs(difference);
    }
    return { row, label, distance: metric === "euclidean" ? Math.sqrt(sum) : sum };
  });
  near.sort((a, b) => a.distance - b.distance || a.row - b.row).splice(k);
  const votes = new Float64Array(Math.max(...labels) + 1);
  for (const { label, distance } of near) {
    const isAtZero = near[0].distance === 0;
    votes[label] += weights === "uniform" || isAtZero ? (weights === "uniform" || distance === 0) : 1 / distance;
  }
  return { near, votes, label: votes.indexOf(Math.max(...votes)) };
}

test("classes, shares and neighbours are those of the definition", () => {
  const nFeatures = 3;
  const features = grid(nFeatures * 200, 7);
  const labels = Uint32Array.from(grid(200, 8));
  const queries = grid(nFeatures * 100, 9);
  for (const metric of ["euclidean", "manhattan"]) {
    for (const weights of ["uniform", "distance"]) {
      for (const engine of ["auto", "scan", "tree"]) {
        const options = { nFeatures, k: 7, metric, weights, engine };
        const model = KnnModel.fit(features, labels, options);
        const batch = model.predictBatch(queries);
        for (let i = 0; i < batch.length; i += 1) {
          const query = queries.subarray(i * nFeatures, (i + 1) * nFeatures);
          const { near, votes, label } = byDefinition(features, labels, options, query);
          const { rows, distances } = model.neighbours(query);
          assert.deepEqual([...rows], near.map(({ row }) => row));
          assert.deepEqual([...distances], near.map(({ distance }) => distance));
          assert.equal(batch[i], label, JSON.stringify(options));
          assert.equal(model.predict(query), label);
          const sum = votes.reduce((a, b) => a + b);
          model.classShares(query).forEach((share, id) => assert.ok(Math.abs(share - votes[id] / sum) < 1e-12));
        }
        model.free();
      }
    }
  }
});

test("features may be 32-bit, labels 8- and 16-bit, a query a plain array", () => {
  const doubles = KnnModel.fit(POINTS, CLASSES, { nFeatures: 1, k: 3 });
  for (const Labels of [Uint8Array, Uint16Array, Uint32Array]) {
    const singles = KnnModel.fit(new Float32Array(POINTS), new Labels(CLASSES), { nFeatures: 1, k: 3 });
    assert.deepEqual(singles.save(), doubles.save());
  }
  for (const query of [[9], new Float32Array([9]), new Float64Array([9])]) assert.equal(doubles.predict(query), 1);
  assert.deepEqual(doubles.predictBatch(new Float32Array([9, 0.5])), new Uint32Array([1, 0]));
  assert.equal(doubles.predictBatch(new Float64Array(0)).length, 0);
});

test("a fit and a batch that cross into WebAssembly in many pieces are one", () => {
  const n = 50_000;
  const features = grid(n * 3, 1);
  const labels = Uint32Array.from(grid(n, 2));
  const model = KnnModel.fit(features, labels, { nFeatures: 3, k: 1 });
  assert.equal(model.nRows, n);
  const batch = model.predictBatch(features);
  // With k = 1 the nearest is the first row that is equal.
  const first = new Map();
  for (let row = 0; row < n; row += 1) {
    const key = features.subarray(row * 3, row * 3 + 3).join();
    if (!first.has(key)) first.set(key, labels[row]);
    assert.equal(batch[row], first.get(key));
  }
  features[3 * 40_000 + 2] = NaN;
  assert.throws(() => model.predictBatch(features), { name: "RangeError", message: /^queries: in query 40000: .*feature 2/ });
  assert.throws(() => KnnModel.fit(features, labels, { nFeatures: 3 }), {
    name: "RangeError",
    message: "features: expected a finite number in row 40000, feature 2, got NaN",
  });
});

test("a fit in slices is the same fit, tells how far it is, and lets others have their turn", async () => {
  const features = grid(400_000, 4).map((value, i) => value + i / 4096);
  const labels = Uint32Array.from(grid(100_000, 5));
  const options = { nFeatures: 4, weights: "distance", preparation: "standard" };
  const told = [];
  let nTurns = 0;
  const turns = setInterval(() => (nTurns += 1));
  const model = await KnnModel.fitInSlices(features, labels, { ...options, onProgress: (done) => told.push(done) });
  clearInterval(turns);
  assert.deepEqual(model.save(), KnnModel.fit(features, labels, options).save());
  assert.equal(told.at(-1), 1);
  assert.ok(told.length > 1 && nTurns > 0, `${told.length} reports, ${nTurns} turns of a timer`);
  assert.ok(told.every((done, i) => done >= (told[i - 1] ?? 0)), `${told}`);
});

test("a timer can end a fit in slices, and others have their turn before that", async () => {
  const features = grid(600_000 * 8, 13).map((value, i) => value + Math.sin(i));
  const labels = Uint8Array.from(grid(600_000, 14));
  const ending = new AbortController();
  let nSlices = 0;
  let nTurns = 0;
  // The fit takes more than a second. A busy machine may give a timer two turns between two slices.
  const turns = setInterval(() => {
    nTurns += 1;
    if (nTurns >= 2 && nSlices >= 2) ending.abort(new Error("left"));
  }, 1);
  const options = { nFeatures: 8, signal: ending.signal, onProgress: () => (nSlices += 1) };
  await assert.rejects(KnnModel.fitInSlices(features, labels, options), { message: "left" });
  clearInterval(turns);
});

test("a fit in slices can be ended, and refuses what `fit` refuses", async () => {
  const ending = new AbortController();
  const options = { nFeatures: 1, signal: ending.signal, onProgress: () => ending.abort(new Error("enough")) };
  await assert.rejects(KnnModel.fitInSlices(grid(400_000, 6), new Uint8Array(400_000), options), { message: "enough" });
  await assert.rejects(KnnModel.fitInSlices(POINTS, CLASSES, { nFeatures: 3 }), { name: "RangeError", message: /^features: / });
  const nan = new Float64Array([0, NaN]);
  await assert.rejects(KnnModel.fitInSlices(nan, new Uint8Array(2), { nFeatures: 1 }), { message: /row 1, feature 0, got NaN/ });
});

test("names, numbers and a description", () => {
  const unnamed = fitted();
  assert.deepEqual([unnamed.classNames, unnamed.featureNames], [["0", "1"], ["x0"]]);
  assert.deepEqual([unnamed.k, unnamed.nRows, unnamed.nFeatures], [3, 4, 1]);
  assert.match(unnamed.describe(), /k = 3.*4 rows/);
  const named = fitted({ classNames: ["low", "high", "never"], featureNames: ["level"] });
  assert.deepEqual([named.classNames, named.featureNames], [["low", "high", "never"], ["level"]]);
  assert.equal(named.classShares([0]).length, 3);
});

test("an option that is undefined counts as left out", async () => {
  const without = (...names) => Object.fromEntries(names.map((name) => [name, undefined]));
  const both = without("k", "metric", "weights", "featureWeights");
  const none = { nFeatures: 1, ...both, ...without("preparation", "engine", "classNames", "featureNames") };
  const expected = KnnModel.fit(POINTS, CLASSES, { nFeatures: 1 }).save();
  assert.deepEqual(KnnModel.fit(POINTS, CLASSES, none).save(), expected);
  const slices = { ...none, ...without("onProgress", "signal") };
  assert.deepEqual((await KnnModel.fitInSlices(POINTS, CLASSES, slices)).save(), expected);
  const online = new OnlineKnn({ nFeatures: 1, nClasses: 2, ...both, ...without("scaling", "window") });
  CLASSES.forEach((label, row) => online.insert([POINTS[row]], label));
  assert.equal(online.nRows, 4);
});

test("options do what they say", () => {
  assert.equal(KnnModel.fit(POINTS, CLASSES, { nFeatures: 1 }).k, 5);
  // By distance, the two at 10 and 12 have more to say of 8 than those at 0 and 1.
  assert.equal(fitted({ k: 4 }).predict([8]), 0);
  assert.equal(fitted({ k: 4, weights: "distance" }).predict([8]), 1);
  const square = new Float64Array([0, 0, 10, 1]);
  const two = new Uint8Array([0, 1]);
  const nearest = (options) => KnnModel.fit(square, two, { nFeatures: 2, k: 1, ...options }).predict([7, 0]);
  assert.equal(nearest({}), 1);
  assert.equal(nearest({ featureWeights: [0, 1] }), 0);
  assert.equal(nearest({ featureWeights: new Float32Array([0.01, 1]) }), 0);
  const distance = (options) => KnnModel.fit(square, two, { nFeatures: 2, k: 1, ...options }).neighbours([10, 0]).distances[0];
  assert.equal(distance({ preparation: "min-max" }), 1);
  assert.equal(distance({ preparation: "standard", metric: "manhattan" }), 2);
});

test("each choice is the one that was asked for", () => {
  const described = (options) =>
    KnnModel.fit(new Float64Array([0, 1, 8, 9]), new Uint8Array([0, 0, 1, 1]), { nFeatures: 1, k: 1, ...options }).describe();
  for (const [options, said] of [
    [{ engine: "scan" }, "scan"],
    [{ engine: "tree" }, "box tree"],
    [{ metric: "euclidean" }, "Euclidean distance"],
    [{ metric: "manhattan" }, "Manhattan distance"],
    [{ preparation: "raw" }, "raw features"],
    [{ preparation: "standard" }, "standard features"],
    [{ preparation: "min-max" }, "min-max features"],
    [{ weights: "distance" }, "voting by 1/distance"],
  ]) {
    assert.ok(described(options).includes(said), `${described(options)}: ${said}`);
  }
});

const wrong = [
  [() => KnnModel.fit([0, 1], CLASSES, { nFeatures: 1 }), TypeError, "features: expected a Float32Array or Float64Array, got Array of 2"],
  [() => KnnModel.fit(POINTS, [0, 1], { nFeatures: 1 }), TypeError, "labels: expected a Uint32Array, Uint16Array or Uint8Array, got Array of 2"],
  [() => KnnModel.fit(POINTS, new Int32Array(4), { nFeatures: 1 }), TypeError, /^labels: expected .*, got Int32Array of 4$/],
  [() => KnnModel.fit(POINTS, CLASSES), TypeError, "options: expected an object, got undefined"],
  [() => fitted({ neighbors: 5 }), TypeError, /^options: expected only "nFeatures", "k", .*, got "neighbors"$/],
  [() => fitted({ nFeatures: 0 }), RangeError, "nFeatures: expected a whole number above 0, got 0"],
  [() => fitted({ nFeatures: "1" }), RangeError, 'nFeatures: expected a whole number above 0, got "1"'],
  [() => fitted({ nFeatures: 3 }), RangeError, "features: expected labels.length × nFeatures = 4 × 3 = 12 numbers, got 4"],
  [() => fitted({ k: 0 }), RangeError, "k: expected a whole number from 1 to 255, got 0"],
  [() => fitted({ k: 256 }), RangeError, "k: expected a whole number from 1 to 255, got 256"],
  [() => fitted({ k: 1.5 }), RangeError, "k: expected a whole number from 1 to 255, got 1.5"],
  [() => fitted({ metric: "cosine" }), RangeError, 'metric: expected "euclidean" or "manhattan", got "cosine"'],
  [() => fitted({ weights: () => 1 }), RangeError, 'weights: expected "uniform" or "distance", got a function'],
  [() => fitted({ preparation: "log" }), RangeError, 'preparation: expected "raw" or "standard" or "min-max", got "log"'],
  [() => fitted({ engine: "textbook" }), RangeError, 'engine: expected "auto" or "scan" or "tree", got "textbook"'],
  [() => fitted({ featureWeights: 1 }), TypeError, /^featureWeights: expected a Float32Array.*, got 1$/],
  [() => fitted({ featureWeights: [1, 1] }), RangeError, "featureWeights: expected 1 numbers, one a feature, got 2"],
  [() => fitted({ featureWeights: [] }), RangeError, "featureWeights: expected 1 numbers, one a feature, got 0"],
  [() => fitted({ featureWeights: [-1] }), RangeError, /^featureWeights: .*-1/],
  [() => fitted({ featureWeights: [0] }), RangeError, /^featureWeights: /],
  [() => fitted({ classNames: ["one"] }), RangeError, "labels[2]: expected an id of the 1 classNames, got 1"],
  [() => fitted({ classNames: "one" }), TypeError, 'classNames: expected an array of strings, got "one"'],
  [() => fitted({ classNames: ["one", 2] }), TypeError, "classNames[1]: expected a string, got 2"],
  [() => fitted({ featureNames: [] }), RangeError, "featureNames: expected 1 strings, one a feature, got 0"],
  [() => KnnModel.fit(POINTS, new Uint32Array([0, 0, 4e9, 0]), { nFeatures: 1 }), RangeError, "labels[2]: expected a class id from 0 to 65535, got 4000000000"],
  [() => KnnModel.fit(new Float64Array(0), new Uint8Array(0), { nFeatures: 1 }), RangeError, "labels: expected at least one row, got none"],
  [() => KnnModel.fit(new Float64Array([0, NaN]), new Uint8Array(2), { nFeatures: 1 }), RangeError, "features: expected a finite number in row 1, feature 0, got NaN"],
  [() => fitted().predict(9), TypeError, "query: expected a Float32Array, Float64Array or array of numbers, got 9"],
  [() => fitted().predict(), TypeError, "query: expected a Float32Array, Float64Array or array of numbers, got undefined"],
  [() => fitted().predict([1, 2]), RangeError, "query: expected 1 numbers, one a feature, got 2"],
  [() => fitted().predict([NaN]), RangeError, "query: expected a finite number in feature 0, got NaN"],
  [() => fitted().classShares([Infinity]), RangeError, /^query: expected a finite number in feature 0/],
  [() => fitted().neighbours(["nine"]), TypeError, 'query[0]: expected a number, got "nine"'],
  [() => fitted().predictBatch([[1], [2]]), TypeError, "queries: expected a Float32Array or Float64Array, got Array of 2"],
  [() => KnnModel.fit(square(), new Uint8Array(2), { nFeatures: 2 }).predictBatch(new Float64Array(3)), RangeError, "queries: expected a multiple of 2 numbers, got 3"],
  [() => new KnnModel(), TypeError, "KnnModel: expected to be made by `KnnModel.fit` or `KnnModel.load`, got `new`"],
];

function square() {
  return new Float64Array([0, 0, 10, 1]);
}

for (const [call, kind, message] of wrong) {
  test(`refused: ${call.toString().slice(6)}`, () => assert.throws(call, { name: kind.name, message }));
}

test("a refused query leaves the model as it was", () => {
  const model = fitted();
  assert.throws(() => model.predict([NaN]));
  assert.equal(model.predict([9]), 1);
});

test("a model that was freed says so, and may be freed again", () => {
  const model = fitted();
  model.free();
  model.free();
  for (const use of ["predict", "predictBatch", "classShares", "neighbours", "save", "describe"]) {
    assert.throws(() => model[use]([9]), { message: `${use}: this KnnModel was freed` });
  }
  for (const name of ["k", "nRows", "nFeatures", "classNames", "featureNames"]) {
    assert.throws(() => model[name], { message: `${name}: this KnnModel was freed` });
  }
  const disposed = fitted();
  disposed[Symbol.dispose]();
  assert.throws(() => disposed.predict([9]), /was freed/);
});

test("freed memory is used again", () => {
  // 200 times 3 MB would be 600 MB; without any `free` the tests' Node would show it.
  const features = grid(100_000, 3);
  const labels = new Uint8Array(100_000);
  const before = process.memoryUsage().rss;
  for (let i = 0; i < 200; i += 1) KnnModel.fit(features, labels, { nFeatures: 1, engine: "scan" }).free();
  assert.ok(process.memoryUsage().rss - before < 100e6);
});

test("an online classifier answers as a model fitted to the rows that are there", () => {
  const [nFeatures, window] = [2, 50];
  const values = grid(400 * nFeatures, 11);
  const labels = grid(400, 12);
  for (const metric of ["euclidean", "manhattan"]) {
    const online = new OnlineKnn({ nFeatures, nClasses: 5, k: 4, metric, window, weights: "distance" });
    const rows = [];
    for (let i = 0; i < 400; i += 1) {
      const features = values.subarray(i * nFeatures, (i + 1) * nFeatures);
      if (rows.length > 0) {
        const flat = Float64Array.from(rows.flatMap((row) => [...values.subarray(row * nFeatures, (row + 1) * nFeatures)]));
        const given = { nFeatures, k: 4, metric, weights: "distance", classNames: ["a", "b", "c", "d", "e"] };
        const fitted = KnnModel.fit(flat, Uint8Array.from(rows, (row) => labels[row]), given);
        assert.equal(online.predict(features), fitted.predict(features));
        assert.deepEqual(online.classShares(features), fitted.classShares(features));
        const neighbours = fitted.neighbours(features);
        assert.deepEqual(online.neighbours(features).distances, neighbours.distances);
        assert.deepEqual([...online.neighbours(features).rows], [...neighbours.rows].map((row) => rows[row]));
        fitted.free();
      }
      assert.equal(online.insert(features, labels[i]), i);
      rows.push(i);
      if (rows.length > window) rows.shift();
      if (i % 7 === 0) {
        const [removed] = rows.splice(Math.floor(rows.length / 2), 1);
        assert.equal(online.remove(removed), true);
        assert.equal(online.remove(removed), false);
      }
      assert.deepEqual([online.nRows, online.oldest], [rows.length, rows[0]]);
    }
    online.free();
    assert.throws(() => online.insert([0, 0], 0), { message: "insert: this OnlineKnn was freed" });
  }
});

test("an online classifier scales as it is told, and says what it cannot do", () => {
  const options = { nFeatures: 2, nClasses: 2, k: 1 };
  const scaled = new OnlineKnn({ ...options, scaling: { offset: [1, 0], scale: [2, 1] } });
  assert.throws(() => scaled.predict([0, 0]), { message: "OnlineKnn: expected at least one row, but there is none now" });
  assert.equal(scaled.neighbours([0, 0]).rows.length, 0);
  scaled.insert([1, 0], 1);
  assert.equal(scaled.neighbours([5, 0]).distances[0], 2);
  const refused = [
    [() => new OnlineKnn(), TypeError, "options: expected an object, got undefined"],
    [() => new OnlineKnn({ ...options, nClasses: 0 }), RangeError, "nClasses: expected a whole number from 1 to 65536, got 0"],
    [() => new OnlineKnn({ ...options, window: 0 }), RangeError, "window: expected a whole number above 0, got 0"],
    [() => new OnlineKnn({ ...options, preparation: "raw" }), TypeError, /^options: expected only "nFeatures", .*, got "preparation"$/],
    [() => new OnlineKnn({ ...options, scaling: { offset: [0, 0], scale: [0, 1] } }), RangeError, /^scaling.scale.0.: /],
    [() => new OnlineKnn({ ...options, scaling: { offset: [0] } }), RangeError, /^scaling.offset: expected 2 numbers/],
    [() => scaled.insert([1], 0), RangeError, "features: expected 2 numbers, one a feature, got 1"],
    [() => scaled.insert([1, NaN], 0), RangeError, "features: expected a finite number in feature 1, got NaN"],
    [() => scaled.insert([1, 1], 2), RangeError, "label: expected a class id from 0 to 1, got 2"],
    [() => scaled.predict([1, Infinity]), RangeError, /^query: expected a finite number in feature 1/],
    [() => scaled.remove("0"), RangeError, 'row: expected the number of a row, got "0"'],
  ];
  for (const [call, kind, message] of refused) assert.throws(call, { name: kind.name, message }, `${call}`);
});

test("what was saved loads from bytes, from a buffer and from a response, and answers the same", async (t) => {
  const model = fitted({ weights: "distance", preparation: "standard", classNames: ["low", "high"] });
  const bytes = model.save();
  const queries = new Float64Array([-3, 0, 4, 5, 6, 9, 12, 1e6]);
  installed.write("line.safetensors", bytes);
  const server = await serve(installed.folder);
  t.after(() => server.stop());
  const url = `${server.url}line.safetensors`;
  for (const source of [bytes, bytes.buffer, new Response(bytes), fetch(url), await fetch(url)]) {
    const loaded = await KnnModel.load(source);
    assert.deepEqual(loaded.predictBatch(queries), model.predictBatch(queries));
    assert.deepEqual(loaded.neighbours([6]), model.neighbours([6]));
    assert.deepEqual([loaded.classNames, loaded.k], [["low", "high"], 3]);
    assert.deepEqual(loaded.save(), bytes);
  }
  const told = [];
  await KnnModel.load(fetch(url), (...progress) => told.push(progress));
  assert.deepEqual(told.at(-1), [bytes.length, bytes.length]);
  const stream = new Response(new Blob([bytes]).stream());
  await KnnModel.load(stream, (loaded, total) => assert.ok(loaded <= bytes.length && total === undefined));
});

test("a file that is missing, cut off, damaged or something else is refused", async (t) => {
  const bytes = fitted().save();
  const refused = (source, message) => assert.rejects(KnnModel.load(source), { message });
  await refused(bytes.subarray(0, bytes.length - 1), /^source: expected /);
  await refused(new Uint8Array(0), /^source: expected a safetensors file/);
  await refused(new TextEncoder().encode("<!doctype html>"), /^source: expected a safetensors file/);
  await refused(Buffer.from("x"), /^source: expected a safetensors file/);
  await refused("model.safetensors", 'source: expected a Uint8Array, an ArrayBuffer, a Blob or a Response, got "model.safetensors"');
  await refused(undefined, "source: expected a Uint8Array, an ArrayBuffer, a Blob or a Response, got undefined");
  const server = await serve(installed.folder);
  t.after(() => server.stop());
  await refused(fetch(`${server.url}nothing`), /^source: expected a model file at http.*nothing, got 404 Not Found$/);
  // Whatever byte is changed: a model or an error, never a crash.
  for (let i = 0; i < bytes.length; i += 1) {
    const damaged = bytes.slice();
    damaged[i] ^= 0x55;
    const model = await KnnModel.load(damaged).catch((error) => assert.match(error.message, /^source: /));
    model?.predict([9]);
  }
});

test("before `init` a page is told to call it", async () => {
  const script = `
    import { init, KnnModel } from "./node_modules/runnel-classifier/browser.js";
    import { readFileSync } from "node:fs";
    const said = async (call) => { try { await call(); } catch (error) { console.log(error.message); } };
    await said(() => KnnModel.fit(new Float64Array(1), new Uint8Array(1), { nFeatures: 1 }));
    await said(() => KnnModel.load(new Uint8Array(1)));
    await said(() => init(new Response("", { status: 404, statusText: "Not Found" })));
    const bytes = readFileSync("node_modules/runnel-classifier/wasm/scalar.wasm");
    await Promise.all([init(bytes), init()]);
    console.log(KnnModel.fit(new Float64Array(1), new Uint8Array(1), { nFeatures: 1 }).predict([1]));
  `;
  installed.write("before.mjs", script);
  assert.equal(
    await node(installed.folder, NO_SIMD, "before.mjs"),
    [
      "KnnModel.fit: the WebAssembly is not loaded yet: `await init()` first",
      "KnnModel.load: the WebAssembly is not loaded yet: `await init()` first",
      "init: expected this package's WebAssembly, got 404 Not Found",
      "0\n",
    ].join("\n"),
  );
});
