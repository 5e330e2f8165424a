// usearch's native addon: exact search over all rows, or its graph, which is approximate. In f32, on one thread.

import { createRequire } from "node:module";

import { voter } from "./vote.mjs";

// Its ES module looks for a folder that only a build from source has.
const { exactSearch, Index, MetricKind, ScalarKind } = createRequire(import.meta.url)("usearch");

export function exact({ training, k }) {
  const { values, n_features } = training;
  const rows = Float32Array.from(values);
  return driver(training, (query) => exactSearch(rows, query, n_features, k, MetricKind.L2sq, 1).keys);
}

export function graph({ training, k }) {
  const { values, labels, n_features } = training;
  const index = new Index({ dimensions: n_features, metric: MetricKind.L2sq, quantization: ScalarKind.F32 });
  index.add(BigUint64Array.from(labels, (_, row) => BigInt(row)), Float32Array.from(values), 1);
  return driver(training, (query) => index.search(query, k, 1).keys);
}

function driver({ labels, n_classes }, search) {
  const vote = voter(labels, n_classes);
  let nearest = [];
  return {
    query_form: (row) => Float32Array.from(row),
    query(query) {
      nearest = Array.from(search(query), Number);
      return vote(nearest);
    },
    neighbours: () => nearest,
  };
}
