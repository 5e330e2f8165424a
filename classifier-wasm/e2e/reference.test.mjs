// Beside scikit-learn, and model files beside Python's safetensors and the server that writes the same.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { execute, install } from "./lib/install.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const repository = resolve(here, "../..");
const python = process.env.RUNNEL_PYTHON ?? "python3";
const sensorSim = process.env.RUNNEL_SERVER ?? join(repository, "dist/sensor-sim");

let installed, KnnModel;

before(async () => {
  installed = await install();
  ({ KnnModel } = await installed.import());
});

after(() => installed?.remove());

async function reference(...args) {
  const { stdout } = await execute(python, [join(here, "reference.py"), ...args], { maxBuffer: 1 << 28 });
  return JSON.parse(stdout);
}

/** Equal but for the last digits: scikit-learn adds up and divides in another order. */
const isNear = (a, b) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a));

test("classes, shares and distances are scikit-learn's wherever it defines them", async (t) => {
  const { sets, cases } = await reference("compare", join(repository, "datasets/data/winequality-white.csv"));
  assert.ok(cases.length >= 84, `${cases.length} cases`);
  for (const { name, n_features: nFeatures, training, labels, queries } of sets) {
    const features = new Float64Array(training);
    let [nDefined, nQueries] = [0, 0];
    for (const expected of cases.filter((case_) => case_.set === name)) {
      const what = `${name} ${JSON.stringify(expected.options)}`;
      const model = KnnModel.fit(features, new Uint32Array(labels), { nFeatures, ...expected.options });
      const classes = model.predictBatch(new Float64Array(queries));
      const { k } = expected.options;
      classes.forEach((predicted, i) => {
        nQueries += 1;
        const query = queries.slice(i * nFeatures, (i + 1) * nFeatures);
        const { distances } = model.neighbours(query);
        const theirs = expected.distances[i];
        // The distances themselves are defined whichever of tied rows is taken.
        distances.forEach((distance, rank) => assert.ok(isNear(distance, theirs[rank]), `${what}: query ${i}`));
        if (isNear(theirs[k - 1], theirs[k])) return;
        nDefined += 1;
        const shares = model.classShares(query);
        shares.forEach((share, id) => assert.ok(isNear(share, expected.shares[i][id]), `${what}: query ${i}`));
        // Votes that are equal but for rounding: theirs are added up in another order.
        const most = Math.max(...shares);
        const isTied = shares.filter((share) => isNear(share, most)).length > 1;
        if (!isTied || expected.options.weights === "uniform") assert.equal(predicted, expected.predicted[i], `${what}: query ${i}`);
      });
      model.free();
    }
    t.diagnostic(`${name}: ${nQueries} queries, of ${nDefined} the neighbours are defined; 0 mismatches`);
    assert.ok(nDefined > nQueries / 2, name);
  }
});

test("Python's safetensors reads what `save` writes", async () => {
  const model = KnnModel.fit(new Float64Array([0, 0.5, 1, 0.5, 10, 0.25, 12, 1e-3]), new Uint8Array([0, 0, 1, 1]), {
    nFeatures: 2,
    classNames: ["low", "høy"],
  });
  installed.write("model.safetensors", model.save());
  const { tensors, metadata } = await reference("file", installed.path("model.safetensors"));
  assert.deepEqual(tensors.labels, ["uint8", [4]]);
  const record = JSON.parse(metadata.runnel);
  assert.deepEqual([record.k, record.class_names, record.feature_names], [5, ["low", "høy"], ["x0", "x1"]]);
});

test("the model that sensor-sim serves is loaded, saved without a difference, and answers", async (t) => {
  const server = spawn(sensorSim, ["--dataset", "wine", "--port", "0"], { stdio: ["ignore", "pipe", "ignore"] });
  t.after(async () => {
    const closed = once(server, "close");
    process.kill(server.pid, "SIGKILL");
    await closed;
  });
  const address = await new Promise((found, failed) => {
    server.on("close", (code) => failed(new Error(`sensor-sim ended with ${code}`)));
    createInterface({ input: server.stdout }).on("line", (line) => {
      const match = line.match(/http:\/\/127\.0\.0\.1:\d+\//);
      if (match) found(match[0]);
    });
  });
  const response = await fetch(`${address}model/1`);
  const bytes = new Uint8Array(await response.clone().arrayBuffer());
  const model = await KnnModel.load(response);
  assert.deepEqual([model.nFeatures, model.featureNames[10]], [11, "alcohol"]);
  assert.deepEqual(model.save(), bytes);
  const first = [7, 0.27, 0.36, 20.7, 0.045, 45, 170, 1.001, 3, 0.45, 8.8]; // The data set's first row.
  assert.ok(model.classNames[model.predict(first)] !== undefined);
  assert.ok(model.neighbours(first).distances.every((distance, rank, all) => rank === 0 || distance >= all[rank - 1]));
});
