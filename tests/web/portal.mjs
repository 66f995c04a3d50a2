// The portal's pages as their visitors use them: what they do, and what they then see.

import assert from "node:assert/strict";

const VERDICT_TIMEOUT_MS = 30_000;

/**
 * What a place of the page says: the verdict, its ticks by their names, and all words.
 * @typedef {{state: string, kind: string, title: string, text: string, ticks: Record<string, string>}} Seen
 */

/**
 * Waits for a verdict that is no longer pending.
 * @param {import("playwright-core").Page} page
 * @param {string} within
 * @returns {Promise<Seen>}
 */
export async function seen(page, within = "#main", timeout = VERDICT_TIMEOUT_MS) {
  const verdict = page.locator(`${within} .verdict[data-state]:not([data-state="pending"])`).first();
  await verdict.waitFor({ timeout });
  return verdict.evaluate((element) => ({
    state: element.dataset.state,
    kind: element.dataset.kind ?? "",
    title: element.querySelector("h2, h3")?.textContent ?? "",
    text: element.textContent ?? "",
    ticks: Object.fromEntries([...element.querySelectorAll(".tick[data-tick]")].map((tick) => [tick.dataset.tick, tick.dataset.state])),
  }));
}

/** The states of a document's four ticks, in their order. */
export function fourTicks({ ticks }) {
  return ["file", "state", "signatures", "departments"].map((id) => ticks[id]);
}

/** All is green, and every word of it is there. */
export function assertGreen(found) {
  assert.deepEqual(Object.values(found.ticks).filter((state) => state !== "ok"), [], `a tick is not green: ${found.text}`);
  assert.equal(found.state, "ok", found.text);
  assertWords(found);
}

/**
 * The tick `bad` is red, none behind it is green, and the verdict is not.
 * @param {Seen} found
 * @param {string} bad
 */
export function assertRed(found, bad) {
  const ids = Object.keys(found.ticks);
  assert.equal(found.ticks[bad], "bad", `tick ${bad} is not red: ${JSON.stringify(found.ticks)} ${found.text}`);
  for (const behind of ids.slice(ids.indexOf(bad) + 1)) assert.notEqual(found.ticks[behind], "ok", `${behind} is green behind a failure`);
  assert.equal(found.state, "bad", found.text);
  assertWords(found);
}

/** Nothing that the page shows is green as a whole. */
export function assertNotGreen(found) {
  assert.notEqual(found.state, "ok", found.text);
  assertWords(found);
}

/** A sentence without words would be shown as its name in brackets. */
export function assertWords({ text }) {
  assert.doesNotMatch(text, /\[[a-z]+(\.[a-z_]+)+\]/, "a sentence has no words");
  assert.doesNotMatch(text, /\{[a-z_]+\}|undefined|\[object/, "a sentence has a gap");
}

/**
 * Opens the page that checks documents and lets it check one.
 * @param {import("playwright-core").Page} page
 * @param {string} url the node's
 * @param {string} lang
 * @param {{salt?: string, files: any}} what
 */
export async function checkDocument(page, url, lang, { salt, files }) {
  const slip = salt ? `#salt=${salt}&at=evidence/evidence` : "";
  // A page that is open already would only have its fragment changed.
  await page.goto("about:blank");
  await page.goto(`${url}/${lang}/check${slip}`);
  await chooseFiles(page, files);
  return seen(page, "#check-result");
}

/** Gives the check page files, as by its own button, and has it check them. */
export async function chooseFiles(page, files) {
  const all = [files].flat();
  await page.locator("#check-file").setInputFiles(files);
  // What each of them is, is read from their first bytes.
  await page.waitForFunction((count) => document.querySelectorAll("#check-chosen li").length >= count, all.length);
  await page.locator("#check-start").click();
}
