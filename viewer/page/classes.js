/**
 * How classes look: a colour and a hatch for each class id, the same everywhere and for the whole session.
 *
 * Colours are Okabe and Ito's eight (style.css, `[data-colour]`); class 8 takes the first colour again with a hatch, and so on.
 * Source: M. Okabe and K. Ito, "Color universal design", 2008.
 */
import { html } from "./dom.js";

const N_COLOURS = 8;
const N_HATCHES = 4;

/** @type {string[]} */
let names = [];

/** Takes over the source's class names. @param {string[]|undefined} classes @returns {boolean} whether they differ from those before */
export function setClasses(classes) {
  const next = classes ?? [];
  if (next === names || (next.length === names.length && next.every((name, i) => name === names[i]))) return false;
  names = next;
  return true;
}

/** Number of classes of the source. @returns {number} */
export function nClasses() {
  return names.length;
}

/** Name of a class; a class without one is called by its id. @param {number|null|undefined} class_id @returns {string} */
export function className(class_id) {
  if (class_id === null || class_id === undefined || class_id < 0) return "–";
  return names[class_id] ?? `class ${class_id}`;
}

/** @param {number} class_id @returns {string} value of `data-colour` */
export function colour(class_id) {
  return class_id < 0 ? "" : String(class_id % N_COLOURS);
}

/** @param {number} class_id @returns {string} value of `data-hatch`; "0" is plain */
export function hatch(class_id) {
  return class_id < 0 ? "0" : String(Math.floor(class_id / N_COLOURS) % N_HATCHES);
}

/** A small square in a class's colour and hatch. @param {number} class_id @returns {HTMLElement} */
export function swatch(class_id) {
  return html("i", { class: "swatch", "data-colour": colour(class_id), "data-hatch": hatch(class_id), "aria-hidden": "true" });
}
