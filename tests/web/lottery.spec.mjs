// A lottery's period: drawn again in the browser from what is published, and what became of one's own number.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { EVERYWHERE, assertAccessible, onPage, withBrowser } from "./browser.mjs";
import { facts, url } from "./facts.mjs";
import { assertGreen, assertNotGreen, assertWords, seen } from "./portal.mjs";

withBrowser();
const { drawn, open, entries, winners, loser } = facts.lottery;

async function ownNumber(page, lang, entry) {
  await page.goto(`${url}/${lang}/lottery/${drawn}`);
  await page.fill("#entry-number", String(entry));
  await page.click("#entry-check");
  return seen(page, "#entry-result");
}

for (const [lang, device] of EVERYWHERE) {
  describe(`a lottery (${lang}, ${device})`, () => {
    test("the whole draw done again gives exactly what was published", () =>
      onPage({ lang, device }, async (page) => {
        await page.goto(`${url}/${lang}/lottery/${drawn}`);
        await page.click("#redraw-start");
        const found = await seen(page, "#redraw-result", 60_000);
        assert.deepEqual(Object.keys(found.ticks), ["record", "list", "beacon", "draw"]);
        assertGreen(found);
        await assertAccessible(page, "the redraw");
      }));

    test("a winner's number", () =>
      onPage({ lang, device }, async (page) => {
        const found = await ownNumber(page, lang, winners[3]);
        assertGreen(found);
        assert.equal(found.kind, "won", found.text);
        assert.ok(await page.locator("#entry-result .save-proof").isVisible());
      }));

    test("a number that did not win so far: proven, and not called lost while claims are open", () =>
      onPage({ lang, device }, async (page) => {
        const found = await ownNumber(page, lang, loser);
        assert.equal(found.kind, "not_so_far", found.text);
        assertNotGreen(found);
        assert.deepEqual(Object.values(found.ticks), ["ok", "ok", "ok"], "the absence is proven");
      }));

    test("a number that nobody has", () =>
      onPage({ lang, device }, async (page) => {
        assert.equal((await ownNumber(page, lang, entries + 5)).kind, "unknown");
      }));

    test("a period that is open has nothing to draw yet, and says so", () =>
      onPage({ lang, device }, async (page) => {
        await page.goto(`${url}/${lang}/lottery/${open}`);
        await page.click("#redraw-start");
        const found = await seen(page, "#redraw-result");
        assertWords(found);
        assertNotGreen(found);
        assert.ok(!Object.values(found.ticks).includes("bad"), found.text);
      }));
  });
}
