/**
 * Exact values of a picture, for pointer and keyboard alike: pointing at it, or Left and Right while it has focus,
 * moves a cursor over its points and writes the point's values into the picture's `<output>`.
 */
import { setText } from "./dom.js";

/**
 * @typedef {object} Reader
 * @property {() => number} count points that can be read
 * @property {(point_idx: number) => string} describe the point's values in words
 * @property {(point_idx: number|null) => void} mark draws the cursor, or takes it away for `null`
 * @property {(share: number) => number} [at] point at a share of the picture's width; points are evenly spaced where absent
 */

/**
 * @param {HTMLElement} plot the focusable group that holds one `svg.plot` and one `output.readout`
 * @param {Reader} reader
 * @returns {() => void} to be called when the data have changed
 */
export function readable(plot, reader) {
  const area = /** @type {SVGElement} */ (plot.querySelector("svg.plot"));
  const output = /** @type {HTMLElement} */ (plot.querySelector("output.readout"));
  /** @type {number|null} */
  let point_idx = null;

  const show = () => {
    const count = reader.count();
    if (point_idx !== null && count > 0) {
      point_idx = Math.min(Math.max(point_idx, 0), count - 1);
      setText(output, reader.describe(point_idx));
      reader.mark(point_idx);
    } else {
      setText(output, "");
      reader.mark(null);
    }
  };
  const clear = () => {
    if (point_idx === null) return;
    point_idx = null;
    show();
  };

  plot.addEventListener("pointermove", (event) => {
    const box = area.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    if (share < 0 || share > 1) return clear();
    output.setAttribute("aria-live", "off");
    point_idx = reader.at ? reader.at(share) : Math.floor(share * reader.count());
    show();
  });
  plot.addEventListener("pointerleave", clear);
  plot.addEventListener("blur", clear);
  plot.addEventListener("keydown", (event) => {
    const last = reader.count() - 1;
    const from = point_idx ?? last + 1;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    event.stopPropagation();
    output.setAttribute("aria-live", "polite");
    point_idx = to;
    show();
  });
  return () => {
    if (point_idx === null) return;
    output.setAttribute("aria-live", "off"); // New data under a still cursor are seen, not spoken.
    show();
  };
}
