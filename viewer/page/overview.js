/**
 * Several sources side by side: `?source=a,b,c`, or all that the server has, `?source=*`. Loaded only then.
 *
 * Each source has a worker of its own, so that a fast or broken one takes nothing from the others, and one row here; choosing a row shows that
 * source whole, with all that its worker has counted meanwhile. A worker takes a few MB besides its model and a socket, so there are at most MOST_STREAMS.
 */
import { colour, hatch } from "./classes.js";
import { byId, html, setAttribute, setHidden, setText, svg } from "./dom.js";
import { UNKNOWN, count, duration, hasLoss, percent, plural, plusMinus, ratePerSec } from "./format.js";
import { rectPath } from "./scales.js";
import { drawDue } from "./schedule.js";
import { LOOKS, showsLabel } from "./states.js";
import { comesLate } from "./truth.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./stream.js").Stream} Stream */
/** @typedef {import("./schedule.js").Part<null>} Part */

/**
 * @typedef {object} Overview
 * @property {(now_millis: number, is_spent: () => boolean) => void} frame asks for what is due, and draws it while the overview is seen
 * @property {() => void} ask opens what has been named since, and asks every source; for a page that is hidden
 * @property {() => Snapshot[]} snapshots the newest of each source, in the order of the rows; before any source is known, one that says why
 */

const MOST_STREAMS = 12;
const EVERY_MILLIS = 250;
/** The picture's viewBox: a minute in bins of a quarter second, as the worker has them. */
const [WIDTH, HEIGHT] = [240, 24];
/** A bin with any reading is at least so high, to be seen. */
const LEAST_HEIGHT = 3;

/** What this page is open at, if a source is shown whole. */
const OPEN = "open";

/** Name of a class of this source; classes.js knows those of the source shown whole only. @param {Snapshot} snapshot @param {number} class_id @returns {string} */
function nameOf({ source }, class_id) {
  return source?.classes[class_id] ?? `class ${class_id}`;
}

/** Whether readings flow, be it too fast for this page; without a model the server alone says so. @param {Snapshot} snapshot @returns {boolean} */
function isLive({ state, source, sources }) {
  return state === "live" || state === "behind" || (state === "no-model" && sources.some((each) => each.name === source?.name && (each.state === "live" || each.state === "playing")));
}

