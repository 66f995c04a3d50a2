// @ts-check
// A proof from a file, with or without its document. It is checked as one from a node is; what its bytes mean is asked of
// this page's node where there is one, proven, and else read by the layout that the evidence contract publishes.

import { evidenceMeaning } from "./record.js";
import { examine, look } from "./proofs.js";
import { faultOf, provenCode } from "./reading.js";
import { fromHex } from "./bytes.js";
import { said } from "./texts.js";

/** @typedef {import("./reading.js").Bench} Bench */
/** @typedef {import("./reading.js").Reading} Reading */
/** @typedef {import("./proofs.js").Wanted} Wanted */
/** @typedef {import("./api.js").Place} Place */

/**
 * @param {Bench} bench
 * @param {Uint8Array} bundle
 * @param {Place} place where this page's documents are filed
 * @param {Uint8Array} [slot] the document's slot, where a document is at hand
 * @param {Uint8Array} [code] the contract's code from a file, where somebody has it
 * @returns {Promise<Reading & {other_place?: string}>}
 */
export async function readSaved(bench, bundle, place, slot, code) {
  const found = look(bench.verifier, bundle, bench.anchor, code);
  const statement = found.proven?.statement;
  const subject = subjectOf(statement) ?? { department: place.department ?? "", contract: place.contract };
  const chain = found.proven?.chain ?? place.chain;
  const own = fromHex(statement?.key) ?? new Uint8Array();
  /** @type {Wanted} */
  const wanted = {
    chain,
    mainchain: found.proven?.mainchain?.chain ?? chain,
    subject: wantedSubject(statement, subject, place),
    slot: slot ?? own,
  };
  if (!found.proven) wanted.mainchain = bench.mainchain;
  const finding = examine(bench.verifier, bundle, bench.anchor, wanted, code);
  const claimed = statement?.kind === "absent" ? "absent" : "present";
  /** @type {Reading & {other_place?: string}} */
  const reading = { claimed, is_wanted: finding.is_wanted, bundle, subject, proven: finding.proven };
  const fault = await faultOf(bench, finding, bundle);
  if (fault)
    return {
      ...reading,
      fault: fault.stage === "subject" && slot ? { ...fault, why: said("why.other_document") } : fault,
    };
  const is_here =
    chain === place.chain &&
    subject.contract === place.contract &&
    (!place.department || place.department === subject.department);
  if (!is_here) reading.other_place = `${chain}/${subject.department}.${subject.contract}`;
  const meaning = finding.proven?.statement.meaning ?? (await meaningFrom(bench, bundle, wanted, subject));
  const proven = /** @type {import("./proofs.js").Proven} */ (finding.proven);
  return { ...reading, meaning: meaning ?? evidenceMeaning(proven) };
}

/** @param {import("./proofs.js").Statement | undefined} statement */
function subjectOf(statement) {
  return statement?.subject && statement.subject !== "system" ? statement.subject : undefined;
}

/**
 * @param {import("./proofs.js").Statement | undefined} statement
 * @param {{department: string, contract: string}} subject
 * @param {Place} place
 * @returns {Wanted["subject"]}
 */
function wantedSubject(statement, subject, place) {
  if (statement?.subject === "system") return "system";
  return statement ? subject : { contract: place.contract, department: place.department };
}

/**
 * What the entry means by the contract's code as it is today, proven; nothing where the node has no answer to that.
 * @param {Bench} bench
 * @param {Uint8Array} bundle
 * @param {Wanted} wanted
 * @param {{department: string, contract: string}} subject
 */
async function meaningFrom(bench, bundle, wanted, subject) {
  if (wanted.subject === "system") return undefined;
  const place = { chain: wanted.chain, ...subject };
  try {
    const contract = await bench.api.contract(place, bench.signal);
    const code = await provenCode(bench, place, contract);
    return "why" in code
      ? undefined
      : examine(bench.verifier, bundle, bench.anchor, wanted, code.bytes).proven?.statement.meaning;
  } catch {
    bench.signal?.throwIfAborted();
    return undefined;
  }
}
