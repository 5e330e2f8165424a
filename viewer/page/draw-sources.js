/**
 * The choice of a source, where the server has more than one.
 */
import { byId, setHidden } from "./dom.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */

const chooser = byId("chooser");
const select = /** @type {HTMLSelectElement} */ (byId("source-select"));

/** The choice of all sources, and how the address names them. */
const ALL = "*";

/** What the list was last made of. */
let listed = "";

/** `py1, silent, no model`: what a list of names would not tell. @param {import("./snapshot.js").AnnouncedSource} source @returns {string} */
function optionText({ name, state, has_model }) {
  const parts = [name];
  if (state === "silent") parts.push("silent");
  if (!has_model) parts.push("no model");
  return parts.join(", ");
}

/** @param {Snapshot} snapshot */
export function drawSources({ sources, source, wanted_source }) {
  const followed = source?.name ?? wanted_source ?? null;
  // A source that was asked for by name and is not there yet stands in the list too, or the list would show another.
  const missing = followed !== null && !sources.some(({ name }) => name === followed);
  setHidden(chooser, sources.length + (missing ? 1 : 0) < 2);
  const texts = sources.map((each) => [each.name, optionText(each)]);
  if (missing && followed !== null) texts.push([followed, `${followed}, not there`]);
  const key = JSON.stringify([texts, followed]);
  // An open list must not be rebuilt under the reader's hand for nothing.
  if (key === listed) return;
  listed = key;
  select.replaceChildren(...texts.map(([name, text]) => new Option(text, name, false, name === followed)), new Option("all, side by side", ALL));
}

/** @param {(source: string) => void} follow */
export function listenSources(follow) {
  select.addEventListener("change", () => {
    // So that reloading, or passing the address on, shows the same source.
    const address = new URL(location.href);
    address.searchParams.set("source", select.value);
    if (select.value === ALL) return location.assign(address);
    history.replaceState(null, "", address);
    follow(select.value);
  });
}
