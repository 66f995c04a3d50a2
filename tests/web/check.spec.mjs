// Checking a document: the right file, wrong ones, every way in which a slip comes along, and what is on record of it.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";

import { EVERYWHERE, assertAccessible, assertFits, onPage, withBrowser } from "./browser.mjs";
import { facts, url } from "./facts.mjs";
import { assertGreen, assertNotGreen, assertRed, checkDocument, chooseFiles, fourTicks, seen } from "./portal.mjs";

withBrowser();
const { deed, judgement, withheld, sealed } = facts.documents;
const files = mkdtempSync(join(tmpdir(), "chancery-check-"));

/** A file of its own with some content. */
function written(name, content) {
  const path = join(files, name);
  writeFileSync(path, content);
  return path;
}

for (const [lang, device] of EVERYWHERE) {
  describe(`a document's check (${lang}, ${device})`, () => {
    test("the right file with its salt has four green ticks", () =>
      onPage({ lang, device }, async (page) => {
        const found = await checkDocument(page, url, lang, { salt: deed.salt, files: deed.file });
        assert.deepEqual(fourTicks(found), ["ok", "ok", "ok", "ok"], found.text);
        assertGreen(found);
        const app = await page.textContent("#check-result");
        assert.match(app, /2026-0001/, "the record's case number is shown");
        await assertFits(page, "the verdict");
        await assertAccessible(page, "the verdict");
      }));

    test("a file with a Chinese name", () =>
      onPage({ lang, device }, async (page) => {
        assertGreen(await checkDocument(page, url, lang, { salt: judgement.salt, files: judgement.file }));
      }));

    test("another file under the salt: nothing of the kind is on record, and that is proven", () =>
      onPage({ lang, device }, async (page) => {
        const other = written("other.txt", "Deed 17, but another parcel.\n");
        const found = await checkDocument(page, url, lang, { salt: deed.salt, files: other });
        assert.equal(found.kind, "absent", found.text);
        assertRed(found, "file");
      }));

    test("the right file under another salt", () =>
      onPage({ lang, device }, async (page) => {
        const found = await checkDocument(page, url, lang, { salt: judgement.salt, files: deed.file });
        assert.equal(found.kind, "absent", found.text);
        assertRed(found, "file");
      }));

    test("a withheld record says so and is not plainly green", () =>
      onPage({ lang, device }, async (page) => {
        const found = await checkDocument(page, url, lang, { salt: withheld.salt, files: withheld.file });
        assert.equal(found.kind, "withheld", found.text);
        assertNotGreen(found);
        assert.match(await page.textContent("#check-result"), /2026-W-1/, "the order is named");
      }));

    test("a document of a batch, by the batch's paths", () =>
      onPage({ lang, device }, async (page) => {
        const { batch } = facts;
        const found = await checkDocument(page, url, lang, { salt: batch.salt, files: [batch.paths, batch.file] });
        assertGreen(found);
        assert.match(found.text, new RegExp(batch.root), "the batch's root is named");
      }));

    test("a document that the batch's paths do not lead to", () =>
      onPage({ lang, device }, async (page) => {
        const { batch } = facts;
        const found = await checkDocument(page, url, lang, { salt: batch.salt, files: [batch.paths, written("not-in-it.txt", "no notice")] });
        assertRed(found, "file");
      }));
  });
}

describe("what comes along with a document", () => {
  test("a sealed record is green and says that it is sealed", () =>
    onPage({}, async (page) => {
      assertGreen(await checkDocument(page, url, "en", { salt: sealed.salt, files: sealed.file }));
      assert.match(await page.textContent("#check-result"), /seal/i);
    }));

  test("a file of salts instead of a link", () =>
    onPage({}, async (page) => {
      const salts = written("salts.jsonl", `${JSON.stringify({ document: deed.file, salt: deed.salt, digest: deed.digest })}\n`);
      assertGreen(await checkDocument(page, url, "en", { files: [salts, deed.file] }));
    }));

  test("a QR code in a picture", () =>
    onPage({ device: "phone" }, async (page) => {
      await page.goto(`${url}/en/check`);
      const picture = written("slip.png", await qrPicture(page, `${url}/en/check#salt=${deed.salt}&at=evidence/evidence`));
      await page.locator("#check-app .qr-picture").first().setInputFiles(picture);
      await page.waitForFunction((salt) => document.getElementById("check-salt")?.value === salt, deed.salt);
      await chooseFiles(page, deed.file);
      assertGreen(await seen(page, "#check-result"));
    }));

  test("a saved proof checks again without the document, and with it", () =>
    onPage({}, async (page) => {
      await checkDocument(page, url, "en", { salt: deed.salt, files: deed.file });
      const download = page.waitForEvent("download");
      await page.locator("#check-result .save-proof").click();
      const proof = join(files, "deed.proof");
      await (await download).saveAs(proof);
      assert.ok(readFileSync(proof).length > 500, "the proof has bytes");
      const alone = await checkDocument(page, url, "en", { files: proof });
      assert.deepEqual(fourTicks(alone).slice(1), ["ok", "ok", "ok"], alone.text);
      assertNotGreen(alone);
      assertGreen(await checkDocument(page, url, "en", { salt: deed.salt, files: [proof, deed.file] }));
      const other = await checkDocument(page, url, "en", { salt: judgement.salt, files: [proof, judgement.file] });
      assertRed(other, "file");
    }));

  test("nothing of the document and its salt goes to the server", () =>
    onPage({}, async (page) => {
      const sent = [];
      page.on("request", (request) => sent.push(`${request.url()} ${request.postData() ?? ""} ${request.headers().referer ?? ""}`));
      await checkDocument(page, url, "en", { salt: deed.salt, files: deed.file });
      assert.ok(!sent.some((line) => line.includes(deed.salt)), "the salt left the device");
      assert.ok(sent.every((line) => !line.includes("Parcel")), "the document left the device");
      assert.ok(sent.some((line) => line.includes(deed.digest)), "the digest was asked for");
    }));

  test("the receipt that is printed has its QR code and the digest", () =>
    onPage({}, async (page) => {
      await checkDocument(page, url, "en", { salt: deed.salt, files: deed.file });
      await page.evaluate(() => (window.print = () => (window.printed = true)));
      await page.locator("#check-result .print-receipt").click();
      await page.emulateMedia({ media: "print" });
      const receipt = page.locator(".print-only").first();
      assert.ok(await receipt.isVisible(), "the receipt is printed");
      assert.ok((await page.locator(".print-only .qr").count()) > 0, "it has a QR code");
      assert.match(await page.locator("#check-result").innerText(), new RegExp(deed.digest.slice(0, 8)));
    }));
});

/** A picture of a QR code, made by the page's own verifier. */
async function qrPicture(page, text) {
  const encoded = await page.evaluate(async (text) => {
    const verifier = await import("/assets/verifier.js");
    await verifier.default();
    const image = new Image();
    image.src = `data:image/svg+xml,${encodeURIComponent(verifier.qr_svg(text))}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 600;
    canvas.getContext("2d").fillStyle = "#fff";
    const context = canvas.getContext("2d");
    context.fillRect(0, 0, 600, 600);
    context.drawImage(image, 40, 40, 520, 520);
    return canvas.toDataURL("image/png").split(",")[1];
  }, text);
  return Buffer.from(encoded, "base64");
}
