// The offline checker: one file, opened from the disk with no network, agrees with the command line and the browser about
// every bundle, whether it holds or not.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";

import { EVERYWHERE, assertAccessible, assertFits, onPage, withBrowser } from "./browser.mjs";
import { anchorHex, facts, field, url } from "./facts.mjs";
import { CHANCERY, run, temporaryDirectory } from "./network.mjs";
import { assertGreen, assertNotGreen, assertRed, assertWords, checkDocument, seen } from "./portal.mjs";

withBrowser();
const home = temporaryDirectory("offline");
const { deed, judgement } = facts.documents;
const checker = join(home, "offline.html");
const proofs = { good: join(home, "good.proof"), changed: join(home, "changed.proof"), cut: join(home, "cut.proof"), absent: join(home, "absent.proof") };
const other_anchor = join(home, "other.anchor");

before(async () => {
  writeFileSync(checker, Buffer.from(await (await fetch(`${url}/offline.html`)).arrayBuffer()));
  const bundle = Buffer.from((await field("evidence", "evidence", "records", deed.digest)).proof, "hex");
  writeFileSync(proofs.good, bundle);
  writeFileSync(proofs.absent, Buffer.from((await field("evidence", "evidence", "records", facts.never.digest)).proof, "hex"));
  // Of the last signature.
  const changed = Buffer.from(bundle);
  changed[changed.length - 2] ^= 1;
  writeFileSync(proofs.changed, changed);
  writeFileSync(proofs.cut, bundle.subarray(0, bundle.length - 1));
  const anchor = Buffer.from(anchorHex, "hex");
  anchor[anchor.indexOf("main") + 4] ^= 1;
  writeFileSync(other_anchor, anchor);
});

/** Checks with the file from the disk. */
async function offline(page, { proof, anchor = facts.anchor, document, salt, fingerprint }) {
  await page.goto(pathToFileURL(checker).href);
  await page.locator("#offline-proof").setInputFiles(proof);
  await page.locator("#offline-anchor").setInputFiles(anchor);
  if (document) await page.locator("#offline-document").setInputFiles(document);
  if (salt) await page.fill("#offline-salt", salt);
  if (fingerprint) await page.fill("#offline-fingerprint", fingerprint);
  await page.click("#offline-start");
  return seen(page, "#check-result");
}

const fingerprint = createHash("sha256").update(Buffer.from(anchorHex, "hex")).digest("hex");

for (const [lang, device] of EVERYWHERE) {
  describe(`the offline checker (${lang}, ${device})`, () => {
    const visit = (body) => onPage({ lang, device, offline: true }, body);

    test("a good proof with its document, from the disk, without a network", () =>
      visit(async (page) => {
        const found = await offline(page, { proof: proofs.good, document: deed.file, salt: deed.salt, fingerprint });
        // A proof of now that was opened at once is fresh; one that is not is said to be old and is not plainly green.
        assert.deepEqual([found.ticks.file, found.ticks.signatures, found.ticks.departments], ["ok", "ok", "ok"], found.text);
        if (found.state === "ok") assertGreen(found);
        else assert.equal(found.kind, "old", found.text);
        await assertFits(page, "the offline checker");
        await assertAccessible(page, "the offline checker");
      }));

    test("a changed proof", () =>
      visit(async (page) => assertRed(await offline(page, { proof: proofs.changed, document: deed.file, salt: deed.salt }), "signatures")));

    test("a proof of which the end is missing", () =>
      visit(async (page) => assertNotGreen(await offline(page, { proof: proofs.cut }))));

    test("another document", () =>
      visit(async (page) => assertRed(await offline(page, { proof: proofs.good, document: judgement.file, salt: judgement.salt }), "file")));

    test("another anchor", () =>
      visit(async (page) => assertNotGreen(await offline(page, { proof: proofs.good, anchor: other_anchor, document: deed.file, salt: deed.salt }))));

    test("an anchor that is not the published one", () =>
      visit(async (page) => {
        const found = await offline(page, { proof: proofs.good, document: deed.file, salt: deed.salt, fingerprint: fingerprint.replace(/^./, (digit) => (digit === "0" ? "1" : "0")) });
        assertRed(found, "departments");
      }));
  });
}

describe("three verifiers", () => {
  for (const [name, holds] of [["good", true], ["absent", true], ["changed", false], ["cut", false]]) {
    test(`the command line, the portal and the offline file agree on the ${name} proof`, async () => {
      const told = JSON.parse(run(CHANCERY, ["verify", proofs[name], "--anchor", facts.anchor, "--json"], { fails: !holds }));
      const ticks = (found) => ["state", "signatures", "departments"].map((id) => found.ticks[id] ?? "none");
      let [portal, file] = [];
      await onPage({}, async (page) => (portal = await checkDocument(page, url, "en", { files: proofs[name] })));
      await onPage({ offline: true }, async (page) => (file = await offline(page, { proof: proofs[name] })));
      assertWords(portal);
      assertWords(file);
      assert.deepEqual(ticks(portal), ticks(file), `${portal.text}\n${file.text}`);
      assert.equal(ticks(portal).every((state) => state === "ok" || state === "warn"), holds, portal.text);
      if (holds) assert.match(portal.text.replace(/[,\s\u202f]/g, ""), new RegExp(String(told.height)), "and as of the same height");
    });
  }

  test("the served file is the one whose hash the portal publishes", () =>
    onPage({}, async (page) => {
      await page.goto(`${url}/en/trust`);
      const hash = createHash("sha256").update(readFileSync(checker)).digest("hex");
      assert.ok((await page.locator("#main").textContent()).replace(/\s/g, "").includes(hash));
    }));
});
