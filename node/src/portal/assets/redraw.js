// @ts-check
// A period's draw, done again from what is published, and compared with what the node lists as its result. Nothing in it
// is taken on the node's word: the period's entry is proven, the list must have the hash that was frozen, the beacon is
// proven in the mainchain's own state, and the winners follow.

import { Unanswered, isCount, isObject } from "./api.js";
import { faultOf, readField } from "./reading.js";
import { fromHex } from "./bytes.js";
import { adviceFor, proofOutcomes } from "./verdict.js";
import { examine } from "./proofs.js";
import { said } from "./texts.js";
import { slotOf, u32, u64 } from "./slots.js";

/** @typedef {import("./reading.js").Bench} Bench */
/** @typedef {import("./api.js").Place} Place */
/** @typedef {import("./verdict.js").Outcome} Outcome */
/** @typedef {import("./texts.js").Said} Said */

/**
 * A period as its contract's schema shows it.
 * @typedef {{stage: string, entries: number, tickets: number, list: string, beacon: string | null, draw_height: number | null,
 *   frozen_height: number | null, drawn: number, to_draw: number, rules: {quota: number}}} Period
 */

/**
 * Whoever draws: the second thread, or the verifier itself.
 * @typedef {{begin: (period: number, list: string, beacon: string, quota: number, drawn: number) => Promise<void>,
 *   push: (entries: Array<{token: string, key: string, tickets: number, losses: number}>) => Promise<void>,
 *   finish: () => Promise<string>}} Drawer
 */

/** The ticks of a draw, in their order. */
export const DRAW_TICKS = ["record", "list", "beacon", "draw"];

/** @param {import("./reading.js").Reading} reading @returns {Period | undefined} */
export function periodOf(reading) {
  const value = reading.meaning?.value;
  const is_period =
    isObject(value) &&
    typeof value.stage === "string" &&
    isCount(value.entries) &&
    isCount(value.drawn) &&
    fromHex(value.list, 32) !== undefined &&
    isObject(value.rules) &&
    isCount(value.rules.quota);
  return is_period ? /** @type {any} */ (value) : undefined;
}

/**
 * @param {Bench} bench
 * @param {Place} place
 * @param {number} number the period
 */
export function readPeriod(bench, place, number) {
  return readField(bench, place, "periods", number, slotOf("periods", u32(number)));
}

/**
 * Does the draw of a period again.
 * @param {Bench} bench
 * @param {Place} place
 * @param {number} number
 * @param {Drawer} drawer
 * @param {(step: Said) => void} progress
 * @param {number} now_ms
 * @returns {Promise<{outcomes: Record<string, Outcome | undefined>, reading: import("./reading.js").Reading, period?: Period, winners?: number[]}>}
 */
export async function redraw(bench, place, number, drawer, progress, now_ms) {
  progress(said("redraw.period"));
  const reading = await readPeriod(bench, place, number);
  const record = recordOutcome(reading, now_ms);
  const period = record.state === "bad" ? undefined : periodOf(reading);
  if (!period) return { outcomes: { record }, reading };
  if (!period.beacon || period.draw_height === null || period.frozen_height === null) {
    return { outcomes: { record, list: { state: "skipped", why: said("redraw.not_yet") } }, reading, period };
  }
  await drawer.begin(number, period.list, period.beacon, period.rules.quota, period.drawn);
  const missing = await pushEntries(bench, place, number, period, drawer, progress);
  const anchored = missing ? undefined : await anchoredOutcome(bench, place, number, period);
  if (missing || anchored) return { outcomes: { record, list: missing ?? anchored }, reading, period };

  progress(said("redraw.drawing"));
  const drawn = JSON.parse(await drawer.finish());
  if (drawn.error === "other_list") return { outcomes: { record, list: bad("redraw.other_list") }, reading, period };
  const list = ok("redraw.list_ok", { count: period.entries, list: period.list });
  const beacon = await beaconOutcome(bench, period);
  const draw = beacon.state === "bad" ? undefined : await winnersOutcome(bench, place, number, period, drawn, progress);
  return { outcomes: { record, list, beacon, draw }, reading, period, winners: drawn.winners };
}

/** @param {import("./reading.js").Reading} reading @param {number} now_ms @returns {Outcome} */
export function recordOutcome(reading, now_ms) {
  const { fault, claimed } = reading;
  if (fault) return { state: "bad", why: fault.why, advice: adviceFor(fault.stage) };
  if (claimed === "absent") return bad("redraw.no_period");
  if (!periodOf(reading)) return bad("redraw.no_lottery");
  const { state } = proofOutcomes(reading, now_ms);
  return state ?? { state: "skipped" };
}

/**
 * Hands all entries to the drawer. Returns what is wrong with how they are listed, if something is.
 * @param {Bench} bench
 * @param {Place} place
 * @param {number} number
 * @param {Period} period
 * @param {Drawer} drawer
 * @param {(step: Said) => void} progress
 * @returns {Promise<Outcome | undefined>}
 */
async function pushEntries(bench, place, number, period, drawer, progress) {
  let count = 0;
  for await (const page of pagesOf(bench, place, "entries", number)) {
    for (const { key, value } of page) {
      if (!isPlace(key, number, count)) return bad("redraw.gap", { expected: count });
      if (!isEntry(value)) throw new Unanswered("malformed", { what: "entries" });
      count += 1;
    }
    if (count > period.entries) return bad("redraw.too_many", { expected: period.entries });
    await drawer.push(page.map(({ value }) => /** @type {any} */ (value)));
    progress(said("redraw.entries", { count, total: period.entries }));
  }
  return count === period.entries ? undefined : bad("redraw.too_few", { expected: period.entries, found: count });
}

