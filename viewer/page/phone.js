/**
 * The phone's page: asks for the motion sensors, sends their readings to `/ingest/NAME`, with the label that is pressed.
 *
 * Sensors need a secure context (https, or this very machine), on iOS also a permission that only a tap may ask for. A hidden page gets
 * no motion, so the connection is closed then, and made again when the page is seen again.
 */
import { kept, takeTokenOfAddress } from "./kept.js";
import { isName, motionReader } from "./phone-motion.js";
import { uplink } from "./phone-uplink.js";

/** Figures are written so often. */
const DRAW_EVERY_MILLIS = 250;
/** No motion for so long after the start means that there are no sensors. */
const NO_MOTION_MILLIS = 3000;
/** A press longer than this labels while it lasts, a shorter one until the next. */
const HOLD_MILLIS = 500;
/** The rate is taken over so long. */
const RATE_MILLIS = 2000;
const MAX_LABELS = 24;
const TOKEN_KEY = "runnel.publish-token";

/** @template {HTMLElement} T @param {string} id @param {new () => T} type @returns {T} */
function byId(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`phone.html has no such element with id ${id}`);
  return element;
}

const setup = byId("setup", HTMLFormElement);
const name_input = byId("name", HTMLInputElement);
const token_row = byId("token-row", HTMLLabelElement);
const token_input = byId("token", HTMLInputElement);
const start_button = byId("start", HTMLButtonElement);
const state_line = byId("state", HTMLElement);
const complaint_line = byId("complaint", HTMLElement);
const buttons = byId("labels", HTMLElement);
const new_label = byId("new-label", HTMLInputElement);
const watch = byId("watch", HTMLAnchorElement);

let token = takeTokenOfAddress(TOKEN_KEY);
let wanted = false; // The person wants to send.
let read = motionReader();
/** The label that readings get now. @type {string|null} */
let label = null;
/** Labelled readings sent. @type {Map<string, number>} */
const n_labelled = new Map();
/** When the last readings were sent, for the rate. @type {number[]} */
let sent_at = [];
/** @type {Record<string, unknown>|null} */
let newest = null;
let no_motion_timer = 0;
let is_motionless = false;
/** @type {WakeLockSentinel|null} */
let wake_lock = null;

