// The short form's liar: a node that has the record of another document under this one's digest.

import { after, before, test } from "node:test";

import { onPage, withBrowser } from "./browser.mjs";
import { facts, remembered } from "./facts.mjs";
import { alter, copyNode, startAlone } from "./network.mjs";
import { assertRed, checkDocument } from "./portal.mjs";

withBrowser();
const victim = facts.nodes[0];
const { deed } = facts.documents;
let node;

before(async () => {
  const copy = copyNode(victim.directory);
  alter(copy, "evidence", "value", "judicial.evidence", `${facts.slots.deed}=@${facts.slots.sealed}`);
  node = await startAlone(copy, new URL(victim.url).host);
});
after(() => node?.stop());

test("a node that lies about a value is found out", () =>
  onPage({ device: "phone", failures: true, storageState: remembered(victim.url) }, async (page) => {
    assertRed(await checkDocument(page, victim.url, "en", { salt: deed.salt, files: deed.file }), "state");
  }));