/**
 * On a sidechain a draw stands only on a list that the mainchain had on record before the beacon's height.
 * @param {Bench} bench
 * @param {Place} place
 * @param {number} number
 * @param {Period} period
 * @returns {Promise<Outcome | undefined>} nothing when all is well
 */
async function anchoredOutcome(bench, place, number, period) {
  if (place.chain === bench.mainchain) return undefined;
  const reading = await readField(bench, place, "anchored", number, slotOf("anchored", u32(number)));
  if (reading.fault) return { state: "bad", why: reading.fault.why, advice: adviceFor(reading.fault.stage) };
  const height = reading.meaning?.value;
  if (reading.claimed === "absent") return bad("redraw.not_anchored");
  const is_before = isCount(height) && height < /** @type {number} */ (period.draw_height);
  return is_before
    ? undefined
    : bad("redraw.anchored_late", { height: String(height), draw_height: String(period.draw_height) });
}

/** @param {Bench} bench @param {Period} period @returns {Promise<Outcome>} */
async function beaconOutcome(bench, period) {
  const height = /** @type {number} */ (period.draw_height);
  let answer;
  try {
    answer = await bench.api.beacon(bench.mainchain, height, bench.signal);
  } catch (error) {
    if (error instanceof Unanswered && error.reason === "not_found")
      return { state: "warn", why: said("redraw.no_beacon", { height }) };
    throw error;
  }
  const wanted = {
    chain: bench.mainchain,
    mainchain: bench.mainchain,
    subject: /** @type {const} */ ("system"),
    slot: slotOf("beacon", u64(height)),
  };
  const finding = examine(bench.verifier, answer.proof, bench.anchor, wanted);
  const fault = await faultOf(bench, finding, answer.proof);
  if (fault) return { state: "bad", why: fault.why, advice: adviceFor(fault.stage) };
  const value = finding.proven?.statement.value;
  if (value !== period.beacon || answer.value !== period.beacon) {
    return bad("redraw.other_beacon", { height, found: String(value ?? answer.value), used: String(period.beacon) });
  }
  return ok("redraw.beacon_ok", { height, beacon: String(period.beacon) });
}

/**
 * @param {Bench} bench
 * @param {Place} place
 * @param {number} number
 * @param {Period} period
 * @param {{winners?: unknown, error?: unknown}} drawn
 * @param {(step: Said) => void} progress
 * @returns {Promise<Outcome>}
 */
async function winnersOutcome(bench, place, number, period, drawn, progress) {
  const { winners } = drawn;
  if (!Array.isArray(winners)) return bad("redraw.broken", { message: String(drawn.error ?? "") });
  // While the draw goes on, the list of winners may be ahead of the proven record.
  const goes_on = period.stage === "Drawing";
  let rank = 0;
  for await (const page of pagesOf(bench, place, "ranks", number)) {
    for (const { key, value } of page) {
      if (!isPlace(key, number, rank)) return bad("redraw.rank_gap", { rank: rank + 1 });
      if (rank >= winners.length && goes_on) return { state: "warn", why: said("redraw.goes_on", { count: rank }) };
      if (rank >= winners.length) return bad("redraw.more_winners", { expected: winners.length });
      if (value !== winners[rank]) {
        return bad("redraw.other_winner", { rank: rank + 1, expected: String(winners[rank]), found: String(value) });
      }
      rank += 1;
    }
    progress(said("redraw.comparing", { count: rank, total: winners.length }));
  }
  if (rank === winners.length && goes_on) return { state: "warn", why: said("redraw.goes_on", { count: rank }) };
  return rank === winners.length
    ? ok("redraw.draw_ok", { count: rank })
    : bad("redraw.fewer_winners", { expected: winners.length, found: rank });
}

/**
 * All pages of a field's entries that belong to a period.
 * @param {Bench} bench
 * @param {Place} place
 * @param {string} field
 * @param {number} number
 */
async function* pagesOf(bench, place, field, number) {
  let after;
  do {
    const page = await bench.api.entries(place, field, [number], after, bench.signal);
    yield page.entries;
    after = page.next_after;
  } while (after !== undefined);
}

/** @param {unknown} key @param {number} period @param {number} number */
function isPlace(key, period, number) {
  return Array.isArray(key) && key.length === 2 && key[0] === period && key[1] === number;
}

/** @param {unknown} entry */
function isEntry(entry) {
  return (
    isObject(entry) &&
    fromHex(entry.token, 32) !== undefined &&
    fromHex(entry.key, 32) !== undefined &&
    isCount(entry.tickets) &&
    isCount(entry.losses)
  );
}

/** @param {string} id @param {Record<string, string | number>} [facts] @returns {Outcome} */
function bad(id, facts) {
  return {
    state: "bad",
    why: said(id, facts),
    advice: [said("do.other_node"), said("do.redraw_tool"), said("do.ask")],
  };
}

/** @param {string} id @param {Record<string, string | number>} [facts] @returns {Outcome} */
function ok(id, facts) {
  return { state: "ok", why: said(id, facts) };
}
