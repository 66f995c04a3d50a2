// The offline checker is one file that asks nobody anything, and is what its parts make now.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { joinModules, offlinePage } from "../../../scripts/offline_page.mjs";

const portal = new URL("../../../node/src/portal/", import.meta.url);
const page = new URL("assets/offline.html", portal);

test("the offline checker that is kept is what its parts make", () => {
  assert.ok(existsSync(page), "node scripts/offline_page.mjs makes it");
  assert.ok(readFileSync(page, "utf8") === offlinePage(), "its parts changed: run `node scripts/offline_page.mjs`");
});

test("it forbids itself every connection, and names no other file or host", () => {
  const made = offlinePage();
  assert.match(
    made,
    /<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval' data: blob:; style-src 'unsafe-inline'; img-src data: blob:; connect-src 'none';/,
  );
  const policy = made.indexOf("Content-Security-Policy");
  assert.ok(policy < made.indexOf("<style") && policy < made.indexOf("<script"), "the rule comes before what it rules");
  assert.doesNotMatch(made, /<(?:link|script|img|iframe)[^>]+(?:src|href)="(?!data:)/, "nothing is loaded");
  const hosts = [...made.matchAll(/https?:\/\/([\w.-]+)/g)].map((found) => found[1]);
  assert.deepEqual(
    [...new Set(hosts)].filter((host) => host !== "node" && host !== "www.w3.org"),
    [],
  );
});

test("it holds both languages and the verifier itself", () => {
  const made = offlinePage();
  const inside = (id) => new RegExp(`id="${id}">([^<]*)<`).exec(made)[1];
  assert.equal(JSON.parse(inside("messages-en"))["offline.title"], "Offline checker");
  assert.equal(JSON.parse(inside("messages-zh"))["offline.title"], "离线检验器");
  const wasm = readFileSync(new URL("assets/verifier_bg.wasm", portal));
  assert.ok(Buffer.from(inside("verifier-wasm"), "base64").equals(wasm));
});

test("its joined scripts are one module without imports", () => {
  const script = joinModules(new URL("offline/offline.js", portal).pathname);
  assert.doesNotMatch(script, /^\s*(?:import|export)\s/m);
});
