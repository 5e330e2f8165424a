// @tensorflow-models/knn-classifier: cosine similarity of unit vectors, so another question than Euclidean distance.

import * as tf from "@tensorflow/tfjs-core";
import { create as createClassifier } from "@tensorflow-models/knn-classifier";

import { useBackend } from "./tfjs.mjs";

export async function create({ training, k, platform }) {
  await useBackend("cpu", platform);
  const { values, labels, n_features, n_classes } = training;
  const classifier = createClassifier();
  // One tensor a class instead of addExample row by row, whose cost grows with the square of the rows. The rows are made
  // unit vectors, as addExample does.
  const counts = new Uint32Array(n_classes);
  for (const label of labels) counts[label] += 1;
  const parts = Array.from(counts, (count) => new Float32Array(count * n_features));
  const ends = new Uint32Array(n_classes);
  for (let row = 0; row < labels.length; row += 1) {
    const features = values.subarray(row * n_features, (row + 1) * n_features);
    const norm = Math.sqrt(features.reduce((sum, x) => sum + x * x, 0)) || 1;
    const part = parts[labels[row]];
    for (const value of features) part[ends[labels[row]]++] = value / norm;
  }
  const present = [...counts.keys()].filter((label) => counts[label] > 0);
  classifier.setClassifierDataset(
    Object.fromEntries(present.map((label) => [label, tf.tensor2d(parts[label], [counts[label], n_features])])),
  );
  return {
    query_form: (row) => Float32Array.from(row),
    async query(query) {
      const tensor = tf.tensor1d(query);
      const { label } = await classifier.predictClass(tensor, k);
      tensor.dispose();
      return Number(label);
    },
    neighbours: () => null,
    close: () => classifier.dispose(),
  };
}
