// @ts-check
// Where an entry must stand in a state. A page that asks for one entry says itself which slot key the proof has to have,
// so that a proof of something else, however true, is not taken for an answer. The rules are those of the contracts'
// storage: the field's name behind its length in one byte, then the key's parts, integers big-endian, digests and fixed
// bytes as they are.

import { joined } from "./bytes.js";

const NAME_BYTES_MAX = 64;

/**
 * The slot key of a field's entry.
 * @param {string} field
 * @param {...Uint8Array} key
 */
export function slotOf(field, ...key) {
  const name = new TextEncoder().encode(field);
  if (name.length > NAME_BYTES_MAX) throw new RangeError("a field's name has at most 64 bytes");
  return joined(Uint8Array.of(name.length), name, ...key);
}

/**
 * A number in four bytes.
 * @param {number} number
 */
export function u32(number) {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}

/**
 * A number in eight bytes.
 * @param {number} number
 */
export function u64(number) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number));
  return bytes;
}
