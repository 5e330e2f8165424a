// The results of `cargo xtask bench knn` as a page for people.

import { accuracy, count, digits, megabytes, millisTime, table, time } from "./format.mjs";
import { median } from "../clock.mjs";
import { machineLine } from "./machine.mjs";
import { FORMS, KINDS, NAMES, neighbours } from "./names.mjs";

const CASES = { covertype: "Covertype", wine: "Wine", "covertype-20k": "Covertype, 20,000 of its rows" };
const COVERTYPE = { n_rows: 464_809, n_features: 54 };
/** Bytes a row of Covertype needs without loss: ten integers of 16 bits and two categories of 8. */
const LOSSLESS_ROW_BYTES = 22;
/** An accuracy over fewer queries says nothing beside the others. */
const MIN_FOR_ACCURACY = 500;

/** knn.md for the results in knn.json. */
export function knnMarkdown(results) {
  const { ratios, peers, curves, bandwidth } = results;
  return `# Exact kNN beside its peers

${machineLine(results)} All numbers are in knn.json beside this file.

k = 5 and one 80/20 split (seed 42) unless a table says otherwise; one thread, one query at a time, neighbours and vote included.
*Fresh* queries were never asked before in that process. *Evicted*: ${digits(134.2)} MB are walked before each query, so that nothing of the
index is in a cache. *Warm*: one and the same query again and again, which is no measure of anything real. The clock ticks at
${digits(results.chromium_resolution_micros)} µs in Chromium (${results.is_isolated ? "cross-origin isolated" : "not isolated"}), so queries below 20 ticks are timed several at once there (×n): the p99 is then that
of their means. Evicted ones are timed singly even there: believe the mean.

## Targets

${targets(results)}

${scale(ratios)}

## Ratio to the plain f64 scan

The same process, the same module, in turns; the reference is an ndarray of f64 without temporaries. Before its turn each is asked for
20 ms what is not timed. The ratio is that of the medians of a turn: the median turn, and the spread over turns.

${ratioTable(ratios)}

Exactness: ${exactness(ratios)}

## Peers

![Latency against build time on Covertype](knn-peers.svg)

${["covertype raw", "covertype standard", "wine raw", "wine standard", "covertype-20k raw"].map((key) => peerTable(peers, ...key.split(" "))).filter(Boolean).join("\n\n")}

HNSW graphs take minutes to build on all of Covertype, so here they get 20,000 of its rows (M = 16, efConstruction = 200 and ef = 16, or the
library's own defaults for usearch). Their recall is against the true neighbours among those rows. @tensorflow-models/knn-classifier ranks
by cosine: its accuracy is that of another question. Accuracies are over the queries timed, of which fast implementations get more; below
${MIN_FOR_ACCURACY} they are left out. Implementations that give a class only have "not told" for their neighbours.

## Cost against size

One core of this machine reads ${digits(bandwidth.median_gb_per_sec)} GB/s (${digits(bandwidth.min_gb_per_sec)}–${digits(bandwidth.max_gb_per_sec)} over ${bandwidth.turns} turns). No scan of Covertype that reads every
row can take less than ${time(floorMicros(bandwidth, 4 * COVERTYPE.n_features))} in f32, or ${time(floorMicros(bandwidth, LOSSLESS_ROW_BYTES))} at ${LOSSLESS_ROW_BYTES} lossless bytes a row: the dotted lines.

![Cost against training rows](knn-rows.svg)

${curveTable(curves, "rows", "training rows of Covertype")}

![Cost against features](knn-features.svg)

Uniform random features, 20,000 rows: the worst case for any exact tree, where ours scans as well, if it has to.

${curveTable(curves, "features", "features")}

![Cost against k](knn-k.svg)

${curveTable(curves, "k", "k, on Covertype")}
`;
}

const floorMicros = (bandwidth, row_bytes) => (COVERTYPE.n_rows * row_bytes) / (bandwidth.median_gb_per_sec * 1e3);

const ratioOf = (row) => median(row.turns.map(({ ratio }) => ratio));

/** The reference where the ratios' targets were set: µs, raw. */
const TARGET_SCAN_MICROS = { covertype: 44_000, wine: 85 };

