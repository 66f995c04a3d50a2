// SCALE values are read in their one canonical form, whole; slot keys are those of the contracts' storage.
import assert from "node:assert/strict";
import { test } from "node:test";
import { contractRecord, evidenceBatch, evidenceRecord } from "../../../node/src/portal/assets/scale.js";
import { slotOf, u32, u64 } from "../../../node/src/portal/assets/slots.js";
import { evidenceMeaning } from "../../../node/src/portal/assets/record.js";
import { fromHex, joined, toHex } from "../../../node/src/portal/assets/bytes.js";

const text = (value) => joined(Uint8Array.of(value.length << 2), new TextEncoder().encode(value));
const le = (number, count) =>
  Uint8Array.from({ length: count }, (_, at) => Number((BigInt(number) >> BigInt(8 * at)) & 255n));
const ADDRESS = new Uint8Array(32).fill(7);
const record = (status, withheld) =>
  joined(
    text("2026-1"),
    ADDRESS,
    ADDRESS,
    le(12, 8),
    le(1_700_000_000_000, 8),
    le(3, 4),
    Uint8Array.of(status),
    withheld,
  );

test("a record is read, withheld or not", () => {
  const open = evidenceRecord(record(0, Uint8Array.of(0)));
  assert.deepEqual(open, {
    case_number: "2026-1",
    custodian: toHex(ADDRESS),
    filed_by: toHex(ADDRESS),
    filed_height: 12,
    filed_ms: 1_700_000_000_000,
    steps: 3,
    status: "Open",
    withheld: null,
  });
  const sealed = evidenceRecord(record(1, joined(Uint8Array.of(1), text("2026-7"))));
  assert.deepEqual([sealed.status, sealed.withheld], ["Sealed", "2026-7"]);
});

test("what is not exactly a record is none", () => {
  const whole = record(0, Uint8Array.of(0));
  for (let length = 0; length < whole.length; length += 1)
    assert.equal(evidenceRecord(whole.subarray(0, length)), undefined, `${length} bytes`);
  assert.equal(evidenceRecord(joined(whole, Uint8Array.of(0))), undefined, "a trailing byte");
  assert.equal(evidenceRecord(record(2, Uint8Array.of(0))), undefined, "an unknown status");
  assert.equal(evidenceRecord(record(0, Uint8Array.of(2))), undefined, "a mark that is none");
  assert.equal(
    evidenceRecord(joined(Uint8Array.of(0x19, 0), whole.subarray(1))),
    undefined,
    "a length in more bytes than it needs",
  );
});

test("a contract's record and a batch are read", () => {
  const bytes = joined(text("justice"), text("evidence"), ADDRESS, le(2, 4), le(40, 8));
  assert.deepEqual(contractRecord(bytes), {
    department: "justice",
    contract: "evidence",
    code: toHex(ADDRESS),
    revision: 2,
    height: 40,
  });
  assert.equal(contractRecord(bytes.subarray(1)), undefined);
  assert.equal(evidenceBatch(joined(text("c"), le(100, 8), ADDRESS, le(1, 8), le(2, 8))).count, 100);
});

test("slot keys are the field's name behind its length, then the key, integers big-endian", () => {
  assert.equal(toHex(slotOf("records", ADDRESS)), `07${toHex(new TextEncoder().encode("records"))}${toHex(ADDRESS)}`);
  assert.equal(toHex(slotOf("wins", u32(3), u32(0x01020304))), "0477696e730000000301020304");
  assert.equal(toHex(slotOf("beacon", u64(258))), "06626561636f6e0000000000000102");
  assert.throws(() => slotOf("x".repeat(65)), RangeError);
});

test("an entry's meaning by the published layout is of the two maps of evidence alone", () => {
  const proven = (field, value, kind = "present") => ({
    statement: {
      kind,
      subject: { department: "justice", contract: "evidence" },
      key: toHex(slotOf(field, ADDRESS)),
      value: toHex(value),
    },
  });
  assert.equal(evidenceMeaning(proven("records", record(0, Uint8Array.of(0)))).value.case_number, "2026-1");
  assert.equal(evidenceMeaning(proven("records", fromHex("00"))), undefined);
  assert.equal(evidenceMeaning(proven("custodians", record(0, Uint8Array.of(0)))), undefined);
  assert.equal(evidenceMeaning(proven("records", fromHex(""), "absent")).value, null);
  assert.equal(
    evidenceMeaning({ statement: { kind: "present", subject: "system", key: "00", value: "00" } }),
    undefined,
  );
});
