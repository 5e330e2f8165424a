// JavaScript with care: one Float64Array, no allocation, no sort, a row left once its sum is beyond the k-th distance.

import { voter } from "./vote.mjs";

export function create({ training, k }) {
  const { values, labels, n_features, n_classes } = training;
  const n_rows = labels.length;
  const vote = voter(labels, n_classes);
  const dists = new Float64Array(k);
  const nearest = new Uint32Array(k);
  return {
    query(query) {
      dists.fill(Infinity);
      let bound = Infinity;
      for (let row = 0, at = 0; row < n_rows; row += 1, at += n_features) {
        let sum = 0;
        for (let i = 0; i < n_features && sum < bound; i += 1) {
          const difference = values[at + i] - query[i];
          sum += difference * difference;
        }
        if (sum < bound) {
          let place = k - 1;
          for (; place > 0 && dists[place - 1] > sum; place -= 1) {
            dists[place] = dists[place - 1];
            nearest[place] = nearest[place - 1];
          }
          dists[place] = sum;
          nearest[place] = row;
          bound = dists[k - 1];
        }
      }
      return vote(nearest);
    },
    neighbours: () => nearest,
  };
}
