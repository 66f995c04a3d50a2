// Without script everything can be read; what takes script says so.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { EVERYWHERE, assertFits, onPage, withBrowser } from "./browser.mjs";
import { facts, url } from "./facts.mjs";
import { pages } from "./pages.mjs";

withBrowser();
const all = await pages();
const off = { javaScriptEnabled: false };

for (const [lang, device] of EVERYWHERE) {
  describe(`without script (${lang}, ${device})`, () => {
    for (const [name, path] of all) {
      test(`${name} can be read`, () =>
        onPage({ ...off, lang, device, failures: name === "missing" }, async (page) => {
          await page.goto(`${url}/${lang}${path}`);
          const text = await page.locator("#main").innerText();
          assert.ok(text.length > 80, `there is nothing to read: ${text}`);
          assert.doesNotMatch(text, /\{ ?\$|undefined|\{\{|Unknown localization/, "a text has a gap");
          if (lang === "zh") assert.match(text, /[\u4e00-\u9fff]{2}/, "it is not in Chinese");
          await assertFits(page, name);
        }));
    }

    test("a record is shown as the server says it, and not as checked", () =>
      onPage({ ...off, lang, device }, async (page) => {
        await page.goto(`${url}/${lang}/check?digest=${facts.documents.deed.digest}`);
        const text = await page.locator("#main").innerText();
        assert.match(text, /2026-0001/);
        assert.match(text, lang === "zh" ? /未/ : /not.*checked|unchecked/i, "it says that it is not checked");
        assert.equal(await page.locator('[data-state="ok"]').count(), 0, "nothing is green");
      }));

    test("a number of the lottery is looked up by a form", () =>
      onPage({ ...off, lang, device }, async (page) => {
        await page.goto(`${url}/${lang}/lottery/${facts.lottery.drawn}`);
        await page.locator('#main input[name="entry"]').fill(String(facts.lottery.winners[0]));
        await page.locator('#main form:has(input[name="entry"]) button').first().click();
        assert.match(page.url(), /entry=/);
        assert.match(await page.locator("#main").innerText(), new RegExp(`\\b${facts.lottery.winners[0]}\\b`));
      }));
  });
}

test("the language follows the browser's, and a visitor's choice is a link on every page", () =>
  onPage({ ...off, lang: "zh" }, async (page) => {
    await page.goto(`${url}/`);
    assert.match(page.url(), /\/zh\/$/);
    await page.locator('header a[hreflang^="en"]').first().click();
    assert.match(page.url(), /\/en\/$/);
  }));
