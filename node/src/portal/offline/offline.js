// @ts-check
// The offline checker: a saved proof against a trust anchor, without a node and without a network. It shows the ticks of
// the portal by the portal's own code; what a node would be asked for is not there, and is said to be missing.

import init, * as verifier from "../assets/verifier.js";
import { OfflineForm } from "./offline_form.js";
import { DOCUMENT_TICKS, showVerdict } from "../assets/verdict.js";
import { Texts, said } from "../assets/texts.js";
import { hashHere } from "../assets/work.js";
import { Unanswered } from "../assets/api.js";
import { el, fill } from "../assets/dom.js";
import { comparisonView } from "../assets/anchor.js";
import { fromHex } from "../assets/bytes.js";
import { judgeDocument } from "../assets/judge.js";
import { matching, placeInBatch } from "../assets/papers.js";
import { meaningView, proofView, recordView } from "../assets/record.js";
import { readSaved } from "../assets/saved.js";
import { showUndone } from "../assets/undone.js";
import { slotOf } from "../assets/slots.js";

/** @typedef {import("./offline_form.js").Papers} Papers */

/** Where documents are filed in the reference network; a proof says itself where its record stands. */
const USUAL_PLACE = { chain: "evidence", contract: "evidence" };

/** There is no node: every question to it stays unanswered. */
const NO_NODE = /** @type {any} */ (
  new Proxy(
    {},
    {
      get: () => async () => {
        throw new Unanswered("offline");
      },
    },
  )
);

/** What stands in an element of this file. @param {string} id */
function inside(id) {
  return document.getElementById(id)?.textContent ?? "";
}

/** @param {string} base64 */
function bytesOf(base64) {
  const text = atob(base64.trim());
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** @param {string} lang */
function textsOf(lang) {
  return new Texts(lang, JSON.parse(inside(`messages-${lang}`)));
}

/**
 * Shows the checker in a language.
 * @param {string} lang
 */
function show(lang) {
  const texts = textsOf(lang);
  const other = lang === "zh" ? "en" : "zh";
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  document.title = `${texts.t("offline.title")} · Chancery`;
  const app = /** @type {HTMLElement} */ (document.getElementById("offline-app"));
  const result = el("div", { id: "check-result" });
  /** @type {OfflineForm} */
  const form = new OfflineForm(texts, verifier, (papers) => check(texts, form, papers, result));
  const change = el(
    "button",
    {
      type: "button",
      class: "button-secondary no-print",
      id: "offline-language",
      lang: other === "zh" ? "zh-CN" : "en",
      onclick: () => show(other),
    },
    other === "zh" ? "中文" : "English",
  );
  fill(
    app,
    el("p", {}, change),
    el("h1", {}, texts.t("offline.title")),
    el("p", { class: "lead" }, texts.t("offline.about")),
    form.view,
    result,
  );
}

/**
 * @param {Texts} texts
 * @param {OfflineForm} form
 * @param {Papers} papers
 * @param {Element} result
 * @returns {Promise<void>}
 */
async function check(texts, form, papers, result) {
  try {
    const { file, slot } = await fileFacts(form, papers);
    const bench = { api: NO_NODE, verifier, anchor: papers.anchor, mainchain: papers.view.chain };
    const reading = file.mismatch ? undefined : await readSaved(bench, papers.proof, USUAL_PLACE, slot, papers.code);
    const is_other = papers.fingerprint !== undefined && papers.fingerprint !== papers.view.fingerprint;
    // Signatures that hold under an anchor count for nothing when it is not the published one.
    if (reading && !reading.fault && is_other)
      reading.fault = { stage: "departments", why: said("offline.other_fingerprint") };
    showResult(texts, papers, file, reading, result);
  } catch (error) {
    showUndone(result, texts, error, DOCUMENT_TICKS);
  }
}

/**
 * @param {OfflineForm} form
 * @param {Papers} papers
 * @returns {Promise<{file: import("../assets/judge.js").FileFacts, slot?: Uint8Array}>}
 */
async function fileFacts(form, papers) {
  /** @type {import("../assets/judge.js").FileFacts} */
  const file = { saved: true };
  if (!papers.document) return { file };
  const salts = papers.slips.map((slip) => /** @type {Uint8Array} */ (fromHex(slip.salt, 32)));
  const found = await hashHere(papers.document, salts, verifier, (done, total) => form.progress(done, total));
  const match = matching(papers.slips, found);
  if (!match) return { file: { ...file, mismatch: said("why.no_slip") } };
  file.digest = match.digest;
  const digest = /** @type {Uint8Array} */ (fromHex(match.digest, 32));
  if (!papers.paths) return { file, slot: slotOf("records", digest) };
  const place = await placeInBatch(verifier, papers.paths, match.digest);
  if ("why" in place) return { file: { ...file, mismatch: place.why } };
  file.batch = place;
  return { file, slot: slotOf("batches", /** @type {Uint8Array} */ (fromHex(place.root, 32))) };
}

/**
 * @param {Texts} texts
 * @param {Papers} papers
 * @param {import("../assets/judge.js").FileFacts} file
 * @param {import("../assets/reading.js").Reading | undefined} reading
 * @param {Element} result
 */
function showResult(texts, papers, file, reading, result) {
  const { ticks, verdict } = judgeDocument(file, reading, Date.now());
  const is_same = papers.fingerprint === papers.view.fingerprint;
  const trust =
    papers.fingerprint === undefined
      ? el("p", { class: "warn", id: "offline-not-compared" }, texts.t("offline.not_compared"))
      : is_same
        ? el("p", { class: "note", id: "offline-compared" }, texts.t("offline.compared"))
        : comparisonView(texts, papers.view.fingerprint, papers.fingerprint);
  const proven = reading && !reading.fault ? reading.proven : undefined;
  showVerdict(result, texts, ticks, verdict, {
    behind: [trust, ...(proven && reading ? provenView(texts, papers, reading, proven) : [])],
  });
}

/**
 * @param {Texts} texts
 * @param {Papers} papers
 * @param {import("../assets/reading.js").Reading} reading
 * @param {import("../assets/proofs.js").Proven} proven
 */
function provenView(texts, papers, reading, proven) {
  const by_code = proven.code_hash ?? "";
  const read_by = !reading.meaning
    ? null
    : by_code
      ? texts.t("offline.by_code", { hash: by_code })
      : texts.t("offline.layout");
  return [
    el(
      "div",
      { class: "proven" },
      el("h3", {}, texts.t(proven.statement.kind === "absent" ? "record.title_absent" : "record.title")),
      recordView(texts, reading.meaning, proven),
      read_by && el("p", { class: "note" }, read_by),
      el("h3", {}, texts.t("proof.title")),
      proofView(texts, proven, papers.view.fingerprint),
      el("p", { class: "note" }, texts.t("offline.age")),
      proven.statement.kind === "present" && meaningView(texts),
    ),
  ];
}

try {
  await init({ module_or_path: bytesOf(inside("verifier-wasm")) });
  show(/^zh\b/i.test(navigator.language) ? "zh" : "en");
} catch (error) {
  const app = document.getElementById("offline-app");
  const said_twice = ["en", "zh"].map((lang) =>
    el("p", { class: "warn", role: "alert" }, textsOf(lang).t("offline.unstarted", { detail: String(error) })),
  );
  if (app) fill(app, said_twice);
}
