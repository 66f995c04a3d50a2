// What comes with a document is read for what it is, or refused with a sentence.
import assert from "node:assert/strict";
import { test } from "node:test";
import { kindOf, matching, pathLines, slipIn, slipsFor, slipsIn } from "../../../node/src/portal/assets/papers.js";
import { checkLink } from "../../../node/src/portal/assets/receipt.js";
import { digestIn, fromHex, holds, toBase64, toHex } from "../../../node/src/portal/assets/bytes.js";

const SALT = "0f".repeat(32);
const DIGEST = "ab".repeat(32);
const line = (document, salt = SALT, digest = DIGEST) => JSON.stringify({ document, salt, digest });
const file = (name, text) => Object.assign(new Blob([text]), { name });

test("a salt is read from a link, from what follows its #, and alone", () => {
  const link = checkLink("https://portal.example", "zh", SALT, "evidence/justice.evidence");
  assert.deepEqual(slipIn(link), { salt: SALT, at: "evidence/justice.evidence" });
  assert.deepEqual(slipIn(`#salt=${SALT.toUpperCase()}`), { salt: SALT });
  assert.deepEqual(slipIn(` ${SALT} `), { salt: SALT });
  assert.deepEqual(slipIn(SALT.match(/.{8}/g).join(" ")), { salt: SALT });
});

test("what is no salt is none, and a place that is none is left out", () => {
  for (const text of [
    "",
    "hello",
    "#salt=12",
    `#salt=${SALT}0`,
    `${SALT}ff`,
    "https://portal.example/en/check",
    "#at=evidence/evidence",
  ]) {
    assert.equal(slipIn(text), undefined, text);
  }
  for (const at of ["../../x/y", "evidence", "a/b/c", "Evidence/x", "evidence/<b>"]) {
    assert.deepEqual(slipIn(`#salt=${SALT}&at=${encodeURIComponent(at)}`), { salt: SALT }, at);
  }
});

test("a file of salts is read line by line, and its wrong line is named", () => {
  assert.equal(slipsIn(`${line("a.pdf")}\n\n${line("b.pdf")}\n`).slips.length, 2);
  assert.deepEqual(slipsIn(`${line("a.pdf")}\n{"document":"b"}\n`).why, {
    id: "paper.salts_malformed",
    facts: { line: 2 },
  });
  assert.equal(slipsIn("\n").why.id, "paper.salts_empty");
});

test("a document is tried with the salts of its own name, else with all, within a limit", () => {
  const slips = slipsIn([line("/x/a.pdf"), line("b.pdf"), line("c:\\d\\a.pdf")].join("\n")).slips;
  assert.equal(slipsFor(slips, "a.pdf").slips.length, 2);
  assert.equal(slipsFor(slips, "renamed.pdf").slips.length, 3);
  const many = slipsIn(Array.from({ length: 33 }, (_, at) => line(`${at}`)).join("\n")).slips;
  assert.equal(slipsFor(many, "renamed.pdf").why.id, "paper.salts_many");
});

test("a document belongs to the slip whose digest it has, and to no other", () => {
  const slips = [
    { document: "a", salt: "11".repeat(32), digest: "aa".repeat(32) },
    { document: "b", salt: SALT, digest: DIGEST },
  ];
  assert.deepEqual(matching(slips, ["00".repeat(32), DIGEST]), { digest: DIGEST, salt: SALT });
  assert.equal(matching(slips, [DIGEST, "00".repeat(32)]), undefined);
  assert.deepEqual(matching([{ salt: SALT }], [DIGEST]), { digest: DIGEST, salt: SALT });
});

test("dropped files are told apart, and anything can be a document", async () => {
  assert.equal(await kindOf(file("x.proof", "")), "proof");
  assert.equal(await kindOf(file("salts.jsonl", line("a"))), "salts");
  assert.equal(await kindOf(file("p.jsonl", `{"format":"chancery-paths/1","root":"${DIGEST}","count":2}\n`)), "paths");
  for (const text of ["", "%PDF-1.7", `{"document":1}`, "{"])
    assert.equal(await kindOf(file("x.json", text)), "document", text);
});

test("the line of a digest is found in a long paths file, and not where it is a sibling", async () => {
  const heading = `{"format":"chancery-paths/1","root":"${DIGEST}","count":90000}`;
  const entry = (digest, index, sibling) => JSON.stringify({ digest, index, siblings: [sibling] });
  const of = (index) => index.toString(16).padStart(64, "0");
  const lines = Array.from({ length: 90_000 }, (_, index) => entry(of(index), index, of(index ^ 1)));
  const paths = new Blob([[heading, ...lines].join("\n"), "\n"]);
  assert.ok(paths.size > 8 * 1024 * 1024, "the file is longer than two pieces");
  assert.equal(await pathLines(paths, of(77_777)), `${heading}\n${lines[77_777]}\n`);
  assert.equal(await pathLines(paths, of(89_999)), `${heading}\n${lines[89_999]}\n`);
  assert.equal(await pathLines(paths, of(90_000)), undefined);
  assert.equal(await pathLines(new Blob([""]), of(1)), undefined);
});

test("hexadecimal is read whole or not at all", () => {
  assert.deepEqual(fromHex("00ff"), Uint8Array.of(0, 255));
  for (const wrong of ["0", "0g", "0x00", " 00", undefined, 12, null]) assert.equal(fromHex(wrong), undefined);
  assert.equal(fromHex("00", 2), undefined);
  assert.equal(toHex(Uint8Array.of(1, 171)), "01ab");
  assert.equal(toBase64(Uint8Array.of(255, 254)), "//4=");
});

test("a fingerprint is read in groups and with words around it, and only when it is whole", () => {
  const digits = "0123456789abcdef".repeat(4);
  const shown = digits.match(/.{8}/g).join(" ");
  for (const text of [digits, shown, shown.toUpperCase(), `Fingerprint:\n${shown}\n`, digits.match(/.{8}/g).join("-")])
    assert.equal(digestIn(text), digits, text);
  for (const text of ["", shown.slice(0, -1), `${digits}0`, `0${digits}`, digits.replace("f", "g")])
    assert.equal(digestIn(text), undefined, text);
});

test("bytes are found in bytes", () => {
  const whole = Uint8Array.of(1, 1, 1, 2, 3);
  assert.ok(holds(whole, Uint8Array.of(1, 1, 2)) && holds(whole, Uint8Array.of(3)) && holds(whole, new Uint8Array()));
  assert.ok(!holds(whole, Uint8Array.of(2, 1)) && !holds(whole, Uint8Array.of(3, 0)));
});
