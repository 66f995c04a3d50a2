// @ts-check
// What a proof bundle shows, and whether that is what was asked. The verifier says that a bundle is true; that alone is
// not enough, since a liar can answer with a true proof of something else. So whoever asks says which chain, whose state
// and which slot the proof must be about, and gets one finding: the first thing that is wrong, or nothing.

import { holds, joined, sameBytes, fromHex } from "./bytes.js";
import { isCount, isObject } from "./api.js";

/**
 * The wasm verifier's functions, as far as they are used here.
 * @typedef {{verify: (bundle: Uint8Array, anchor: Uint8Array, code?: Uint8Array) => string,
 *   anchor_view: (anchor: Uint8Array) => string,
 *   Hasher: new (salt: Uint8Array) => {update: (bytes: Uint8Array) => void, finish: () => Uint8Array}}} Verifier
 */

/**
 * What the verifier says of a bundle that holds.
 * @typedef {{verified: true, chain: string, genesis: string, height: number, timestamp_ms: number,
 *   certified_height: number, epoch?: number, signers: string[], code_hash?: string,
 *   attestation?: {key: string, rotations: number, untrusted: boolean},
 *   mainchain?: {chain: string, height: number, timestamp_ms: number, anchored_height: number},
 *   statement: Statement}} Proven
 */

/**
 * @typedef {{kind: string, subject?: {department: string, contract: string} | "system", key?: string, value?: string,
 *   meaning?: {field: string, key: unknown, value: unknown}}} Statement
 */

/**
 * What a proof has to be about.
 * @typedef {{chain: string, mainchain: string, subject: {department?: string, contract: string} | "system",
 *   slot: Uint8Array}} Wanted
 */

/**
 * `fault` is the stage at which a bundle failed: those of the verifier, or `subject` for a true proof of something else.
 * `is_wanted` says whether the bundle at least claims to be about what was asked.
 * @typedef {{fault?: "proof" | "state" | "signatures" | "departments" | "subject", code: string, message: string,
 *   is_wanted: boolean, proven?: Proven}} Finding
 */

const STAGES = ["proof", "state", "signatures", "departments"];

/**
 * @param {Verifier} verifier
 * @param {Uint8Array} bundle
 * @param {Uint8Array} anchor
 * @param {Wanted} wanted
 * @param {Uint8Array} [code]
 * @returns {Finding}
 */
export function examine(verifier, bundle, anchor, wanted, code) {
  const answer = read(verifier.verify(bundle, anchor, code));
  if (answer.verified !== true) {
    const fault = STAGES.includes(answer.stage) ? answer.stage : "proof";
    const is_wanted = fault !== "proof" && claims(bundle, wanted);
    return { fault, code: String(answer.code ?? ""), message: String(answer.message ?? ""), is_wanted };
  }
  const proven = /** @type {Proven} */ (answer);
  const other = isProven(proven) ? otherThan(proven, wanted) : "unreadable";
  if (other)
    return { fault: other === "unreadable" ? "proof" : "subject", code: other, message: "", is_wanted: false, proven };
  return { code: "", message: "", is_wanted: true, proven };
}

/**
 * What a saved bundle is about, where it holds or fails no earlier than at its signatures under any of the anchors.
 * @param {Verifier} verifier
 * @param {Uint8Array} bundle
 * @param {Uint8Array} anchor
 * @param {Uint8Array} [code]
 * @returns {{proven?: Proven, fault?: string, message: string, code: string}}
 */
export function look(verifier, bundle, anchor, code) {
  const answer = read(verifier.verify(bundle, anchor, code));
  if (answer.verified === true && isProven(answer)) {
    return { proven: /** @type {Proven} */ (answer), message: "", code: "" };
  }
  const fault = STAGES.includes(answer.stage) ? answer.stage : "proof";
  return { fault, message: String(answer.message ?? ""), code: String(answer.code ?? "") };
}

/**
 * @param {string} text
 * @returns {Record<string, any>}
 */
function read(text) {
  try {
    const value = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

/** @param {any} proven @returns {boolean} */
function isProven(proven) {
  const { statement, signers, attestation } = proven;
  return (
    isObject(statement) &&
    typeof statement.kind === "string" &&
    Array.isArray(signers) &&
    (signers.length > 0 || isObject(attestation)) &&
    typeof proven.chain === "string" &&
    isCount(proven.height) &&
    isCount(proven.timestamp_ms) &&
    (statement.kind !== "present" || fromHex(statement.value) !== undefined)
  );
}

/**
 * In what a true proof differs from what was asked; nothing when in nothing.
 * @param {Proven} proven
 * @param {Wanted} wanted
 * @returns {string | undefined}
 */
function otherThan(proven, wanted) {
  const { statement } = proven;
  const through = proven.mainchain?.chain ?? proven.chain;
  if (proven.chain !== wanted.chain || through !== wanted.mainchain) return "other_chain";
  if (statement.kind !== "present" && statement.kind !== "absent") return "other_kind";
  if (!isSubject(statement.subject, wanted.subject)) return "other_contract";
  const key = fromHex(statement.key);
  return key && sameBytes(key, wanted.slot) ? undefined : "other_entry";
}

/** @param {Statement["subject"]} found @param {Wanted["subject"]} wanted */
function isSubject(found, wanted) {
  if (wanted === "system" || found === "system" || !found) return found === wanted;
  return (
    found.contract === wanted.contract && (wanted.department === undefined || found.department === wanted.department)
  );
}

/**
 * Whether the bytes of a bundle that does not hold claim something of the wanted slot. It tells what a failed proof was
 * meant to show and decides nothing.
 * @param {Uint8Array} bundle
 * @param {Wanted} wanted
 */
function claims(bundle, wanted) {
  const key = joined(compact(wanted.slot.length), wanted.slot);
  if (wanted.subject === "system") return holds(bundle, joined(Uint8Array.of(0, 1), key));
  const name = new TextEncoder().encode(wanted.subject.contract);
  return holds(bundle, joined(compact(name.length), name, key));
}

/** A length in SCALE. @param {number} length */
function compact(length) {
  return length < 64 ? Uint8Array.of(length << 2) : Uint8Array.of(((length << 2) | 1) & 0xff, length >> 6);
}

/**
 * What an anchor is, by the verifier.
 * @param {Verifier} verifier
 * @param {Uint8Array} anchor
 * @returns {{chain: string, fingerprint: string, committee: string[], quorum: number} | undefined}
 */
export function anchorView(verifier, anchor) {
  const view = read(verifier.anchor_view(anchor));
  const is_anchor =
    typeof view.chain === "string" && fromHex(view.fingerprint, 32) !== undefined && Array.isArray(view.committee);
  return is_anchor ? /** @type {any} */ (view) : undefined;
}
