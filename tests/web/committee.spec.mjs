// A proof from before the committee changed verifies after, and one from after with the same anchor: a fifth node comes,
// takes the fourth one's place by acts of the departments, and the same browser goes on.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { onPage, withBrowser } from "./browser.mjs";
import { facts, remembered, url } from "./facts.mjs";
import { CHANCERY, freePort, run, startNode, temporaryDirectory, until } from "./network.mjs";
import { assertGreen, checkDocument, fourTicks } from "./portal.mjs";

withBrowser();
const PATIENCE_MS = 240_000;
/** As `network plan` sets it. */
const EPOCH_BLOCKS = 100;
/** Blocks from an act to the first block of a committee that it names, and some for the act itself. */
const NOTICE_BLOCKS = 64 + 40;

const home = temporaryDirectory("committee");
const keys = join(facts.work, "chain/keys");
const { deed } = facts.documents;
const proof = join(home, "before.proof");
let newcomer;

const chancery = (...words) => JSON.parse(run(CHANCERY, [...words, "--json"]).trim().split("\n").at(-1));
const call = (by, ...words) => chancery("call", "main/registry", ...words, "--as", by, "--keys", keys, "--node", url);
const query = (...words) => chancery("query", "main/registry", ...words, "--node", url).value;
const height = async (at = url) => (await (await fetch(`${at}/v1/chains/main`)).json()).height;

/** Has the node prove the record as of now. */
function prove(path) {
  chancery("prove", "evidence/evidence", "records", deed.digest, "-o", path, "--node", url);
}

/** The committee's term in a proof of now. */
function epoch() {
  const path = join(home, "now.proof");
  prove(path);
  return chancery("verify", path, "--anchor", facts.anchor).epoch;
}

function enact(measure) {
  const act = String(call("admin-judicial", "propose", "--reference", "2026-1", "--measure", JSON.stringify(measure)).outcome.value);
  call("admin-interior", "approve", "--act", act);
  call("admin-judicial", "carry_out", "--act", act);
}

before(async () => {
  prove(proof);
  assert.equal(epoch(), 0);
  const [p2p, api] = [await freePort(), await freePort()];
  const directory = join(home, "node-5");
  chancery("network", "join", "--department", "interior", "--address", `127.0.0.1:${p2p}`, "--out", directory, "--insecure");
  const peers = readFileSync(join(facts.nodes[0].directory, "node.toml"), "utf8").match(/[0-9a-f]{64}@[0-9.:]+/g);
  const joined = chancery("network", "follow", "--dir", directory, "--genesis", join(facts.work, "chain/genesis.scale"), "--peer", peers[0], "--peer", peers[1],
    "--api", `127.0.0.1:${api}`, "--heartbeat-ms", "1000");
  newcomer = startNode(directory, `127.0.0.1:${api}`);
  enact({ AddNode: { node: { key: joined.key, department: "interior", operator: joined.operator }, from_height: (await height()) + 40 } });
  await until(() => query("readiness_of", "--key", joined.key) !== null, PATIENCE_MS, "the fifth node is ready");
  const members = [...peers.slice(0, 3).map((peer) => peer.slice(0, 64)), joined.key].sort();
  const from_height = Math.ceil(((await height()) + NOTICE_BLOCKS) / EPOCH_BLOCKS) * EPOCH_BLOCKS;
  enact({ SetCommittee: { chain: "main", members, from_height } });
  await until(async () => (await height()) > from_height + 5, PATIENCE_MS, `height ${from_height} of the new committee`);
  await until(() => epoch() === 1, PATIENCE_MS, "a proof under the new committee");
}, { timeout: 3 * PATIENCE_MS });
after(() => newcomer?.stop());

test("a bundle from before the change verifies after it, in the command line and in the browser", () =>
  onPage({ storageState: remembered(url) }, async (page) => {
    assert.equal(chancery("verify", proof, "--anchor", facts.anchor).epoch, 0);
    const found = await checkDocument(page, url, "en", { salt: deed.salt, files: [proof, deed.file] });
    assert.deepEqual([found.ticks.file, found.ticks.signatures, found.ticks.departments], ["ok", "ok", "ok"], fourTicks(found) + found.text);
    assert.ok(["ok", "warn"].includes(found.ticks.state), found.text);
  }));

test("one from after it verifies with the same anchor, through the hand-over", () =>
  onPage({ storageState: remembered(url) }, async (page) => {
    assertGreen(await checkDocument(page, url, "en", { salt: deed.salt, files: deed.file }));
    await page.locator('.anchor[data-standing="known"]').waitFor();
  }));
