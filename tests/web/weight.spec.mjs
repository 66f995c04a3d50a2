// What the check page weighs, and how soon a slow phone can use it: figures, with limits that a careless change would break.

import assert from "node:assert/strict";
import { test } from "node:test";

import { onPage, withBrowser } from "./browser.mjs";
import { url } from "./facts.mjs";

withBrowser();

/** A phone of the cheaper kind on a slow mobile network. */
const SLOW = { cpu: 4, down_bits: 1_600_000, up_bits: 750_000, latency_ms: 150 };
const BYTES_MAX = 600_000;
const READY_MS_MAX = 15_000;

test("the check page on a throttled phone", { timeout: 120_000 }, () =>
  onPage({ device: "phone" }, async (page, context) => {
    const session = await context.newCDPSession(page);
    await session.send("Network.enable");
    await session.send("Network.setCacheDisabled", { cacheDisabled: true });
    await session.send("Network.emulateNetworkConditions", {
      offline: false, latency: SLOW.latency_ms, downloadThroughput: SLOW.down_bits / 8, uploadThroughput: SLOW.up_bits / 8,
    });
    await session.send("Emulation.setCPUThrottlingRate", { rate: SLOW.cpu });
    const weights = new Map();
    const names = new Map();
    session.on("Network.responseReceived", ({ requestId, response }) => names.set(requestId, new URL(response.url).pathname));
    session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => weights.set(names.get(requestId) ?? requestId, encodedDataLength));
    const began = Date.now();
    await page.goto(`${url}/en/check`, { waitUntil: "commit" });
    await page.locator("h1").waitFor();
    const read_ms = Date.now() - began;
    await page.locator("#check-file").waitFor({ state: "attached" });
    await page.locator(".anchor[data-standing]").first().waitFor();
    const ready_ms = Date.now() - began;
    const paint_ms = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN);
    const bytes = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
    const heaviest = [...weights].sort(([, one], [, other]) => other - one).slice(0, 5).map(([name, weight]) => `${name} ${weight}`);
    console.log(`figure: check page ${bytes} bytes on the wire in ${weights.size} answers (${heaviest.join(", ")}); first paint ${paint_ms.toFixed(0)} ms, ` +
      `readable ${read_ms} ms, usable ${ready_ms} ms with ${SLOW.cpu}x CPU, ${SLOW.down_bits / 1e6} Mbit/s, ${SLOW.latency_ms} ms`);
    assert.ok(bytes < BYTES_MAX, `${bytes} bytes`);
    assert.ok(ready_ms < READY_MS_MAX, `${ready_ms} ms`);
  }));
