// @ts-check
// The trust anchor that this browser knows. The first one it saw is kept; another one later is refused until the visitor
// says otherwise. Where the browser keeps nothing, the anchor is as new at every visit, and that is said.

import { fromHex, sameBytes, toHex } from "./bytes.js";
import { isObject } from "./api.js";

const ANCHOR = "chancery.anchor";
const COMPARED = "chancery.anchor.compared";

/**
 * How the anchor that a node hands out stands to the one known here: `first` = there was none, `known` = the same,
 * `changed` = another one, `unserved` = the node handed out none, and the known one serves.
 * @typedef {"first" | "known" | "changed" | "unserved"} Standing
 */

/** What is kept in the browser, or for this page alone where it keeps nothing. */
export class PinStore {
  /** @param {() => Storage} [storage] */
  constructor(storage) {
    /** @type {Map<string, string>} */
    this.memory = new Map();
    this.keeps = true;
    try {
      this.storage = (storage ?? (() => localStorage))();
      this.storage.setItem("chancery.probe", "1");
      this.storage.removeItem("chancery.probe");
    } catch {
      this.storage = undefined;
      this.keeps = false;
    }
  }

  /** @param {string} name */
  get(name) {
    try {
      return this.storage?.getItem(name) ?? this.memory.get(name);
    } catch {
      return this.memory.get(name);
    }
  }

  /** @param {string} name @param {string | undefined} value */
  set(name, value) {
    if (value === undefined) this.memory.delete(name);
    else this.memory.set(name, value);
    try {
      if (value === undefined) this.storage?.removeItem(name);
      else this.storage?.setItem(name, value);
    } catch {
      this.keeps = false;
    }
  }

  /** The anchor known here. @returns {Uint8Array | undefined} */
  anchor() {
    const bytes = fromHex(this.get(ANCHOR));
    return bytes && bytes.length > 0 ? bytes : undefined;
  }

  /** Knows this anchor from now on; what was compared before counts no more. @param {Uint8Array} anchor */
  know(anchor) {
    this.set(ANCHOR, toHex(anchor));
    this.set(COMPARED, undefined);
  }

  forget() {
    this.set(ANCHOR, undefined);
    this.set(COMPARED, undefined);
  }

  /** Remembers that people compared this fingerprint. @param {string} fingerprint @param {number} now_ms */
  noteCompared(fingerprint, now_ms) {
    this.set(COMPARED, JSON.stringify({ fingerprint, on: new Date(now_ms).toISOString().slice(0, 10) }));
  }

  /** The day on which this fingerprint was compared. @param {string} fingerprint @returns {string | undefined} */
  comparedOn(fingerprint) {
    try {
      const noted = JSON.parse(this.get(COMPARED) ?? "null");
      return isObject(noted) && noted.fingerprint === fingerprint && typeof noted.on === "string"
        ? noted.on
        : undefined;
    } catch {
      return undefined;
    }
  }
}

/**
 * How what a node hands out stands to what is known. Nothing is kept here: `first` becomes known only once it was seen to
 * be an anchor.
 * @param {Uint8Array | undefined} known
 * @param {Uint8Array | undefined} served
 * @returns {Standing | undefined} nothing where there is no anchor at all
 */
export function standing(known, served) {
  if (!known) return served ? "first" : undefined;
  if (!served) return "unserved";
  return sameBytes(known, served) ? "known" : "changed";
}

/**
 * Two fingerprints group by group.
 * @param {string} known
 * @param {string} given
 * @returns {Array<{known: string, given: string, same: boolean}>}
 */
export function compared(known, given) {
  const split = (/** @type {string} */ hex) => hex.match(/.{1,8}/g) ?? [];
  const [left, right] = [split(known), split(given)];
  return left.map((group, at) => ({ known: group, given: right[at] ?? "", same: group === right[at] }));
}
