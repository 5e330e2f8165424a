/**
 * The steps of the replay's speed. Pure; tested by `node --test viewer/page-tests`.
 */

/** Speeds that the keys go through; 1 is the one that the server was started with. */
const SPEEDS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100];

/** The next speed in a direction; the same one at the ends. @param {number} speed @param {1|-1} direction @returns {number} */
export function nextSpeed(speed, direction) {
  const further = direction > 0 ? SPEEDS.find((step) => step > speed * 1.001) : SPEEDS.findLast((step) => step < speed * 0.999);
  return further ?? speed;
}
