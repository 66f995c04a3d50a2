// What became of an entry: said only as far as it is proven, and a denial of a win counts only as of when the period is.
import assert from "node:assert/strict";
import { test } from "node:test";
import { blockOf, judgeField } from "../../../node/src/portal/assets/explorer.js";
import { drawVerdict } from "../../../node/src/portal/assets/lottery.js";
import { judgeEntry } from "../../../node/src/portal/assets/entry.js";
import { judgeHousehold } from "../../../node/src/portal/assets/waste.js";
import { said } from "../../../node/src/portal/assets/texts.js";

const NOW = 1_800_000_000_000;
const proven = (kind, height) => ({
  verified: true,
  chain: "plates",
  height,
  timestamp_ms: NOW,
  signers: ["aa"],
  epoch: 0,
  statement: { kind },
});
const period = (stage, height = 100) => ({
  claimed: "present",
  is_wanted: true,
  proven: proven("present", height),
  meaning: {
    field: "periods",
    key: 0,
    value: { stage, entries: 60, drawn: 12, list: "00".repeat(32), rules: { quota: 12 } },
  },
});
const won = (more) => ({
  claimed: "present",
  is_wanted: true,
  proven: proven("present", 100),
  meaning: { field: "wins", key: [0, 3], value: { rank: 4, claimed_ms: null, expired: false, ...more } },
});
const lost = (height = 100) => ({
  claimed: "absent",
  is_wanted: true,
  proven: proven("absent", height),
  meaning: { field: "wins", key: [0, 3], value: null },
});
const judged = (period_of, win, entry = 3) => judgeEntry(0, entry, period_of, win, NOW).verdict;

test("a win is green, claimed or not, and an expired one is not", () => {
  assert.deepEqual([judged(period("Claiming"), won()).kind, judged(period("Claiming"), won()).state], ["won", "ok"]);
  assert.equal(judged(period("Closed"), won({ claimed_ms: 5 })).kind, "claimed");
  assert.deepEqual(
    [judged(period("Claiming"), won({ expired: true })).kind, judged(period("Claiming"), won({ expired: true })).state],
    ["expired", "warn"],
  );
});

test("an absent win is a loss only once the period is closed", () => {
  for (const [stage, kind] of [
    ["Closed", "lost"],
    ["Claiming", "not_so_far"],
    ["Drawing", "not_drawn"],
    ["Frozen", "not_drawn"],
    ["Open", "not_drawn"],
  ]) {
    const verdict = judged(period(stage), lost());
    assert.deepEqual([verdict.kind, verdict.state], [kind, "warn"], stage);
  }
  assert.equal(judged(period("Closed"), lost(), 60).kind, "unknown");
});

test("a win that is denied as of before the draw is no loss", () => {
  const verdict = judged(period("Closed", 100), lost(99));
  assert.deepEqual([verdict.kind, verdict.state], ["stale", "bad"]);
});

test("a fault of either proof is red", () => {
  const fault = { stage: "state", why: said("why.state", { message: "" }) };
  for (const [one, other] of [
    [{ ...period("Closed"), fault }, won()],
    [period("Closed"), { ...won(), fault, proven: undefined }],
  ]) {
    assert.equal(judged(one, other).state, "bad");
  }
  assert.equal(judged({ ...period("Closed"), meaning: undefined }, won()).state, "bad");
});

test("a draw is green only when all four of its ticks are", () => {
  const ticks = (...states) => ["record", "list", "beacon", "draw"].map((id, at) => ({ id, state: states[at] }));
  assert.equal(drawVerdict(ticks("ok", "ok", "ok", "ok")).state, "ok");
  assert.deepEqual(
    [drawVerdict(ticks("ok", "ok", "warn", "ok")).state, drawVerdict(ticks("ok", "ok", "warn", "ok")).kind],
    ["warn", "unchecked"],
  );
  assert.equal(drawVerdict(ticks("ok", "bad", "skipped", "skipped")).title.id, "draw_verdict.bad.list");
});

test("a household is green only when the page shows what was proven", () => {
  const reading = {
    claimed: "present",
    is_wanted: true,
    proven: proven("present", 5),
    meaning: { field: "households", key: "", value: { points: 120 } },
  };
  assert.equal(judgeHousehold(reading, 120, NOW).verdict.state, "ok");
  for (const shown of [121, 0, undefined])
    assert.equal(judgeHousehold(reading, shown, NOW).verdict.kind, "bad_page", `${shown}`);
  const nobody = {
    claimed: "absent",
    is_wanted: true,
    proven: proven("absent", 5),
    meaning: { field: "households", key: "", value: null },
  };
  assert.equal(judgeHousehold(nobody, undefined, NOW).verdict.kind, "absent");
  assert.equal(judgeHousehold(nobody, 7, NOW).verdict.state, "bad");
});

test("a field's entry of another subject is red, whatever its proof", () => {
  const reading = {
    claimed: "present",
    is_wanted: false,
    proven: proven("present", 5),
    fault: { stage: "subject", why: said("why.other_contract", { wanted: "", found: "" }) },
  };
  assert.equal(judgeField(reading, NOW).verdict.state, "bad");
});

test("what the stream sends is a block or nothing", () => {
  const block = { height: 7, digest: "ab", timestamp_ms: NOW, gas_used: 0, state_root: "", proposer: "" };
  assert.deepEqual(
    [blockOf(JSON.stringify(block), "7.3.0").height, blockOf(JSON.stringify(block), "7.3.0").transactions],
    [7, 3],
  );
  for (const data of ["", "{", "null", "{}", JSON.stringify({ ...block, height: "7" })])
    assert.equal(blockOf(data, "7.3.0"), undefined, data);
});