/** Why a ratio is another one on another machine. */
function scale(ratios) {
  const here = (name) => ratios.find((row) => row.case === name && row.form === "raw" && row.environment === "Node" && !row.error);
  const [covertype, wine] = [here("covertype"), here("wine")];
  if (!covertype || !wine) return "";
  const scan = (row) => median(row.turns.map(({ scan_p50 }) => scan_p50));
  return `The targets for ratios were set on a machine where the reference takes ${time(TARGET_SCAN_MICROS.covertype)} a query on Covertype and ${time(TARGET_SCAN_MICROS.wine)} on Wine. Here it takes
${time(scan(covertype))} and ${time(scan(wine))}: a core that reads faster shortens the scan, which waits for memory, more than the tree.`;
}

function targets({ ratios, peers, curves }) {
  const rows = [];
  const add = (what, target, measured, is_met) => rows.push([what, target, measured, is_met === null ? "not measured" : is_met ? "met" : "**missed**"]);
  const find = (name, form, environment) => ratios.find((row) => row.case === name && row.form === form && row.environment === environment && !row.error);
  for (const [name, form, target] of [
    ["covertype", "raw", 10_000],
    ["covertype", "standard", 3_500],
    ["wine", "raw", 35],
    ["wine", "standard", 12],
  ]) {
    for (const environment of ["Node", "Chromium"]) {
      const row = find(name, form, environment);
      const least = name === "covertype" && form === "raw" ? ", never under 5,000×" : "";
      add(`${CASES[name]} ${FORMS[form]}, ratio to the scan, ${environment}`, `${count(target)}×${least}`, row ? `${digits(ratioOf(row))}×` : "–", row ? ratioOf(row) >= target : null);
    }
  }
  for (const [form, target_p50, target_p99] of [
    ["raw", 5, 20],
    ["standard", 15, null],
  ]) {
    for (const environment of ["Node", "Chromium"]) {
      const row = find("covertype", form, environment);
      const times = row?.ours_micros;
      add(`Covertype ${FORMS[form]}, p50, ${environment}`, `${target_p50} µs`, time(times?.p50), row ? times.p50 <= target_p50 : null);
      if (target_p99) add(`Covertype ${FORMS[form]}, p99, ${environment}`, `${target_p99} µs`, `${time(times?.p99)}${batch(times)}`, times?.p99 ? times.p99 <= target_p99 : null);
    }
  }
  const raw = find("covertype", "raw", "Chromium");
  const loaded = peers.find((row) => row.case === "covertype" && row.form === "raw" && row.driver === "ours-loaded" && !row.error);
  const fitted = peers.find((row) => row.case === "covertype" && row.form === "raw" && row.driver === "ours" && row.environment === "Chromium" && !row.error);
  add("Covertype raw, index", "16 MB", megabytes(raw?.index_bytes), raw ? raw.index_bytes <= 16e6 : null);
  add("Covertype raw, WebAssembly memory, from a model file", "64 MB", megabytes(loaded?.memory.wasm_bytes), loaded ? loaded.memory.wasm_bytes <= 64e6 : null);
  add("Covertype raw, WebAssembly memory, fitted in place", "64 MB", megabytes(fitted?.memory.wasm_bytes), fitted ? fitted.memory.wasm_bytes <= 64e6 : null);
  add("Covertype raw, build in Chromium", "2 s", millisTime(raw?.build_millis), raw ? raw.build_millis < 2000 : null);
  const scipy = peers.find((row) => row.case === "covertype" && row.form === "raw" && row.driver === "scipy-ckdtree" && !row.error);
  const node = peers.find((row) => row.case === "covertype" && row.form === "raw" && row.driver === "ours" && row.environment === "Node" && !row.error);
  const times = scipy && node ? scipy.latency_micros.p50 / node.latency_micros.p50 : null;
  add("Covertype raw, ours (wasm, Node) against scipy's cKDTree (native)", "20×", times ? `${digits(times)}×` : "–", times ? times >= 20 : null);
  for (const name of ["covertype", "wine"]) {
    for (const form of ["raw", "standard"]) {
      const [wasm, native] = [find(name, form, "Chromium"), find(name, form, "native")];
      const share = wasm && native ? wasm.ours_micros.p50 / native.ours_micros.p50 : null;
      add(`${CASES[name]} ${FORMS[form]}, ours in Chromium / native`, "≤ 10×", share ? `${digits(share)}×` : "–", share ? share <= 10 : null);
    }
  }
  const worst = worstOnUniform(curves);
  add("Uniform random features, 2 to 64 of them: ours / the scan at worst, Node", "≤ 1.1×", worst ? `${digits(worst.share)}×, at ${worst.x} features` : "–", worst ? worst.share <= 1.1 : null);
  return table(["what", "target", "measured", ""], rows);
}

