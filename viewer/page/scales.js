/**
 * Geometry of the pictures: axis ends, path data. Pure functions; tested by `node --test viewer/page-tests`.
 */

/**
 * Lower end of an accuracy axis whose upper end is 1: a tenth below everything that is drawn, never above 0.9.
 * @param {Iterable<number|null>} shares @returns {number}
 */
export function accuracyFloor(shares) {
  let lowest = 0.95;
  for (const share of shares) if (share !== null && share < lowest) lowest = share;
  return Math.max(0, Math.floor((lowest - 0.02) * 10) / 10);
}

/**
 * Upper end of the axis of mistakes: the smallest of 5, 10, 25, 50, 100 % that holds `share`.
 * @param {number} share @returns {number}
 */
export function mistakeCeiling(share) {
  return [0.05, 0.1, 0.25, 0.5].find((end) => share <= end) ?? 1;
}

/** Two decimals are finer than a pixel in every viewBox here. @param {number} x @returns {number} */
function round(x) {
  return Math.round(x * 100) / 100;
}

/**
 * Path through points; a missing `y` lifts the pen.
 * @param {ArrayLike<number>} xs @param {ArrayLike<number|null>} ys @returns {string}
 */
export function linePath(xs, ys) {
  let d = "";
  let down = false;
  for (let i = 0; i < xs.length; i++) {
    const y = ys[i];
    if (y === null || y === undefined || !Number.isFinite(y)) {
      down = false;
      continue;
    }
    d += `${down ? "L" : "M"}${round(/** @type {number} */ (xs[i]))} ${round(y)}`;
    down = true;
  }
  return d;
}

/**
 * Closed path between two lines over the same points.
 * @param {number[]} xs @param {number[]} lows @param {number[]} highs @returns {string}
 */
export function bandPath(xs, lows, highs) {
  if (xs.length < 2) return "";
  const back = xs.map((x, i) => `L${round(x)} ${round(/** @type {number} */ (lows[i]))}`).reverse().join("");
  return `${linePath(xs, highs)}${back}Z`;
}

/** Path of one rectangle. @param {number} x @param {number} y @param {number} width @param {number} height @returns {string} */
export function rectPath(x, y, width, height) {
  return `M${round(x)} ${round(y)}h${round(width)}v${round(height)}h${round(-width)}z`;
}

/**
 * Sparkline of `values` in a box of `width` by `height`, between their own smallest and largest value.
 * @param {number[]} values @param {number} width @param {number} height @param {number} n_places points that fill the width
 * @returns {string}
 */
export function sparkPath(values, width, height, n_places) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const span = high - low;
  const first = n_places - values.length;
  const xs = values.map((_, i) => ((first + i) / Math.max(1, n_places - 1)) * width);
  const ys = values.map((value) => (Number.isFinite(value) ? (span > 0 ? height - ((value - low) / span) * height : height / 2) : null));
  return linePath(xs, ys);
}

/** A log axis from `low` to `high` on `0..1`. @param {number} low @param {number} high @returns {(value: number) => number} */
export function logScale(low, high) {
  const start = Math.log(low);
  const span = Math.log(high) - start || 1;
  return (value) => Math.min(1, Math.max(0, (Math.log(Math.max(value, low)) - start) / span));
}

/** The largest of 1, 2, 5 times a power of ten that is at most `value`. @param {number} value @returns {number} */
export function roundDown(value) {
  const power = 10 ** Math.floor(Math.log10(value) + 1e-9);
  return (value >= power * 5 * (1 - 1e-9) ? 5 : value >= power * 2 * (1 - 1e-9) ? 2 : 1) * power;
}

/** The smallest of 1, 2, 5 times a power of ten that is at least `value`. @param {number} value @returns {number} */
export function roundUp(value) {
  const low = roundDown(value);
  if (low >= value * (1 - 1e-9)) return low;
  return roundDown(low * 2.5 * (1 + 1e-9));
}

/**
 * Ticks of a log axis: powers of ten, and 2 and 5 times these where the axis is shorter than two and a half decades.
 * @param {number} low @param {number} high @returns {number[]}
 */
export function logTicks(low, high) {
  const steps = high / low < 320 ? [1, 2, 5] : [1];
  const ticks = [];
  for (let power = 10 ** Math.floor(Math.log10(low) + 1e-9); power <= high; power *= 10) {
    for (const step of steps) {
      const tick = power * step;
      if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) ticks.push(Math.round(tick * 1e6) / 1e6);
    }
  }
  return ticks;
}

/**
 * Positions at least `gap` apart inside `0..=end`, as near to those wanted as their order allows.
 * @param {number[]} wanted @param {number} gap @param {number} end @returns {number[]}
 */
export function spread(wanted, gap, end) {
  const order = wanted.map((_, i) => i).sort((a, b) => /** @type {number} */ (wanted[a]) - /** @type {number} */ (wanted[b]));
  const placed = wanted.slice();
  let floor = 0;
  for (const i of order) {
    placed[i] = Math.max(/** @type {number} */ (placed[i]), floor);
    floor = /** @type {number} */ (placed[i]) + gap;
  }
  let ceiling = end;
  for (const i of order.reverse()) {
    placed[i] = Math.min(/** @type {number} */ (placed[i]), ceiling);
    ceiling = /** @type {number} */ (placed[i]) - gap;
  }
  return placed;
}
