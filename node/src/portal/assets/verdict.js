// @ts-check
// Ticks and verdicts: the one place where a colour is decided, for the portal and for the offline checker alike.
//
// Invariants: a tick without an outcome is never green; behind the first failure nothing is; a verdict is green only when
// every tick is and nothing is left to say against it; and every state stands in words beside its colour.

import { el, fill } from "./dom.js";
import { said } from "./texts.js";

/** @typedef {import("./texts.js").Said} Said */
/** @typedef {import("./texts.js").Texts} Texts */
/** @typedef {"pending" | "ok" | "bad" | "warn" | "skipped"} State */

/** @typedef {{state: State, why?: Said, advice?: Said[]}} Outcome */
/** @typedef {Outcome & {id: string}} Tick */

/**
 * `kind` names the verdict for programs, `title` says it to people.
 * @typedef {{state: State, kind: string, title: Said, notes: Said[]}} Verdict
 */

/** The four ticks of a document, in the order in which they are checked. */
export const DOCUMENT_TICKS = ["file", "state", "signatures", "departments"];
/** Those of an entry that no file belongs to. */
export const ENTRY_TICKS = ["state", "signatures", "departments"];

const FRESH_MS = 10 * 60 * 1000;
const AHEAD_MS = 2 * 60 * 1000;

/**
 * Ticks that are being checked.
 * @param {string[]} ids
 * @returns {Tick[]}
 */
export function pendingTicks(ids) {
  return ids.map((id) => ({ id, state: "pending" }));
}

/**
 * Ticks with their outcomes. What has none was not checked, and neither was what stands behind a failure.
 * @param {string[]} ids
 * @param {Record<string, Outcome | undefined>} outcomes
 * @returns {Tick[]}
 */
export function settledTicks(ids, outcomes) {
  let failed = false;
  return ids.map((id) => {
    const outcome = outcomes[id];
    if (failed || !outcome) return { id, state: "skipped", why: said(failed ? "tick.behind" : "tick.unchecked") };
    failed = outcome.state === "bad";
    return { id, ...outcome };
  });
}

/**
 * The colour that all ticks together have.
 * @param {Tick[]} ticks
 * @returns {State}
 */
export function overall(ticks) {
  const has = (/** @type {State} */ state) => ticks.some((tick) => tick.state === state);
  if (has("bad")) return "bad";
  if (has("pending")) return "pending";
  return ticks.length > 0 && ticks.every((tick) => tick.state === "ok") ? "ok" : "warn";
}

/**
 * Whether a state of that time may be taken for the present one, by this device's clock.
 * @param {number} timestamp_ms
 * @param {number} now_ms
 * @returns {"fresh" | "old" | "ahead"}
 */
export function freshness(timestamp_ms, now_ms) {
  if (now_ms - timestamp_ms > FRESH_MS) return "old";
  return timestamp_ms - now_ms > AHEAD_MS ? "ahead" : "fresh";
}

/**
 * The outcomes of the three ticks that every proof has. A fault at an earlier or later stage than these is the caller's.
 * @param {{fault?: {stage: string, why: Said}, proven?: import("./proofs.js").Proven}} reading
 * @param {number} now_ms
 * @param {boolean} [saved] whether the proof came from a file
 * @returns {Record<string, Outcome | undefined>}
 */
export function proofOutcomes(reading, now_ms, saved = false) {
  const { fault, proven } = reading;
  const stages = ENTRY_TICKS;
  const failed = fault ? stages.indexOf(fault.stage) : stages.length;
  // A fault of another kind than these has place -1 and leaves none of them said.
  /** @type {Record<string, Outcome | undefined>} */
  const outcomes = {};
  for (const [place, id] of stages.entries()) {
    if (place < failed) outcomes[id] = { state: "ok", why: said(`ok.${id}.held`) };
    if (place === failed && fault)
      outcomes[id] = { state: "bad", why: fault.why, advice: adviceFor(fault.stage, saved) };
  }
  if (!fault && !proven) return {};
  if (!fault && proven) {
    outcomes.state = stateOutcome(proven, now_ms, saved);
    outcomes.signatures = signaturesOutcome(proven);
    outcomes.departments = { state: "ok", why: said("ok.departments") };
  }
  return outcomes;
}

