/**
 * From a phone's motion events to readings. Pure; tested by `node --test viewer/page-tests`.
 *
 * A reading has what the event has: acceleration with and without gravity in m/s², rotation rate in °/s, and two measures of how
 * much the phone moved over the last second, since a single moment cannot tell walking from standing.
 */

/** What "over the last second" is. */
const SPAN_MILLIS = 1000;
/** Most events remembered: four times as many as the fastest phones have in that time, so that a clock that stands still costs nothing. */
const MAX_REMEMBERED = 1000;

/** @typedef {{x: number|null, y: number|null, z: number|null}|null} Axes */
/** @typedef {{acceleration: Axes, accelerationIncludingGravity: Axes, rotationRate: {alpha: number|null, beta: number|null, gamma: number|null}|null, timeStamp: number}} MotionLike what is used of a DeviceMotionEvent */

/** The numbers of a group, `null` if it has none. @param {object|null} group @param {string[]} names @returns {Record<string, number>|null} */
function numbers(group, names) {
  /** @type {Record<string, number>} */
  const found = {};
  for (const name of names) {
    const value = /** @type {Record<string, unknown>} */ (group ?? {})[name];
    if (typeof value === "number" && Number.isFinite(value)) found[name] = value;
  }
  return Object.keys(found).length > 0 ? found : null;
}

/** Length of a vector. @param {Record<string, number>} axes */
function length(axes) {
  return Math.hypot(...Object.values(axes));
}

/** Makes readings of events, one after the other. */
export function motionReader() {
  /** @type {{at: number, acceleration: number, rotation: number}[]} */
  let moments = [];

  /**
   * @param {MotionLike} event @param {number} origin_millis Unix time of `timeStamp` 0 @param {string|null} label what the person says that this is
   * @returns {Record<string, unknown>|null} `null` if the event has no number in it, as on devices without sensors
   */
  return function read(event, origin_millis, label) {
    const acceleration = numbers(event.acceleration, ["x", "y", "z"]);
    const with_gravity = numbers(event.accelerationIncludingGravity, ["x", "y", "z"]);
    const rotation = numbers(event.rotationRate, ["alpha", "beta", "gamma"]);
    if (!acceleration && !with_gravity && !rotation) return null;

    const at = event.timeStamp;
    moments = moments.filter((moment) => moment.at <= at && at - moment.at < SPAN_MILLIS).slice(-MAX_REMEMBERED + 1);
    moments.push({ at, acceleration: length(with_gravity ?? acceleration ?? {}), rotation: length(rotation ?? {}) });
    const mean = moments.reduce((sum, moment) => sum + moment.acceleration, 0) / moments.length;
    const shake = Math.sqrt(moments.reduce((sum, moment) => sum + (moment.acceleration - mean) ** 2, 0) / moments.length);
    const turn = moments.reduce((sum, moment) => sum + moment.rotation, 0) / moments.length;
    return {
      time: Math.round(origin_millis + at),
      ...(acceleration && { acceleration }),
      ...(with_gravity && { with_gravity }),
      ...(rotation && { rotation }),
      last_second: { shake: rounded(shake), ...(rotation && { turn: rounded(turn) }) },
      ...(label !== null && { label }),
    };
  };
}

/** To a thousandth: more would only be noise and bytes. @param {number} value */
function rounded(value) {
  return Math.round(value * 1000) / 1000;
}

/** A source's name as the server takes it. @param {string} name @returns {boolean} */
export function isName(name) {
  return /^[A-Za-z0-9._-]{1,64}$/.test(name);
}
