// Pictures of the main pages for docs/portal: real pages of a real network, so that a change of them can be seen.

import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";

import { chromium } from "playwright-core";

import { VIEWPORTS } from "./browser.mjs";
import { facts, url } from "./facts.mjs";
import { ROOT } from "./network.mjs";
import { checkDocument, seen } from "./portal.mjs";

const OUT = join(ROOT, "docs/portal");
const BYTES_MAX = 150_000;
const { deed } = facts.documents;
const other = { name: "deed-altered.txt", mimeType: "text/plain", buffer: Buffer.from("Deed 17, but another parcel.\n") };

/** Each picture: its name, language, device, and how to get there. */
const PICTURES = [
  ["home-en-desktop", "en", "desktop", (page) => page.goto(`${url}/en/`)],
  ["home-zh-phone", "zh", "phone", (page) => page.goto(`${url}/zh/`)],
  ["check-right-en-desktop", "en", "desktop", (page) => checkDocument(page, url, "en", { salt: deed.salt, files: deed.file })],
  ["check-right-zh-phone", "zh", "phone", (page) => checkDocument(page, url, "zh", { salt: deed.salt, files: deed.file })],
  ["check-wrong-en-phone", "en", "phone", (page) => checkDocument(page, url, "en", { salt: deed.salt, files: other })],
  ["check-wrong-zh-desktop", "zh", "desktop", (page) => checkDocument(page, url, "zh", { salt: deed.salt, files: other })],
  ["lottery-en-phone", "en", "phone", redrawn("en")],
  ["lottery-zh-desktop", "zh", "desktop", redrawn("zh")],
  ["waste-zh-phone", "zh", "phone", (page) => page.goto(`${url}/zh/waste?household=${facts.waste.household}`)],
  ["explorer-en-desktop", "en", "desktop", (page) => page.goto(`${url}/en/explorer/main`)],
  ["trust-en-phone", "en", "phone", (page) => page.goto(`${url}/en/trust`)],
  ["trust-zh-desktop", "zh", "desktop", (page) => page.goto(`${url}/zh/trust`)],
];

function redrawn(lang) {
  return async (page) => {
    await page.goto(`${url}/${lang}/lottery/${facts.lottery.drawn}`);
    await page.click("#redraw-start");
    await seen(page, "#redraw-result", 60_000);
  };
}

mkdirSync(OUT, { recursive: true });
const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
for (const [name, lang, device, go] of PICTURES) {
  const context = await browser.newContext({ ...VIEWPORTS[device], locale: lang === "zh" ? "zh-CN" : "en-GB", colorScheme: "light" });
  const page = await context.newPage();
  await go(page);
  await page.waitForTimeout(500);
  const path = join(OUT, `${name}.png`);
  // The verdict where there is one, else the page's beginning.
  const verdict = page.locator(".verdict").first();
  if ((await verdict.count()) > 0) await verdict.scrollIntoViewIfNeeded();
  await page.screenshot({ path, scale: "css", animations: "disabled" });
  const { size } = statSync(path);
  console.log(`${name}: ${size} bytes`);
  if (size > BYTES_MAX) throw new Error(`${name} has ${size} bytes, and a picture has at most ${BYTES_MAX}`);
  await context.close();
}
await browser.close();
