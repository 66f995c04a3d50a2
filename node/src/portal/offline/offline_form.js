// @ts-check
// What the offline checker is given: a proof and an anchor, the fingerprint to compare, and the document with its papers
// where it is at hand.

import { PAPER_BYTES_MAX, PROOF_BYTES_MAX, slipIn, slipsFor, slipsIn } from "../assets/papers.js";
import { digestIn, fromHex } from "../assets/bytes.js";
import { el, put, speaker } from "../assets/dom.js";
import { anchorView } from "../assets/proofs.js";
import { readWhole } from "../assets/check_form.js";
import { said } from "../assets/texts.js";
import { scanner } from "../assets/camera.js";

/** @typedef {import("../assets/texts.js").Said} Said */
/** @typedef {import("../assets/papers.js").Slip} Slip */
/**
 * @typedef {{proof: Uint8Array, anchor: Uint8Array, view: {chain: string, fingerprint: string}, fingerprint?: string,
 *   document?: File, slips: Slip[], paths?: File, code?: Uint8Array}} Papers
 */

const ANCHOR_BYTES_MAX = 64 * 1024;
const CODE_BYTES_MAX = 1024 * 1024;

export class OfflineForm {
  /**
   * @param {import("../assets/texts.js").Texts} texts
   * @param {any} verifier
   * @param {(papers: Papers) => Promise<void>} onstart
   */
  constructor(texts, verifier, onstart) {
    this.texts = texts;
    this.verifier = verifier;
    const file = (/** @type {string} */ kind) => el("input", { type: "file", id: `offline-${kind}` });
    this.proof = file("proof");
    this.anchor = file("anchor");
    this.document = file("document");
    this.salts = file("salts");
    this.paths = file("paths");
    this.code = file("code");
    this.salt = el("input", {
      type: "text",
      id: "offline-salt",
      class: "mono",
      autocomplete: "off",
      spellcheck: "false",
    });
    this.fingerprint = el("textarea", {
      id: "offline-fingerprint",
      rows: "2",
      class: "mono",
      autocomplete: "off",
      spellcheck: "false",
    });
    this.told = el("p", { id: "offline-told", class: "warn", role: "alert", hidden: true });
    this.bar = el("progress", { max: "100", value: "0", "aria-label": texts.t("check.hashing") });
    this.spoken = el("p", { "aria-live": "polite" });
    this.speak = speaker(this.spoken);
    this.working = el("div", { class: "progress", hidden: true }, this.bar, this.spoken);
    this.start = el("button", { type: "submit", class: "button", id: "offline-start" }, texts.t("check.start"));
    this.view = el("form", { class: "no-print check-form" });
    this.view.addEventListener("submit", (event) => (event.preventDefault(), this.submit(onstart)));
    this.layOut();
  }

  layOut() {
    const { texts, verifier } = this;
    const field = (/** @type {HTMLElement} */ input, /** @type {string} */ id) =>
      el("div", { class: "field" }, el("label", { for: input.id }, texts.t(id)), input);
    put(
      this.view,
      field(this.proof, "offline.proof"),
      field(this.anchor, "offline.anchor"),
      field(this.fingerprint, "offline.fingerprint"),
      scanner(texts, verifier, (text) => (this.fingerprint.value = text)),
      field(this.document, "offline.document"),
      el("p", { class: "note" }, texts.t("check.stays")),
      field(this.salt, "offline.salt"),
      el(
        "details",
        {},
        el("summary", {}, texts.t("check.more")),
        field(this.salts, "offline.salts"),
        field(this.paths, "offline.paths"),
        field(this.code, "offline.code"),
      ),
      this.told,
      el("p", {}, this.start),
      this.working,
    );
  }

  /** @param {(papers: Papers) => Promise<void>} onstart */
  async submit(onstart) {
    this.told.hidden = true;
    const papers = await this.papers();
    if ("why" in papers) {
      this.told.textContent = this.texts.t(papers.why);
      this.told.hidden = false;
      return;
    }
    this.start.disabled = true;
    this.working.hidden = papers.document === undefined;
    await onstart(papers);
    this.working.hidden = true;
    this.start.disabled = false;
  }

  /** @returns {Promise<Papers | {why: Said}>} */
  async papers() {
    const [proof_file, anchor_file, document, code_file] = [this.proof, this.anchor, this.document, this.code].map(
      (input) => input.files?.[0],
    );
    if (!proof_file) return { why: said("offline.no_proof") };
    if (!anchor_file) return { why: said("offline.no_anchor") };
    const proof = await readWhole(proof_file, PROOF_BYTES_MAX, "paper.proof_long");
    if ("why" in proof) return proof;
    const anchor = await readWhole(anchor_file, ANCHOR_BYTES_MAX, "paper.anchor_long");
    if ("why" in anchor) return anchor;
    const view = anchorView(this.verifier, anchor.bytes);
    if (!view) return { why: said("offline.bad_anchor") };
    const typed = this.fingerprint.value.trim();
    const fingerprint = typed === "" ? undefined : digestIn(typed);
    if (typed !== "" && !fingerprint) return { why: said("compare.unreadable") };
    const code = code_file && (await readWhole(code_file, CODE_BYTES_MAX, "paper.code_long"));
    if (code && "why" in code) return code;
    const slips = document ? await this.slips(document) : { slips: [] };
    if ("why" in slips) return slips;
    return {
      proof: proof.bytes,
      anchor: anchor.bytes,
      view,
      fingerprint,
      document,
      slips: slips.slips,
      paths: this.paths.files?.[0],
      code: code?.bytes,
    };
  }

  /** @param {File} document @returns {Promise<{slips: Slip[]} | {why: Said}>} */
  async slips(document) {
    const typed = this.salt.value.trim();
    if (typed !== "") {
      const salt = slipIn(typed)?.salt;
      return salt && fromHex(salt, 32) ? { slips: [{ salt }] } : { why: said("check.salt_malformed") };
    }
    const file = this.salts.files?.[0];
    if (!file) return { why: said("check.salt_missing") };
    const paper = await readWhole(file, PAPER_BYTES_MAX, "paper.salts_long");
    if ("why" in paper) return paper;
    const all = slipsIn(new TextDecoder().decode(paper.bytes));
    return "why" in all ? all : slipsFor(all.slips, document.name);
  }

  /** @param {number} done @param {number} total */
  progress(done, total) {
    const percent = total === 0 ? 100 : Math.floor((done / total) * 100);
    this.bar.value = percent;
    this.speak(this.texts.t("check.progress", { done_bytes: done, total_bytes: total, percent: String(percent) }));
  }
}
