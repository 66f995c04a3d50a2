// @ts-check
// A lottery period's page: the whole draw done again in this browser, and what became of one's own number, proven.

import { DRAW_TICKS, periodOf, readPeriod, redraw } from "./redraw.js";
import {
  ENTRY_TICKS,
  adviceFor,
  overall,
  pendingTicks,
  pendingVerdict,
  proofOutcomes,
  settledTicks,
  showVerdict,
  uncheckedVerdict,
} from "./verdict.js";
import { Undone, Work } from "./work.js";
import { Unanswered, placeOf } from "./api.js";
import { el, fill, speaker } from "./dom.js";
import { proofView, recordView } from "./record.js";
import { readField } from "./reading.js";
import { said } from "./texts.js";
import { saveButton } from "./receipt.js";
import { settleTrust } from "./anchor.js";
import { slotOf, u32 } from "./slots.js";

/** @typedef {import("./check.js").Page} Page */
/** @typedef {import("./reading.js").Reading} Reading */
/** @typedef {import("./verdict.js").Verdict} Verdict */

const ENTRY_MAX = 0xffff_ffff;

/** @param {Page} page */
export async function lotteryPage(page) {
  const [section, app] = [document.getElementById("lottery"), document.getElementById("lottery-app")];
  const place = placeOf(section?.dataset.at ?? "");
  const number = Number(section?.dataset.period ?? NaN);
  if (!app || !place || !Number.isInteger(number) || number < 0) return;
  const [trust_place, tools] = [el("div"), el("div")];
  fill(app, trust_place, tools);
  const trust = await settleTrust(trust_place, page.texts, page.verifier, page.api, page.mainchain);
  const bench = { api: page.api, verifier: page.verifier, anchor: trust.bytes, mainchain: page.mainchain };
  fill(tools, redrawTool(page, bench, place, number), entryTool(page, bench, place, number, trust.fingerprint));
}

/**
 * @param {Page} page
 * @param {import("./reading.js").Bench} bench
 * @param {import("./api.js").Place} place
 * @param {number} number
 */
function redrawTool(page, bench, place, number) {
  const { texts } = page;
  const [result, step, bar] = [
    el("div", { id: "redraw-result" }),
    el("p", { id: "redraw-step" }),
    el("progress", { "aria-label": texts.t("redraw.title") }),
  ];
  const spoken = el("p", { class: "visually-hidden", "aria-live": "polite" });
  const speak = speaker(spoken);
  /** @type {AbortController | undefined} */
  let running;
  const cancel = el(
    "button",
    { type: "button", class: "button-secondary", id: "redraw-cancel", onclick: () => running?.abort() },
    texts.t("check.cancel"),
  );
  const working = el("div", { class: "progress", hidden: true }, bar, step, cancel, spoken);
  const progress = (/** @type {import("./texts.js").Said} */ what) => {
    step.textContent = texts.t(what);
    const { count, total } = what.facts;
    if (typeof count === "number" && typeof total === "number" && total > 0) bar.value = count / total;
    else bar.removeAttribute("value");
    speak(step.textContent);
  };
  const start = el("button", { type: "button", class: "button", id: "redraw-start" }, texts.t("redraw.start"));
  start.addEventListener("click", async () => {
    running = new AbortController();
    start.disabled = true;
    working.hidden = false;
    cancel.focus();
    showVerdict(result, texts, pendingTicks(DRAW_TICKS), pendingVerdict(), { names: "draw_tick" });
    await runRedraw(page, { ...bench, signal: running.signal }, place, number, progress, result);
    working.hidden = true;
    start.disabled = false;
  });
  return el(
    "section",
    { class: "redraw" },
    el("h2", {}, texts.t("redraw.title")),
    el("p", {}, texts.t("redraw.about")),
    el("p", { class: "no-print" }, start),
    working,
    result,
  );
}

/**
 * @param {Page} page
 * @param {import("./reading.js").Bench} bench
 * @param {import("./api.js").Place} place
 * @param {number} number
 * @param {(what: import("./texts.js").Said) => void} progress
 * @param {Element} result
 */
async function runRedraw(page, bench, place, number, progress, result) {
  const { texts } = page;
  const drawer = new ThreadDrawer(page.verifier);
  const end = () => drawer.end();
  bench.signal?.addEventListener("abort", end);
  try {
    const drawn = await redraw(bench, place, number, drawer, progress, Date.now());
    const ticks = settledTicks(DRAW_TICKS, drawn.outcomes);
    showVerdict(result, texts, ticks, drawVerdict(ticks), {
      names: "draw_tick",
      behind: [
        el("p", { class: "note" }, texts.t("verdict.page_note")),
        drawn.reading.fault ? null : saveButton(texts, drawn.reading.bundle, `period-${number}`),
      ],
    });
  } catch (error) {
    showUndone(result, page, error, DRAW_TICKS, "draw_tick");
  } finally {
    bench.signal?.removeEventListener("abort", end);
    drawer.end();
  }
}

/** @param {import("./verdict.js").Tick[]} ticks @returns {Verdict} */
export function drawVerdict(ticks) {
  const state = overall(ticks);
  const bad = ticks.find((tick) => tick.state === "bad");
  const kind = state === "ok" ? "proven" : bad ? `bad_${bad.id}` : "unchecked";
  const title = state === "ok" ? "draw_verdict.ok" : bad ? `draw_verdict.bad.${bad.id}` : "draw_verdict.open";
  return { state, kind, title: said(title), notes: [] };
}

/** Draws on the second thread; where a browser gives none, here. */
class ThreadDrawer {
  /** @param {any} verifier */
  constructor(verifier) {
    this.verifier = verifier;
    try {
      this.work = new Work();
    } catch {
      this.work = undefined;
    }
  }

  /** @param {number} period @param {string} list @param {string} beacon @param {number} quota @param {number} drawn */
  async begin(period, list, beacon, quota, drawn) {
    try {
      await this.work?.do({ kind: "draw", period, list, beacon, quota, drawn });
    } catch (error) {
      if (!(error instanceof Undone)) throw error;
      this.end();
    }
    if (!this.work) this.draw = new this.verifier.Draw(period, list, beacon, quota, drawn);
  }

  /** @param {Array<{token: string, key: string, tickets: number, losses: number}>} entries */
  async push(entries) {
    if (this.work) await this.work.do({ kind: "entries", entries });
    else for (const { token, key, tickets, losses } of entries) this.draw.push(token, key, tickets, losses);
  }

  async finish() {
    return this.work ? this.work.do({ kind: "finish" }) : this.draw.finish();
  }

  end() {
    this.work?.end();
    this.work = undefined;
  }
}

/**
 * @param {Page} page
 * @param {import("./reading.js").Bench} bench
 * @param {import("./api.js").Place} place
 * @param {number} number
 * @param {string} fingerprint
 */
function entryTool(page, bench, place, number, fingerprint) {
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
      showUndone(result, page, error, ENTRY_TICKS, "entry_tick");
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

/**
 * @param {Element} result
 * @param {Page} page
 * @param {unknown} error
 * @param {string[]} ids
 * @param {string} names
 */
export function showUndone(result, page, error, ids, names) {
  const { texts } = page;
  if (error instanceof DOMException && error.name === "AbortError")
    return fill(result, el("p", { class: "note", role: "status" }, texts.t("check.cancelled")));
  const why =
    error instanceof Unanswered || error instanceof Undone
      ? error.said
      : said("unanswered.broken", { detail: String(error) });
  showVerdict(result, texts, settledTicks(ids, {}), uncheckedVerdict(why), { names });
}
