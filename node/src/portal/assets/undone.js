// @ts-check
// A check that came to no end: nothing was found out, neither for nor against, and the sentence says why. It is the same on
// every page.

import { Unanswered } from "./api.js";
import { Undone } from "./work.js";
import { el, fill } from "./dom.js";
import { said } from "./texts.js";
import { settledTicks, showVerdict, uncheckedVerdict } from "./verdict.js";

/**
 * @param {Element} place
 * @param {import("./texts.js").Texts} texts
 * @param {unknown} error
 * @param {string[]} ids the ticks, none of which was checked
 * @param {string} [names] the beginning of the names of the ticks' sentences
 */
export function showUndone(place, texts, error, ids, names) {
  if (error instanceof DOMException && error.name === "AbortError") {
    return fill(place, el("p", { class: "note", role: "status" }, texts.t("check.cancelled")));
  }
  const is_known = error instanceof Unanswered || error instanceof Undone;
  const why = is_known ? error.said : said("unanswered.broken", { detail: String(error) });
  showVerdict(place, texts, settledTicks(ids, {}), uncheckedVerdict(why), { names });
}
