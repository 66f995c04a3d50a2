// @ts-check
// Asks this page's own node. A node may be away, overloaded, wrong or a liar, so every answer is looked at before it is
// used: what is missing or of another kind than it should be is a failure with a name, never an empty value that something
// later might take for "nothing is wrong". Whether what an answer says is TRUE is not decided here; that takes its proof.

import { fromHex } from "./bytes.js";
import { said } from "./texts.js";

/** @typedef {import("./texts.js").Said} Said */

/**
 * A contract as a page names it: its chain, its name, and the department where that is part of the reference.
 * @typedef {{chain: string, contract: string, department?: string, address?: string}} Place
 */

/**
 * @typedef {{contract: string, department: string, name: string, height: number, present: boolean, key: unknown,
 *   value: unknown, raw: Uint8Array | null, slot: Uint8Array, proof: Uint8Array}} FieldAnswer
 */

const WAIT_MS = 30_000;
const TRIES_MAX = 6;
const RETRY_AFTER_MAX_S = 30;

/** The node gave no answer that could be checked. `reason` says in what way; `said` says it to people. */
export class Unanswered extends Error {
  /**
   * @param {"offline" | "timeout" | "not_found" | "refused" | "busy" | "failed" | "malformed"} reason
   * @param {Record<string, string | number>} [facts]
   * @param {string} [code]
   */
  constructor(reason, facts = {}, code = "") {
    super(`${reason}: ${JSON.stringify(facts)}`);
    this.reason = reason;
    this.code = code;
    this.said = said(`unanswered.${reason}`, facts);
  }
}

/**
 * Reads `chain/contract` or `chain/department.contract`; `undefined` for anything else.
 * @param {string} text
 * @returns {Place | undefined}
 */
export function placeOf(text) {
  const found = /^([a-z0-9-]{1,64})\/(?:([a-z0-9-]{1,64})\.)?([a-z0-9-]{1,64})$/.exec(text);
  if (!found) return undefined;
  const [, chain, department, contract] = found;
  if (/^[0-9a-f]{64}$/.test(contract)) return { chain, contract, address: contract };
  return department ? { chain, department, contract } : { chain, contract };
}

/** The place as it is written. @param {Place} place */
export function placeText(place) {
  return `${place.chain}/${place.department ? `${place.department}.` : ""}${place.contract}`;
}

