// @ts-check
// Makes elements. Nothing a node or a file says is ever read as markup: texts go in as texts.

/** @typedef {string | Node | null | undefined | false} Child */

/**
 * An element with its attributes, its listeners (`onclick: ...`) and what is in it.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  put(element, ...children);
  return element;
}

/**
 * Appends what there is.
 * @param {Element} parent
 * @param {...(Child | Child[])} children
 */
export function put(parent, ...children) {
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) parent.append(child);
  }
}

/**
 * Puts something in the place of all that was there.
 * @param {Element} parent
 * @param {...(Child | Child[])} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren();
  put(parent, ...children);
}

/**
 * Facts as a definition list; those without a value are left out.
 * @param {Array<[string, Child]>} facts
 */
export function facts(facts) {
  const present = facts.filter(([, value]) => value !== undefined && value !== null && value !== "");
  return el(
    "dl",
    { class: "data" },
    present.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
  );
}

/**
 * Digits that may be broken anywhere.
 * @param {string} text
 */
export function mono(text) {
  return el("span", { class: "mono" }, text);
}

/**
 * Hands bytes to the visitor as a file.
 * @param {Uint8Array} bytes
 * @param {string} name
 */
export function save(bytes, name) {
  const address = URL.createObjectURL(
    new Blob([/** @type {BlobPart} */ (bytes)], { type: "application/octet-stream" }),
  );
  const link = el("a", { href: address, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

const SPOKEN_EVERY_MS = 3_000;

/**
 * A region that screen readers speak, told something at most every few seconds; the last word is always told.
 * @param {Element} region
 * @param {number} [every_ms]
 */
export function speaker(region, every_ms = SPOKEN_EVERY_MS) {
  let spoken_ms = -Infinity;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let waiting;
  return (/** @type {string} */ text, /** @type {boolean} */ now = false) => {
    clearTimeout(waiting);
    const speak = () => {
      spoken_ms = Date.now();
      region.textContent = text;
    };
    const wait_ms = now ? 0 : spoken_ms + every_ms - Date.now();
    if (wait_ms <= 0) speak();
    else waiting = setTimeout(speak, wait_ms);
  };
}
