// Reading an entry from a node: with the real verifier, on what a real node answered, and on each way of lying about it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ANCHOR, EVIDENCE, NOW, OTHER_ANCHOR, bench, fieldPath, recorded, turned } from "./bench.mjs";
import { evidenceMeaning } from "../../../node/src/portal/assets/record.js";
import { fromHex } from "../../../node/src/portal/assets/bytes.js";
import { judgeDocument } from "../../../node/src/portal/assets/judge.js";
import { readField, sameJson } from "../../../node/src/portal/assets/reading.js";
import { readSaved } from "../../../node/src/portal/assets/saved.js";
import { slotOf } from "../../../node/src/portal/assets/slots.js";
import { Unanswered } from "../../../node/src/portal/assets/api.js";

const { deed, withheld, never, root } = recorded;
const slot = (digest, field = "records") => slotOf(field, fromHex(digest, 32));
const DEED = fieldPath(EVIDENCE, "records", deed);
const RECORD = "/v1/chains/evidence/contracts/evidence/record";
const CODE = "/v1/chains/evidence/contracts/evidence/code";
const read = (on, digest = deed, field = "records", place = EVIDENCE) =>
  readField(on, place, field, digest, slot(digest, field));
const judged = (reading, digest = deed) => judgeDocument({ digest }, reading, NOW);
const states = (reading, digest) =>
  judged(reading, digest)
    .ticks.map((tick) => tick.state)
    .join(" ");
const proofOf = (digest) => recorded.answers[fieldPath(EVIDENCE, "records", digest)].json.proof;

test("a record is proven, with its meaning by the contract's proven code", async () => {
  const reading = await read(bench());
  assert.equal(states(reading), "ok ok ok ok");
  assert.equal(judged(reading).verdict.kind, "proven");
  assert.equal(reading.meaning.value.case_number, "2026-0001");
  assert.deepEqual(reading.proven.statement.subject, { department: "judicial", contract: "evidence" });
});

test("the published layout reads the record as the contract's own code does", async () => {
  for (const digest of [deed, withheld]) {
    const reading = await read(bench(), digest);
    assert.deepEqual(evidenceMeaning(reading.proven), reading.meaning);
  }
  const batch = await read(bench(), root, "batches");
  assert.deepEqual(evidenceMeaning(batch.proven), batch.meaning);
});

test("a withheld record is proven and withheld", async () => {
  assert.equal(judged(await read(bench(), withheld), withheld).verdict.kind, "withheld");
});

test("what was never filed is proven to be absent", async () => {
  const reading = await read(bench(), never);
  assert.equal(judged(reading, never).verdict.kind, "absent");
  assert.equal(reading.fault, undefined);
});

const lies = {
  "another value beside the proof": [(json) => ({ ...json, raw: `00${json.raw.slice(2)}` }), "ok bad skipped skipped"],
  "another meaning of the same bytes": [
    (json) => ({ ...json, value: { ...json.value, case_number: "2026-0009" } }),
    "ok bad skipped skipped",
  ],
  "a member more in the meaning": [
    (json) => ({ ...json, value: { ...json.value, note: 1 } }),
    "ok bad skipped skipped",
  ],
  "that nothing is there": [
    (json) => ({ ...json, present: false, value: null, raw: null }),
    "skipped bad skipped skipped",
  ],
  "another height": [(json) => ({ ...json, height: json.height + 1 }), "ok bad skipped skipped"],
  "a proof with a signature changed": [(json) => ({ ...json, proof: turned(json.proof, -2) }), "ok ok bad skipped"],
  "a proof that ends early": [(json) => ({ ...json, proof: json.proof.slice(0, -2) }), "skipped bad skipped skipped"],
  "no proof at all": [(json) => ({ ...json, proof: "" }), "skipped bad skipped skipped"],
  "the proof of another record": [(json) => ({ ...json, proof: proofOf(withheld) }), "bad skipped skipped skipped"],
  "the proof of an absence": [(json) => ({ ...json, proof: proofOf(never) }), "bad skipped skipped skipped"],
  "the contract of another department": [
    (json) => ({ ...json, department: "interior" }),
    "bad skipped skipped skipped",
  ],
  "another contract": [(json) => ({ ...json, name: "evidence-2" }), "bad skipped skipped skipped"],
};
for (const [what, [lie, expected]] of Object.entries(lies)) {
  test(`a node that says ${what} is found out`, async () => {
    const reading = await read(bench({ [DEED]: lie }));
    assert.equal(states(reading), expected, JSON.stringify(reading.fault));
    assert.equal(judged(reading).verdict.state, "bad");
  });
}

