// axe finds nothing on any page, in either language, scheme of colours or width; no page is wider than its window; and
// whoever uses the keyboard alone gets everywhere.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { EVERYWHERE, assertAccessible, assertDrawings, assertFits, assertTables, onPage, withBrowser } from "./browser.mjs";
import { facts, url } from "./facts.mjs";
import { pages } from "./pages.mjs";
import { chooseFiles } from "./portal.mjs";

withBrowser();
const all = await pages();

for (const [lang, device] of EVERYWHERE) {
  for (const colorScheme of ["light", "dark"]) {
    describe(`every page (${lang}, ${device}, ${colorScheme})`, () => {
      for (const [name, path] of all) {
        test(name, () =>
          onPage({ lang, device, colorScheme, failures: name === "missing" }, async (page) => {
            await page.goto(`${url}/${lang}${path}`);
            assert.match(await page.getAttribute("html", "lang"), lang === "zh" ? /^zh/ : /^en/);
            assert.equal(await page.locator("h1").count(), 1, "one main heading");
            await settled(page);
            const unknown = await page.evaluate(() =>
              [...document.querySelectorAll("*")].filter((element) => element instanceof HTMLUnknownElement).map((element) => element.localName));
            assert.deepEqual(unknown, [], "there are no such elements");
            await assertAccessible(page, `${name} (${lang}, ${device}, ${colorScheme})`);
            await assertFits(page, name);
            await assertTables(page, name);
            await assertDrawings(page, name);
          }));
      }
    });
  }
}

describe("by the keyboard alone", () => {
  test("the first press leads to the skip link, and that to what the page is about", () =>
    onPage({}, async (page) => {
      await page.goto(`${url}/en/check`);
      await page.keyboard.press("Tab");
      assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("href")), "#main");
      await page.keyboard.press("Enter");
      assert.equal(new URL(page.url()).hash, "#main");
    }));

  test("every control of the check page is reached in turn and shows that it is", () =>
    onPage({}, async (page) => {
      await page.goto(`${url}/en/check`);
      await settled(page);
      const reached = new Set();
      for (let step = 0; step < 60; step += 1) {
        await page.keyboard.press("Tab");
        const at = await page.evaluate(() => {
          const element = document.activeElement;
          if (!element || element === document.body) return undefined;
          const { outlineStyle, boxShadow } = getComputedStyle(element);
          const box = element.closest("label, .drop, .field") ?? element;
          const around = getComputedStyle(box);
          return { place: [...document.querySelectorAll("*")].indexOf(element), shown: outlineStyle !== "none" || boxShadow !== "none" || around.outlineStyle !== "none" || around.boxShadow !== "none" };
        });
        if (!at) break;
        assert.ok(at.shown, "focus cannot be seen");
        reached.add(at.place);
      }
      const controls = await page.locator("#main a:visible, #main button:visible:enabled, #main input:visible:enabled, #main textarea:visible:enabled, #main summary:visible").count();
      assert.ok(reached.size >= controls, `${reached.size} places were reached, and there are ${controls} controls`);
    }));

  test("the verdict has the focus when it is there", () =>
    onPage({}, async (page) => {
      const { deed } = facts.documents;
      await page.goto(`${url}/en/check#salt=${deed.salt}&at=evidence/evidence`);
      await chooseFiles(page, deed.file);
      await page.locator('#check-result .verdict[data-state="ok"]').waitFor();
      assert.ok(await page.evaluate(() => document.activeElement?.closest(".verdict") !== null));
    }));
});

/** Waits until a page's own script has put there what it puts there. A live page never ends loading. */
async function settled(page) {
  await page.waitForLoadState("load");
  await page.waitForFunction(() => {
    const filled = ["check-app", "lottery-app", "waste-app", "trust-app"].every((id) => {
      const app = document.getElementById(id);
      return !app || app.childElementCount > 0 || app.closest("[data-household='']");
    });
    return filled && (!document.getElementById("live") || document.getElementById("live-pause"));
  }, undefined, { timeout: 15_000 });
}
