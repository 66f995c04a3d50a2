// @ts-check
// Where a visitor hands in a document and its papers: by dropping, choosing, pasting or scanning. The form knows what is
// complete enough to be checked; it judges nothing.

import { PAPER_BYTES_MAX, PROOF_BYTES_MAX, kindOf, slipIn, slipsFor, slipsIn } from "./papers.js";
import { el, fill, put, speaker } from "./dom.js";
import { placeOf } from "./api.js";
import { said } from "./texts.js";
import { scanner } from "./camera.js";

/** @typedef {import("./texts.js").Said} Said */
/** @typedef {import("./papers.js").Slip} Slip */

/**
 * What was handed in: a document with its slips, or a saved proof, or both; `at` is where it was filed.
 * @typedef {{document?: File, slips: Slip[], paths?: File, proof?: Uint8Array, at: string}} Handed
 */

export class CheckForm {
  /**
   * @param {import("./texts.js").Texts} texts
   * @param {any} verifier
   * @param {string} at where this portal's documents are filed
   */
  constructor(texts, verifier, at) {
    this.texts = texts;
    this.verifier = verifier;
    this.at = at;
    /** @type {{document?: File, salts?: File, paths?: File, proof?: File}} */
    this.files = {};
    this.onstart = async (/** @type {Handed} */ _handed) => {};
    this.oncancel = () => {};
    const t = (/** @type {string} */ id) => texts.t(id);
    this.file = el("input", { type: "file", id: "check-file", multiple: true });
    this.salt = el("input", {
      type: "text",
      id: "check-salt",
      class: "mono",
      autocomplete: "off",
      spellcheck: "false",
      "aria-describedby": "check-salt-help",
    });
    this.chosen = el("ul", { id: "check-chosen", "aria-live": "polite" });
    this.place = el("p", { id: "check-at" });
    this.told = el("p", { id: "check-told", class: "warn", role: "alert", hidden: true });
    this.bar = el("progress", { id: "check-bar", max: "100", value: "0", "aria-label": t("check.hashing") });
    this.done = el("p", { id: "check-progress" });
    this.spoken = el("p", { class: "visually-hidden", "aria-live": "polite" });
    this.speak = speaker(this.spoken);
    this.cancel = el(
      "button",
      { type: "button", class: "button-secondary", id: "check-cancel", onclick: () => this.oncancel() },
      t("check.cancel"),
    );
    this.working = el("div", { class: "progress", hidden: true }, this.bar, this.done, this.cancel, this.spoken);
    this.start = el("button", { type: "submit", class: "button", id: "check-start" }, t("check.start"));
    this.view = el("form", { class: "no-print check-form" });
    this.layOut();
    this.readFragment();
    addEventListener("hashchange", () => this.readFragment());
  }

  layOut() {
    const t = (/** @type {string} */ id) => this.texts.t(id);
    this.file.addEventListener("change", () => this.take(this.file.files).then(() => (this.file.value = "")));
    const drop = el(
      "div",
      { class: "drop" },
      el("label", { for: "check-file" }, t("check.drop")),
      this.file,
      el("p", { class: "note" }, t("check.stays")),
      this.chosen,
    );
    put(
      this.view,
      drop,
      el(
        "div",
        { class: "field" },
        el("label", { for: "check-salt" }, t("check.salt")),
        this.salt,
        el("p", { id: "check-salt-help", class: "note" }, t("check.salt_help")),
      ),
      scanner(this.texts, this.verifier, (text) => this.takeSlip(text)),
      this.more(),
      this.place,
      this.told,
      el("p", {}, this.start),
      this.working,
    );
    this.view.addEventListener("submit", (event) => (event.preventDefault(), this.submit()));
    for (const name of ["dragenter", "dragover"])
      this.view.addEventListener(name, (event) => (event.preventDefault(), drop.classList.add("over")));
    for (const name of ["dragleave", "drop"]) this.view.addEventListener(name, () => drop.classList.remove("over"));
    this.view.addEventListener(
      "drop",
      (event) => (event.preventDefault(), this.take(/** @type {DragEvent} */ (event).dataTransfer?.files)),
    );
  }

  /** The papers that few need, each with a field of its own; dropped with the document they are known by what is in them. */
  more() {
    const input = (/** @type {"salts" | "paths" | "proof"} */ kind) => {
      const field = el("input", { type: "file", id: `check-${kind}` });
      field.addEventListener("change", () => (this.put(kind, field.files?.[0]), (field.value = "")));
      return el("div", { class: "field" }, el("label", { for: `check-${kind}` }, this.texts.t(`check.${kind}`)), field);
    };
    return el(
      "details",
      {},
      el("summary", {}, this.texts.t("check.more")),
      input("salts"),
      input("paths"),
      input("proof"),
    );
  }

