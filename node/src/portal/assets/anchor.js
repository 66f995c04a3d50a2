// @ts-check
// The anchor on the page: where it came from, whether anybody compared it, and what happens when another one turns up.
// Nothing is checked before this is settled.

import { digestIn, groups } from "./bytes.js";
import { el, fill, mono } from "./dom.js";
import { PinStore, compared, standing } from "./pin.js";
import { anchorView } from "./proofs.js";
import { scanner } from "./camera.js";
import { Unanswered } from "./api.js";

/** @typedef {import("./texts.js").Texts} Texts */
/** @typedef {import("./api.js").NodeApi} NodeApi */

/**
 * An anchor to check with.
 * @typedef {{bytes: Uint8Array, fingerprint: string, standing: import("./pin.js").Standing, compared_on?: string}} Trust
 */

/**
 * Settles which anchor this page checks with, shows it in `place`, and waits for the visitor where it is another one than
 * was known.
 * @param {Element} place
 * @param {Texts} texts
 * @param {any} verifier
 * @param {NodeApi} api
 * @param {string} mainchain
 * @param {PinStore} [store]
 * @returns {Promise<Trust>}
 */
export async function settleTrust(place, texts, verifier, api, mainchain, store = new PinStore()) {
  const known = store.anchor();
  const [served, silence] = await handedOut(api, mainchain);
  const [view, served_view] = [known && anchorView(verifier, known), served && anchorView(verifier, served)];
  const how = standing(view && known, served_view && served);
  if (!how) throw silence ?? new Unanswered("malformed", { what: "anchor" });
  if (how === "first" && served && served_view) {
    store.know(served);
    return shown(place, texts, store, { bytes: served, fingerprint: served_view.fingerprint, standing: how });
  }
  const trust = { bytes: /** @type {Uint8Array} */ (known), fingerprint: view?.fingerprint ?? "", standing: how };
  if (how !== "changed" || !served || !served_view) return shown(place, texts, store, trust);
  const takes_new = await refusal(place, texts, trust.fingerprint, served_view.fingerprint);
  if (!takes_new) return shown(place, texts, store, trust);
  store.know(served);
  return shown(place, texts, store, { bytes: served, fingerprint: served_view.fingerprint, standing: "first" });
}

/** @param {NodeApi} api @param {string} mainchain @returns {Promise<[Uint8Array | undefined, unknown]>} */
async function handedOut(api, mainchain) {
  try {
    return [await api.anchor(mainchain), undefined];
  } catch (error) {
    return [undefined, error];
  }
}

/**
 * @param {Element} place
 * @param {Texts} texts
 * @param {PinStore} store
 * @param {Trust} trust
 * @returns {Trust}
 */
function shown(place, texts, store, trust) {
  const compared_on = store.comparedOn(trust.fingerprint);
  const sentence = compared_on
    ? texts.t("anchor.compared", { date: compared_on })
    : texts.t(`anchor.${trust.standing}`);
  const is_plain = compared_on !== undefined && trust.standing !== "changed";
  fill(
    place,
    el(
      "div",
      { class: is_plain ? "note anchor" : "warn anchor", "data-standing": trust.standing },
      el("p", {}, sentence),
      trust.standing === "changed" && el("p", {}, texts.t("anchor.changed_kept")),
      el("p", {}, texts.t("anchor.fingerprint"), " ", fingerprintView(trust.fingerprint)),
      !store.keeps && el("p", {}, texts.t("anchor.not_kept")),
      el("p", { class: "no-print" }, el("a", { href: `/${texts.lang}/trust` }, texts.t("anchor.how_to_compare"))),
    ),
  );
  return { ...trust, compared_on };
}

/** @param {string} fingerprint */
export function fingerprintView(fingerprint) {
  return el("span", { class: "mono fingerprint" }, groups(fingerprint).join(" "));
}

/**
 * Refuses an anchor that differs, until the visitor says which one counts. Resolves to whether the new one does.
 * @param {Element} place
 * @param {Texts} texts
 * @param {string} known
 * @param {string} served
 * @returns {Promise<boolean>}
 */
