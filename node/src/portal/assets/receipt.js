// @ts-check
// What a visitor takes along: the proof as a file, and a sheet of paper that says what was proven, of what, as of when and
// on whose word, with a code that leads back to this check.

import { el, facts, mono, save } from "./dom.js";
import { proofView, recordView } from "./record.js";
import { toBase64 } from "./bytes.js";

/** @typedef {import("./texts.js").Texts} Texts */

/**
 * The link that checks a document again: its salt stands behind `#`, so no server sees it.
 * @param {string} origin
 * @param {string} lang
 * @param {string} salt
 * @param {string} at
 */
export function checkLink(origin, lang, salt, at) {
  return `${origin}/${lang}/check#salt=${salt}&at=${encodeURIComponent(at).replace(/%2F/g, "/")}`;
}

/**
 * A QR code as a picture.
 * @param {{qr_svg: (text: string) => string}} verifier
 * @param {string} text
 * @param {string} alt
 */
export function qrView(verifier, text, alt) {
  const svg = verifier.qr_svg(text);
  if (!svg) return el("p", { class: "mono" }, text);
  return el("img", {
    class: "qr",
    alt,
    width: "220",
    height: "220",
    src: `data:image/svg+xml;base64,${toBase64(new TextEncoder().encode(svg))}`,
  });
}

/**
 * @param {Texts} texts
 * @param {Uint8Array} bundle
 * @param {string} name
 */
export function saveButton(texts, bundle, name) {
  return el(
    "button",
    { type: "button", class: "button-secondary save-proof", onclick: () => save(bundle, `${name}.proof`) },
    texts.t("action.save"),
  );
}

/** @param {Texts} texts */
export function printButton(texts) {
  return el(
    "button",
    { type: "button", class: "button-secondary print-receipt", onclick: () => print() },
    texts.t("action.print"),
  );
}

/**
 * The sheet; it is seen in print alone.
 * @param {Texts} texts
 * @param {any} verifier
 * @param {{verdict: import("./verdict.js").Verdict, proven: import("./proofs.js").Proven, meaning?: any, digest?: string,
 *   salt?: string, document?: string, root?: string, link?: string, fingerprint: string, printed_ms: number}} content
 */
export function receiptView(texts, verifier, content) {
  const { verdict, proven, meaning, digest, salt, root, link, fingerprint } = content;
  return el(
    "section",
    { class: "print-only receipt" },
    el("h2", {}, texts.t("receipt.title")),
    el("p", {}, el("strong", {}, texts.t(verdict.title))),
    verdict.notes.map((note) => el("p", {}, texts.t(note))),
    facts([
      [texts.t("receipt.document"), content.document],
      [texts.t("receipt.digest"), digest && mono(digest)],
      [texts.t("receipt.root"), root && mono(root)],
      [texts.t("receipt.salt"), salt && mono(salt)],
      [texts.t("receipt.printed"), texts.time(content.printed_ms)],
    ]),
    recordView(texts, meaning, proven),
    proofView(texts, proven, fingerprint),
    link && el("p", {}, texts.t("receipt.link")),
    link && qrView(verifier, link, texts.t("receipt.qr")),
    link && el("p", { class: "mono" }, link),
    el("p", {}, texts.t("verdict.page_note")),
  );
}