  /** @param {FileList | null | undefined} files */
  async take(files) {
    // The list is emptied once its event is over.
    for (const file of [...(files ?? [])]) {
      const kind = await kindOf(file).catch(() => "document");
      this.put(kind === "salts" || kind === "paths" || kind === "proof" ? kind : "document", file);
    }
  }

  /** @param {keyof CheckForm["files"]} kind @param {File | undefined} file */
  put(kind, file) {
    if (!file) return;
    this.files[kind] = file;
    this.tell(undefined);
    this.showChosen();
  }

  showChosen() {
    const { texts } = this;
    const rows = Object.entries(this.files).map(([kind, file]) => {
      const remove = () => {
        delete this.files[/** @type {keyof CheckForm["files"]} */ (kind)];
        this.showChosen();
        this.file.focus();
      };
      return el(
        "li",
        { "data-kind": kind },
        texts.t(`chosen.${kind}`, { name: file.name, size_bytes: file.size }),
        " ",
        el(
          "button",
          { type: "button", class: "button-secondary", onclick: remove },
          texts.t("chosen.remove", { name: file.name }),
        ),
      );
    });
    fill(this.chosen, rows);
  }

  /** Takes what stands behind `#` in this page's address: it was never sent to anyone. */
  readFragment() {
    if (location.hash.length > 1) this.takeSlip(location.hash);
    else this.showPlace();
  }

  /** @param {string} text */
  takeSlip(text) {
    const slip = slipIn(text);
    if (!slip?.salt) this.tell(said("check.no_salt_in_code"));
    else {
      this.salt.value = slip.salt;
      this.linked_at = slip.at;
      this.tell(undefined);
    }
    this.showPlace();
  }

  showPlace() {
    const at = this.linked_at ?? this.at;
    const is_other = at !== this.at;
    this.place.className = is_other ? "warn" : "note";
    this.place.textContent = this.texts.t(is_other ? "check.at_other" : "check.at", { place: at });
  }

  /** @param {Said | undefined} what */
  tell(what) {
    this.told.hidden = what === undefined;
    this.told.textContent = what ? this.texts.t(what) : "";
  }

  async submit() {
    this.tell(undefined);
    const handed = await this.handed();
    if ("why" in handed) return this.tell(handed.why);
    this.start.disabled = true;
    this.bar.value = 0;
    this.done.textContent = "";
    this.working.hidden = false;
    // The button that was pressed is out of use now, and what can be pressed next is this one.
    this.cancel.focus();
    await this.onstart(handed);
  }

  /** @returns {Promise<Handed | {why: Said}>} */
  async handed() {
    const { document, paths, proof } = this.files;
    const at = this.linked_at ?? this.at;
    if (!placeOf(at)) return { why: said("check.no_contract") };
    const bundle = proof && (await readWhole(proof, PROOF_BYTES_MAX, "paper.proof_long"));
    if (bundle && "why" in bundle) return bundle;
    if (!document) return bundle ? { slips: [], proof: bundle.bytes, at } : { why: said("check.nothing") };
    const slips = await this.slips(document);
    return "why" in slips ? slips : { document, slips: slips.slips, paths, proof: bundle?.bytes, at };
  }

  /** @param {File} document @returns {Promise<{slips: Slip[]} | {why: Said}>} */
  async slips(document) {
    const typed = this.salt.value.trim();
    if (typed !== "") {
      const slip = slipIn(typed);
      return slip?.salt ? { slips: [{ salt: slip.salt }] } : { why: said("check.salt_malformed") };
    }
    if (!this.files.salts) return { why: said("check.salt_missing") };
    const paper = await readWhole(this.files.salts, PAPER_BYTES_MAX, "paper.salts_long");
    if ("why" in paper) return paper;
    const all = slipsIn(new TextDecoder().decode(paper.bytes));
    return "why" in all ? all : slipsFor(all.slips, document.name);
  }

  /** @param {number} done @param {number} total */
  progress(done, total) {
    const percent = total === 0 ? 100 : Math.floor((done / total) * 100);
    this.bar.value = percent;
    const text = this.texts.t("check.progress", { done_bytes: done, total_bytes: total, percent: String(percent) });
    this.done.textContent = text;
    this.speak(text);
  }

  over() {
    this.working.hidden = true;
    this.start.disabled = false;
  }
}

/**
 * @param {File} file
 * @param {number} bytes_max
 * @param {string} too_long
 * @returns {Promise<{bytes: Uint8Array} | {why: Said}>}
 */
export async function readWhole(file, bytes_max, too_long) {
  if (file.size > bytes_max) return { why: said(too_long, { found_bytes: file.size, limit_bytes: bytes_max }) };
  try {
    return { bytes: new Uint8Array(await file.arrayBuffer()) };
  } catch {
    return { why: said("undone.unreadable") };
  }
}
