/**
 * Features of the newest reading with their last 48 values, and the facts about model and stream.
 */
import { byId, html, setAttribute, setText, svg, table, twin } from "./dom.js";
import { bytes, count, duration, measurement, paceText, plural, twinsText } from "./format.js";
import { sparkPath } from "./scales.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./snapshot.js").Feature} Feature */

const [WIDTH, HEIGHT, N_PLACES] = [200, 20, 48];
/** A fact of more characters gets two columns. */
const LONG_TEXT = 60;

/** The name of a fact that is a command line. */
const COMMAND = "the same stream again";

const body = byId("features-body");
const more = byId("features-more");

/** @type {{feature_idx: number, path: SVGPathElement, value: HTMLElement}[]} */
let rows = [];
let laid = "";
/** @type {Snapshot|null} */
let drawn = null;

const redrawTwin = twin("features-twin", () => {
  const features = drawn?.source?.features ?? [];
  const range = (/** @type {Feature} */ { min, max }) => (min === null || min === undefined || max === null || max === undefined ? "" : `${measurement(min)} to ${measurement(max)}`);
  return table(
    "Every feature of the newest reading",
    ["feature", "value", "unit", "range"],
    features.map((feature, i) => [feature.name, measurement(drawn?.features_now[i]), feature.unit ?? "", range(feature)]),
  );
});

/** @param {Snapshot} snapshot */
function lay(snapshot) {
  const features = snapshot.source?.features ?? [];
  const shown = snapshot.features_recent_idx;
  const key = `${features.length} ${shown.map((i) => features[i]?.name).join("\n")}`;
  if (key === laid) return;
  laid = key;
  rows = shown.map((feature_idx) => ({ feature_idx, path: svg("path", { class: "line-model" }), value: html("span", { class: "value" }) }));
  body.replaceChildren(...rows.map(({ feature_idx, path, value }) => {
    const feature = features[feature_idx];
    const picture = svg("svg", { class: "spark", viewBox: `0 -1 ${WIDTH} ${HEIGHT + 2}`, preserveAspectRatio: "none", "aria-hidden": "true" }, path);
    return html("tr", {}, html("th", { scope: "row", title: feature?.name ?? "" }, feature?.name ?? ""), html("td", { class: "spark-cell" }, picture), html("td", { class: "number" }, value, " ", html("small", {}, feature?.unit ?? "")));
  }));
  setText(more, features.length > rows.length ? `All ${plural(features.length, "feature")} as a table` : "Features as a table");
}

/** @param {Snapshot} snapshot @param {number} now_millis */
export function drawFeatures(snapshot, now_millis) {
  drawn = snapshot;
  lay(snapshot);
  rows.forEach(({ feature_idx, path, value }, i) => {
    setAttribute(path, "d", sparkPath(snapshot.features_recent[i] ?? [], WIDTH, HEIGHT, N_PLACES));
    setText(value, measurement(snapshot.features_now[feature_idx]));
  });
  redrawTwin(now_millis);
}

/** @param {Snapshot} snapshot @returns {[string, string][]} */
function factsOf(snapshot) {
  const { model, source, server, session } = snapshot;
  /** @type {[string, string|null|undefined][]} */
  const facts = [
    ["model", model?.description],
    ["training rows", model?.n_rows == null ? null : count(model.n_rows)],
    ["neighbours", model?.k == null ? null : `k = ${model.k}, ${model.metric ?? "metric not said"}`],
    ["votes", model?.voting === "distance" ? "weighted by 1/distance" : model?.voting],
    ["preparation", model?.preparation],
    ["engine", model?.engine],
    ["model file", model?.n_bytes == null ? null : `${bytes(model.n_bytes)}${model.load_millis == null ? "" : `, ready after ${duration(model.load_millis * 1000)}`}`],
    ["stream", source ? `${source.name}, ${plural(source.features.length, "feature")}, ${plural(source.classes.length, "class", "classes")}` : null],
    ["one pass", source?.n_rows == null ? null : plural(source.n_rows, "reading")],
    ["seen in training", source && twinsText(source)],
    ["pace asked for", source && paceText({ ...source, speed: 1 })],
    ["server", server],
    ["session", session],
    ["last complaint", snapshot.errors?.last],
    [COMMAND, source?.command],
  ];
  return facts.filter(/** @returns {fact is [string, string]} */ (fact) => Boolean(fact[1]));
}

let facts_key = "";

/** @param {Snapshot} snapshot */
export function drawFacts(snapshot) {
  const facts = factsOf(snapshot);
  const key = JSON.stringify(facts);
  if (key === facts_key) return;
  facts_key = key;
  const none = html("div", {}, html("dt", {}, "model"), html("dd", {}, "not loaded yet"));
  byId("facts").replaceChildren(...(facts.length === 0 ? [none] : facts.map(([name, text]) => html("div", { class: text.length > LONG_TEXT ? "long" : "" }, html("dt", {}, name), html("dd", { class: name === COMMAND ? "command" : "" }, text)))));
}
