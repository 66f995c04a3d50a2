// Colours: nothing is green that was not shown, and nothing is behind a failure.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  DOCUMENT_TICKS,
  freshness,
  overall,
  pendingTicks,
  proofOutcomes,
  settledTicks,
} from "../../../node/src/portal/assets/verdict.js";
import { judgeDocument } from "../../../node/src/portal/assets/judge.js";
import { said } from "../../../node/src/portal/assets/texts.js";

const NOW = 1_800_000_000_000;
const DIGEST = "ab".repeat(32);
const proven = (kind = "present", time_ms = NOW - 1000) => ({
  verified: true,
  chain: "evidence",
  height: 9,
  timestamp_ms: time_ms,
  signers: ["aa", "bb", "cc"],
  epoch: 0,
  statement: { kind, subject: { department: "justice", contract: "evidence" }, key: "00", value: "00" },
});
const record = { case_number: "2026-1", withheld: null };
const good = (more = {}) => ({
  claimed: "present",
  is_wanted: true,
  proven: proven(),
  meaning: { field: "records", key: DIGEST, value: record },
  ...more,
});
const states = (ticks) => ticks.map((tick) => tick.state).join(" ");
const fault = (stage) => ({ stage, why: said(`why.${stage}`, { message: "x" }) });
const judged = (file, reading) => judgeDocument(file, reading, NOW);

test("pending ticks are not green", () => {
  assert.equal(overall(pendingTicks(DOCUMENT_TICKS)), "pending");
});

test("no ticks at all, or ticks without an outcome, are not green", () => {
  assert.equal(overall([]), "warn");
  assert.equal(states(settledTicks(DOCUMENT_TICKS, {})), "skipped skipped skipped skipped");
  assert.equal(overall(settledTicks(DOCUMENT_TICKS, {})), "warn");
});

test("behind a failure nothing is checked, whatever its outcome", () => {
  const ok = { state: "ok" };
  const ticks = settledTicks(DOCUMENT_TICKS, { file: ok, state: { state: "bad" }, signatures: ok, departments: ok });
  assert.equal(states(ticks), "ok bad skipped skipped");
  assert.equal(overall(ticks), "bad");
});

test("what the threshold key attested is green, and never where those who hold it are too few", () => {
  const attested = (untrusted) => {
    const attestation = { key: "aa".repeat(96), rotations: 0, untrusted };
    return { ...proven(), signers: [], epoch: undefined, attestation };
  };
  const trusted = judged({ digest: DIGEST }, good({ proven: attested(false) }));
  assert.equal(states(trusted.ticks), "ok ok ok ok");
  assert.equal(trusted.ticks[2].why.id, "ok.attested");
  assert.equal(trusted.verdict.state, "ok");
  const untrusted = judged({ digest: DIGEST }, good({ proven: attested(true) }));
  assert.equal(states(untrusted.ticks), "ok ok warn ok");
  assert.notEqual(untrusted.verdict.state, "ok");
  const absent = { claimed: "absent", is_wanted: true, proven: { ...attested(false), statement: { kind: "absent" } } };
  assert.equal(judged({ digest: DIGEST }, absent).verdict.notes[0].id, "verdict.absent_note_attested");
});

test("a document with its proven record is green", () => {
  const { ticks, verdict } = judged({ digest: DIGEST }, good());
  assert.equal(states(ticks), "ok ok ok ok");
  assert.deepEqual([verdict.state, verdict.kind], ["ok", "proven"]);
});

for (const [stage, expected] of [
  ["state", "ok bad skipped skipped"],
  ["signatures", "ok ok bad skipped"],
  ["departments", "ok ok ok bad"],
]) {
  test(`a fault at ${stage} is red there and leaves what is behind unchecked`, () => {
    const { ticks, verdict } = judged(
      { digest: DIGEST },
      good({ fault: fault(stage), proven: undefined, meaning: undefined }),
    );
    assert.equal(states(ticks), expected);
    assert.deepEqual([verdict.state, verdict.kind], ["bad", `bad_${stage}`]);
    assert.ok((ticks.find((tick) => tick.state === "bad").advice ?? []).length > 0, "a red tick says what to do");
  });
}

test("where a failed proof is not known to be about the file, the first tick is not green", () => {
  const { ticks } = judged(
    { digest: DIGEST },
    good({ is_wanted: false, fault: fault("signatures"), proven: undefined }),
  );
  assert.equal(states(ticks), "skipped ok bad skipped");
});

test("a true proof of something else is red at the first tick", () => {
  const { ticks, verdict } = judged({ digest: DIGEST }, good({ is_wanted: false, fault: fault("subject") }));
  assert.equal(states(ticks), "bad skipped skipped skipped");
  assert.equal(verdict.kind, "bad_file");
});

