// TensorFlow.js by its operations: subtract, square, sum, top k; all in f32, on one thread.
//
// @tensorflow/tfjs is a bundle of the packages imported here and of others that kNN does not need.

import * as tf from "@tensorflow/tfjs-core";

import { voter } from "./vote.mjs";

const BACKENDS = {
  cpu: () => import("@tensorflow/tfjs-backend-cpu"),
  wasm: () => import("@tensorflow/tfjs-backend-wasm"),
  webgl: () => import("@tensorflow/tfjs-backend-webgl"),
  webgpu: () => import("@tensorflow/tfjs-backend-webgpu"),
};

export const tfjs = (name) => async ({ training, k, platform }) => {
  await useBackend(name, platform);
  const { values, labels, n_features, n_classes } = training;
  const rows = tf.tensor2d(Float32Array.from(values), [labels.length, n_features]);
  const vote = voter(labels, n_classes);
  let nearest = [];
  return {
    query_form: (row) => Float32Array.from(row),
    async query(query) {
      const indices = tf.tidy(() => tf.topk(tf.neg(tf.sum(tf.square(tf.sub(rows, tf.tensor1d(query))), 1)), k).indices);
      nearest = await indices.data();
      indices.dispose();
      return vote(nearest);
    },
    neighbours: () => nearest,
    close: () => rows.dispose(),
  };
};

/** Makes `name` TensorFlow.js's backend. */
export async function useBackend(name, platform) {
  const backend = await BACKENDS[name]();
  if (name === "wasm") {
    backend.setThreadsCount(1);
    if (platform.tfjs_wasm_folder) backend.setWasmPaths(platform.tfjs_wasm_folder);
  }
  if (!(await tf.setBackend(name))) throw new Error(`TensorFlow.js has no backend ${name} here`);
  await tf.ready();
}
