/**
 * The speed of the replay as its reader steps through it. Pure; tested by `node --test viewer/page-tests`.
 */

/** Speeds that the keys go through; 1 is the one that the server was started with. */
const SPEEDS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100];

/** A wish that the server has not confirmed after this long was not granted. */
const GRANTED_WITHIN_MILLIS = 2000;

/** The next speed in a direction. @param {number} speed @param {1|-1} direction @returns {number} */
export function nextSpeed(speed, direction) {
  const further = direction > 0 ? SPEEDS.find((step) => step > speed * 1.001) : SPEEDS.findLast((step) => step < speed * 0.999);
  return further ?? speed;
}

/**
 * Remembers the speed last asked for until the server confirms it: steps that follow each other quickly start from there, not from
 * what was drawn last.
 * @returns {{confirm: (speed: number, now_millis: number) => number, step: (direction: 1|-1, now_millis: number) => number|null}}
 *   `confirm` takes the server's speed and returns the one to show; `step` returns the speed to ask for, `null` at the ends
 */
export function speedWish() {
  let confirmed = 1;
  /** @type {{speed: number, at_millis: number}|null} */
  let wish = null;
  const current = (/** @type {number} */ now_millis) => {
    if (wish && (wish.speed === confirmed || now_millis - wish.at_millis > GRANTED_WITHIN_MILLIS)) wish = null;
    return wish?.speed ?? confirmed;
  };
  return {
    confirm(speed, now_millis) {
      confirmed = speed;
      return current(now_millis);
    },
    step(direction, now_millis) {
      const from = current(now_millis);
      const speed = nextSpeed(from, direction);
      if (speed === from) return null;
      wish = { speed, at_millis: now_millis };
      return speed;
    },
  };
}
