// @ts-check
// A lottery period's page: the whole draw done again in this browser, and beside it what became of one's own number.

import { DRAW_TICKS, redraw } from "./redraw.js";
import { ThreadDrawer } from "./drawer.js";
import { el, fill, speaker } from "./dom.js";
import { entryTool } from "./entry.js";
import { overall, pendingTicks, pendingVerdict, settledTicks, showVerdict } from "./verdict.js";
import { placeOf } from "./api.js";
import { said } from "./texts.js";
import { saveButton } from "./receipt.js";
import { settleTrust } from "./anchor.js";
import { showUndone } from "./undone.js";

/** @typedef {import("./check.js").Page} Page */
/** @typedef {import("./verdict.js").Verdict} Verdict */

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
    showUndone(result, page.texts, error, DRAW_TICKS, "draw_tick");
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
