/**
 * Which parts of the page a frame draws. Pure; tested by `node --test viewer/page-tests`.
 */

/**
 * A part of the page with its own pace.
 * @template Picture
 * @typedef {{every_millis: number, draw: (picture: Picture, now_millis: number) => void, drawn_at: number}} Part
 */

/**
 * Draws the parts that are due, beginning with the one where the frame before ran out of time, so that a slow part delays
 * itself and starves no other.
 * @template Picture
 * @param {Part<Picture>[]} parts @param {Picture} picture
 * @param {{first: number, now_millis: number, slower: number, is_spent: () => boolean}} frame
 *   `first`: where the frame before stopped; `slower`: factor of all paces; `is_spent`: whether this frame may begin no further part
 * @returns {{first: number, complete: boolean}} where the next frame begins, and whether every part was drawn
 */
export function drawDue(parts, picture, { first, now_millis, slower, is_spent }) {
  let complete = true;
  for (let n = 0; n < parts.length; n++) {
    const idx = (first + n) % parts.length;
    const part = /** @type {Part<Picture>} */ (parts[idx]);
    if (now_millis - part.drawn_at < part.every_millis * slower) {
      complete = false;
      continue;
    }
    if (is_spent()) return { first: idx, complete: false };
    part.drawn_at = now_millis;
    part.draw(picture, now_millis);
  }
  return { first: 0, complete };
}
