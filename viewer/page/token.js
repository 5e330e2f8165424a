/**
 * The read token: from `#token=…` in the address, which no browser sends to a server, else from what this tab remembers.
 * Where the server asks for it and there is none, or another one, a form does.
 */
import { byId, setHidden } from "./dom.js";
import { kept, takeTokenOfAddress } from "./kept.js";

const KEY = "runnel-read-token";

const form = byId("token-form");
const input = /** @type {HTMLInputElement} */ (byId("token"));

/** The token, if there is one; takes it out of the address bar. @returns {{token?: string}} */
export function takeToken() {
  const token = takeTokenOfAddress(KEY);
  return token ? { token } : {};
}

/** Lets a person say it. */
export function listenToken() {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    kept(() => sessionStorage, KEY, input.value.trim());
    location.reload();
  });
  // Somebody pastes an address with a token where this page is open already.
  addEventListener("hashchange", () => {
    if (takeToken().token) location.reload();
  });
}

/** @param {import("./snapshot.js").Snapshot} snapshot */
export function drawToken({ state }) {
  setHidden(form, state !== "locked");
}