/** The node's answers, looked at for their kinds. */
export class NodeApi {
  /**
   * @param {typeof fetch} [ask]
   * @param {(ms: number) => Promise<void>} [wait]
   */
  constructor(ask, wait) {
    this.ask = ask ?? ((input, init) => fetch(input, init));
    this.wait = wait ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms)));
  }

  /** The trust anchor that this node hands out, for which nothing speaks yet. @param {string} chain */
  async anchor(chain) {
    return this.octets(`/v1/chains/${part(chain)}/anchor`);
  }

  /**
   * A public field's entry with its proof.
   * @param {Place} place
   * @param {string} field
   * @param {unknown} key
   * @param {AbortSignal} [signal]
   * @returns {Promise<FieldAnswer>}
   */
  async field(place, field, key, signal) {
    const query = key === undefined ? "" : `?key=${part(JSON.stringify(key))}`;
    const answer = await this.json(`${contractPath(place)}/fields/${part(field)}${query}`, signal);
    const [slot, proof] = [fromHex(answer.slot), fromHex(answer.proof)];
    const raw = answer.present === true ? fromHex(answer.raw) : null;
    const is_whole =
      slot &&
      proof &&
      raw !== undefined &&
      typeof answer.present === "boolean" &&
      texts(answer, "contract", "department", "name") &&
      isCount(answer.height) &&
      answer.field === field &&
      (answer.present || (answer.raw ?? null) === null);
    if (!is_whole) throw malformed("fields");
    return /** @type {FieldAnswer} */ ({ ...answer, slot, proof, raw });
  }

  /**
   * A page of a field's entries in the order of their keys.
   * @param {Place} place
   * @param {string} field
   * @param {unknown} prefix
   * @param {string | undefined} after
   * @param {AbortSignal} [signal]
   * @returns {Promise<{entries: Array<{key: unknown, value: unknown}>, next_after?: string}>}
   */
  async entries(place, field, prefix, after, signal) {
    const query = `prefix=${part(JSON.stringify(prefix))}&limit=100${after === undefined ? "" : `&after=${part(after)}`}`;
    const page = await this.json(`${contractPath(place)}/fields/${part(field)}/entries?${query}`, signal);
    const next_after = page.next_after ?? undefined;
    const is_page =
      Array.isArray(page.entries) &&
      page.entries.every((/** @type {unknown} */ entry) => isObject(entry) && "key" in entry && "value" in entry) &&
      (next_after === undefined || (fromHex(next_after) !== undefined && next_after !== after));
    if (!is_page) throw malformed("entries");
    return { entries: page.entries, next_after };
  }

  /**
   * What a contract is called.
   * @param {Place} place
   * @param {AbortSignal} [signal]
   * @returns {Promise<{contract: string, department: string, name: string}>}
   */
  async contract(place, signal) {
    const answer = await this.json(`${contractPath(place)}/fields`, signal);
    if (!texts(answer, "contract", "department", "name")) throw malformed("fields");
    return { contract: answer.contract, department: answer.department, name: answer.name };
  }

  /**
   * The runtime's record of a contract, with its proof.
   * @param {Place} place
   * @param {AbortSignal} [signal]
   * @returns {Promise<{code: string, proof: Uint8Array}>}
   */
  async record(place, signal) {
    const answer = await this.json(`${contractPath(place)}/record`, signal);
    const proof = fromHex(answer.proof);
    if (!proof || fromHex(answer.code, 32) === undefined) throw malformed("record");
    return { code: answer.code, proof };
  }

  /** A contract's code, for which its record speaks. @param {Place} place @param {AbortSignal} [signal] */
  async code(place, signal) {
    return this.octets(`${contractPath(place)}/code`, signal);
  }

  /**
   * A height's beacon, with its proof.
   * @param {string} mainchain
   * @param {number} height
   * @param {AbortSignal} [signal]
   * @returns {Promise<{value: string, proof: Uint8Array}>}
   */
  async beacon(mainchain, height, signal) {
    const answer = await this.json(`/v1/chains/${part(mainchain)}/beacons/${height}/proof`, signal);
    const proof = fromHex(answer.proof);
    if (!proof || fromHex(answer.value, 32) === undefined) throw malformed("beacons");
    return { value: answer.value, proof };
  }

  /** @param {string} path @param {AbortSignal} [signal] @returns {Promise<Record<string, any>>} */
  async json(path, signal) {
    const response = await this.get(path, signal);
    const value = await body(response, () => response.json());
    if (!isObject(value)) throw malformed(path);
    return value;
  }

  /** @param {string} path @param {AbortSignal} [signal] */
  async octets(path, signal) {
    const response = await this.get(path, signal);
    return new Uint8Array(await body(response, () => response.arrayBuffer()));
  }

  /**
   * An answer of the kind 200. Where the node asks to wait, waits, a few times.
   * @param {string} path
   * @param {AbortSignal} [signal]
   * @returns {Promise<Response>}
   */
  async get(path, signal) {
    for (let tries = 1; ; tries += 1) {
      const response = await this.once(path, signal);
      if (response.ok) return response;
      const is_busy = response.status === 429 || response.status === 503;
      if (!is_busy || tries === TRIES_MAX) throw await refusal(response);
      await this.wait(retryAfter(response, tries) * 1000);
      signal?.throwIfAborted();
    }
  }

  /** @param {string} path @param {AbortSignal} [signal] @returns {Promise<Response>} */
  async once(path, signal) {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), WAIT_MS);
    const give_up = () => late.abort();
    signal?.addEventListener("abort", give_up);
    try {
      return await this.ask(path, { signal: late.signal, cache: "no-store", credentials: "omit", redirect: "error" });
    } catch {
      signal?.throwIfAborted();
      throw new Unanswered(late.signal.aborted ? "timeout" : "offline");
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", give_up);
    }
  }
}

/** @param {Place} place */
function contractPath(place) {
  const contract = place.department ? `${place.department}.${place.contract}` : place.contract;
  return `/v1/chains/${part(place.chain)}/contracts/${part(contract)}`;
}

/** @param {string} text */
function part(text) {
  return encodeURIComponent(text);
}

/** @param {Response} response @param {number} tries */
function retryAfter(response, tries) {
  const asked = Number(response.headers.get("retry-after"));
  return Math.min(Number.isFinite(asked) && asked > 0 ? asked : tries, RETRY_AFTER_MAX_S);
}

/**
 * Why a node refused, in the terms of its problem document where there is one.
 * @param {Response} response
 */
async function refusal(response) {
  const problem = await response.json().catch(() => undefined);
  const code = isObject(problem) && typeof problem.code === "string" ? problem.code : "";
  const detail = isObject(problem) && typeof problem.detail === "string" ? problem.detail.slice(0, 300) : "";
  const facts = { status: String(response.status), detail };
  if (response.status === 404) return new Unanswered("not_found", facts, code);
  if (response.status === 429 || response.status === 503) return new Unanswered("busy", facts, code);
  return new Unanswered(response.status >= 500 ? "failed" : "refused", facts, code);
}

/**
 * @template T
 * @param {Response} response
 * @param {() => Promise<T>} read
 */
async function body(response, read) {
  try {
    return await read();
  } catch {
    throw malformed(new URL(response.url || "http://node/").pathname);
  }
}

/** @param {string} what */
function malformed(what) {
  return new Unanswered("malformed", { what });
}

/** @param {unknown} value @returns {value is Record<string, any>} */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param {unknown} value */
export function isCount(value) {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** @param {Record<string, any>} value @param {...string} names */
function texts(value, ...names) {
  return names.every((name) => typeof value[name] === "string");
}