test("a fault of a kind that nobody knows leaves nothing green", () => {
  const { ticks, verdict } = judged({ digest: DIGEST }, good({ fault: fault("novel"), is_wanted: false }));
  assert.ok(ticks.every((tick) => tick.state !== "ok") && verdict.state !== "ok");
});

test("a proven absence is its own verdict, and not green", () => {
  const { ticks, verdict } = judged(
    { digest: DIGEST },
    good({ claimed: "absent", proven: proven("absent"), meaning: { field: "records", key: DIGEST, value: null } }),
  );
  assert.equal(states(ticks), "bad skipped skipped skipped");
  assert.deepEqual([verdict.state, verdict.kind], ["bad", "absent"]);
});

test("an absence that is not proven is a lie of the server, not an absence", () => {
  const { ticks, verdict } = judged(
    { digest: DIGEST },
    good({ claimed: "absent", fault: fault("state"), proven: undefined, meaning: undefined }),
  );
  assert.equal(states(ticks), "skipped bad skipped skipped");
  assert.equal(verdict.kind, "bad_state");
});

test("an old state, and one ahead of this clock, are not plainly green", () => {
  assert.deepEqual([freshness(NOW - 600_000, NOW), freshness(NOW - 600_001, NOW)], ["fresh", "old"]);
  assert.deepEqual([freshness(NOW + 120_000, NOW), freshness(NOW + 120_001, NOW)], ["fresh", "ahead"]);
  for (const [time_ms, kind] of [
    [NOW - 601_000, "old"],
    [NOW + 121_000, "ahead"],
  ]) {
    const { ticks, verdict } = judged({ digest: DIGEST }, good({ proven: proven("present", time_ms) }));
    assert.equal(states(ticks), "ok warn ok ok");
    assert.deepEqual([verdict.state, verdict.kind], ["warn", kind]);
  }
});

test("a withheld record is proven and says so before all else", () => {
  const withheld = { field: "records", key: DIGEST, value: { ...record, withheld: "2026-7" } };
  const { verdict } = judged({ digest: DIGEST }, good({ meaning: withheld, proven: proven("present", NOW - 601_000) }));
  assert.deepEqual([verdict.state, verdict.kind], ["warn", "withheld"]);
  assert.deepEqual(
    verdict.notes.map((note) => note.id),
    ["warn.withheld", "warn.old"],
  );
});

test("a saved proof without its document is not green", () => {
  const { ticks, verdict } = judged({ saved: true }, good());
  assert.equal(states(ticks), "skipped ok ok ok");
  assert.deepEqual([verdict.state, verdict.kind], ["warn", "no_document"]);
});

test("what cannot be read, and what stands elsewhere, is not green", () => {
  assert.equal(judged({ digest: DIGEST }, good({ meaning: undefined })).verdict.kind, "unread");
  assert.equal(
    judged({ digest: DIGEST }, good({ meaning: { field: "records", key: DIGEST, value: null } })).verdict.kind,
    "unread",
  );
  const elsewhere = judged({ digest: DIGEST, other_place: "plates/fake" }, good()).verdict;
  assert.deepEqual([elsewhere.state, elsewhere.kind], ["warn", "other_place"]);
});

test("a file that is not what its papers say is red, and nothing is asked", () => {
  const { ticks, verdict } = judged({ mismatch: said("why.no_slip") }, undefined);
  assert.equal(states(ticks), "bad skipped skipped skipped");
  assert.equal(verdict.kind, "bad_file");
});

test("a batch whose record counts otherwise than its paths is red", () => {
  const batch = { root: DIGEST, index: 3, count: 100 };
  const meaning = (count) => ({ field: "batches", key: DIGEST, value: { case_number: "2026-1", count } });
  assert.equal(judged({ digest: DIGEST, batch }, good({ meaning: meaning(100) })).verdict.state, "ok");
  assert.equal(
    states(judged({ digest: DIGEST, batch }, good({ meaning: meaning(101) })).ticks),
    "bad skipped skipped skipped",
  );
});

test("a reading without fault and without proof has no green outcome", () => {
  assert.deepEqual(proofOutcomes({}, NOW), {});
});

test("a saved proof of absence says that it is one, and its state is no green tick", () => {
  const { ticks, verdict } = judged(
    { saved: true },
    good({ claimed: "absent", proven: proven("absent"), meaning: { field: "records", key: DIGEST, value: null } }),
  );
  assert.equal(states(ticks), "skipped warn ok ok");
  assert.deepEqual([verdict.state, verdict.kind], ["warn", "absence"]);
});

test("an old saved proof asks for a newer one, and not for another try", () => {
  const old = good({ proven: proven("present", NOW - 601_000) });
  const advice = (saved) => judged({ digest: DIGEST, saved }, old).ticks[1].advice.map((one) => one.id);
  assert.deepEqual([advice(true), advice(false)], [["do.old_proof"], ["do.old"]]);
});