/** A row: its parts, and how it is brought up to date. @param {string} name @param {Stream} stream @param {() => void} open */
function makeRow(name, stream, open) {
  const title = html("button", { type: "button", class: "link" }, name);
  title.addEventListener("click", open);
  const [sign, state] = [html("span", { class: "stream-sign", "aria-hidden": "true" }), html("span")];
  const mark = html("i", { class: "swatch", "aria-hidden": "true" });
  const [label, share] = [html("strong"), html("span", { class: "quiet" })];
  const message = html("p", { class: "stream-message quiet" });
  const picture = svg("svg", { class: "stream-minute", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
  const gaps = svg("path", { class: "gap" });
  /** By colour and hatch. @type {Map<string, {fill: SVGPathElement, hatching: SVGPathElement|null}>} */
  const looks = new Map();
  picture.append(gaps);
  const figures = ["right", "a second", "p50, p99", "missed"].map((term) => {
    const [value, more] = [html("b"), html("small")];
    return { value, more, place: html("div", {}, html("dt", {}, term), html("dd", {}, value, " ", more)) };
  });
  const [right, rate, latency, missed] = /** @type {[typeof figures[0], typeof figures[0], typeof figures[0], typeof figures[0]]} */ (figures);
  const row = html(
    "li", { class: "stream" },
    html("div", { class: "stream-name" }, html("h3", {}, title), html("p", { class: "stream-state" }, sign, state)),
    html("p", { class: "stream-now" }, mark, label, " ", share), picture,
    html("dl", { class: "stream-figures" }, ...figures.map(({ place }) => place)), message,
  );

  /** @param {number} class_id */
  function pathsOf(class_id) {
    const key = `${colour(class_id)} ${hatch(class_id)}`;
    let paths = looks.get(key);
    if (!paths) {
      paths = {
        fill: svg("path", { class: "fill", "data-colour": colour(class_id) }),
        hatching: hatch(class_id) === "0" ? null : svg("path", { class: "hatching", "data-hatch": hatch(class_id) }),
      };
      looks.set(key, paths);
      picture.insertBefore(paths.fill, gaps);
      if (paths.hatching) picture.insertBefore(paths.hatching, gaps);
    }
    return paths;
  }

  /** The last minute: bars as high as there were readings, in the colour of their commonest class. @param {Snapshot} snapshot */
  function drawMinute(snapshot) {
    const { bins } = snapshot.timeline;
    const most = Math.max(1, ...bins.map(([, n]) => n));
    /** @type {Map<object, string>} */
    const drawn = new Map();
    let gap_path = "";
    bins.forEach(([class_id, n, , n_missing], i) => {
      const x = WIDTH - bins.length + i;
      if (class_id >= 0) {
        const paths = pathsOf(class_id);
        const height = Math.max(LEAST_HEIGHT, (n / most) * HEIGHT);
        drawn.set(paths, (drawn.get(paths) ?? "") + rectPath(x, HEIGHT - height, 0.94, height));
      }
      if (n_missing > 0) gap_path += rectPath(x, 0, 1, HEIGHT);
    });
    for (const paths of looks.values()) {
      setAttribute(paths.fill, "d", drawn.get(paths) ?? "");
      if (paths.hatching) setAttribute(paths.hatching, "d", drawn.get(paths) ?? "");
    }
    setAttribute(gaps, "d", gap_path);
    const n_readings = bins.reduce((sum, [, n]) => sum + n, 0);
    setAttribute(picture, "aria-label", `The last minute: ${plural(n_readings, "reading")}`);
  }

  function draw() {
    const snapshot = stream.newest();
    const look = LOOKS[snapshot.state];
    setAttribute(row, "data-tone", look.tone);
    setText(sign, look.sign);
    setText(state, look.name);
    const class_id = showsLabel(snapshot) ? (snapshot.now?.class ?? snapshot.last[0]?.predicted ?? -1) : -1;
    setAttribute(mark, "data-colour", class_id < 0 ? null : colour(class_id));
    setAttribute(mark, "data-hatch", class_id < 0 ? null : hatch(class_id));
    setText(label, class_id < 0 ? UNKNOWN : nameOf(snapshot, class_id));
    setText(share, class_id >= 0 && snapshot.now ? `${percent(snapshot.now.share, 0)}\u00a0%` : "");
    drawMinute(snapshot);

    const { accuracy_windowed, accuracy_windowed_interval, n_windowed, baseline_majority_windowed, baseline_no_change_windowed } = snapshot;
    setText(right.value, accuracy_windowed === null ? UNKNOWN : `${percent(accuracy_windowed)}\u00a0% ${plusMinus(accuracy_windowed_interval)}`);
    setText(right.more, accuracy_windowed === null
      ? (comesLate(snapshot.truth) ? "true labels pending" : "no true labels")
      : `of the last ${count(n_windowed)}; majority ${percent(baseline_majority_windowed)}, same as before ${percent(baseline_no_change_windowed)}`);
    const is_bare = snapshot.state === "no-model";
    setText(rate.value, ratePerSec(is_bare ? snapshot.received_per_sec : snapshot.labelled_per_sec));
    setText(rate.more, is_bare ? `${count(snapshot.received)} received` : `${count(snapshot.labelled)} labelled`);
    const recent = snapshot.latency_recent_micros.end_to_end;
    const { p50, p99 } = recent.n > 0 ? recent : snapshot.latency_micros.end_to_end;
    setText(latency.value, p50 === null ? UNKNOWN : `${duration(p50)}, ${duration(p99)}`);
    setText(latency.more, p50 === null ? "no label yet" : "sent to labelled");
    const n_missing = snapshot.gaps["total"] ?? 0;
    setText(missed.value, count(n_missing));
    setAttribute(missed.value, "data-tone", hasLoss(snapshot.gaps) ? "bad" : null);
    setText(missed.more, snapshot.n_lagging > 0 ? `${count(snapshot.n_lagging)} behind` : "");
    setHidden(message, snapshot.state === "live");
    setText(message, snapshot.message);
  }
  return { row, draw, title };
}

/**
 * Opens the sources that the address asks for.
 * @param {string} wanted names with commas between them, or `*` @param {(name: string|null) => Stream} openStream
 * @param {(stream: Stream|null) => void} show shows a source whole, or none
 * @returns {Promise<Overview>} once its looks are there: rows without them are wider than a phone
 */
export async function openOverview(wanted, openStream, show) {
  const looks = html("link", { rel: "stylesheet", href: "overview.css" });
  const settled = new Promise((done) => ["load", "error"].forEach((type) => looks.addEventListener(type, done)));
  document.head.append(looks);
  await settled;
  const names = [...new Set(wanted.split(",").map((name) => name.trim()).filter(Boolean))];
  const all = wanted === "*";
  const list = html("ol", { class: "streams" });
  const note = html("p", { class: "quiet" });
  const heading = html("h2", { tabindex: "-1" }, "Sources side by side");
  const section = html("section", { class: "overview" }, heading, html("p", { class: "quiet" }, "Each is labelled here by its own model. Choose one to see it whole. Bars: readings of the last minute, by class; hatched: gaps."), list, note);
  byId("now-heading").closest("main")?.prepend(section);
  const back = html("button", { type: "button", id: "overview-back" }, "All sources");
  byId("theme").before(back);

  /** @type {Map<string, {stream: Stream, part: Part, title: HTMLElement}>} */
  const rows = new Map();
  /** Knows which sources there are before any is known: it follows the first, which then becomes its row. @type {Stream|null} */
  let scout = null;
  let first = 0;
  let asked_at = -Infinity;
  /** Name of the source shown whole. @type {string|null} */
  let opened = null;

  /** @param {string} name @param {Stream} stream */
  function add(name, stream) {
    const { row, draw, title } = makeRow(name, stream, () => {
      const address = new URL(location.href);
      address.searchParams.set(OPEN, name);
      history.pushState(null, "", address);
      follow();
    });
    rows.set(name, { stream, title, part: { every_millis: EVERY_MILLIS, draw, drawn_at: -Infinity } });
    list.append(row);
    follow();
  }

  /** Shows what the address says: one source whole, or all of them. */
  function follow() {
    const name = new URLSearchParams(location.search).get(OPEN);
    const row = name === null ? undefined : rows.get(name);
    const before = opened;
    opened = row ? name : null;
    setAttribute(document.body, "data-view", row ? null : "overview");
    setHidden(section, row !== undefined);
    setHidden(back, row === undefined);
    if (before === opened) return;
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
    show(row?.stream ?? null);
    // The focus goes where the reader's eyes go.
    if (row) byId("now-heading").focus();
    else rows.get(before ?? "")?.title.focus();
    for (const { part } of rows.values()) part.drawn_at = -Infinity;
  }

  /** Opens what has been named since. */
  function meet() {
    const snapshots = [...rows.values()].map(({ stream }) => stream.newest());
    if (scout) {
      const name = scout.newest().source?.name;
      if (name !== undefined) {
        add(name, scout);
        scout = null;
      }
      return;
    }
    const known = new Set(all ? snapshots.flatMap(({ sources }) => sources.map(({ name }) => name)) : names);
    for (const name of known) if (!rows.has(name) && rows.size < MOST_STREAMS) add(name, openStream(name));
    const left = [...known].filter((name) => !rows.has(name));
    setText(note, left.length === 0 ? "" : `${plural(left.length, "source")} more than this page opens at once: ${left.join(", ")}. Choose with ?source=NAME,NAME.`);
  }


  /** Header of the overview, in place of a source's. */
  function drawHead() {
    const n_live = [...rows.values()].filter(({ stream }) => isLive(stream.newest())).length;
    const text = rows.size === 0 ? (scout?.newest().message ?? "connecting") : `${n_live} of ${plural(rows.size, "source")} live`;
    setText(byId("chip-sign"), n_live > 0 ? "●" : "◌");
    setText(byId("chip-text"), text);
    setText(byId("live-summary"), text);
    document.title = `${text} · Runnel`;
  }

  /** All that does not wait for a frame, which a hidden page gets none of. */
  function ask() {
    meet();
    scout?.ask();
    for (const { stream } of rows.values()) stream.ask();
    if (opened === null) drawHead();
  }

  if (all) scout = openStream(null);
  addEventListener("popstate", follow);
  back.addEventListener("click", () => {
    const address = new URL(location.href);
    address.searchParams.delete(OPEN);
    history.pushState(null, "", address);
    follow();
  });
  follow();
  meet();
  return {
    frame(now_millis, is_spent) {
      if (now_millis - asked_at >= EVERY_MILLIS) {
        asked_at = now_millis;
        ask();
      }
      if (opened !== null) return;
      ({ first } = drawDue([...rows.values()].map(({ part }) => part), null, { first: Math.min(first, Math.max(0, rows.size - 1)), now_millis, slower: 1, is_spent }));
    },
    ask,
    snapshots: () => [...(scout ? [scout] : []), ...[...rows.values()].map(({ stream }) => stream)].map((stream) => stream.newest()),
  };
}
