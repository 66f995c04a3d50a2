// Texts: both languages say the same things of the same facts, and every sentence that code names exists.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { Texts, said } from "../../../node/src/portal/assets/texts.js";

const portal = new URL("../../../node/src/portal/", import.meta.url);
const messages = (lang) => JSON.parse(readFileSync(new URL(`assets/messages.${lang}.json`, portal), "utf8"));
const [en, zh] = [messages("en"), messages("zh")];
const sources = ["assets/", "offline/"].flatMap((folder) =>
  readdirSync(new URL(folder, portal))
    .filter((name) => name.endsWith(".js") && name !== "verifier.js")
    .map((name) => readFileSync(new URL(folder + name, portal), "utf8")),
);
const placeholders = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort();

test("both languages have the same sentences with the same facts", () => {
  assert.deepEqual(Object.keys(zh), Object.keys(en));
  for (const id of Object.keys(en)) assert.deepEqual(placeholders(zh[id]), placeholders(en[id]), id);
});

test("no sentence is empty, and none holds markup", () => {
  for (const [id, text] of [...Object.entries(en), ...Object.entries(zh)])
    assert.ok(text.trim() !== "" && !/[<>]/.test(text), id);
});

/** Names that code writes out, and the beginnings of those it puts together. */
function named() {
  const [whole, begun] = [new Set(), new Set()];
  for (const source of sources) {
    for (const [, id] of source.matchAll(/"([a-z_]+\.[a-z_]+(?:\.[a-z_]+)*)"/g)) whole.add(id);
    for (const [, id] of source.matchAll(/(?:said|t|bad|ok)\(\s*"([a-z_.]+)"/g)) if (id.includes(".")) whole.add(id);
    for (const [, beginning] of source.matchAll(/`([a-z_]+\.[a-z_.]*)\$\{/g)) begun.add(beginning);
  }
  return { whole, begun };
}

test("every sentence that code names exists, and every one that exists is named", () => {
  const { whole, begun } = named();
  const families = ["tick.", "entry_tick.", "draw_tick.", "ok."];
  const asked = [...whole].filter(
    (id) => /^[a-z_]+\./.test(id) && Object.keys(en).some((known) => known.split(".")[0] === id.split(".")[0]),
  );
  for (const id of asked.filter((id) => !/\.(js|json|html|probe|anchor|compared)$/.test(id) || id in en))
    assert.ok(id in en, `${id} is named and does not exist`);
  for (const id of Object.keys(en)) {
    const is_named = whole.has(id) || [...begun, ...families].some((beginning) => id.startsWith(beginning));
    assert.ok(is_named, `${id} exists and is never named`);
  }
});

test("facts are shown by their kinds, and a missing sentence is seen", () => {
  const texts = new Texts("en", { one: "{at_ms} {size_bytes} {count} {name}" });
  assert.equal(
    texts.t(said("one", { at_ms: 0, size_bytes: 1_500_000_000, count: 12345, name: "<b>" })),
    "1970-01-01 00:00:00 UTC 1.5 GB 12,345 <b>",
  );
  assert.equal(texts.t("two"), "[two]");
  assert.equal(texts.t("one"), "{at_ms} {size_bytes} {count} {name}");
  assert.equal(texts.time(Infinity), "Infinity");
  assert.equal(new Texts("zh", {}).time(0), "1970年1月1日 00:00:00（协调世界时 UTC）");
});
