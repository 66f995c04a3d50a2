// Answers are looked at for their kinds: whatever a node sends, it is used whole or refused by name.
import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeApi, Unanswered, placeOf, placeText } from "../../../node/src/portal/assets/api.js";

const PLACE = { chain: "evidence", contract: "evidence" };
const DIGEST = "ab".repeat(32);
const FIELD = {
  chain: "evidence",
  contract: "cd".repeat(32),
  department: "justice",
  name: "evidence",
  field: "records",
  key: DIGEST,
  slot: "00",
  height: 4,
  present: true,
  value: { a: 1 },
  raw: "0102",
  proof: "00",
};

/** A node that answers in turn with what is given. */
function node(...answers) {
  const asked = [];
  const ask = async (path) => {
    asked.push(path);
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const waits = [];
  return { api: new NodeApi(ask, async (ms) => void waits.push(ms)), asked, waits };
}
const json = (value, status = 200, headers = {}) =>
  new Response(typeof value === "string" ? value : JSON.stringify(value), { status, headers });
const refuses = (reason) => (error) =>
  error instanceof Unanswered && error.reason === reason && error.said.id === `unanswered.${reason}`;

test("a field's entry is asked for by its key and read whole", async () => {
  const { api, asked } = node(json(FIELD));
  const answer = await api.field({ chain: "evidence", department: "justice", contract: "evidence" }, "records", DIGEST);
  assert.deepEqual(asked, [`/v1/chains/evidence/contracts/justice.evidence/fields/records?key=%22${DIGEST}%22`]);
  assert.deepEqual([answer.raw, answer.present, answer.department], [Uint8Array.of(1, 2), true, "justice"]);
});

const spoiled = {
  "no proof": { proof: undefined },
  "a proof that is no hexadecimal": { proof: "zz" },
  "present without bytes": { raw: null },
  "bytes of what is absent": { present: false },
  "presence of another kind": { present: "true" },
  "another field": { field: "cases" },
  "no department": { department: 3 },
  "no height": { height: "4" },
  "a negative height": { height: -1 },
  "no slot": { slot: null },
};
for (const [what, change] of Object.entries(spoiled)) {
  test(`an answer with ${what} is malformed`, async () => {
    await assert.rejects(node(json({ ...FIELD, ...change })).api.field(PLACE, "records", DIGEST), refuses("malformed"));
  });
}

test("what is no JSON, or no object, is malformed", async () => {
  for (const body of ["", "{", "[]", "null", "3", "<html>"]) {
    await assert.rejects(node(json(body)).api.field(PLACE, "records", DIGEST), refuses("malformed"), body);
  }
});

test("refusals have their own reasons, with the node's code", async () => {
  const problem = (status, code) => json({ code, detail: "why" }, status);
  await assert.rejects(
    node(problem(404, "unknown_contract")).api.record(PLACE),
    (error) => refuses("not_found")(error) && error.code === "unknown_contract" && error.said.facts.detail === "why",
  );
  await assert.rejects(node(problem(409, "ambiguous_contract")).api.record(PLACE), refuses("refused"));
  await assert.rejects(node(problem(500, "store_failed")).api.record(PLACE), refuses("failed"));
  await assert.rejects(node(json("<html>bad gateway", 502)).api.record(PLACE), refuses("failed"));
  await assert.rejects(node(new TypeError("Failed to fetch")).api.record(PLACE), refuses("offline"));
});

test("a busy node is asked again after the time it names, a few times", async () => {
  const busy = () => json({ code: "rate_limited" }, 429, { "retry-after": "2" });
  const later = node(busy(), json({}, 503), json({ code: DIGEST, proof: "00" }));
  assert.equal((await later.api.record(PLACE)).code, DIGEST);
  assert.deepEqual(later.waits, [2000, 2000]);
  const never = node(busy());
  never.api.ask = async () => busy();
  await assert.rejects(never.api.record(PLACE), refuses("busy"));
  assert.equal(never.waits.length, 5);
});

test("whoever gives up is not told that the node is offline", async () => {
  const controller = new AbortController();
  const { api } = node(json(FIELD));
  api.ask = async (_, { signal }) => {
    controller.abort();
    signal.throwIfAborted();
  };
  await assert.rejects(api.field(PLACE, "records", DIGEST, controller.signal), { name: "AbortError" });
});

test("a page of entries that leads nowhere, or to itself, is malformed", async () => {
  const entry = { key: [0, 0], value: {} };
  assert.deepEqual(await node(json({ entries: [entry] })).api.entries(PLACE, "entries", [0]), {
    entries: [entry],
    next_after: undefined,
  });
  for (const page of [
    {},
    { entries: [1] },
    { entries: [{ key: 1 }] },
    { entries: [], next_after: "x" },
    { entries: [], next_after: "00" },
  ]) {
    await assert.rejects(node(json(page)).api.entries(PLACE, "entries", [0], "00"), refuses("malformed"));
  }
});

test("places are read as they are written, and nothing else is one", () => {
  for (const text of ["evidence/evidence", "main/interior.identity"]) assert.equal(placeText(placeOf(text)), text);
  assert.equal(placeOf(`main/${DIGEST}`).address, DIGEST);
  for (const text of ["", "evidence", "a/b/c", "a/b.c.d", "A/b", "a/../b", "a/b?x", "a/b#", "/b", "a/"])
    assert.equal(placeOf(text), undefined, text);
});