test("an absence whose proof was tampered with is not called proven", async () => {
  const path = fieldPath(EVIDENCE, "records", never);
  const reading = await read(bench({ [path]: (json) => ({ ...json, proof: turned(json.proof, -2) }) }), never);
  assert.equal(states(reading, never), "skipped warn bad skipped");
  assert.notEqual(judged(reading, never).verdict.kind, "absent");
});

test("an absence of something else is not called that of the document", async () => {
  const reading = await read(bench({ [DEED]: () => recorded.answers[fieldPath(EVIDENCE, "records", never)].json }));
  assert.equal(states(reading), "bad skipped skipped skipped");
  assert.notEqual(judged(reading).verdict.kind, "absent");
});

test("a code that is not the one on record leaves the record unread, and not green", async () => {
  const reading = await read(bench({ [CODE]: (code) => Buffer.concat([code, Buffer.of(0)]) }));
  assert.equal(reading.fault.why.id, "why.code");
  assert.equal(states(reading), "ok bad skipped skipped");
});

test("a contract's record that is not proven, or another's, leaves the record unread", async () => {
  const broken = await read(bench({ [RECORD]: (json) => ({ ...json, proof: turned(json.proof, -2) }) }));
  assert.equal(broken.fault.why.id, "why.record");
  const plates = recorded.answers["/v1/chains/plates/contracts/plate-lottery/record"].json;
  const others = await read(bench({ [RECORD]: () => plates }));
  assert.equal(others.fault.why.id, "why.record");
});

test("what others signed is told from what nobody signed", async () => {
  const others = await read(bench({}, OTHER_ANCHOR));
  assert.equal(others.fault.why.id, "why.others");
  assert.equal(states(others), "ok ok ok bad");
  const nobody = await read(bench({ "/v1/chains/main/anchor": () => OTHER_ANCHOR }, OTHER_ANCHOR));
  assert.notEqual(nobody.fault.why.id, "why.others");
  assert.notEqual(judged(nobody).verdict.state, "ok");
});

test("a node that fails at any of the questions gives no verdict", async () => {
  for (const path of [DEED, RECORD, CODE]) {
    await assert.rejects(read(bench({ [path]: new Response("{}", { status: 500 }) })), Unanswered, path);
  }
});

test("a saved proof is read with the node's proven code, without a node by its layout, and only as its own document's", async () => {
  const bundle = fromHex(proofOf(deed));
  const silent = {
    ...bench(),
    api: new Proxy(
      {},
      {
        get: () => async () => {
          throw new Unanswered("offline");
        },
      },
    ),
  };
  for (const on of [bench(), silent]) {
    const reading = await readSaved(on, bundle, EVIDENCE, slot(deed));
    assert.equal(judgeDocument({ digest: deed, saved: true }, reading, NOW).verdict.kind, "proven");
    assert.equal(reading.meaning.value.case_number, "2026-0001");
    assert.equal(reading.other_place, undefined);
    const other = await readSaved(on, bundle, EVIDENCE, slot(withheld));
    assert.equal(other.fault.why.id, "why.other_document");
    assert.equal(judgeDocument({ digest: withheld, saved: true }, other, NOW).verdict.kind, "bad_file");
    const alone = await readSaved(on, bundle, EVIDENCE);
    assert.equal(judgeDocument({ saved: true }, alone, NOW).verdict.kind, "no_document");
    assert.equal(
      (await readSaved(on, bundle, { chain: "evidence", contract: "elsewhere" }, slot(deed))).other_place,
      "evidence/judicial.evidence",
    );
  }
});

