// @ts-check
// A household's points, proven: what this page shows is held against what the chain's state says under that code.

import {
  ENTRY_TICKS,
  overall,
  pendingTicks,
  pendingVerdict,
  proofOutcomes,
  settledTicks,
  showVerdict,
} from "./verdict.js";
import { el, facts, fill } from "./dom.js";
import { fromHex } from "./bytes.js";
import { placeOf } from "./api.js";
import { proofView } from "./record.js";
import { readField } from "./reading.js";
import { said } from "./texts.js";
import { saveButton } from "./receipt.js";
import { settleTrust } from "./anchor.js";
import { showUndone } from "./undone.js";
import { slotOf } from "./slots.js";

/** @typedef {import("./check.js").Page} Page */
/** @typedef {import("./reading.js").Reading} Reading */

/** That what the page shows is what was proven comes last: there is nothing to compare with before. */
export const HOUSEHOLD_TICKS = [...ENTRY_TICKS, "page"];
const CODE_BYTES = 16;

/** @param {Page} page */
export async function wastePage(page) {
  const [section, app] = [document.getElementById("waste"), document.getElementById("waste-app")];
  const place = placeOf(section?.dataset.at ?? "");
  const code = fromHex(section?.dataset.household ?? "", CODE_BYTES);
  // Without a household there is nothing to check; the page's own form asks for its code.
  if (!section || !app || !place || !code) return;
  const { texts } = page;
  const [trust_place, result] = [el("div"), el("div", { id: "waste-result" })];
  fill(app, trust_place);
  const trust = await settleTrust(trust_place, texts, page.verifier, page.api, page.mainchain);
  const bench = { api: page.api, verifier: page.verifier, anchor: trust.bytes, mainchain: page.mainchain };
  const start = el("button", { type: "button", class: "button no-print", id: "waste-check" }, texts.t("waste.check"));
  start.addEventListener("click", async () => {
    start.disabled = true;
    showVerdict(result, texts, pendingTicks(HOUSEHOLD_TICKS), pendingVerdict(), { names: "entry_tick" });
    try {
      const household = String(section.dataset.household).toLowerCase();
      const reading = await readField(bench, place, "households", household, slotOf("households", code));
      showHousehold(page, result, household, reading, shownPoints(section), trust.fingerprint);
    } catch (error) {
      showUndone(result, texts, error, HOUSEHOLD_TICKS, "entry_tick");
    }
    start.disabled = false;
  });
  app.append(el("h2", {}, texts.t("waste.title")), el("p", {}, texts.t("waste.about")), start, result);
}

/**
 * The points that the page shows, as the server rendered them; nothing where it shows none.
 * @param {HTMLElement} section
 * @returns {number | undefined}
 */
function shownPoints(section) {
  const own = section.dataset.points;
  const shown = own ?? document.querySelector("main .said dl.data dd")?.textContent ?? "";
  const digits = shown.replace(/[^0-9]/g, "");
  return digits === "" ? undefined : Number(digits);
}

/**
 * @param {Reading} reading
 * @param {number | undefined} shown
 * @param {number} now_ms
 */
export function judgeHousehold(reading, shown, now_ms) {
  const subject =
    reading.fault?.stage === "subject"
      ? { state: { state: /** @type {const} */ ("bad"), why: reading.fault.why } }
      : undefined;
  const ticks = settledTicks(
    HOUSEHOLD_TICKS,
    subject ?? { ...proofOutcomes(reading, now_ms), page: pageOutcome(reading, shown) },
  );
  const state = overall(ticks);
  const bad = ticks.find((tick) => tick.state === "bad");
  if (bad)
    return {
      ticks,
      verdict: {
        state,
        kind: `bad_${bad.id}`,
        title: said(bad.id === "page" ? "waste.bad_page" : "entry.bad"),
        notes: [],
      },
    };
  if (reading.claimed === "absent")
    return {
      ticks,
      verdict: { state: /** @type {const} */ ("warn"), kind: "absent", title: said("waste.absent"), notes: [] },
    };
  const points = Number(reading.meaning?.value?.points);
  return {
    ticks,
    verdict: {
      state,
      kind: state === "ok" ? "proven" : "unchecked",
      title: said(state === "ok" ? "waste.ok" : "waste.open", { points }),
      notes: [],
    },
  };
}

/** @param {Reading} reading @param {number | undefined} shown @returns {import("./verdict.js").Outcome | undefined} */
function pageOutcome(reading, shown) {
  const points = reading.claimed === "absent" ? undefined : Number(reading.meaning?.value?.points);
  if (reading.fault) return undefined;
  if (points === shown) return { state: "ok", why: said(points === undefined ? "waste.page_none" : "waste.page_ok") };
  const facts = {
    shown: shown === undefined ? "–" : String(shown),
    proven: points === undefined ? "–" : String(points),
  };
  return { state: "bad", why: said("waste.page_other", facts), advice: [said("do.reload"), said("do.other_node")] };
}

/**
 * @param {Page} page
 * @param {Element} result
 * @param {string} household
 * @param {Reading} reading
 * @param {number | undefined} shown
 * @param {string} fingerprint
 */
function showHousehold(page, result, household, reading, shown, fingerprint) {
  const { texts } = page;
  const { ticks, verdict } = judgeHousehold(reading, shown, Date.now());
  const { proven } = reading;
  const value = reading.meaning?.value;
  showVerdict(result, texts, ticks, verdict, {
    names: "entry_tick",
    behind: [
      el("p", { class: "note" }, texts.t("verdict.page_note")),
      proven && !reading.fault
        ? el(
            "div",
            {},
            value
              ? facts([
                  [texts.t("waste.points"), texts.number(Number(value.points))],
                  [texts.t("waste.owed"), texts.number(Number(value.owed))],
                  [texts.t("waste.entries"), texts.number(Number(value.entries))],
                ])
              : null,
            proofView(texts, proven, fingerprint),
            saveButton(texts, reading.bundle, `household-${household.slice(0, 8)}`),
          )
        : null,
    ],
  });
}
