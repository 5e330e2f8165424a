// Implementations with native code, which no page can load; see index.mjs.

export const nodeDrivers = {
  "usearch-exact": { create: async (given) => (await import("./usearch.mjs")).exact(given) },
  "usearch-hnsw": { create: async (given) => (await import("./usearch.mjs")).graph(given) },
};
