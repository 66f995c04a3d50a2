// The explorer: every page leads on, blocks come live, and a public field is checked where it is shown.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { EVERYWHERE, onPage, withBrowser } from "./browser.mjs";
import { facts, url } from "./facts.mjs";
import { aTransaction } from "./pages.mjs";
import { assertGreen, assertWords, seen } from "./portal.mjs";

withBrowser();
const transaction = await aTransaction();

for (const [lang, device] of EVERYWHERE) {
  describe(`the explorer (${lang}, ${device})`, () => {
    test("new blocks appear by themselves, and can be held", () =>
      onPage({ lang, device }, async (page) => {
        await page.goto(`${url}/${lang}/explorer/main`);
        const rows = page.locator("#blocks tbody tr");
        const first = await rows.first().textContent();
        await page.waitForFunction((first) => document.querySelector("#blocks tbody tr")?.textContent !== first, first, { timeout: 15_000 });
        assertWords({ text: await page.textContent("#main") });
        await page.click("#live-pause");
        const held = await rows.first().textContent();
        await page.waitForTimeout(3_000);
        assert.equal(await rows.first().textContent(), held, "it goes on although it was held");
      }));

    test("from the chains to a chain, its block, its transaction and its contract", () =>
      onPage({ lang, device }, async (page) => {
        await page.goto(`${url}/${lang}/explorer`);
        await page.locator(`#main a[href$="/explorer/evidence"]`).first().click();
        await page.locator(`#main a[href*="/explorer/evidence/blocks/"]`).first().click();
        assert.equal(await page.locator("h1").count(), 1);
        await page.goto(`${url}/${lang}/explorer/evidence/contracts`);
        await page.locator(`#main a[href*="/contracts/"]`).first().click();
        assert.match(await page.locator("#main").innerText(), /records/);
      }));

    test("a public field of a contract is checked in place", () =>
      onPage({ lang, device }, async (page) => {
        await page.goto(`${url}/${lang}/explorer/evidence/contracts/evidence`);
        const button = page.locator("button.check-field:visible").first();
        await button.click();
        assertGreen(await seen(page, "#main"));
      }));

    test("the search finds a transaction, a contract and the blocks of a height", () =>
      onPage({ lang, device }, async (page) => {
        const search = async (text) => {
          await page.goto(`${url}/${lang}/explorer/evidence`);
          await page.fill("#q", text);
          await page.press("#q", "Enter");
          await page.waitForURL((address) => !address.pathname.endsWith("/explorer/evidence"));
        };
        const links = (part) => page.locator(`#main a[href*="${part}"]`).count();
        await search(transaction);
        assert.ok(page.url().endsWith(`/explorer/evidence/transactions/${transaction}`), page.url());
        await search("waste-sorting");
        assert.ok(page.url().includes("/explorer/waste/contracts/") || (await links("/explorer/waste/contracts/")) > 0, page.url());
        await search("3");
        assert.ok(page.url().endsWith("/blocks/3") || (await links("/explorer/evidence/blocks/3")) > 0, page.url());
        await search("nothing-is-called-so");
        assertWords({ text: await page.textContent("#main") });
      }));
  });
}

test("a node that is not of a chain says so, and what to do", () =>
  onPage({ failures: true }, async (page) => {
    await page.goto(`${facts.nodes[3].url}/en/waste`);
    const text = await page.locator("#main").innerText();
    assert.match(text, /waste/);
    assert.ok(text.length > 80, text);
    assert.equal(await page.locator('[data-state="ok"]').count(), 0);
  }));
