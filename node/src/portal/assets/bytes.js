// @ts-check
// Bytes and the hexadecimal that people, addresses and the node's answers write them in. What is not exactly such a text
// is `undefined`, never a part of it: a check must not go on with bytes that nobody wrote.

/**
 * The bytes of a hexadecimal text, of `count` bytes where that is given.
 * @param {unknown} text
 * @param {number} [count]
 * @returns {Uint8Array | undefined}
 */
export function fromHex(text, count) {
  if (typeof text !== "string" || text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return undefined;
  if (count !== undefined && text.length !== count * 2) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = parseInt(text.slice(at * 2, at * 2 + 2), 16);
  return bytes;
}

/**
 * Bytes in lower-case hexadecimal.
 * @param {Uint8Array} bytes
 */
export function toHex(bytes) {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/**
 * @param {Uint8Array} left
 * @param {Uint8Array} right
 */
export function sameBytes(left, right) {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}

/**
 * @param {...Uint8Array} parts
 */
export function joined(...parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/**
 * Whether `part` stands somewhere in `whole`.
 * @param {Uint8Array} whole
 * @param {Uint8Array} part
 */
export function holds(whole, part) {
  if (part.length === 0) return true;
  for (
    let at = whole.indexOf(part[0]);
    at !== -1 && at + part.length <= whole.length;
    at = whole.indexOf(part[0], at + 1)
  ) {
    if (sameBytes(whole.subarray(at, at + part.length), part)) return true;
  }
  return false;
}

/**
 * A digest in groups of eight digits, as people compare it.
 * @param {string} hex
 * @returns {string[]}
 */
export function groups(hex) {
  return hex.match(/.{1,8}/g) ?? [];
}

/**
 * The 64 digits in what someone typed, pasted or scanned: written in groups or not. `undefined` where there are not
 * exactly that many.
 * @param {string} text
 * @returns {string | undefined}
 */
export function digestIn(text) {
  const digits = text.match(/(?<![0-9a-f])(?:[0-9a-f]{8}[\s:.·-]*){8}(?![0-9a-f])/i);
  return digits ? digits[0].replace(/[^0-9a-f]/gi, "").toLowerCase() : undefined;
}

/**
 * Bytes as base64, for addresses of the kind `data:`.
 * @param {Uint8Array} bytes
 */
export function toBase64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}
