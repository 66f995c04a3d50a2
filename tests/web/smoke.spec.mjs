// The short form that `make test` runs where there is a browser: one document, right and wrong.

import assert from "node:assert/strict";
import { test } from "node:test";

import { onPage, withBrowser } from "./browser.mjs";
import { facts, url } from "./facts.mjs";
import { assertGreen, assertRed, checkDocument } from "./portal.mjs";

withBrowser();
const { deed, judgement } = facts.documents;

test("the right file has four green ticks", () =>
  onPage({ device: "phone" }, async (page) => {
    assertGreen(await checkDocument(page, url, "en", { salt: deed.salt, files: deed.file }));
  }));

test("the right file under another salt has a red one", () =>
  onPage({ device: "phone", lang: "zh" }, async (page) => {
    const found = await checkDocument(page, url, "zh", { salt: judgement.salt, files: deed.file });
    assert.equal(found.kind, "absent", found.text);
    assertRed(found, "file");
  }));
