// A file of 1 GB is hashed on the device with progress, can be cancelled, and the page answers all the while.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { closeSync, createReadStream, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { onPage, withBrowser } from "./browser.mjs";
import { url } from "./facts.mjs";
import { temporaryDirectory } from "./network.mjs";
import { assertWords, chooseFiles, seen } from "./portal.mjs";

withBrowser();

const BYTES = Number(process.env.LARGE_FILE_BYTES ?? 1_000_000_000);
const GAP_MS_MAX = 500;
const SALT = "5a".repeat(32);

/** A file whose pieces differ, so that none may be left out or taken twice. */
function largeFile() {
  const path = join(temporaryDirectory("large"), "large.bin");
  const file = openSync(path, "w");
  const piece = Buffer.alloc(1 << 20, 0xa5);
  for (let at = 0; at < BYTES; at += piece.length) {
    piece.writeUInt32LE(at / piece.length, 0);
    writeSync(file, piece, 0, Math.min(piece.length, BYTES - at));
  }
  closeSync(file);
  return path;
}

async function expectedDigest(path) {
  const hash = createHash("sha256").update(Buffer.from(SALT, "hex"));
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 22 })) hash.update(chunk);
  return hash.digest("hex");
}

const path = largeFile();

test("1 GB is hashed with progress, rightly, and the page never stands still", { timeout: 600_000 }, () =>
  onPage({}, async (page) => {
    const expected = await expectedDigest(path);
    await page.goto(`${url}/en/check#salt=${SALT}&at=evidence/evidence`);
    await page.locator("#check-file").waitFor({ state: "attached" });
    await page.evaluate(() => {
      window.beat = { longest: 0, last: performance.now(), values: new Set() };
      setInterval(() => {
        const now = performance.now();
        window.beat.longest = Math.max(window.beat.longest, now - window.beat.last);
        window.beat.last = now;
        const bar = document.querySelector("progress, [role=progressbar]");
        if (bar) window.beat.values.add(bar.value ?? bar.getAttribute("aria-valuenow"));
      }, 20);
    });
    const asked = page.waitForRequest((request) => request.url().includes(expected), { timeout: 540_000 });
    const began = Date.now();
    await chooseFiles(page, path);
    await page.evaluate(() => (window.beat.longest = 0));
    await asked;
    const took_ms = Date.now() - began;
    const beat = await page.evaluate(() => ({ longest: window.beat.longest, values: window.beat.values.size }));
    const found = await seen(page, "#check-result");
    assertWords(found);
    assert.equal(found.kind, "absent", "nobody filed it");
    console.log(`figure: ${BYTES} bytes hashed in ${(took_ms / 1000).toFixed(1)} s, ${(BYTES / 1e6 / (took_ms / 1000)).toFixed(0)} MB/s; ` +
      `longest gap of the page's heartbeat ${beat.longest.toFixed(0)} ms; ${beat.values} different values of the progress bar`);
    assert.ok(beat.longest < GAP_MS_MAX, `the page stood still for ${beat.longest} ms`);
    assert.ok(beat.values > 10, `the progress had ${beat.values} values`);
  }));

test("a hash that takes long can be cancelled, and another file chosen", { timeout: 120_000 }, () =>
  onPage({}, async (page) => {
    await page.goto(`${url}/en/check#salt=${SALT}&at=evidence/evidence`);
    await chooseFiles(page, path);
    await page.locator("#check-cancel").click();
    assert.equal(await page.locator('#check-result .verdict[data-state="ok"]').count(), 0);
    await chooseFiles(page, { name: "small.txt", mimeType: "text/plain", buffer: Buffer.from("small") });
    assert.equal((await seen(page, "#check-result")).kind, "absent");
  }));
