/**
 * The bar of controls, the keys, the theme and the dialogs.
 */
import { byId, setAttribute, setHidden, setText } from "./dom.js";
import { count } from "./format.js";
import { nextSpeed } from "./speed.js";
import { wishFor } from "./wish.js";

/** @typedef {import("./snapshot.js").Snapshot} Snapshot */
/** @typedef {import("./snapshot.js").Control} Control */

const THEMES = ["auto", "light", "dark"];
const THEME_KEY = "runnel.theme";

const pause = /** @type {HTMLButtonElement} */ (byId("pause"));
const restart = /** @type {HTMLButtonElement} */ (byId("restart"));
const slower = /** @type {HTMLButtonElement} */ (byId("slower"));
const faster = /** @type {HTMLButtonElement} */ (byId("faster"));
const seek = /** @type {HTMLInputElement} */ (byId("seek"));
const help = /** @type {HTMLDialogElement} */ (byId("help-dialog"));

let seeking = false;
const speed_wish = wishFor(1);
const held_wish = wishFor(false);

/** Whether the server lets viewers steer its replay. @param {Snapshot} snapshot @returns {boolean} */
function steerable(snapshot) {
  return snapshot.source?.dataset != null && !["connecting", "disconnected", "error", "no-model", "mismatch", "locked"].includes(snapshot.state);
}

/** Whether the replay has a speed: one that goes as fast as its viewers take it has none. @param {Snapshot} snapshot @returns {boolean} */
function hasSpeed(snapshot) {
  return steerable(snapshot) && snapshot.source?.pace !== "max";
}

/** Whether the replay stands still until somebody lets it go on. @param {Snapshot} snapshot @returns {boolean} */
function isHeld(snapshot) {
  return snapshot.state === "paused" || snapshot.state === "ended";
}

/** @param {Snapshot} snapshot */
export function drawControls(snapshot) {
  const { source, state } = snapshot;
  const works = steerable(snapshot);
  for (const control of [pause, restart, seek]) if (control.disabled === works) control.disabled = !works;
  const has_speed = hasSpeed(snapshot);
  for (const control of [slower, faster]) if (control.disabled === has_speed) control.disabled = !has_speed;
  const held = held_wish.confirm(isHeld(snapshot), performance.now());
  setAttribute(pause, "data-held", held ? "true" : null);
  setText(byId("pause-text"), !held ? "Pause" : state === "ended" ? "Again" : "Play");
  drawSpeed(source?.pace === "max" ? "max" : speed_wish.confirm(source?.speed ?? 1, performance.now()));
  const n_rows = source?.n_rows ?? 0;
  setHidden(/** @type {HTMLElement} */ (seek.parentElement), n_rows === 0);
  if (n_rows === 0) return setText(byId("position"), "");
  setAttribute(seek, "max", String(n_rows));
  if (!seeking) {
    const position = source?.position ?? 0;
    const text = String(position);
    if (seek.value !== text) seek.value = text;
    drawPosition(position, n_rows, source?.pass ?? 1);
  }
}

/** @param {number|"max"} speed */
function drawSpeed(speed) {
  setText(byId("speed"), speed === "max" ? speed : `${speed}×`);
}

/** @param {number} position @param {number} n_rows @param {number} pass */
function drawPosition(position, n_rows, pass) {
  const text = `position ${count(position)} of ${count(n_rows)}`;
  setAttribute(seek, "aria-valuetext", text);
  setText(byId("position"), pass > 1 ? `${text}, pass ${count(pass)}` : text);
}

/** Themes: what the system says, light, dark; kept in this browser. @param {number} step */
function changeTheme(step) {
  const now = THEMES.indexOf(document.documentElement.dataset["theme"] ?? "auto");
  const theme = THEMES[(now + step + THEMES.length) % THEMES.length] ?? "auto";
  if (theme === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
  setText(byId("theme-name"), theme);
  if (step === 0) return;
  try {
    localStorage.setItem(THEME_KEY, theme);
  } catch {
    // Storage may be forbidden; the theme then lasts as long as the page.
  }
}

/** The theme chosen at an earlier visit. */
function restoreTheme() {
  try {
    const kept = localStorage.getItem(THEME_KEY);
    if (kept && kept !== "auto" && THEMES.includes(kept)) document.documentElement.dataset["theme"] = kept;
  } catch {
    // As above.
  }
  changeTheme(0);
}

/**
 * Wires everything up.
 * @param {(control: Control) => void} send passes a wish on to the server
 * @param {() => Snapshot} newest what keys and buttons act on: the newest snapshot, drawn or not
 */
export function listenControls(send, newest) {
  const toggle = () => {
    const now_millis = performance.now();
    held_wish.confirm(isHeld(newest()), now_millis);
    const held = !held_wish.current(now_millis);
    held_wish.ask(held, now_millis);
    send({ type: "control", op: held ? "pause" : "play" });
  };
  const rewind = () => send({ type: "control", op: "seek", position: 0 });
  const speed = (/** @type {1|-1} */ direction) => {
    if (!hasSpeed(newest())) return;
    const now_millis = performance.now();
    const from = speed_wish.current(now_millis);
    const factor = nextSpeed(from, direction);
    if (factor === from) return;
    speed_wish.ask(factor, now_millis);
    drawSpeed(factor);
    send({ type: "control", op: "speed", factor });
  };
  pause.addEventListener("click", toggle);
  restart.addEventListener("click", rewind);
  slower.addEventListener("click", () => speed(-1));
  faster.addEventListener("click", () => speed(1));
  seek.addEventListener("input", () => {
    seeking = true;
    drawPosition(Number(seek.value), Number(seek.max), newest().source?.pass ?? 1);
  });
  seek.addEventListener("change", () => {
    seeking = false;
    send({ type: "control", op: "seek", position: Math.min(Number(seek.value), Number(seek.max) - 1) });
  });
  byId("theme").addEventListener("click", () => changeTheme(1));
  byId("help").addEventListener("click", () => help.showModal());
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("click", (event) => {
      const outside = event.target === dialog; // The backdrop belongs to the dialog; its content fills the rest.
      if (outside || (event.target instanceof Element && event.target.closest("[data-close]"))) dialog.close();
    });
  }

  /** @type {Record<string, () => void>} */
  const keys = { " ": toggle, "[": () => speed(-1), "]": () => speed(1), l: rewind, Home: rewind };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    const target = event.target instanceof Element ? event.target : document.body;
    if (document.querySelector("dialog[open]")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key === "t") return changeTheme(1);
    if (key === "?") return help.showModal();
    // Keys that the focused control needs itself stay with it.
    if (key === " " && target.closest("button, summary, input, [role=region]")) return;
    if (key === "Home" && target.closest("input")) return;
    const act = keys[key];
    if (!act || !steerable(newest())) return;
    event.preventDefault();
    act();
  });
  restoreTheme();
}
