/** What a tab or a browser remembers for a page. */

/** Storage may be forbidden; what would be kept there then lasts as long as the page. @param {() => Storage} storage @param {string} key @param {string} [value] @returns {string|null} */
export function kept(storage, key, value) {
  try {
    if (value === undefined) return storage().getItem(key);
    storage().setItem(key, value);
  } catch {
    // As above.
  }
  return value ?? null;
}

/**
 * The token of the address's fragment, as it stands there, which no browser sends to a server; taken out of the address bar at once.
 * Else the one that this tab remembers.
 * @param {string} key @returns {string|null}
 */
export function takeTokenOfAddress(key) {
  const given = location.hash.match(/^#token=(.+)/)?.[1];
  if (given !== undefined) history.replaceState(null, "", location.pathname + location.search);
  return kept(() => sessionStorage, key, given);
}