const link = uplink(() => {
  const url = new URL(`ingest/${encodeURIComponent(name_input.value)}?ack=1`, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}, () => token, show);

/** Why this page cannot read motion sensors; empty where it can. @returns {string} */
function obstacle() {
  if (!window.isSecureContext) return "Browsers give motion sensors only to pages over https. Start the server with --tls-self-signed (or --tls-cert and --tls-key), and open this page under its https address.";
  if (typeof DeviceMotionEvent === "undefined") return "This browser has no motion sensors. Open this page on a phone.";
  return "";
}

/** What the page is doing, in a word and a sentence. @returns {[state: string, sentence: string]} */
function standing() {
  const problem = obstacle();
  if (problem) return ["impossible", problem];
  if (!wanted) return link.state === "unauthorised" ? ["unauthorised", "The server wants a publish token, or another one."] : ["idle", "Not sending."];
  if (document.hidden) return ["hidden", "Paused: a hidden page gets no motion."];
  if (link.state === "lost") return ["lost", "The connection was lost; trying again."];
  if (link.state === "connecting") return ["connecting", "Connecting to the server."];
  if (is_motionless) return ["impossible", "Connected, but no motion comes: this device has no motion sensors, or they are blocked in the browser's settings."];
  if (newest === null) return ["connecting", "Connected; no motion events yet."];
  return ["open", label === null ? "Sending, without a label." : `Sending, labelled “${label}”.`];
}

/** @param {HTMLElement} element @param {string} text */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function show() {
  if (link.state === "unauthorised" && wanted) stop();
  const [state, sentence] = standing();
  document.body.dataset["state"] = state;
  write(state_line, sentence);
  write(complaint_line, link.complaint ?? "");
  write(start_button, wanted ? "Stop" : "Start sending");
  start_button.disabled = obstacle() !== "";
  name_input.disabled = wanted;
  if (link.state === "unauthorised") token_row.hidden = false;
  for (const button of buttons.querySelectorAll("button")) {
    const own = button.dataset["label"] ?? "";
    button.setAttribute("aria-pressed", String(own === label));
    write(/** @type {HTMLElement} */ (button.querySelector("small")), `${n_labelled.get(own) ?? 0} sent`);
  }
  byId("watch-row", HTMLElement).hidden = !wanted;
  const address = new URL(`/?source=${encodeURIComponent(name_input.value)}`, location.href).href;
  if (watch.href !== address) [watch.href, watch.textContent] = [address, address];
}

/** @param {DeviceMotionEvent} event */
function moved(event) {
  const reading = read(event, performance.timeOrigin, label);
  if (!reading) return;
  is_motionless = false;
  clearTimeout(no_motion_timer);
  newest = reading;
  if (!link.send(reading)) return;
  sent_at.push(performance.now());
  if (label !== null) n_labelled.set(label, (n_labelled.get(label) ?? 0) + 1);
}

/** Rows of the newest reading: `acceleration.x`, `0.12`. @param {object} reading @param {string} [prefix] @returns {[string, string][]} */
function rowsOf(reading, prefix = "") {
  return Object.entries(reading).flatMap(([key, value]) =>
    typeof value === "object" && value !== null ? rowsOf(value, `${prefix}${key}.`) : key === "time" ? [] : [[prefix + key, typeof value === "number" ? value.toFixed(2) : String(value)]]);
}

function drawFigures() {
  const now = performance.now();
  sent_at = sent_at.filter((at) => now - at < RATE_MILLIS);
  write(byId("rate", HTMLElement), (sent_at.length / (RATE_MILLIS / 1000)).toFixed(0));
  write(byId("n-sent", HTMLElement), String(link.n_sent));
  write(byId("n-taken", HTMLElement), String(link.n_taken));
  write(byId("n-dropped", HTMLElement), String(link.n_dropped));
  write(byId("awake", HTMLElement), !wanted ? "" : wake_lock ? "The screen stays on while this page sends." : "This browser cannot keep the screen on: touch it now and then.");
  const body = byId("values", HTMLElement);
  const rows = rowsOf(newest ?? {});
  while (body.children.length > rows.length) body.lastChild?.remove();
  rows.forEach(([name, value], i) => {
    let row = body.children[i];
    if (!row) {
      const head = document.createElement("th");
      head.scope = "row";
      const cell = document.createElement("td");
      cell.className = "number";
      row = document.createElement("tr");
      row.append(head, cell);
      body.append(row);
    }
    write(/** @type {HTMLElement} */ (row.children[0]), name);
    write(/** @type {HTMLElement} */ (row.children[1]), value);
  });
  show();
}

async function stayAwake() {
  try {
    wake_lock = (await navigator.wakeLock?.request("screen")) ?? null;
    wake_lock?.addEventListener("release", () => (wake_lock = null));
  } catch {
    wake_lock = null; // Low battery, or not allowed: said beside the figures.
  }
}

/** Begins, or begins again, to send. */
function begin() {
  read = motionReader();
  newest = null;
  is_motionless = false;
  addEventListener("devicemotion", moved);
  clearTimeout(no_motion_timer);
  no_motion_timer = setTimeout(() => {
    is_motionless = true;
    show();
  }, NO_MOTION_MILLIS);
  link.open();
  void stayAwake();
}

function rest() {
  removeEventListener("devicemotion", moved);
  clearTimeout(no_motion_timer);
  if (link.state !== "unauthorised") link.close();
  void wake_lock?.release();
}

function stop() {
  wanted = false;
  label = null;
  rest();
}

async function start() {
  if (!isName(name_input.value)) return;
  kept(() => localStorage, "runnel.phone-name", name_input.value);
  if (token_input.value) token = kept(() => sessionStorage, TOKEN_KEY, token_input.value);
  /** @type {{requestPermission?: () => Promise<string>}} iOS alone has it. */
  const asking = /** @type {any} */ (DeviceMotionEvent);
  if (asking.requestPermission) {
    const answer = await asking.requestPermission().catch((/** @type {Error} */ error) => error.message);
    if (answer !== "granted") {
      link.complaint = `The motion sensors were not allowed (${answer}). Reload this page to be asked again.`;
      return show();
    }
  }
  token_row.hidden = true;
  wanted = true;
  begin();
  show();
}

setup.addEventListener("submit", (event) => {
  event.preventDefault();
  if (wanted) {
    stop();
    show();
  } else {
    void start();
  }
});

document.addEventListener("visibilitychange", () => {
  if (wanted) (document.hidden ? rest : begin)();
  show();
});

/** @param {string} name */
function addLabel(name) {
  if (!name || buttons.children.length >= MAX_LABELS || [...buttons.children].some((button) => /** @type {HTMLElement} */ (button).dataset["label"] === name)) return;
  const button = document.createElement("button");
  button.type = "button";
  button.dataset["label"] = name;
  button.append(name, document.createElement("small"));
  let pressed_at = 0;
  let was_on = false;
  /** @param {boolean} on */
  const set = (on) => {
    label = on ? name : label === name ? null : label;
    show();
  };
  // By the events' own times: a page that is slow to hear of a tap's end shall not take it for a press that was held.
  button.addEventListener("pointerdown", (event) => {
    was_on = label === name;
    pressed_at = event.timeStamp;
    set(true);
  });
  /** @param {Event} event */
  const release = (event) => {
    if (pressed_at === 0) return;
    if (was_on || event.timeStamp - pressed_at > HOLD_MILLIS) set(false);
    pressed_at = 0;
  };
  for (const type of ["pointerup", "pointercancel", "pointerleave"]) button.addEventListener(type, release);
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  button.addEventListener("click", (event) => {
    if (event.detail === 0) set(label !== name); // By key, or by a screen reader: no pointer has said so.
  });
  buttons.append(button);
  show();
}

byId("add-label", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  addLabel(new_label.value.trim());
  new_label.value = "";
});

name_input.value = kept(() => localStorage, "runnel.phone-name") ?? `phone-${crypto.getRandomValues(new Uint32Array(1))[0]?.toString(36).slice(0, 4)}`;
["still", "walking"].forEach(addLabel);
setInterval(drawFigures, DRAW_EVERY_MILLIS);
show();
