// @ts-check
// One's own number in a lottery: whether it won, proven either way, and said no further than it is proven.

import {
  ENTRY_TICKS,
  adviceFor,
  overall,
  pendingTicks,
  pendingVerdict,
  proofOutcomes,
  settledTicks,
  showVerdict,
} from "./verdict.js";
import { el, fill } from "./dom.js";
import { periodOf, readPeriod } from "./redraw.js";
import { proofView, recordView } from "./record.js";
import { readField } from "./reading.js";
import { said } from "./texts.js";
import { saveButton } from "./receipt.js";
import { showUndone } from "./undone.js";
import { slotOf, u32 } from "./slots.js";

/** @typedef {import("./check.js").Page} Page */
/** @typedef {import("./reading.js").Reading} Reading */

const ENTRY_MAX = 0xffff_ffff;

/**
 * @param {Page} page
 * @param {import("./reading.js").Bench} bench
 * @param {import("./api.js").Place} place
 * @param {number} number
 * @param {string} fingerprint
 */
export function entryTool(page, bench, place, number, fingerprint) {
  const { texts } = page;
  const result = el("div", { id: "entry-result" });
  const input = el("input", {
    type: "text",
    inputmode: "numeric",
    id: "entry-number",
    autocomplete: "off",
    value: askedEntry(),
  });
  const form = el(
    "form",
    { class: "field no-print" },
    el("label", { for: "entry-number" }, texts.t("entry.label")),
    input,
    el("button", { type: "submit", class: "button", id: "entry-check" }, texts.t("entry.check")),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const entry = /^\d{1,10}$/.test(input.value.trim()) ? Number(input.value.trim()) : NaN;
    if (!(entry <= ENTRY_MAX))
      return fill(result, el("p", { class: "warn", role: "alert" }, texts.t("entry.malformed")));
    showVerdict(result, texts, pendingTicks(ENTRY_TICKS), pendingVerdict(), { names: "entry_tick" });
    try {
      const [period, win] = [
        await readPeriod(bench, place, number),
        await readField(bench, place, "wins", [number, entry], slotOf("wins", u32(number), u32(entry))),
      ];
      showEntry(page, result, number, entry, period, win, fingerprint);
    } catch (error) {
      showUndone(result, page.texts, error, ENTRY_TICKS, "entry_tick");
    }
  });
  return el(
    "section",
    { class: "own-entry" },
    el("h2", {}, texts.t("entry.title")),
    el("p", {}, texts.t("entry.about")),
    form,
    result,
  );
}

/** The entry that this page was asked for, where it was by its number. */
function askedEntry() {
  const asked = new URLSearchParams(location.search).get("entry") ?? "";
  return /^\d{1,10}$/.test(asked) ? asked : "";
}

/**
 * @param {Page} page
 * @param {Element} result
 * @param {number} number
 * @param {number} entry
 * @param {Reading} period
 * @param {Reading} win
 * @param {string} fingerprint
 */
function showEntry(page, result, number, entry, period, win, fingerprint) {
  const { texts } = page;
  const { ticks, verdict } = judgeEntry(number, entry, period, win, Date.now());
  const { proven } = win;
  showVerdict(result, texts, ticks, verdict, {
    names: "entry_tick",
    behind: [
      el("p", { class: "note" }, texts.t("verdict.page_note")),
      proven && !win.fault
        ? el(
            "div",
            {},
            proven.statement.kind === "present" && recordView(texts, win.meaning, proven),
            proofView(texts, proven, fingerprint),
            saveButton(texts, win.bundle, `win-${number}-${entry}`),
          )
        : null,
    ],
  });
}

/**
 * What became of an entry. That it is not among the wins means that it lost only when the period is closed, and both that
 * and the absence are proven.
 * @param {number} number
 * @param {number} entry
 * @param {Reading} period
 * @param {Reading} win
 * @param {number} now_ms
 */
export function judgeEntry(number, entry, period, win, now_ms) {
  const reading = period.fault ? period : win;
  const ticks = settledTicks(
    ENTRY_TICKS,
    reading.fault?.stage === "subject"
      ? { state: { state: "bad", why: reading.fault.why } }
      : proofOutcomes(reading, now_ms),
  );
  const state = overall(ticks);
  const found = periodOf(period);
  if (state === "bad" || !found)
    return {
      ticks,
      verdict: { state: /** @type {const} */ ("bad"), kind: "bad", title: said("entry.bad"), notes: [] },
    };
  const facts = { entry: String(entry), period: String(number) };
  if (isStale(period, win)) {
    const stale = settledTicks(ENTRY_TICKS, {
      state: { state: "bad", why: said("entry.stale"), advice: adviceFor("state") },
    });
    return {
      ticks: stale,
      verdict: { state: /** @type {const} */ ("bad"), kind: "stale", title: said("entry.bad"), notes: [] },
    };
  }
  const kind = outcomeOf(found, entry, win);
  const notes = [said(`entry.${kind}_note`, { ...facts, order: String((win.meaning?.value?.rank ?? 0) + 1) })];
  // A proven loss is a true answer and no success; its colour is not green.
  const colour = state === "ok" && (kind === "claimed" || kind === "won") ? "ok" : "warn";
  return {
    ticks,
    verdict: {
      state: /** @type {import("./verdict.js").State} */ (colour),
      kind,
      title: said(`entry.${kind}`, facts),
      notes,
    },
  };
}

/**
 * Whether a win is denied as of an earlier height than the period's. That the period is over says nothing about what was
 * not yet drawn before.
 * @param {Reading} period
 * @param {Reading} win
 */
function isStale(period, win) {
  return win.claimed === "absent" && (win.proven?.height ?? 0) < (period.proven?.height ?? Infinity);
}

/** @param {import("./redraw.js").Period} period @param {number} entry @param {Reading} win */
function outcomeOf(period, entry, win) {
  const value = win.meaning?.value;
  if (win.claimed === "present")
    return value?.expired
      ? "expired"
      : value?.claimed_ms !== null && value?.claimed_ms !== undefined
        ? "claimed"
        : "won";
  if (entry >= period.entries && period.stage !== "Open") return "unknown";
  if (period.stage === "Closed") return "lost";
  return period.stage === "Claiming" ? "not_so_far" : "not_drawn";
}
