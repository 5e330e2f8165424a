// ml-knn: a k-d tree of arrays; says the class, not the neighbours.

import KNN from "ml-knn";

import { rowsOf } from "./vote.mjs";

export function create({ training, k }) {
  const knn = new KNN([...rowsOf(training, (row) => Array.from(row))], Array.from(training.labels), { k });
  return {
    query_form: (row) => Array.from(row),
    query: (query) => knn.predict(query),
    neighbours: () => null,
  };
}
