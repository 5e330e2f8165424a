// Judges neighbours that are not the expected rows by their distances: a row as near is no mistake, only another tie rule.

import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** Relative difference of squared distances that is put down to the order of additions in f64. */
const ROUNDING = 1e-9;

export function newJudge(data_folder) {
  const cases = new Map();
  const read = async (name, form) => {
    const bytes = async (path) => {
      const { buffer, byteOffset, byteLength } = await readFile(join(data_folder, name, path));
      return buffer.slice(byteOffset, byteOffset + byteLength);
    };
    return {
      ...JSON.parse(new TextDecoder().decode(await bytes("case.json"))),
      training: new Float64Array(await bytes(`training.${form}.f64`)),
      queries: new Float64Array(await bytes(`queries.${form}.f64`)),
      truth: new Uint32Array(await bytes(`truth.${form}.u32`)),
    };
  };

  /** Replaces `compared.differing` by how many queries got farther rows, and by the recall. */
  return async function judge(result) {
    const { compared } = result;
    if (!compared?.differing) return result;
    const { differing, ...counts } = compared;
    if (counts.n === 0) return { ...result, compared: { n: 0 } };
    const key = `${result.case} ${result.form}`;
    if (differing.length > 0 && !cases.has(key)) {
      // One at a time: Covertype is large.
      cases.clear();
      cases.set(key, await read(result.case, result.form));
    }
    const data = cases.get(key);
    let [n_farther, n_missed] = [0, 0];
    for (const [idx, ...rows] of differing) {
      const { n_features, k } = data;
      const query = data.queries.subarray(idx * n_features, (idx + 1) * n_features);
      const dist = (row) => distSq(data.training, row * n_features, query);
      const expected = Array.from(data.truth.subarray(idx * k, (idx + 1) * k), dist);
      const got = [...new Set(rows)].map(dist).sort((a, b) => a - b);
      const bound = expected[k - 1] * (1 + ROUNDING);
      n_missed += k - got.filter((d) => d <= bound).slice(0, k).length;
      if (expected.some((d, i) => !(got[i] <= d * (1 + ROUNDING)))) n_farther += 1;
    }
    const k = data?.k ?? 1;
    return { ...result, compared: { ...counts, n_farther, recall: 1 - n_missed / (counts.n * k) } };
  };
}

function distSq(values, from, query) {
  let sum = 0;
  for (let i = 0; i < query.length; i += 1) sum += (values[from + i] - query[i]) ** 2;
  return sum;
}
