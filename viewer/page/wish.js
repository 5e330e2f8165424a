/**
 * What was last asked of the server, until it confirms it. Pure; tested by `node --test viewer/page-tests`.
 */

/** A wish that the server has not confirmed after this long was not granted. */
const GRANTED_WITHIN_MILLIS = 2000;

/**
 * One setting of the replay. Whoever changes it twice quickly starts the second time from what was asked the first time,
 * not from what the server said last.
 * @template Value
 * @param {Value} at_first the setting until the server names one
 * @returns {{confirm: (value: Value, now_millis: number) => Value, ask: (value: Value, now_millis: number) => void, current: (now_millis: number) => Value}}
 *   `confirm` takes the server's setting and returns the one to show; `ask` notes what was asked for; `current` is what to
 *   start from
 */
export function wishFor(at_first) {
  let confirmed = at_first;
  /** @type {{value: Value, at_millis: number}|null} */
  let wish = null;
  const current = (/** @type {number} */ now_millis) => {
    if (wish && (wish.value === confirmed || now_millis - wish.at_millis > GRANTED_WITHIN_MILLIS)) wish = null;
    return wish ? wish.value : confirmed;
  };
  return {
    current,
    confirm(value, now_millis) {
      confirmed = value;
      return current(now_millis);
    },
    ask(value, now_millis) {
      wish = { value, at_millis: now_millis };
    },
  };
}
