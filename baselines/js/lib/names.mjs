// What implementations are called in tables, and what has to be said of each.

export const NAMES = {
  naive: "plain JavaScript, arrays, full sort",
  typed: "typed-array JavaScript",
  "tfjs-cpu": "TensorFlow.js, cpu",
  "tfjs-wasm": "TensorFlow.js, wasm, 1 thread",
  "tfjs-webgl": "TensorFlow.js, webgl",
  "tfjs-webgpu": "TensorFlow.js, webgpu",
  flask: "scikit-learn behind Flask",
  textbook: "textbook Rust wasm (ndarray)",
  scan: "f64 ndarray scan (reference)",
  ours: "**ours**, fitted in place",
  "ours-loaded": "**ours**, from a model file",
  "knn-classifier": "@tensorflow-models/knn-classifier",
  "ml-knn": "ml-knn",
  knear: "knear",
  "static-kdtree": "static-kdtree",
  "usearch-exact": "usearch (npm), exact",
  "usearch-hnsw": "usearch (npm), HNSW",
  "hnswlib-wasm": "hnswlib-wasm",
  "sklearn-kd-tree": "scikit-learn kd_tree",
  "sklearn-ball-tree": "scikit-learn ball_tree",
  "sklearn-brute": "scikit-learn brute",
  "scipy-ckdtree": "scipy cKDTree",
  "faiss-flat": "faiss IndexFlatL2",
  hnswlib: "hnswlib",
  "usearch-hnsw-python": "usearch (Python), HNSW",
};

/** What it claims to be; the measured column says what it was. */
export const KINDS = {
  "knn-classifier": "cosine, not Euclidean",
  "usearch-hnsw": "approximate",
  "hnswlib-wasm": "approximate",
  hnswlib: "approximate",
  "usearch-hnsw-python": "approximate",
  "tfjs-cpu": "exact in f32",
  "tfjs-wasm": "exact in f32",
  "tfjs-webgl": "exact in f32",
  "tfjs-webgpu": "exact in f32",
  "usearch-exact": "exact in f32",
  "faiss-flat": "exact in f32",
};

export const FORMS = { raw: "raw", standard: "standardised" };

/** How its neighbours compare with the true ones. */
export function neighbours({ compared }) {
  if (!compared || compared.n === 0) return "not told";
  const { n, n_other_rows, n_farther, recall } = compared;
  const of = `of ${n.toLocaleString("en-US")}`;
  if (n_other_rows === 0) return `0 ${of} differ`;
  if (n_farther === 0) return `0 ${of} farther, ${n_other_rows.toLocaleString("en-US")} other rows as near`;
  return `${n_farther.toLocaleString("en-US")} ${of} farther, recall@5 ${recall.toFixed(4)}`;
}
