// @ts-check
// A proven record in words, and what its proof says and does not say. The words come from what was proven, never from
// what a node said beside it.

import { fromHex } from "./bytes.js";
import { el, facts, mono } from "./dom.js";
import { evidenceBatch, evidenceRecord } from "./scale.js";
import { isObject } from "./api.js";

/** @typedef {import("./texts.js").Texts} Texts */
/** @typedef {import("./proofs.js").Proven} Proven */

/**
 * What an entry of the evidence repository means by the published layout of its two maps, for whoever has no contract's
 * code at hand; nothing where it is something else.
 * @param {Proven} proven
 * @returns {{field: string, key: string, value: any} | undefined}
 */
export function evidenceMeaning(proven) {
  const { subject, key, value } = proven.statement;
  if (!subject || subject === "system" || !key) return undefined;
  const bytes = fromHex(key) ?? new Uint8Array();
  const name = new TextDecoder().decode(bytes.subarray(1, 1 + (bytes[0] ?? 0)));
  const entry = key.slice(2 * (1 + name.length));
  if ((name !== "records" && name !== "batches") || entry.length !== 64) return undefined;
  if (proven.statement.kind === "absent") return { field: name, key: entry, value: null };
  const read = name === "records" ? evidenceRecord : evidenceBatch;
  const found = read(fromHex(value) ?? new Uint8Array());
  return found && { field: name, key: entry, value: found };
}

/**
 * The record as a list of facts.
 * @param {Texts} texts
 * @param {{field: string, key: unknown, value: any} | undefined} meaning
 * @param {Proven} proven
 */
export function recordView(texts, meaning, proven) {
  const value = meaning?.value;
  if (!isObject(value) || typeof value.case_number !== "string") return entryView(texts, meaning, proven);
  const t = (/** @type {string} */ id, facts = {}) => texts.t(id, facts);
  const filed = t("record.filed_at", { time_ms: Number(value.filed_ms), height: Number(value.filed_height) });
  return el(
    "div",
    { class: "record" },
    typeof value.withheld === "string" &&
      el("p", { class: "warn" }, el("strong", {}, t("record.withheld", { order: value.withheld }))),
    facts([
      [t("record.case_number"), value.case_number],
      [t("record.filed"), filed],
      [t("record.filed_by"), mono(String(value.filed_by))],
      [t("record.custodian"), value.custodian && mono(String(value.custodian))],
      [t("record.steps"), value.steps === undefined ? null : texts.number(value.steps)],
      [t("record.status"), value.status && t(`record.status.${value.status === "Sealed" ? "sealed" : "open"}`)],
      [t("record.count"), value.count === undefined ? null : texts.number(value.count)],
    ]),
  );
}

/**
 * An entry of which nothing more is known than what it is: its value as its contract's schema shows it, or its bytes.
 * @param {Texts} texts
 * @param {{field: string, key: unknown, value: any} | undefined} meaning
 * @param {Proven} proven
 */
export function entryView(texts, meaning, proven) {
  const { statement } = proven;
  if (statement.kind === "absent") return el("p", {}, texts.t("record.nothing"));
  const shown = meaning ? JSON.stringify(meaning.value, null, 1) : (statement.value ?? "");
  return el(
    "div",
    { class: "record" },
    el("p", {}, texts.t(meaning ? "record.value" : "record.bytes")),
    el("pre", { class: "mono", tabindex: "0" }, shown),
  );
}

/**
 * As of when, on whose word, and where: for the record and for the receipt.
 * @param {Texts} texts
 * @param {Proven} proven
 * @param {string | undefined} fingerprint
 */
export function proofView(texts, proven, fingerprint) {
  const { subject } = proven.statement;
  const whose = subject && subject !== "system" ? `${subject.department}.${subject.contract}` : String(subject ?? "");
  return facts([
    [texts.t("proof.whose"), `${proven.chain} / ${whose}`],
    [texts.t("proof.as_of"), texts.t("proof.as_of_value", { height: proven.height, time_ms: proven.timestamp_ms })],
    [
      texts.t("proof.mainchain"),
      proven.mainchain &&
        texts.t("proof.mainchain_value", {
          chain: proven.mainchain.chain,
          height: proven.mainchain.height,
          time_ms: proven.mainchain.timestamp_ms,
        }),
    ],
    [
      texts.t("proof.signers"),
      proven.attestation
        ? texts.t(proven.attestation.untrusted ? "ok.attested_untrusted" : "ok.attested")
        : el(
            "span",
            {},
            texts.t("proof.signers_value", { count: proven.signers.length, epoch: proven.epoch ?? 0 }),
            signersView(texts, proven.signers),
          ),
    ],
    [texts.t("proof.anchor"), fingerprint ? mono(fingerprint.match(/.{8}/g)?.join(" ") ?? fingerprint) : null],
  ]);
}

/** @param {Texts} texts @param {string[]} signers */
function signersView(texts, signers) {
  return el(
    "details",
    { class: "no-print" },
    el("summary", {}, texts.t("proof.signers_keys")),
    el(
      "ul",
      {},
      signers.map((key) => el("li", {}, mono(key))),
    ),
  );
}

/** What a proof of a document says and what it does not. @param {Texts} texts */
export function meaningView(texts) {
  const list = (/** @type {string} */ name, /** @type {string[]} */ ids) =>
    el(
      "div",
      {},
      el("h3", {}, texts.t(name)),
      el(
        "ul",
        {},
        ids.map((id) => el("li", {}, texts.t(id))),
      ),
    );
  return el(
    "div",
    { class: "proves" },
    list("proves.title", ["proves.existed", "proves.custody", "proves.as_of"]),
    list("proves_not.title", ["proves_not.author", "proves_not.true", "proves_not.page"]),
  );
}
