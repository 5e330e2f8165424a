// static-kdtree: an implicit k-d tree over one typed array.

import createKDTree from "static-kdtree";
import ndarray from "ndarray";

import { voter } from "./vote.mjs";

export function create({ training, k }) {
  const { values, labels, n_features, n_classes } = training;
  const tree = createKDTree(ndarray(values, [labels.length, n_features]));
  const vote = voter(labels, n_classes);
  let nearest = [];
  return {
    query(query) {
      nearest = tree.knn(query, k);
      return vote(nearest);
    },
    neighbours: () => nearest,
    close: () => tree.dispose(),
  };
}
