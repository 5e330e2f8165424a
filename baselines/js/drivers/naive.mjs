// Plain JavaScript as one writes it first, and as the paper has it: arrays of arrays, an object for each distance, a full sort.

import { rowsOf, voter } from "./vote.mjs";

export function create({ training, k }) {
  const rows = [...rowsOf(training, (row) => Array.from(row))];
  const vote = voter(training.labels, training.n_classes);
  let nearest = [];
  return {
    query_form: (row) => Array.from(row),
    query(query) {
      const distances = rows.map((row, index) => {
        let sum = 0;
        for (let i = 0; i < row.length; i += 1) sum += (row[i] - query[i]) ** 2;
        return { index, distance: Math.sqrt(sum) };
      });
      distances.sort((a, b) => a.distance - b.distance);
      nearest = distances.slice(0, k).map(({ index }) => index);
      return vote(nearest);
    },
    neighbours: () => nearest,
  };
}