function refusal(place, texts, known, served) {
  return new Promise((resolve) => {
    const heading = el("h2", { tabindex: "-1" }, texts.t("anchor.refused"));
    const sure = el("input", { type: "checkbox", id: "anchor-sure" });
    const accept = el(
      "button",
      { type: "button", class: "button-secondary", id: "anchor-accept", disabled: true, onclick: () => resolve(true) },
      texts.t("anchor.accept"),
    );
    sure.addEventListener("change", () => (accept.disabled = !sure.checked));
    fill(
      place,
      el(
        "section",
        { class: "verdict anchor", "data-state": "bad", "data-standing": "changed", role: "alert" },
        heading,
        el("p", {}, texts.t("anchor.refused_why")),
        el(
          "dl",
          { class: "data" },
          el("div", {}, el("dt", {}, texts.t("anchor.known_here")), el("dd", {}, fingerprintView(known))),
          el("div", {}, el("dt", {}, texts.t("anchor.handed_out")), el("dd", {}, fingerprintView(served))),
        ),
        el("p", {}, texts.t("anchor.refused_do")),
        el(
          "p",
          {},
          el(
            "button",
            { type: "button", class: "button", id: "anchor-keep", onclick: () => resolve(false) },
            texts.t("anchor.keep"),
          ),
        ),
        el("p", { class: "field" }, sure, " ", el("label", { for: "anchor-sure" }, texts.t("anchor.sure"))),
        el("p", {}, accept),
      ),
    );
    heading.focus();
  });
}

/**
 * The page about trust: compares the published fingerprint with the anchor known here.
 * @param {{texts: Texts, verifier: any, api: NodeApi, mainchain: string}} page
 */
export async function trustPage(page) {
  const app = document.getElementById("trust-app");
  if (!app) return;
  const { texts } = page;
  const [state, comparison] = [el("div"), el("div", { "aria-live": "polite" })];
  const store = new PinStore();
  fill(app, state);
  const trust = await settleTrust(state, texts, page.verifier, page.api, page.mainchain, store);
  const given = el("textarea", {
    id: "fingerprint",
    rows: "3",
    autocomplete: "off",
    spellcheck: "false",
    class: "mono",
  });
  const compare = (/** @type {string} */ text) => {
    const digits = digestIn(text);
    if (!digits) return fill(comparison, el("p", { class: "warn" }, texts.t("compare.unreadable")));
    const same = digits === trust.fingerprint;
    if (same) store.noteCompared(digits, Date.now());
    fill(comparison, comparisonView(texts, trust.fingerprint, digits));
    if (same) shown(state, texts, store, trust);
    /** @type {HTMLElement | null} */ (comparison.querySelector("h3"))?.focus();
  };
  const form = el(
    "form",
    { class: "field", onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), compare(given.value)) },
    el("h2", {}, texts.t("compare.title")),
    el("label", { for: "fingerprint" }, texts.t("compare.label")),
    given,
    el("p", {}, el("button", { type: "submit", class: "button" }, texts.t("compare.do"))),
  );
  app.append(
    form,
    scanner(texts, page.verifier, (text) => ((given.value = text), compare(text))),
    comparison,
    forgetButton(texts, store),
  );
}

/**
 * @param {Texts} texts
 * @param {string} known
 * @param {string} given
 */
export function comparisonView(texts, known, given) {
  const rows = compared(known, given);
  const same = rows.every((row) => row.same);
  return el(
    "section",
    { class: "verdict comparison", "data-state": same ? "ok" : "bad" },
    el("h3", { tabindex: "-1" }, texts.t(same ? "compare.same" : "compare.different")),
    el("p", {}, texts.t(same ? "compare.same_note" : "compare.different_note")),
    el(
      "div",
      { class: "table-scroll", tabindex: "0", role: "region", "aria-label": texts.t("compare.table") },
      el(
        "table",
        {},
        el("caption", { class: "visually-hidden" }, texts.t("compare.table")),
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            ["compare.here", "compare.published", "compare.result"].map((id) =>
              el("th", { scope: "col" }, texts.t(id)),
            ),
          ),
        ),
        el(
          "tbody",
          {},
          rows.map((row) =>
            el(
              "tr",
              { "data-state": row.same ? "ok" : "bad" },
              el("td", {}, mono(row.known)),
              el("td", {}, mono(row.given)),
              el("td", {}, texts.t(row.same ? "compare.row_same" : "compare.row_different")),
            ),
          ),
        ),
      ),
    ),
  );
}

/** @param {Texts} texts @param {PinStore} store */
function forgetButton(texts, store) {
  const forget = () => {
    store.forget();
    location.reload();
  };
  return el(
    "details",
    { class: "no-print" },
    el("summary", {}, texts.t("anchor.forget_title")),
    el("p", {}, texts.t("anchor.forget_why")),
    el(
      "button",
      { type: "button", class: "button-secondary", id: "anchor-forget", onclick: forget },
      texts.t("anchor.forget"),
    ),
  );
}
