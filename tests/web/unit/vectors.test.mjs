// The module that browsers load gives the verdicts that the verifier's own tests have on record, word for word.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { initSync, Draw, Hasher, anchor_view, batch_place, qr_svg, read_qr, verify } from "../../../node/src/portal/assets/verifier.js";

const at = (path) => new URL(`../../../${path}`, import.meta.url);
initSync({ module: readFileSync(at("node/src/portal/assets/verifier_bg.wasm")) });

const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
const vectors = readFileSync(at("sdk/verify/tests/verify/vectors.txt"), "utf8").trim().split("\n").map((line) => line.split(" "));

test("every vector has its verdict", () => {
  assert.ok(vectors.length > 40, `${vectors.length} vectors`);
  for (const [name, expected, anchor, bundle] of vectors) {
    const said = JSON.parse(verify(bytes(bundle), bytes(anchor), undefined));
    const verdict = said.verified ? `accepted:${said.statement.kind}` : `refused:${said.stage}:${said.code}`;
    assert.equal(verdict, expected, name);
  }
});

test("no byte of a bundle can be changed unnoticed", () => {
  const [, , anchor, bundle] = vectors.find(([name]) => name === "present");
  const whole = bytes(bundle);
  for (let place = 0; place < whole.length; place += 1) {
    const changed = whole.slice();
    changed[place] ^= 1 << (place % 8);
    const said = JSON.parse(verify(changed, bytes(anchor), undefined));
    assert.equal(said.verified, false, `byte ${place}`);
  }
});

test("whatever it is given, it answers", () => {
  const rubbish = [new Uint8Array(), new Uint8Array(1), new Uint8Array(100).fill(255)];
  for (const one of rubbish) {
    for (const other of rubbish) {
      assert.equal(JSON.parse(verify(one, other, other)).verified, false);
      assert.equal(typeof JSON.parse(batch_place("{}", one)).error, "string");
    }
    assert.equal(typeof JSON.parse(anchor_view(one)).error, "string");
  }
  assert.equal(JSON.parse(new Draw(1, "x", "y", 1, 1).finish()).error, "other_list");
  assert.equal(new Hasher(new Uint8Array()).finish().length, 32);
  assert.equal(qr_svg("x".repeat(10_000)), "");
  assert.equal(read_qr(10, 10, new Uint8Array(99)), undefined);
});
