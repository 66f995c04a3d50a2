// The browser, and what must hold on every page whatever is tested on it: nothing is asked of another host, nothing is
// refused by the page's own security policy, nothing is complained about in the console.

import assert from "node:assert/strict";
import { after, before } from "node:test";

import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

export const LANGUAGES = ["en", "zh"];
export const VIEWPORTS = {
  phone: { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 1 },
  desktop: { viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1 },
};

/** Every language on every device: `[language, device]`. */
export const EVERYWHERE = LANGUAGES.flatMap((lang) => Object.keys(VIEWPORTS).map((device) => [lang, device]));

let browser;

/** Has a browser started before a file's tests and closed after them. */
export function withBrowser() {
  before(async () => {
    const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
    browser = await chromium.launch({ executablePath: CHROMIUM, args });
  });
  after(() => browser?.close());
}

/**
 * Runs `body` on a page of its own, with no memory but what `options.storageState` brings, and holds it to the above.
 * @param {{lang?: string, device?: string, failures?: boolean, [option: string]: any}} options of the context;
 *   `failures` says that answers which are no 200 are to be expected, and the console's lines about them with them
 * @param {(page: import("playwright-core").Page, context: import("playwright-core").BrowserContext) => Promise<void>} body
 */
export async function onPage({ lang = "en", device = "desktop", failures = false, ...options }, body) {
  const locale = lang === "zh" ? "zh-CN" : "en-GB";
  const context = await browser.newContext({ ...VIEWPORTS[device], locale, acceptDownloads: true, ...options });
  const page = await context.newPage();
  const watched = watch(page);
  try {
    await body(page, context);
    watched.assertClean({ failures });
  } finally {
    await context.close();
  }
}

function watch(page) {
  const hosts = new Set();
  const complaints = [];
  const requests = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("framenavigated", (frame) => frame === page.mainFrame() && /^https?:/.test(frame.url()) && hosts.add(new URL(frame.url()).host));
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`));
  return {
    assertClean({ failures }) {
      const elsewhere = requests.filter((url) => !/^(data|blob|file):/.test(url) && !hosts.has(new URL(url).host));
      assert.deepEqual(elsewhere, [], "requests left for another host");
      const kept = complaints.filter((text) => !(failures && /Failed to load resource|net::ERR/.test(text)));
      assert.deepEqual(kept, [], "the console has complaints");
    },
  };
}

/** Fails with every violation that axe finds on the page, and where. */
export async function assertAccessible(page, what) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.target).join(", ")}`);
  assert.deepEqual(found, [], `axe on ${what}`);
}

/**
 * Every row of every table has a cell for each column. What is no cell, because its markup is broken, browsers push out of
 * the table without a word.
 */
export async function assertTables(page, what) {
  const wrong = await page.evaluate(() =>
    [...document.querySelectorAll("table")].flatMap((table) => {
      const columns = table.tHead?.rows[0]?.cells.length ?? 0;
      return [...table.tBodies].flatMap((body) => [...body.rows]).filter((row) => row.cells.length !== columns).map((row) => row.outerHTML.slice(0, 200));
    }));
  assert.deepEqual(wrong, [], `${what} has rows with cells missing`);
}

/** Every drawing has an area that it is drawn in. */
export async function assertDrawings(page, what) {
  const wrong = await page.evaluate(() =>
    [...document.querySelectorAll("svg")].filter((svg) => !/^-?[\d.]+ -?[\d.]+ [\d.]+ [\d.]+$/.test(svg.getAttribute("viewBox") ?? "")).map((svg) => svg.outerHTML.slice(0, 120)));
  assert.deepEqual(wrong, [], `${what} has drawings without an area`);
}

/** Fails where the page is wider than its window. */
export async function assertFits(page, what) {
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wider <= 0, `${what} is ${wider} pixels wider than the window`);
}
