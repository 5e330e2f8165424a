// hnswlib-wasm: a graph of near rows, approximate; M, efConstruction and ef are hnswlib's usual ones. It is compiled for
// pages only. Its package names no main file, hence the path.

import { loadHnswlib } from "hnswlib-wasm/dist/hnswlib.js";

import { rowsOf, voter } from "./vote.mjs";

const [M, EF_CONSTRUCTION, EF, SEED] = [16, 200, 16, 100];

export async function create({ training, k }) {
  const { labels, n_features, n_classes } = training;
  const library = await loadHnswlib();
  const index = new library.HierarchicalNSW("l2", n_features, "");
  index.initIndex(labels.length, M, EF_CONSTRUCTION, SEED);
  index.setEfSearch(EF);
  let row = 0;
  for (const features of rowsOf(training, (features) => Float32Array.from(features))) index.addPoint(features, row++, false);
  const vote = voter(labels, n_classes);
  let nearest = [];
  return {
    query_form: (features) => Float32Array.from(features),
    query(query) {
      nearest = index.searchKnn(query, k, undefined).neighbors;
      return vote(nearest);
    },
    neighbours: () => nearest,
  };
}
