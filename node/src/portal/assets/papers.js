// @ts-check
// What comes with a document: its salt (in a link, a QR code, a file of salts or typed), the contract it was filed at, its
// batch's paths and its saved proof. Everything is read here, so that what is malformed has one sentence that says so.

import { digestIn, fromHex } from "./bytes.js";
import { isObject, placeOf } from "./api.js";
import { said } from "./texts.js";

/** @typedef {import("./texts.js").Said} Said */
/** @typedef {{document?: string, salt: string, digest?: string}} Slip */

/** Salts that one document is tried with: each costs one hash of the whole document, in one reading. */
const SLIPS_MAX = 32;
/** Bytes of a file of salts or of paths; a batch of a million has some hundreds of megabytes, of which one line counts. */
export const PAPER_BYTES_MAX = 16 * 1024 * 1024;
/** Bytes of a proof bundle. */
export const PROOF_BYTES_MAX = 4 * 1024 * 1024;
const HEADING_BYTES_MAX = 4096;
const PIECE_BYTES = 4 * 1024 * 1024;

/**
 * Salt and place in what follows `#` in a link, or in a whole link, or a bare salt, as it is typed, pasted or scanned.
 * @param {string} text
 * @returns {{salt?: string, at?: string} | undefined} nothing where there is no salt in it
 */
export function slipIn(text) {
  const trimmed = text.trim();
  if (fromHex(trimmed, 32)) return { salt: trimmed.toLowerCase() };
  const fragment = trimmed.includes("#") ? trimmed.slice(trimmed.indexOf("#") + 1) : trimmed;
  const parameters = new URLSearchParams(fragment);
  const [salt, at] = [parameters.get("salt") ?? "", parameters.get("at") ?? undefined];
  if (!fromHex(salt, 32)) {
    const digits = trimmed.includes("=") ? undefined : digestIn(trimmed);
    return digits ? { salt: digits } : undefined;
  }
  return at !== undefined && placeOf(at) ? { salt: salt.toLowerCase(), at } : { salt: salt.toLowerCase() };
}

/**
 * The slips in a file of salts, a line of JSON each.
 * @param {string} text
 * @returns {{slips: Slip[]} | {why: Said}}
 */
export function slipsIn(text) {
  const slips = [];
  for (const [at, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const slip = slipOfLine(line);
    if (!slip) return { why: said("paper.salts_malformed", { line: at + 1 }) };
    slips.push(slip);
  }
  return slips.length > 0 ? { slips } : { why: said("paper.salts_empty") };
}

/** @param {string} line @returns {Slip | undefined} */
function slipOfLine(line) {
  try {
    const entry = JSON.parse(line);
    const is_slip =
      isObject(entry) && typeof entry.document === "string" && fromHex(entry.salt, 32) && fromHex(entry.digest, 32);
    return is_slip
      ? { document: entry.document, salt: entry.salt.toLowerCase(), digest: entry.digest.toLowerCase() }
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The slips a document may belong to: those of its own name, else all.
 * @param {Slip[]} slips
 * @param {string} name
 * @returns {{slips: Slip[]} | {why: Said}}
 */
export function slipsFor(slips, name) {
  const base = (/** @type {string} */ path) => path.split(/[\\/]/).pop();
  const named = slips.filter((slip) => slip.document !== undefined && base(slip.document) === base(name));
  const all = named.length > 0 ? named : slips;
  return all.length <= SLIPS_MAX
    ? { slips: all }
    : { why: said("paper.salts_many", { count: all.length, limit: SLIPS_MAX }) };
}

/**
 * The digest of a document among those it has under each slip's salt: the one its slip names. A slip without a digest
 * leaves it to the record.
 * @param {Slip[]} slips
 * @param {string[]} digests
 * @returns {{digest: string, salt: string} | undefined} nothing where it is not the document of any slip
 */
export function matching(slips, digests) {
  const at = slips.findIndex((slip, place) => slip.digest === undefined || slip.digest === digests[place]);
  return at === -1 ? undefined : { digest: digests[at], salt: slips[at].salt };
}

/** What a dropped file is. @typedef {"proof" | "salts" | "paths" | "anchor" | "code" | "document"} Kind */

/**
 * What a file is, by its name's end and its first bytes. Anything can be a document.
 * @param {Blob & {name: string}} file
 * @returns {Promise<Kind>}
 */
export async function kindOf(file) {
  const name = file.name.toLowerCase();
  if (name.endsWith(".proof")) return "proof";
  if (name.endsWith(".anchor")) return "anchor";
  const head = new TextDecoder().decode(await file.slice(0, HEADING_BYTES_MAX).arrayBuffer());
  if (head.startsWith("\0asm")) return "code";
  if (/^\s*\{[^\n]*"format"\s*:\s*"chancery-paths\//.test(head)) return "paths";
  const first = head.split("\n", 1)[0];
  return slipOfLine(first) ? "salts" : "document";
}

/**
 * The heading of a paths file and the one line that is about `digest`, found without holding the file in memory.
 * @param {Blob} file
 * @param {string} digest
 * @returns {Promise<string | undefined>} nothing where no line has the digest
 */
export async function pathLines(file, digest) {
  const decoder = new TextDecoder();
  let [heading, rest] = ["", ""];
  for (let at = 0; at < file.size; at += PIECE_BYTES) {
    rest += decoder.decode(await file.slice(at, at + PIECE_BYTES).arrayBuffer(), { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    if (heading === "" && lines.length > 0) heading = lines.shift() ?? "";
    const found = lines.find((line) => isLineOf(line, digest));
    if (found) return `${heading}\n${found}\n`;
    // A line is a few kilobytes at most; what has none of that length is no such file.
    if (rest.length > PIECE_BYTES) return undefined;
  }
  return heading !== "" && isLineOf(rest, digest) ? `${heading}\n${rest}\n` : undefined;
}

/** @param {string} line @param {string} digest */
function isLineOf(line, digest) {
  if (!line.includes(digest)) return false;
  try {
    return JSON.parse(line).digest === digest;
  } catch {
    return false;
  }
}

/**
 * A digest's place in a batch, by the verifier, or why it has none.
 * @param {{batch_place: (paths: string, digest: Uint8Array) => string}} verifier
 * @param {Blob} file
 * @param {string} digest
 * @returns {Promise<{root: string, index: number, count: number} | {why: Said}>}
 */
export async function placeInBatch(verifier, file, digest) {
  const lines = await pathLines(file, digest);
  if (!lines) return { why: said("why.not_in_batch", { digest }) };
  const place = JSON.parse(verifier.batch_place(lines, /** @type {Uint8Array} */ (fromHex(digest, 32))));
  const is_place =
    isObject(place) &&
    fromHex(place.root, 32) &&
    Number.isSafeInteger(place.index) &&
    Number.isSafeInteger(place.count);
  if (!is_place) return { why: said("why.batch_path", { message: String(place.error ?? "") }) };
  return { root: place.root, index: place.index, count: place.count };
}
