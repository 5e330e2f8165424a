/**
 * The few things that the page does to the document: find, make, and write only what has changed.
 *
 * A write that changes nothing still costs style and layout; `setText`, `setAttribute` and `setStyle` remember the last value.
 */

/** @type {WeakMap<Node, string>} */
const texts = new WeakMap();
/** @type {WeakMap<Element, Map<string, string>>} */
const written = new WeakMap();

/** The element with this id; its absence is a mistake in index.html. @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no element with id ${id}`);
  return element;
}

/** Writes a text where it differs from the last one written. @param {Element} element @param {string} text */
export function setText(element, text) {
  if (texts.get(element) === text) return;
  texts.set(element, text);
  const only = element.firstChild;
  if (only instanceof Text && only === element.lastChild) only.data = text;
  else element.textContent = text;
}

/** @param {Element} element @param {string} key @param {string} value @returns {boolean} whether it differs from the last one */
function changed(element, key, value) {
  let values = written.get(element);
  if (!values) written.set(element, (values = new Map()));
  if (values.get(key) === value) return false;
  values.set(key, value);
  return true;
}

/** Sets an attribute, or takes it away for `null`. @param {Element} element @param {string} name @param {string|null} value */
export function setAttribute(element, name, value) {
  if (!changed(element, name, value ?? "\0")) return;
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

/** Sets a style property through the object model, which the content security policy allows. @param {HTMLElement} element @param {string} name @param {string} value */
export function setStyle(element, name, value) {
  if (changed(element, `style ${name}`, value)) element.style.setProperty(name, value);
}

/** @param {HTMLElement} element @param {boolean} hidden */
export function setHidden(element, hidden) {
  if (element.hidden !== hidden) element.hidden = hidden;
}

/**
 * Makes an element.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {Record<string, string>} [attributes] @param {...(Node|string)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function html(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * Makes an SVG element.
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag @param {Record<string, string>} [attributes] @param {...Node} children
 * @returns {SVGElementTagNameMap[T]}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * A table made anew: for twins of pictures, which are drawn only while they are open.
 * @param {string} caption @param {string[]} columns @param {string[][]} rows first cell of each row is its header
 * @returns {HTMLTableElement}
 */
export function table(caption, columns, rows) {
  const head = html("tr", {}, ...columns.map((name, i) => html("th", i ? { scope: "col", class: "number" } : { scope: "col" }, name)));
  const body = rows.map((cells) => html("tr", {}, ...cells.map((cell, i) => (i ? html("td", { class: "number" }, cell) : html("th", { scope: "row" }, cell)))));
  return html("table", {}, html("caption", {}, caption), html("thead", {}, head), html("tbody", {}, ...body));
}

/**
 * Draws the table twin of a picture when its reader opens it, and again at most every 2 s while it is open.
 * @param {string} id of the `<details>` @param {() => Node} make
 * @returns {(now_millis: number) => void} to be called when the data have changed
 */
export function twin(id, make) {
  const details = /** @type {HTMLDetailsElement} */ (byId(id));
  const body = /** @type {HTMLElement} */ (details.querySelector(".twin-body"));
  body.tabIndex = 0; // It scrolls, so the keyboard must reach it.
  let drawn_millis = -Infinity;
  const draw = () => body.replaceChildren(make());
  details.addEventListener("toggle", () => {
    if (details.open) draw();
    else body.replaceChildren();
  });
  return (now_millis) => {
    if (!details.open || now_millis - drawn_millis < 2000 || body.contains(document.activeElement)) return;
    drawn_millis = now_millis;
    draw();
  };
}
