// Nodes that lie. Each is a real node over a store that the example `liar` altered, alone, at the address where an honest
// one stood before: the browser has been there, knows the trust anchor, and nothing else. Whatever the lie, the page says
// what is wrong, and no tick is green that should be red.
//
// `run.mjs` stops the honest network before these: a liar must not learn the truth from it.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";

import { EVERYWHERE, onPage, withBrowser } from "./browser.mjs";
import { facts, remembered } from "./facts.mjs";
import { alter, copyNode, startAlone, startNetwork } from "./network.mjs";
import { assertGreen, assertNotGreen, assertRed, assertWords, checkDocument, chooseFiles, seen } from "./portal.mjs";

withBrowser();

/** The node whose store is altered: it is of every chain. */
const victim = facts.nodes[0];
const listen = new URL(victim.url).host;
const origin = victim.url;
const { deed } = facts.documents;
const EVIDENCE = "judicial.evidence";
const PLATES = "transport.plate-lottery";
const WASTE = "environment.waste-sorting";
const slot = facts.slots;

/** Starts a liar before the tests of a group and stops it after them. */
function lying(...lies) {
  let node;
  before(async () => (node = await liar(lies)));
  after(() => node?.stop());
}

/** Starts one anew for each test: this node finds itself out when it is asked for a proof, and stops. */
function lyingEachTime(...lies) {
  let node;
  beforeEach(async () => (node = await liar(lies)));
  afterEach(() => node?.stop());
}

async function liar(lies) {
  const copy = copyNode(victim.directory);
  for (const [chain, lie, ...what] of lies) alter(copy, chain, lie, ...what);
  return startAlone(copy, listen);
}

/** As the visitor of the node: one who has been here before. */
const visit = (options, body) => onPage({ storageState: remembered(origin), failures: true, ...options }, body);

/** Checks the deed in both languages on both devices, and has `judge` look at what came out. */
function onEveryDevice(what, judge, document = deed) {
  for (const [lang, device] of EVERYWHERE) {
    test(`${what} (${lang}, ${device})`, () =>
      visit({ lang, device }, async (page) => {
        const found = await checkDocument(page, origin, lang, { salt: document.salt, files: document.file });
        assertWords(found);
        judge(found);
      }));
  }
}

describe("the same node before it lies", () => {
  lying();
  onEveryDevice("is believed as long as its newest state is of now", (found) => {
    // It is alone, so its state grows old; the proof holds.
    assert.deepEqual([found.ticks.signatures, found.ticks.departments], ["ok", "ok"], found.text);
    assert.ok(["ok", "warn"].includes(found.state), found.text);
  });
});

describe("another value: the record of another document under this digest", () => {
  lying(["evidence", "value", EVIDENCE, `${slot.deed}=@${slot.sealed}`]);
  onEveryDevice("the record is not in the state", (found) => assertRed(found, "state"));
});

describe("another value in the flat column alone", () => {
  lyingEachTime(["evidence", "plain", EVIDENCE, `${slot.deed}=@${slot.sealed}`]);
  onEveryDevice("there is no proof of it, and nothing is green", (found) => assertNotGreen(found));
});

describe("another root in the header", () => {
  lying(["evidence", "root", EVIDENCE, `${slot.deed}=@${slot.sealed}`]);
  onEveryDevice("the header is not the one that the departments signed", (found) => assertRed(found, "signatures"));
});

describe("a forged certificate: its signatures have a bit changed", () => {
  lying(["main", "certificate"]);
  onEveryDevice("the signatures do not hold", (found) => assertRed(found, "signatures"));
});

describe("a forged certificate: signed by other keys", () => {
  lying(["main", "signers"]);
  onEveryDevice("those are not the departments' signatures", (found) => {
    assertNotGreen(found);
    assert.ok(found.ticks.signatures === "bad" || found.ticks.departments === "bad", found.text);
  });
});

describe("all of it forged but for the keys", () => {
  lying(["evidence", "forged", EVIDENCE, `${slot.deed}=@${slot.sealed}`]);
  onEveryDevice("the signatures do not hold", (found) => assertRed(found, "signatures"));
});

describe("a false absence", () => {
  lying(["evidence", "value", EVIDENCE, `${slot.deed}=`]);
  onEveryDevice("the absence is not in the state, and is not called proven", (found) => {
    assert.notEqual(found.kind, "absent", found.text);
    assertRed(found, "state");
  });
});

describe("a false absence in the flat column alone", () => {
  lyingEachTime(["evidence", "plain", EVIDENCE, `${slot.deed}=`]);
  onEveryDevice("is not called proven", (found) => {
    assert.notEqual(found.kind, "absent", found.text);
    assertNotGreen(found);
  });
});

describe("a false presence: a record for a document that was never filed", () => {
  lying(["evidence", "value", EVIDENCE, `${slot.never}=@${slot.deed}`]);
  onEveryDevice("the record is not in the state", (found) => assertRed(found, "state"), facts.never);
});