/** Where ours does worst beside the plain scan on data that no tree can sort. */
function worstOnUniform(curves) {
  const points = (driver) => curves.find((curve) => curve.kind === "features" && curve.driver === driver && !curve.error)?.points ?? [];
  const scan = new Map(points("scan").map(({ x, p50 }) => [x, p50]));
  const shares = points("ours").filter(({ x }) => scan.has(x)).map(({ x, p50 }) => ({ x, share: p50 / scan.get(x) }));
  return shares.sort((a, b) => b.share - a.share)[0];
}

const batch = (times) => (times?.batch > 1 ? ` ×${times.batch}` : "");

function ratioTable(ratios) {
  const rows = ratios.map((row) => {
    const name = `${CASES[row.case]}, ${FORMS[row.form]}`;
    if (row.error) return [name, row.environment, row.error, "", "", "", "", "", "", ""];
    const all = row.turns.map(({ ratio }) => ratio);
    return [
      name,
      row.environment,
      time(median(row.turns.map(({ scan_p50 }) => scan_p50))),
      `${time(row.ours_micros.p50)}${batch(row.ours_micros)}`,
      time(row.ours_micros.p99),
      `**${digits(ratioOf(row))}×** (${digits(Math.min(...all))}–${digits(Math.max(...all))})`,
      `${digits(median(row.turns.map(({ ratio_of_means }) => ratio_of_means)))}×`,
      `${time(row.evicted_micros.mean)} (p50 ${time(row.evicted_micros.p50)})`,
      time(row.warm_micros),
      millisTime(row.build_millis),
    ];
  });
  return table(["data", "in", "scan p50", "ours p50, fresh", "p99", "ratio (spread)", "ratio of means", "ours evicted, mean", "ours warm", "build"], rows);
}

function exactness(ratios) {
  const parts = ratios
    .filter(({ error, compared }) => !error && compared.n > 0)
    .map(({ case: name, form, environment, compared }) => `${CASES[name]} ${FORMS[form]} in ${environment} ${count(compared.n)} queries, ${count(compared.n_mismatches)} mismatches`);
  return `neighbours, row by row and in order, beside those of brute force in f64 over all rows: ${parts.join("; ")}.`;
}

function peerTable(peers, name, form) {
  const shown = peers.filter((row) => row.case === name && row.form === form);
  if (shown.length === 0) return null;
  const sorted = [...shown].sort((a, b) => (a.latency_micros?.p50 ?? Infinity) - (b.latency_micros?.p50 ?? Infinity));
  const rows = sorted.map((row) => {
    const start = [NAMES[row.driver], row.environment, KINDS[row.driver] ?? "exact"];
    if (row.error) return [...start, row.error, "", "", "", "", "", ""];
    const { latency_micros: latency, memory } = row;
    return [
      ...start,
      `${time(latency.p50)}${batch(latency)}`,
      time(latency.p99),
      count(latency.n_queries),
      millisTime(row.build_millis),
      megabytes(memory.renderer_rss_bytes ?? memory.rss_bytes),
      row.accuracy.n < MIN_FOR_ACCURACY ? "–" : accuracy(row.accuracy),
      neighbours(row),
    ];
  });
  const header = ["implementation", "in", "kind", "p50", "p99", "queries", "build or load", "process memory", "accuracy", "neighbours beside the true ones"];
  return `### ${CASES[name]}, ${FORMS[form]}\n\n${table(header, rows)}`;
}

function curveTable(curves, kind, name) {
  const shown = curves.filter((curve) => curve.kind === kind);
  const xs = [...new Set(shown.flatMap(({ points }) => (points ?? []).map(({ x }) => x)))].sort((a, b) => a - b);
  const rows = shown.map((curve) => [
    `${NAMES[curve.driver]}, ${curve.environment}`,
    ...(curve.error ? [curve.error] : xs.map((x) => time(curve.points.find((point) => point.x === x)?.p50))),
  ]);
  return table([`p50 by ${name}`, ...xs.map(count)], rows);
}