test("no byte of a saved proof can be turned without its being seen", async () => {
  const hex = proofOf(deed);
  const silent = {
    ...bench(),
    api: new Proxy(
      {},
      {
        get: () => async () => {
          throw new Unanswered("offline");
        },
      },
    ),
  };
  for (let place = 0; place < hex.length / 2; place += 37) {
    const reading = await readSaved(silent, fromHex(turned(hex, place)), EVIDENCE, slot(deed));
    const { verdict } = judgeDocument({ digest: deed, saved: true }, reading, NOW);
    assert.notEqual(verdict.state, "ok", `byte ${place}`);
  }
});

test("JSON is the same whatever the order of its members, and not otherwise", () => {
  assert.ok(sameJson({ a: [1, { b: null }], c: "x" }, { c: "x", a: [1, { b: null }] }));
  for (const [one, other] of [
    [1, "1"],
    [null, undefined],
    [[], {}],
    [[1], [1, 2]],
    [{ a: 1 }, { b: 1 }],
    [{ a: undefined }, {}],
    [null, {}],
  ]) {
    assert.ok(!sameJson(one, other), `${JSON.stringify(one)} ${JSON.stringify(other)}`);
  }
});

test("the anchor's fingerprint is the SHA-256 of its bytes", async () => {
  const { createHash } = await import("node:crypto");
  const { verifier } = await import("./bench.mjs");
  const { anchorView } = await import("../../../node/src/portal/assets/proofs.js");
  assert.equal(anchorView(verifier, ANCHOR).fingerprint, createHash("sha256").update(ANCHOR).digest("hex"));
  assert.equal(anchorView(verifier, Uint8Array.of(1, 2, 3)), undefined);
});

test("a true proof of another chain, or through another mainchain, is none of what was asked", async () => {
  const { examine } = await import("../../../node/src/portal/assets/proofs.js");
  const { verifier } = await import("./bench.mjs");
  const wanted = { chain: "evidence", mainchain: "main", subject: { contract: "evidence" }, slot: slot(deed) };
  const of = (more) => examine(verifier, fromHex(proofOf(deed)), ANCHOR, { ...wanted, ...more });
  assert.equal(of({}).fault, undefined);
  for (const [more, code] of [
    [{ chain: "waste" }, "other_chain"],
    [{ mainchain: "other" }, "other_chain"],
    [{ subject: "system" }, "other_contract"],
    [{ slot: slot(never) }, "other_entry"],
  ]) {
    assert.deepEqual([of(more).fault, of(more).code, of(more).is_wanted], ["subject", code, false]);
  }
});

test("a contract that is asked for by its address is the one with that address", async () => {
  const { contract } = recorded.answers[DEED].json;
  const place = { chain: "evidence", contract, address: contract };
  const paths = Object.fromEntries(
    [DEED, RECORD].map((path) => [
      path.replace("/contracts/evidence/", `/contracts/${contract}/`),
      recorded.answers[path].json,
    ]),
  );
  const on = bench();
  const asked = on.api.ask;
  const answer = (change) =>
    (on.api.ask = async (path) =>
      path in paths
        ? new Response(JSON.stringify({ ...paths[path], ...change }))
        : asked(path.replace(contract, "evidence")));
  answer({});
  assert.equal(states(await readField(on, place, "records", deed, slot(deed))), "ok ok ok ok");
  answer({ contract: "00".repeat(32) });
  assert.equal((await readField(on, place, "records", deed, slot(deed))).fault.why.id, "why.other_contract");
});
