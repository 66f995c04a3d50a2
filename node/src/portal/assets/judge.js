// @ts-check
// What a document's check comes to: from the facts about the file and what was proven of the record, the four ticks and
// the verdict. It asks nothing and shows nothing, so every case of it can be tested.

import { DOCUMENT_TICKS, adviceFor, freshness, overall, proofOutcomes, settledTicks } from "./verdict.js";
import { said } from "./texts.js";

/** @typedef {import("./texts.js").Said} Said */
/** @typedef {import("./verdict.js").Outcome} Outcome */
/** @typedef {import("./verdict.js").Tick} Tick */
/** @typedef {import("./verdict.js").Verdict} Verdict */

/**
 * A file's place in a batch, by its paths file.
 * @typedef {{root: string, index: number, count: number}} BatchPlace
 */

/**
 * What is known of the file: its digest; `mismatch` where it is not what its own papers say; `batch` where it is one of
 * many; `other_place` where a link named another contract than this page is about; `saved` for a proof from a file.
 * @typedef {{digest?: string, mismatch?: Said, batch?: BatchPlace, other_place?: string, saved?: boolean}} FileFacts
 */

/** @typedef {Pick<import("./reading.js").Reading, "claimed" | "is_wanted" | "fault" | "proven" | "meaning">} ReadingFacts */

/**
 * @param {FileFacts} file
 * @param {ReadingFacts | undefined} reading nothing where the file alone decided
 * @param {number} now_ms
 * @returns {{ticks: Tick[], verdict: Verdict}}
 */
export function judgeDocument(file, reading, now_ms) {
  const outcomes = reading ? proofOutcomes(reading, now_ms, file.saved) : {};
  // A proven absence is no record, whoever's it would be.
  if (outcomes.state?.state === "ok" && reading?.claimed === "absent")
    outcomes.state = { ...outcomes.state, state: "warn" };
  const ticks = settledTicks(DOCUMENT_TICKS, { ...outcomes, file: fileOutcome(file, reading) });
  return { ticks, verdict: documentVerdict(file, reading, ticks, now_ms) };
}

/**
 * The first tick: that the record spoken of is this file's.
 * @param {FileFacts} file
 * @param {ReadingFacts | undefined} reading
 * @returns {Outcome | undefined}
 */
function fileOutcome(file, reading) {
  if (file.mismatch) return { state: "bad", why: file.mismatch, advice: copyAdvice(file) };
  if (!reading) return undefined;
  const { fault } = reading;
  if (fault?.stage === "subject") {
    const advice = file.saved ? [said("do.right_proof"), ...copyAdvice(file)] : adviceFor("subject");
    return { state: "bad", why: fault.why, advice };
  }
  if (!file.digest) return { state: "skipped", why: said("warn.no_document") };
  if (fault && (reading.claimed === "absent" || !reading.is_wanted))
    return { state: "skipped", why: said("tick.unclear") };
  // What does not hold can still be about this file; that it stands on record is not said then.
  if (fault) return { state: "ok", why: said("ok.file_claimed", { digest: file.digest }) };
  if (reading.claimed === "absent") {
    return { state: "bad", why: said("why.absent", { digest: file.digest }), advice: absentAdvice(file) };
  }
  if (!file.batch) return { state: "ok", why: said("ok.file", { digest: file.digest }) };
  const counted = reading.meaning?.value?.count;
  if (counted !== undefined && counted !== file.batch.count) {
    const facts = { recorded: String(counted), found: String(file.batch.count) };
    return { state: "bad", why: said("why.batch_count", facts), advice: [said("do.paths"), said("do.ask")] };
  }
  return {
    state: "ok",
    why: said("ok.batch", { place: file.batch.index + 1, count: file.batch.count, root: file.batch.root }),
  };
}

/** @param {FileFacts} file */
function copyAdvice(file) {
  return [said("do.copy"), said("do.salt"), ...(file.batch ? [said("do.paths")] : []), said("do.ask")];
}