describe("a state of two days ago", () => {
  lying();
  for (const [lang, device] of EVERYWHERE) {
    test(`the browser's own clock tells, and nothing is plainly green (${lang}, ${device})`, () =>
      visit({ lang, device }, async (page) => {
        await page.clock.setSystemTime(Date.now() + 2 * 86_400_000);
        const found = await checkDocument(page, origin, lang, { salt: deed.salt, files: deed.file });
        assertWords(found);
        assert.equal(found.state, "warn", found.text);
        assert.equal(found.kind, "old", found.text);
        assert.equal(found.ticks.state, "warn", "the state's own tick says so");
      }));
  }
});

describe("other points of a household", () => {
  lying(["waste", "value", WASTE, `${slot.household}=@${slot.neighbour}`]);
  for (const [lang, device] of EVERYWHERE) {
    test(`they are not in the state (${lang}, ${device})`, () =>
      visit({ lang, device }, async (page) => {
        await page.goto(`${origin}/${lang}/waste?household=${facts.waste.household}`);
        await page.click("#waste-check");
        assertRed(await seen(page, "#waste-result"), "state");
      }));
  }
});

describe("a win that nobody drew", () => {
  lying(["plates", "value", PLATES, `${slot.loss}=@${slot.win}`]);
  for (const [lang, device] of EVERYWHERE) {
    test(`it is not in the state (${lang}, ${device})`, () =>
      visit({ lang, device }, async (page) => {
        await page.goto(`${origin}/${lang}/lottery/${facts.lottery.drawn}`);
        await page.fill("#entry-number", String(facts.lottery.loser));
        await page.click("#entry-check");
        const found = await seen(page, "#entry-result");
        assertRed(found, "state");
        assert.ok(!["won", "claimed"].includes(found.kind), found.text);
      }));
  }
});

/** Draws the period again and looks at the ticks. */
function onEveryDeviceRedrawn(what, judge) {
  for (const [lang, device] of EVERYWHERE) {
    test(`${what} (${lang}, ${device})`, () =>
      visit({ lang, device }, async (page) => {
        await page.goto(`${origin}/${lang}/lottery/${facts.lottery.drawn}`);
        await page.locator("#redraw-start").click();
        const found = await seen(page, "#redraw-result", 60_000);
        assertWords(found);
        judge(found);
      }));
  }
}

describe("the same lottery before it is lied about", () => {
  lying();
  onEveryDeviceRedrawn("draws as published", (found) => {
    assert.ok(!Object.values(found.ticks).includes("bad"), `${JSON.stringify(found.ticks)} ${found.text}`);
  });
});

describe("a swapped list: two entries in each other's place", () => {
  lying(["plates", "plain", PLATES, `${slot.entries[3]}=@${slot.entries[4]}`, `${slot.entries[4]}=@${slot.entries[3]}`]);
  onEveryDeviceRedrawn("it is not the list that was frozen", (found) => assertRed(found, "list"));
});

describe("a list in which an entry was replaced", () => {
  lying(["plates", "plain", PLATES, `${slot.entries[5]}=@${slot.entries[6]}`]);
  onEveryDeviceRedrawn("it is not the list that was frozen", (found) => assertRed(found, "list"));
});

describe("other winners", () => {
  lying(["plates", "plain", PLATES, `${slot.ranks[0]}=@${slot.ranks[1]}`]);
  onEveryDeviceRedrawn("the draw gives others than those published", (found) => assertRed(found, "draw"));
});

describe("another government's network, with chains of the same names", () => {
  let other;
  before(async () => {
    const { port } = new URL(facts.nodes[0].url);
    other = await startNetwork({ FEW: "1", API_PORT: port, FILE_DIGEST: deed.digest });
  });
  after(() => other?.stop());
  const at = facts.nodes[0].url;
  for (const [lang, device] of EVERYWHERE) {
    test(`its anchor is refused, and what it says does not hold under the known one (${lang}, ${device})`, () =>
      onPage({ lang, device, failures: true, storageState: remembered(at) }, async (page) => {
        await page.goto(`${at}/${lang}/check#salt=${deed.salt}&at=evidence/evidence`);
        await page.locator('.anchor[data-standing="changed"][data-state="bad"]').waitFor();
        assert.equal(await page.locator('.verdict[data-state="ok"]').count(), 0, "nothing is green meanwhile");
        await page.click("#anchor-keep");
        await chooseFiles(page, deed.file);
        const found = await seen(page, "#check-result");
        assertWords(found);
        assertRed(found, "departments");
      }));
  }
  test("who confirms it is shown a record that holds, under that other anchor", () =>
    onPage({ failures: true, storageState: remembered(at) }, async (page) => {
      await page.goto(`${at}/en/check#salt=${deed.salt}&at=evidence/evidence`);
      await page.check("#anchor-sure");
      await page.click("#anchor-accept");
      await chooseFiles(page, deed.file);
      assertGreen(await seen(page, "#check-result"));
    }));
});
