// A household's points by its code, proven; districts' totals as charts with their tables.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { EVERYWHERE, onPage, withBrowser } from "./browser.mjs";
import { facts, field, url } from "./facts.mjs";
import { assertGreen, assertWords, seen } from "./portal.mjs";

withBrowser();
const { household, districts } = facts.waste;

for (const [lang, device] of EVERYWHERE) {
  describe(`waste points (${lang}, ${device})`, () => {
    test("a household's points are proven and are those on the page", () =>
      onPage({ lang, device }, async (page) => {
        await page.goto(`${url}/${lang}/waste?household=${household}`);
        await page.click("#waste-check");
        const found = await seen(page, "#waste-result");
        assertGreen(found);
        assert.deepEqual(Object.keys(found.ticks), ["state", "signatures", "departments", "page"]);
        const { value } = await field("waste", "waste-sorting", "households", household);
        assert.match((await page.locator("#main").innerText()).replace(/[,\u202f\s]/g, ""), new RegExp(String(value.points)));
      }));

    test("a household that is not enrolled", () =>
      onPage({ lang, device, failures: true }, async (page) => {
        await page.goto(`${url}/${lang}/waste?household=${"0".repeat(32)}`);
        const text = await page.locator("#main").innerText();
        assertWords({ text });
        assert.equal(await page.locator('#waste-app .verdict[data-state="ok"]').count(), 0, "nothing is green");
      }));

    test("each district has a chart with a name, and the table of its figures", () =>
      onPage({ lang, device }, async (page) => {
        await page.goto(`${url}/${lang}/waste`);
        const charts = page.locator("#main svg[role=img], #main svg:has(title)");
        assert.ok((await charts.count()) >= districts.length, "a chart for each district");
        for (const chart of await charts.all()) assert.ok((await chart.locator("title").first().textContent()).length > 3);
        assert.ok((await page.locator("#main table").count()) >= districts.length, "a table for each district");
      }));
  });
}
