// What the page shows must be what scikit-learn says of the same split, reading for reading.

import assert from "node:assert/strict";
import { test } from "node:test";

import { pauseAndSettle, waitForEqual, waitForSnapshot } from "./lib/browser.mjs";
import { reference } from "./lib/reference.mjs";
import { withBrowser } from "./lib/setup.mjs";

const SEED = 42;
const open = withBrowser();

const cases = [
  // Slow enough for a plain scan on a busy machine: a reading that is given up would be no error, but no proof either.
  { dataset: "covertype", prepare: "raw", rate: 200, n_readings: 1000, algorithm: "kd_tree" },
  { dataset: "wine", prepare: "raw", rate: 1000, n_readings: 1500, algorithm: "kd_tree" },
  { dataset: "wine", prepare: "standard", rate: 1000, n_readings: 1500, algorithm: "brute" },
];

for (const { dataset, prepare, rate, n_readings, algorithm } of cases) {
  test(`labels of ${dataset}, ${prepare}, are scikit-learn's`, async (t) => {
    const args = ["--dataset", dataset, "--prepare", prepare, "--seed", String(SEED), "--rate", String(rate), "--loop"];
    const { server, page } = await open(t, args);
    await waitForSnapshot(page, `${n_readings} labels`, (s) => s.state === "live" && s.labelled >= n_readings);
    const snapshot = await pauseAndSettle(page);

    assert.equal(snapshot.gaps.total, 0, "nothing was given up");
    assert.equal(snapshot.last[0].seq, snapshot.labelled - 1, "every reading from the first on was labelled");
    assert.equal(snapshot.n_without_true_label, 0);
    const expected = await reference({
      dataset, seed: SEED, n_readings: snapshot.labelled, classes: snapshot.source.classes, url: server.url, algorithm,
    });
    t.diagnostic(`${snapshot.labelled} readings, accuracy ${snapshot.accuracy}, ` +
      `KNeighborsClassifier with ties as they fall agrees on ${expected.plain_agreement}`);

    assert.equal(snapshot.last.length, 30);
    for (const { seq, predicted, true_label, shares, distance } of snapshot.last) {
      assert.equal(predicted, expected.predicted[seq], `predicted label of reading ${seq}`);
      assert.equal(true_label, expected.true_labels[seq], `true label of reading ${seq}`);
      assert.deepEqual(shares.map((share) => Math.round(share * expected.k)), expected.votes[seq], `votes on reading ${seq}`);
      assert.ok(Math.abs(distance - expected.distances[seq]) <= 1e-9 * (1 + distance), `distance of reading ${seq}`);
    }
    assert.deepEqual(snapshot.confusion, expected.confusion);
    assert.equal(snapshot.accuracy, expected.accuracy);
    await waitForEqual(page, "the table that people read", () => shownConfusion(page), expected.confusion);
  });
}

/** The confusion matrix as the page's table has it. */
function shownConfusion(page) {
  return page.$$eval("#confusion tbody tr", (rows) =>
    rows.map((row) => [...row.querySelectorAll("td:has(button)")].map((cell) => Number(cell.textContent.replaceAll(/\D/g, "")))));
}
