// @ts-check
// Reads an entry of a contract's public field and proves it, by what this browser knows and not by what the node says:
// the proof must hold under the anchor known here, be about the very slot that was asked for, and agree with every word
// the node said beside it. What the bytes mean is read by the contract's own code, after the runtime's record of the
// contract was proven to name that code's hash.

import { sameBytes, fromHex, toHex } from "./bytes.js";
import { examine, look } from "./proofs.js";
import { contractRecord } from "./scale.js";
import { slotOf } from "./slots.js";
import { said } from "./texts.js";

/** @typedef {import("./proofs.js").Verifier} Verifier */
/** @typedef {import("./proofs.js").Proven} Proven */
/** @typedef {import("./proofs.js").Finding} Finding */
/** @typedef {import("./api.js").Place} Place */
/** @typedef {import("./api.js").NodeApi} NodeApi */
/** @typedef {import("./texts.js").Said} Said */

/**
 * What a check is done with. `anchor` is the one that this browser knows.
 * @typedef {{api: NodeApi, verifier: Verifier, anchor: Uint8Array, mainchain: string, signal?: AbortSignal}} Bench
 */

/** @typedef {"subject" | "state" | "signatures" | "departments"} Stage */

/**
 * What was found. Without a `fault` it is proven: `present` with its meaning, or proven to be absent.
 * `claimed` is what the node says that the entry is.
 * @typedef {{claimed: "present" | "absent", is_wanted: boolean, fault?: {stage: Stage, why: Said}, proven?: Proven,
 *   meaning?: {field: string, key: unknown, value: any}, code_hash?: string, bundle: Uint8Array,
 *   subject: {department: string, contract: string}}} Reading
 */

/**
 * @param {Bench} bench
 * @param {Place} place
 * @param {string} field
 * @param {unknown} key
 * @param {Uint8Array} [slot] the slot the proof must be about; where it is left out, the meaning of the proven key decides
 * @returns {Promise<Reading>}
 */
export async function readField(bench, place, field, key, slot) {
  const answer = await bench.api.field(place, field, key, bench.signal);
  const bundle = answer.proof;
  const subject = { department: answer.department, contract: answer.name };
  /** @type {Reading} */
  const reading = { claimed: answer.present ? "present" : "absent", is_wanted: false, bundle, subject };
  const misnamed = misnaming(place, answer);
  if (misnamed) return { ...reading, fault: { stage: "subject", why: misnamed } };

  const wanted = { chain: place.chain, mainchain: bench.mainchain, subject, slot: slot ?? answer.slot };
  const finding = examine(bench.verifier, bundle, bench.anchor, wanted);
  const is_wanted = finding.is_wanted;
  const fault = (await faultOf(bench, finding, bundle)) ?? contradiction(answer, finding);
  if (fault) return { ...reading, is_wanted, fault, proven: finding.proven };

  const code = await provenCode(bench, place, answer);
  if ("why" in code) return { ...reading, is_wanted, fault: { stage: "state", why: code.why }, proven: finding.proven };
  const { proven } = examine(bench.verifier, bundle, bench.anchor, wanted, code.bytes);
  const meaning = proven?.statement.meaning;
  const unread = misread(proven, meaning, field, key, answer, code.hash);
  if (unread) return { ...reading, is_wanted, fault: { stage: "state", why: unread }, proven };
  return { ...reading, is_wanted, proven, meaning: /** @type {any} */ (meaning), code_hash: code.hash };
}

/**
 * Whether the contract that the node speaks of is the one that was asked for.
 * @param {Place} place
 * @param {{contract: string, department: string, name: string}} answer
 * @returns {Said | undefined}
 */
function misnaming(place, answer) {
  const is_it = place.address
    ? answer.contract === place.address
    : answer.name === place.contract && (!place.department || answer.department === place.department);
  if (is_it) return undefined;
  return said("why.other_contract", { wanted: place.contract, found: `${answer.department}.${answer.name}` });
}

/**
 * What a finding's fault means to a reader. Where the departments' signatures fail, the node's own anchor is asked for:
 * a bundle that holds under that one was signed by others than the departments known here.
 * @param {Bench} bench
 * @param {Finding} finding
 * @param {Uint8Array} bundle
 * @returns {Promise<{stage: Stage, why: Said} | undefined>}
 */
export async function faultOf(bench, finding, bundle) {
  const { fault, code, message } = finding;
  if (!fault) return undefined;
  if (fault === "subject") return { stage: "subject", why: said(`why.${code}`, subjectFacts(finding.proven)) };
  if (fault === "state") return { stage: "state", why: said("why.state", { message }) };
  // A bundle of another mainchain fails before its signatures are looked at; it may be a true one all the same.
  if (await signedByOthers(bench, bundle)) return { stage: "departments", why: said("why.others", { message }) };
  if (fault === "proof") return { stage: "state", why: said("why.unreadable", { message: message || code }) };
  return { stage: fault, why: said(`why.${fault}`, { message }) };
}