/** @param {FileFacts} file */
function absentAdvice(file) {
  return [said("do.copy"), said("do.salt"), file.batch ? said("do.paths") : said("do.batch"), said("do.ask")];
}

/**
 * @param {FileFacts} file
 * @param {ReadingFacts | undefined} reading
 * @param {Tick[]} ticks
 * @param {number} now_ms
 * @returns {Verdict}
 */
function documentVerdict(file, reading, ticks, now_ms) {
  const state = overall(ticks);
  const bad = ticks.find((tick) => tick.state === "bad");
  if (bad?.id === "file" && isProvenAbsence(file, reading)) return absentVerdict(file, reading, now_ms);
  if (bad) return { state: "bad", kind: `bad_${bad.id}`, title: said(`verdict.bad.${bad.id}`), notes: [] };
  const doubts = doubtsOf(file, reading, now_ms);
  if (doubts.length > 0) {
    const [kind] = doubts[0];
    return { state: "warn", kind, title: said(`verdict.${kind}`), notes: doubts.map(([, note]) => note) };
  }
  if (state !== "ok")
    return {
      state: state === "pending" ? "pending" : "warn",
      kind: "unchecked",
      title: said("verdict.unchecked"),
      notes: [],
    };
  return { state: "ok", kind: "proven", title: said("verdict.ok"), notes: [asOf(reading)] };
}

/** @param {FileFacts} file @param {ReadingFacts | undefined} reading */
function isProvenAbsence(file, reading) {
  return (
    !file.mismatch && reading?.claimed === "absent" && !reading.fault && reading.proven?.statement.kind === "absent"
  );
}

/** @param {FileFacts} file @param {ReadingFacts | undefined} reading @param {number} now_ms @returns {Verdict} */
function absentVerdict(file, reading, now_ms) {
  const proven = /** @type {import("./proofs.js").Proven} */ (reading?.proven);
  const facts = {
    chain: proven.chain,
    height: proven.height,
    time_ms: proven.timestamp_ms,
    count: proven.signers.length,
  };
  const age = freshness(proven.timestamp_ms, now_ms);
  const notes = [said(proven.attestation ? "verdict.absent_note_attested" : "verdict.absent_note", facts)];
  if (age !== "fresh") notes.push(said(`warn.${age}`, facts));
  return {
    state: "bad",
    kind: "absent",
    title: said(file.batch ? "verdict.absent_batch" : "verdict.absent", facts),
    notes,
  };
}

/**
 * What keeps a proven record from a plain green, the gravest first: its kind and its sentence.
 * @param {FileFacts} file
 * @param {ReadingFacts | undefined} reading
 * @param {number} now_ms
 * @returns {Array<[string, Said]>}
 */
function doubtsOf(file, reading, now_ms) {
  const proven = reading?.proven;
  if (!proven) return [];
  /** @type {Array<[string, Said]>} */
  const doubts = [];
  const order = reading?.meaning?.value?.withheld;
  if (proven.statement.kind === "absent") doubts.push(["absence", said("warn.absence")]);
  if (typeof order === "string") doubts.push(["withheld", said("warn.withheld", { order })]);
  if (!file.digest) doubts.push(["no_document", said("warn.no_document")]);
  if (file.other_place) doubts.push(["other_place", said("warn.other_place", { place: file.other_place })]);
  if (proven.statement.kind === "present" && !reading?.meaning?.value) doubts.push(["unread", said("warn.unread")]);
  const age = freshness(proven.timestamp_ms, now_ms);
  const facts = { chain: proven.chain, height: proven.height, time_ms: proven.timestamp_ms };
  if (age !== "fresh") doubts.push([age, said(`warn.${age}`, facts)]);
  return doubts;
}

/** @param {ReadingFacts | undefined} reading */
function asOf(reading) {
  const proven = /** @type {import("./proofs.js").Proven} */ (reading?.proven);
  return said("verdict.as_of", { chain: proven.chain, height: proven.height, time_ms: proven.timestamp_ms });
}
