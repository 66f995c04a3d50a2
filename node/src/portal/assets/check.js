// @ts-check
// The page on which a citizen checks a document. What was handed in stays on this device; the node is asked for one record
// by the document's digest, and nothing it says is believed without its proof.

import { placeOf } from "./api.js";
import { hashDocument } from "./work.js";
import { fromHex } from "./bytes.js";
import { CheckForm } from "./check_form.js";
import { DOCUMENT_TICKS, pendingTicks, pendingVerdict, showVerdict } from "./verdict.js";
import { checkLink, printButton, receiptView, saveButton } from "./receipt.js";
import { el, fill } from "./dom.js";
import { judgeDocument } from "./judge.js";
import { matching, placeInBatch } from "./papers.js";
import { meaningView, proofView, recordView } from "./record.js";
import { readField } from "./reading.js";
import { readSaved } from "./saved.js";
import { said } from "./texts.js";
import { settleTrust } from "./anchor.js";
import { showUndone } from "./undone.js";
import { slotOf } from "./slots.js";

/** @typedef {import("./texts.js").Texts} Texts */
/** @typedef {import("./check_form.js").Handed} Handed */
/** @typedef {import("./judge.js").FileFacts} FileFacts */
/** @typedef {{texts: Texts, verifier: any, api: import("./api.js").NodeApi, mainchain: string}} Page */

/** @param {Page} page */
export async function checkPage(page) {
  const [section, app] = [document.getElementById("check"), document.getElementById("check-app")];
  if (!section || !app) return;
  const [trust_place, form_place, result] = [el("div"), el("div"), el("div", { id: "check-result" })];
  fill(app, trust_place, form_place, result);
  const trust = await settleTrust(trust_place, page.texts, page.verifier, page.api, page.mainchain);
  const form = new CheckForm(page.texts, page.verifier, section.dataset.at ?? "");
  /** @type {AbortController | undefined} */
  let running;
  form.onstart = async (handed) => {
    running?.abort();
    running = new AbortController();
    await new Check(page, trust, form, result, section.dataset.at ?? "", running.signal).run(handed);
  };
  form.oncancel = () => running?.abort();
  fill(form_place, form.view);
}

/** One check, from what was handed in to the verdict. */
export class Check {
  /**
   * @param {Page} page
   * @param {import("./anchor.js").Trust} trust
   * @param {Pick<CheckForm, "progress" | "over">} form
   * @param {Element} result
   * @param {string} home where this portal's documents are filed
   * @param {AbortSignal} signal
   */
  constructor(page, trust, form, result, home, signal) {
    this.page = page;
    this.trust = trust;
    this.form = form;
    this.result = result;
    this.home = home;
    this.signal = signal;
    this.bench = { api: page.api, verifier: page.verifier, anchor: trust.bytes, mainchain: page.mainchain, signal };
  }

  /** @param {Handed} handed */
  async run(handed) {
    const { texts } = this.page;
    showVerdict(this.result, texts, pendingTicks(DOCUMENT_TICKS), pendingVerdict());
    try {
      const { file, salt } = await this.fileFacts(handed);
      const reading = file.mismatch ? undefined : await this.reading(handed, file);
      if (reading?.other_place) file.other_place = reading.other_place;
      this.signal.throwIfAborted();
      this.show(handed, file, salt, reading);
    } catch (error) {
      showUndone(this.result, texts, error, DOCUMENT_TICKS);
    } finally {
      this.form.over();
    }
  }

  /**
   * Hashes the document and looks at its papers.
   * @param {Handed} handed
   * @returns {Promise<{file: FileFacts, salt?: string}>}
   */
  async fileFacts(handed) {
    const other_place = handed.at !== this.home ? handed.at : undefined;
    /** @type {FileFacts} */
    const file = { other_place, saved: handed.proof !== undefined };
    if (!handed.document) return { file };
    const salts = handed.slips.map((slip) => /** @type {Uint8Array} */ (fromHex(slip.salt, 32)));
    const progress = (/** @type {number} */ done, /** @type {number} */ total) => this.form.progress(done, total);
    const found = await hashDocument(handed.document, salts, this.page.verifier, progress, this.signal);
    const match = matching(handed.slips, found);
    if (!match) return { file: { ...file, mismatch: said("why.no_slip") } };
    file.digest = match.digest;
    if (handed.paths) {
      const place = await placeInBatch(this.page.verifier, handed.paths, match.digest);
      if ("why" in place) return { file: { ...file, mismatch: place.why, batch: undefined }, salt: match.salt };
      file.batch = place;
    }
    return { file, salt: match.salt };
  }

  /** @param {Handed} handed @param {FileFacts} file */
  async reading(handed, file) {
    const place = /** @type {import("./api.js").Place} */ (placeOf(handed.at));
    const key = file.batch?.root ?? file.digest;
    const field = file.batch ? "batches" : "records";
    const slot = key === undefined ? undefined : slotOf(field, /** @type {Uint8Array} */ (fromHex(key, 32)));
    /** @type {import("./reading.js").Reading & {other_place?: string}} */
    const reading = handed.proof
      ? await readSaved(this.bench, handed.proof, place, slot)
      : await readField(this.bench, place, field, key, slot);
    return reading;
  }

  /**
   * @param {Handed} handed
   * @param {FileFacts} file
   * @param {string | undefined} salt
   * @param {import("./reading.js").Reading | undefined} reading
   */
  show(handed, file, salt, reading) {
    const { texts, verifier } = this.page;
    const { ticks, verdict } = judgeDocument(file, reading, Date.now());
    showVerdict(this.result, texts, ticks, verdict, {
      behind: [
        el(
          "p",
          { class: "note" },
          texts.t("verdict.page_note"),
          " ",
          el("a", { href: "/offline.html", download: true, class: "no-print" }, texts.t("verdict.offline_link")),
        ),
        ...(reading?.proven && !reading.fault ? this.provenView(handed, file, salt, reading, verdict, verifier) : []),
      ],
    });
  }

  /**
   * What was proven, in words, and what can be taken along.
   * @param {Handed} handed
   * @param {FileFacts} file
   * @param {string | undefined} salt
   * @param {import("./reading.js").Reading} reading
   * @param {import("./verdict.js").Verdict} verdict
   * @param {any} verifier
   */
  provenView(handed, file, salt, reading, verdict, verifier) {
    const { texts } = this.page;
    const proven = /** @type {import("./proofs.js").Proven} */ (reading.proven);
    const { digest } = file;
    const link = salt && checkLink(location.origin, texts.lang, salt, handed.at);
    const content = {
      verdict,
      proven,
      meaning: reading.meaning,
      digest,
      salt,
      root: file.batch?.root,
      link,
      document: handed.document?.name,
      fingerprint: this.trust.fingerprint,
      printed_ms: Date.now(),
    };
    return [
      el(
        "div",
        { class: "proven no-print" },
        el("h3", {}, texts.t(proven.statement.kind === "absent" ? "record.title_absent" : "record.title")),
        recordView(texts, reading.meaning, proven),
        el("h3", {}, texts.t("proof.title")),
        proofView(texts, proven, this.trust.fingerprint),
        el(
          "p",
          { class: "actions" },
          saveButton(texts, reading.bundle, (digest ?? "record").slice(0, 16)),
          " ",
          printButton(texts),
        ),
        proven.statement.kind === "present" && meaningView(texts),
      ),
      receiptView(texts, verifier, content),
    ];
  }
}
