// The trust anchor: its fingerprint is compared, and another one than was known is refused until the visitor says otherwise.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { EVERYWHERE, onPage, withBrowser } from "./browser.mjs";
import { anchorHex, facts, remembered, url } from "./facts.mjs";
import { assertGreen, assertWords, chooseFiles, seen } from "./portal.mjs";

withBrowser();
const { deed } = facts.documents;

/** Another government's anchor: this one's with another key in the committee, which is all a browser can see of it. */
const OTHER_ANCHOR = otherAnchor(anchorHex);

function otherAnchor(hex) {
  const bytes = Buffer.from(hex, "hex");
  // The genesis' digest follows the chain's name, whose length in SCALE is one byte.
  const genesis = bytes.indexOf("main") + 4;
  bytes[genesis] ^= 1;
  return bytes.toString("hex");
}

for (const [lang, device] of EVERYWHERE) {
  describe(`trust (${lang}, ${device})`, () => {
    test("the published fingerprint compares, one digit off does not", () =>
      onPage({ lang, device }, async (page) => {
        await page.goto(`${url}/${lang}/trust`);
        const fingerprint = (await page.locator("#trust-app .fingerprint").first().textContent()).replace(/\s/g, "");
        assert.match(fingerprint, /^[0-9a-f]{64}$/);
        await page.fill("#fingerprint", fingerprint.replace(/^./, (digit) => (digit === "0" ? "1" : "0")));
        await page.locator("#trust-app form button[type=submit]").click();
        assert.equal(await page.locator(".comparison").getAttribute("data-state"), "bad");
        await page.fill("#fingerprint", fingerprint.match(/.{8}/g).join(" "));
        await page.locator("#trust-app form button[type=submit]").click();
        await page.locator('.comparison[data-state="ok"]').waitFor();
        assertWords({ text: await page.textContent("#trust-app") });
      }));

    test("another anchor than the known one is refused until it is confirmed", () =>
      onPage({ lang, device, storageState: remembered(url, OTHER_ANCHOR) }, async (page) => {
        await page.goto(`${url}/${lang}/check#salt=${deed.salt}&at=evidence/evidence`);
        const refusal = page.locator('.anchor[data-standing="changed"][data-state="bad"]');
        await refusal.waitFor();
        assert.equal(await refusal.locator(".fingerprint").count(), 2, "both fingerprints are shown");
        assertWords({ text: await refusal.textContent() });
        assert.equal(await page.locator('.verdict[data-state="ok"], .tick[data-state="ok"]').count(), 0, "nothing is green meanwhile");
        assert.ok(await page.locator("#anchor-accept").isDisabled(), "not by one press");
        await page.check("#anchor-sure");
        await page.click("#anchor-accept");
        await chooseFiles(page, deed.file);
        assertGreen(await seen(page, "#check-result"));
      }));

    test("and where the known one is kept, nothing of this node holds", () =>
      onPage({ lang, device, storageState: remembered(url, OTHER_ANCHOR) }, async (page) => {
        await page.goto(`${url}/${lang}/check#salt=${deed.salt}&at=evidence/evidence`);
        await page.click("#anchor-keep");
        await chooseFiles(page, deed.file);
        const found = await seen(page, "#check-result");
        assert.equal(found.state, "bad", found.text);
        assert.equal(found.ticks.departments, "bad", `signed by others than the known: ${JSON.stringify(found.ticks)} ${found.text}`);
      }));
  });
}

describe("where the anchor comes from", () => {
  test("the first visit says that the anchor was taken just now, and a later one that it is known", () =>
    onPage({}, async (page) => {
      await page.goto(`${url}/en/check`);
      await page.locator('.anchor[data-standing="first"]').waitFor();
      await page.reload();
      await page.locator('.anchor[data-standing="known"]').waitFor();
    }));

  test("the page and the command line have one fingerprint", () =>
    onPage({}, async (page) => {
      await page.goto(`${url}/en/trust`);
      const rendered = (await page.locator("#trust").textContent()).replace(/\s/g, "");
      const { createHash } = await import("node:crypto");
      const digest = createHash("sha256").update(Buffer.from(anchorHex, "hex")).digest("hex");
      assert.ok(rendered.includes(digest), "the SHA-256 of the anchor's bytes stands on the page");
    }));
});