/** On whose word the block is final. @param {import("./proofs.js").Proven} proven @returns {Outcome} */
function signaturesOutcome(proven) {
  if (!proven.attestation)
    return { state: "ok", why: said("ok.signatures", { count: proven.signers.length, epoch: proven.epoch ?? 0 }) };
  // A group that is too small to bear one that lies is said to be so, never passed over.
  if (proven.attestation.untrusted) return { state: "warn", why: said("ok.attested_untrusted") };
  return { state: "ok", why: said("ok.attested") };
}

/**
 * @param {import("./proofs.js").Proven} proven
 * @param {number} now_ms
 * @param {boolean} saved
 * @returns {Outcome}
 */
function stateOutcome(proven, now_ms, saved) {
  const facts = { chain: proven.chain, height: proven.height, time_ms: proven.timestamp_ms };
  const age = freshness(proven.timestamp_ms, now_ms);
  const is_present = proven.statement.kind === "present";
  if (age === "fresh") return { state: "ok", why: said(is_present ? "ok.state" : "ok.state_absent", facts) };
  return {
    state: "warn",
    why: said(`warn.${age}`, facts),
    advice: [said(saved && age === "old" ? "do.old_proof" : `do.${age}`)],
  };
}

/**
 * What to do when a proof fails at a stage.
 * @param {string} stage
 * @param {boolean} [saved] whether the proof came from a file
 * @returns {Said[]}
 */
export function adviceFor(stage, saved = false) {
  if (saved)
    return [...(stage === "departments" ? [said("do.compare_anchor")] : []), said("do.other_proof"), said("do.ask")];
  if (stage === "departments") return [said("do.compare_anchor"), said("do.other_node")];
  return [said("do.other_node"), said("do.offline"), said("do.ask")];
}

/**
 * A list of ticks as it is shown.
 * @param {Texts} texts
 * @param {Tick[]} ticks
 * @param {string} [names] the beginning of the names of the ticks' sentences
 */
export function ticksView(texts, ticks, names = "tick") {
  return el(
    "ol",
    { class: "ticks" },
    ticks.map((tick) =>
      el(
        "li",
        { class: "tick", "data-state": tick.state, "data-tick": tick.id },
        el("strong", { class: "tick-name" }, texts.t(`${names}.${tick.id}`)),
        " ",
        el("span", { class: "tick-state" }, texts.t(`state.${tick.state}`)),
        tick.why && el("p", { class: "tick-why" }, texts.t(tick.why)),
        tick.advice?.length ? adviceView(texts, tick.advice) : null,
      ),
    ),
  );
}

/** @param {Texts} texts @param {Said[]} advice */
function adviceView(texts, advice) {
  return el(
    "div",
    { class: "tick-advice" },
    el("p", {}, texts.t("do.title")),
    el(
      "ul",
      {},
      advice.map((one) => el("li", {}, texts.t(one))),
    ),
  );
}

/**
 * A verdict with its ticks. `show` moves the focus to the heading, so that who cannot see it hears it.
 * @param {Element} place
 * @param {Texts} texts
 * @param {Tick[]} ticks
 * @param {Verdict} verdict
 * @param {{names?: string, behind?: Array<Node | string | null>, focus?: boolean}} [options]
 */
export function showVerdict(place, texts, ticks, verdict, options = {}) {
  const heading = el("h2", { tabindex: "-1", class: "verdict-title" }, texts.t(verdict.title));
  const view = el(
    "div",
    { class: "verdict", "data-state": verdict.state, "data-kind": verdict.kind },
    heading,
    verdict.notes.map((note) => el("p", { class: "verdict-note" }, texts.t(note))),
    ticksView(texts, ticks, options.names),
    options.behind ?? [],
  );
  fill(place, view);
  if (options.focus !== false && verdict.state !== "pending") heading.focus();
}

/**
 * The verdict of a check that is under way.
 * @returns {Verdict}
 */
export function pendingVerdict() {
  return { state: "pending", kind: "pending", title: said("verdict.pending"), notes: [] };
}

/**
 * The verdict where no answer could be had. Nothing was found out, neither for nor against.
 * @param {Said} why
 * @returns {Verdict}
 */
export function uncheckedVerdict(why) {
  return {
    state: "warn",
    kind: "unchecked",
    title: said("verdict.unchecked"),
    notes: [why, said("verdict.unchecked_note")],
  };
}
