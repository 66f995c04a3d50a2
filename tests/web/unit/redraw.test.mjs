// A lottery drawn again from what a real node answered, with the real verifier, and each way of lying about it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { NOW, PLATES, bench, fieldPath, recorded, turned, verifier } from "./bench.mjs";
import { DRAW_TICKS, readPeriod, redraw } from "../../../node/src/portal/assets/redraw.js";
import { drawVerdict } from "../../../node/src/portal/assets/lottery.js";
import { judgeEntry } from "../../../node/src/portal/assets/entry.js";
import { readField } from "../../../node/src/portal/assets/reading.js";
import { settledTicks } from "../../../node/src/portal/assets/verdict.js";
import { slotOf, u32 } from "../../../node/src/portal/assets/slots.js";

const paths = Object.keys(recorded.answers);
const path = (part) => paths.find((name) => name.includes(part));
const [PERIOD, ANCHORED, BEACON] = [path("/periods?"), path("/anchored?"), path("/beacons/")];
const [ENTRIES, RANKS] = [path("/entries/entries?"), path("/ranks/entries?")];

/** Draws on this thread, with the verifier itself. */
function drawer() {
  let draw;
  return {
    begin: async (...what) => void (draw = new verifier.Draw(...what)),
    push: async (entries) =>
      entries.forEach(({ token, key, tickets, losses }) => draw.push(token, key, tickets, losses)),
    finish: async () => draw.finish(),
  };
}

async function drawn(lies = {}) {
  const steps = [];
  const found = await redraw(bench(lies), PLATES, 0, drawer(), (step) => steps.push(step), NOW + 60_000);
  const ticks = settledTicks(DRAW_TICKS, found.outcomes);
  return {
    ...found,
    steps,
    ticks,
    states: ticks.map((tick) => tick.state).join(" "),
    why: ticks.find((tick) => tick.state !== "ok")?.why?.id,
  };
}

test("the draw gives exactly the published winners, and tells how far it is", async () => {
  const found = await drawn();
  assert.equal(found.states, "ok ok ok ok", JSON.stringify(found.ticks));
  assert.equal(drawVerdict(found.ticks).state, "ok");
  assert.deepEqual(found.winners, recorded.winners);
  assert.ok(
    found.steps.some((step) => step.id === "redraw.entries" && step.facts.count === 60 && step.facts.total === 60),
  );
});

const swapped = (page) => {
  [page.entries[3].value, page.entries[4].value] = [page.entries[4].value, page.entries[3].value];
  return page;
};
const lies = {
  "two entries swapped": [ENTRIES, swapped, "ok bad skipped skipped", "redraw.other_list"],
  "an entry replaced": [
    ENTRIES,
    (page) => ((page.entries[5].value = page.entries[6].value), page),
    "ok bad skipped skipped",
    "redraw.other_list",
  ],
  "more tickets for one": [
    ENTRIES,
    (page) => ((page.entries[5].value.tickets += 1), page),
    "ok bad skipped skipped",
    "redraw.other_list",
  ],
  "an entry left out": [ENTRIES, (page) => (page.entries.splice(2, 1), page), "ok bad skipped skipped", "redraw.gap"],
  "an entry of another period": [
    ENTRIES,
    (page) => ((page.entries[2].key = [1, 2]), page),
    "ok bad skipped skipped",
    "redraw.gap",
  ],
  "other winners": [
    RANKS,
    (page) => ((page.entries[2].value = page.entries[1].value), page),
    "ok ok ok bad",
    "redraw.other_winner",
  ],
  "a winner less": [RANKS, (page) => (page.entries.pop(), page), "ok ok ok bad", "redraw.fewer_winners"],
  "a winner more": [
    RANKS,
    (page) => (page.entries.push({ key: [0, 12], value: 1 }), page),
    "ok ok ok bad",
    "redraw.more_winners",
  ],
  "another beacon": [
    BEACON,
    (json) => ({ ...json, value: "00".repeat(32) }),
    "ok ok bad skipped",
    "redraw.other_beacon",
  ],
  "a beacon with a forged proof": [
    BEACON,
    (json) => ({ ...json, proof: turned(json.proof, -2) }),
    "ok ok bad skipped",
    "why.signatures",
  ],
  "another period's record": [
    PERIOD,
    (json) => ({ ...json, value: { ...json.value, drawn: 11 } }),
    "bad skipped skipped skipped",
    "why.other_meaning",
  ],
  "a forged anchoring": [
    ANCHORED,
    (json) => ({ ...json, proof: turned(json.proof, -2) }),
    "ok bad skipped skipped",
    "why.signatures",
  ],
};
for (const [what, [at, lie, expected, why]] of Object.entries(lies)) {
  test(`a node that shows ${what} is found out`, async () => {
    const found = await drawn({ [at]: lie });
    assert.equal(found.states, expected, JSON.stringify(found.ticks));
    assert.equal(found.why, why);
    assert.equal(drawVerdict(found.ticks).state, "bad");
  });
}

test("the beacon of another height is none, however true its proof", async () => {
  const record = recorded.answers[path("plate-lottery/record")].json;
  const found = await drawn({ [BEACON]: (json) => ({ ...json, proof: record.proof }) });
  assert.equal(found.states, "ok ok bad skipped");
});

test("a beacon that is no longer kept leaves the draw open, and not green", async () => {
  const found = await drawn({
    [BEACON]: new Response(JSON.stringify({ code: "unknown_beacon", detail: "" }), { status: 404 }),
  });
  assert.equal(found.states, "ok ok warn ok");
  assert.equal(drawVerdict(found.ticks).state, "warn");
});

test("a win and its absence are proven from a node's answers", async () => {
  const on = bench();
  const wins = (entry) => readField(on, PLATES, "wins", [0, entry], slotOf("wins", u32(0), u32(entry)));
  const period = await readPeriod(on, PLATES, 0);
  assert.equal(judgeEntry(0, recorded.winners[0], period, await wins(recorded.winners[0]), NOW).verdict.kind, "won");
  assert.equal(judgeEntry(0, recorded.loser, period, await wins(recorded.loser), NOW).verdict.kind, "not_so_far");
  const swap = {
    [fieldPath(PLATES, "wins", [0, recorded.loser])]: () =>
      recorded.answers[fieldPath(PLATES, "wins", [0, recorded.winners[0]])].json,
  };
  const lied = await readField(
    bench(swap),
    PLATES,
    "wins",
    [0, recorded.loser],
    slotOf("wins", u32(0), u32(recorded.loser)),
  );
  assert.equal(judgeEntry(0, recorded.loser, period, lied, NOW).verdict.state, "bad");
});
