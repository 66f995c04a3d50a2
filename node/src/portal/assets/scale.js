// @ts-check
// Reads the few SCALE values that this code has to understand by itself: the runtime's record of a contract, by which a
// contract's code is known to be its own, and the evidence repository's two entries, for the offline checker, which has
// no node to ask for the contract's code. Everything else is read by the contract's own schema. Only the one canonical
// encoding is accepted, whole and alone.

import { toHex } from "./bytes.js";

class Malformed extends Error {}

/** Reads values from the front of bytes. */
class Reader {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  /** @param {number} count */
  take(count) {
    if (this.at + count > this.bytes.length) throw new Malformed();
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  /** @param {number} count */
  integer(count) {
    let number = 0n;
    this.take(count).forEach((byte, place) => (number |= BigInt(byte) << BigInt(8 * place)));
    if (number > BigInt(Number.MAX_SAFE_INTEGER)) throw new Malformed();
    return Number(number);
  }

  /** A length in the compact encoding; texts here are never longer than two of its bytes say. */
  length() {
    const first = this.take(1)[0];
    if ((first & 3) === 0) return first >> 2;
    if ((first & 3) !== 1) throw new Malformed();
    const length = (first >> 2) | (this.take(1)[0] << 6);
    if (length < 64) throw new Malformed();
    return length;
  }

  text() {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.take(this.length()));
  }

  digest() {
    return toHex(this.take(32));
  }

  /**
   * @template T
   * @param {() => T} inner
   */
  optional(inner) {
    const mark = this.take(1)[0];
    if (mark > 1) throw new Malformed();
    return mark === 1 ? inner() : null;
  }

  /** @param {string[]} names */
  variant(names) {
    const name = names[this.take(1)[0]];
    if (name === undefined) throw new Malformed();
    return name;
  }

  end() {
    if (this.at !== this.bytes.length) throw new Malformed();
  }
}

/**
 * What `read` makes of all the bytes; `undefined` when they are not that.
 * @template T
 * @param {Uint8Array} bytes
 * @param {(reader: Reader) => T} read
 * @returns {T | undefined}
 */
function whole(bytes, read) {
  try {
    const reader = new Reader(bytes);
    const value = read(reader);
    reader.end();
    return value;
  } catch {
    return undefined;
  }
}

/**
 * The runtime's record of a contract.
 * @param {Uint8Array} bytes
 */
export function contractRecord(bytes) {
  return whole(bytes, (reader) => ({
    department: reader.text(),
    contract: reader.text(),
    code: reader.digest(),
    revision: reader.integer(4),
    height: reader.integer(8),
  }));
}

/**
 * An entry of the evidence repository's `records`, as the contract's schema would show it.
 * @param {Uint8Array} bytes
 */
export function evidenceRecord(bytes) {
  return whole(bytes, (reader) => ({
    case_number: reader.text(),
    custodian: reader.digest(),
    filed_by: reader.digest(),
    filed_height: reader.integer(8),
    filed_ms: reader.integer(8),
    steps: reader.integer(4),
    status: reader.variant(["Open", "Sealed"]),
    withheld: reader.optional(() => reader.text()),
  }));
}

/**
 * An entry of its `batches`.
 * @param {Uint8Array} bytes
 */
export function evidenceBatch(bytes) {
  return whole(bytes, (reader) => ({
    case_number: reader.text(),
    count: reader.integer(8),
    filed_by: reader.digest(),
    filed_height: reader.integer(8),
    filed_ms: reader.integer(8),
  }));
}