/** @param {Proven | undefined} proven */
function subjectFacts(proven) {
  const subject = proven?.statement.subject;
  const found = subject === "system" || !subject ? "system" : `${subject.department}.${subject.contract}`;
  return { wanted: "", found: `${proven?.chain}/${found}` };
}

/** @param {Bench} bench @param {Uint8Array} bundle */
async function signedByOthers(bench, bundle) {
  // A node that is silent about its anchor only leaves its lie unexplained.
  const served = await bench.api.anchor(bench.mainchain).catch(() => undefined);
  if (!served || sameBytes(served, bench.anchor)) return false;
  return look(bench.verifier, bundle, served).proven !== undefined;
}

/**
 * Where what the node says differs from what its own proof says.
 * @param {import("./api.js").FieldAnswer} answer
 * @param {Finding} finding
 * @returns {{stage: Stage, why: Said} | undefined}
 */
function contradiction(answer, finding) {
  const statement = finding.proven?.statement;
  const is_present = statement?.kind === "present";
  const value = fromHex(statement?.value);
  const agrees = is_present
    ? answer.raw !== null && value !== undefined && sameBytes(answer.raw, value)
    : !answer.present;
  if (!agrees) return { stage: "state", why: said("why.contradiction") };
  if (answer.height !== finding.proven?.height) return { stage: "state", why: said("why.other_height") };
  return undefined;
}

/**
 * The contract's code, proven by the runtime's record of the contract; or why it is not.
 * @param {Bench} bench
 * @param {Place} place
 * @param {{contract: string, department: string, name: string}} answer
 * @returns {Promise<{bytes: Uint8Array, hash: string} | {why: Said}>}
 */
export async function provenCode(bench, place, answer) {
  const address = fromHex(answer.contract, 32);
  if (!address) return { why: said("why.record", { message: "" }) };
  const record = await bench.api.record(place, bench.signal);
  const wanted = {
    chain: place.chain,
    mainchain: bench.mainchain,
    subject: /** @type {const} */ ("system"),
    slot: slotOf("contract", address),
  };
  const finding = examine(bench.verifier, record.proof, bench.anchor, wanted);
  if (finding.fault) return { why: said("why.record", { message: finding.message || finding.code }) };
  const entry = contractRecord(fromHex(finding.proven?.statement.value) ?? new Uint8Array());
  if (!entry || entry.department !== answer.department || entry.contract !== answer.name) {
    return { why: said("why.record", { message: "" }) };
  }
  const bytes = await bench.api.code(place, bench.signal);
  // The browser's own hashing is there only for pages that came over TLS; the verifier's always is.
  const hasher = new bench.verifier.Hasher(new Uint8Array());
  hasher.update(bytes);
  const hash = toHex(hasher.finish());
  return hash === entry.code ? { bytes, hash } : { why: said("why.code", { found: hash, recorded: entry.code }) };
}

/**
 * Why the proven bytes are not known to mean what the node says they mean.
 * @param {Proven | undefined} proven
 * @param {{field: string, key: unknown, value: unknown} | undefined} meaning
 * @param {string} field
 * @param {unknown} key
 * @param {{present: boolean, value: unknown}} answer
 * @param {string} code_hash
 * @returns {Said | undefined}
 */
function misread(proven, meaning, field, key, answer, code_hash) {
  if (!meaning || proven?.code_hash !== code_hash) return said("why.meaning_unknown");
  // A text may have been asked for as it is typed, without the quotes that JSON has.
  const is_key = key === undefined || sameJson(meaning.key, key) || meaning.key === String(key);
  const is_it = meaning.field === field && is_key;
  if (!is_it) return said("why.other_entry", { wanted: "", found: `${meaning.field} ${JSON.stringify(meaning.key)}` });
  if (answer.present && !sameJson(meaning.value, answer.value)) return said("why.other_meaning");
  return undefined;
}

/**
 * Whether two values of JSON are the same, whatever the order of their members.
 * @param {unknown} left
 * @param {unknown} right
 * @returns {boolean}
 */
export function sameJson(left, right) {
  if (left === right) return true;
  if (typeof left !== "object" || typeof right !== "object" || !left || !right) return false;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const [a, b] = [/** @type {Record<string, unknown>} */ (left), /** @type {Record<string, unknown>} */ (right)];
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => name in b && sameJson(a[name], b[name]));
}
