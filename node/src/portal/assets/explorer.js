// @ts-check
// The explorer's pages, live: new blocks appear as they become final, and a contract's public fields can be checked where
// they stand. What is spoken is a summary every few seconds, and the visitor can stop it.

import {
  ENTRY_TICKS,
  overall,
  pendingTicks,
  pendingVerdict,
  proofOutcomes,
  settledTicks,
  showVerdict,
} from "./verdict.js";
import { el, fill, mono, speaker } from "./dom.js";
import { entryView, proofView } from "./record.js";
import { placeOf } from "./api.js";
import { readField } from "./reading.js";
import { said } from "./texts.js";
import { saveButton } from "./receipt.js";
import { settleTrust } from "./anchor.js";
import { showUndone } from "./undone.js";

/** @typedef {import("./check.js").Page} Page */

const ROWS_MAX = 50;
/** What the table of blocks has in its columns where its heads do not say so. */
const COLUMNS = ["height", "time", "gas", "digest"];
const SPOKEN_EVERY_MS = 5_000;

/**
 * @param {Page} page
 * @param {() => Promise<any>} loadVerifier
 */
export function explorerPage(page, loadVerifier) {
  const section = /** @type {HTMLElement} */ (document.getElementById("explorer"));
  const { chain, live } = section.dataset;
  if (chain && live === "blocks") followBlocks(page, chain);
  for (const button of document.querySelectorAll("button.check-field")) {
    button.removeAttribute("hidden");
    button.addEventListener("click", () =>
      checkField(page, section, /** @type {HTMLButtonElement} */ (button), loadVerifier),
    );
  }
}

/**
 * What the stream says of a block, or nothing when it says something else.
 * @param {string} data
 * @param {string} id `height.index.n`; a block's index is the number of its transactions
 */
export function blockOf(data, id) {
  try {
    const block = JSON.parse(data);
    const transactions = Number(id.split(".")[1]);
    const is_block =
      Number.isSafeInteger(block.height) &&
      typeof block.digest === "string" &&
      Number.isSafeInteger(block.timestamp_ms);
    return is_block
      ? {
          height: block.height,
          digest: block.digest,
          time_ms: block.timestamp_ms,
          gas_used: block.gas_used,
          state_root: block.state_root,
          proposer: block.proposer,
          transactions: Number.isSafeInteger(transactions) ? transactions : 0,
        }
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Puts new blocks at the head of the table.
 * @param {Page} page
 * @param {string} chain
 */
function followBlocks(page, chain) {
  const { texts } = page;
  const [table, live] = [document.querySelector("table#blocks"), document.getElementById("live")];
  const body = table?.querySelector("tbody");
  if (!table || !body || !live) return;
  const speak = speaker(live, SPOKEN_EVERY_MS);
  const state = { paused: false };
  const pause = el(
    "button",
    { type: "button", class: "button-secondary no-print", id: "live-pause", "aria-pressed": "false" },
    texts.t("live.pause"),
  );
  /** @type {EventSource | undefined} */
  let source;
  let opened = false;
  let filtered = true;
  const open = () => {
    // Only blocks are shown; a node that knows no filters sends receipts as well, which are passed over.
    source = new EventSource(`/v1/chains/${encodeURIComponent(chain)}/stream${filtered ? "?kinds=block" : ""}`);
    source.addEventListener("open", () => (opened = true));
    source.addEventListener("block", (event) => {
      const block = blockOf(event.data, event.lastEventId);
      if (!block || rowOf(body, block.height)) return;
      body.prepend(blockRow(texts, table, chain, block));
      while (body.rows.length > ROWS_MAX) body.deleteRow(-1);
      speak(texts.t("live.block", { height: block.height, count: block.transactions, time_ms: block.time_ms }));
    });
    source.addEventListener("error", () => {
      const is_refused = source?.readyState === EventSource.CLOSED && !opened && filtered;
      if (!is_refused) return speak(texts.t("live.lost"));
      filtered = false;
      open();
    });
  };
  pause.addEventListener("click", () => {
    state.paused = !state.paused;
    pause.setAttribute("aria-pressed", String(state.paused));
    pause.textContent = texts.t(state.paused ? "live.go_on" : "live.pause");
    source?.close();
    if (!state.paused) open();
    speak(texts.t(state.paused ? "live.paused" : "live.following"), true);
  });
  live.before(pause);
  open();
  // A page in the background needs no rows, and a node has only so many streams to give.
  document.addEventListener("visibilitychange", () => {
    if (state.paused) return;
    source?.close();
    if (document.visibilityState === "visible") open();
  });
}

/** @param {HTMLTableSectionElement} body @param {number} height */
function rowOf(body, height) {
  return [...body.rows].some((row) => (row.cells[0]?.textContent ?? "").replace(/[^0-9]/g, "") === String(height));
}

/**
 * A block as a row of the table, in the table's own columns.
 * @param {import("./texts.js").Texts} texts
 * @param {Element} table
 * @param {string} chain
 * @param {NonNullable<ReturnType<typeof blockOf>>} block
 */
function blockRow(texts, table, chain, block) {
  const heads = [.../** @type {NodeListOf<HTMLElement>} */ (table.querySelectorAll("thead th"))];
  const columns = heads.map((head, at) => head.dataset.column ?? COLUMNS[at] ?? "");
  const href = `/${texts.lang}/explorer/${encodeURIComponent(chain)}/blocks/${block.height}`;
  const cells = {
    height: () => el("a", { href }, String(block.height)),
    time: () => el("time", { datetime: new Date(block.time_ms).toISOString() }, texts.time(block.time_ms)),
    transactions: () => texts.number(block.transactions),
    gas: () => texts.number(Number(block.gas_used)),
    digest: () => mono(`${block.digest.slice(0, 12)}…`),
    state_root: () => mono(String(block.state_root)),
    proposer: () => mono(String(block.proposer)),
  };
  const cell = (/** @type {string} */ name, /** @type {number} */ at) => {
    const attributes = { class: heads[at].classList.contains("number") ? "number" : undefined };
    const shown = /** @type {any} */ (cells)[name]?.() ?? "";
    return at === 0 ? el("th", { ...attributes, scope: "row" }, shown) : el("td", attributes, shown);
  };
  return el("tr", { class: "new" }, columns.map(cell));
}

/**
 * Proves the entry of a public field and shows it below its button.
 * @param {Page} page
 * @param {HTMLElement} section
 * @param {HTMLButtonElement} button
 * @param {() => Promise<any>} loadVerifier
 */
async function checkField(page, section, button, loadVerifier) {
  const { texts } = page;
  const place = placeOf(`${section.dataset.chain}/${contractOf(section, button)}`);
  const key = keyOf(button);
  if (!place || !button.dataset.field) return;
  const result = resultOf(button);
  button.disabled = true;
  try {
    const verifier = page.verifier ?? (page.verifier = await loadVerifier());
    const trust_place = el("div");
    fill(result, trust_place);
    const trust = await settleTrust(trust_place, texts, verifier, page.api, page.mainchain);
    const shown = el("div");
    result.append(shown);
    showVerdict(shown, texts, pendingTicks(ENTRY_TICKS), pendingVerdict(), { names: "entry_tick" });
    const bench = { api: page.api, verifier, anchor: trust.bytes, mainchain: page.mainchain };
    const reading = await readField(bench, place, button.dataset.field, key?.value).catch((error) =>
      showUndone(shown, texts, error, ENTRY_TICKS, "entry_tick"),
    );
    if (reading) showField(page, shown, reading, trust.fingerprint, button.dataset.field);
  } catch (error) {
    showUndone(result, texts, error, ENTRY_TICKS, "entry_tick");
  }
  button.disabled = false;
}

/** @param {HTMLElement} section @param {HTMLElement} button */
function contractOf(section, button) {
  const named =
    button.dataset.contract ??
    section.dataset.contract ??
    /** @type {HTMLElement | null} */ (button.closest("[data-contract]"))?.dataset.contract;
  return named ?? decodeURIComponent(/\/contracts\/([^/]+)/.exec(location.pathname)?.[1] ?? "");
}

/**
 * The key to ask for: on the button, or in the field that the button names with `data-input`.
 * @param {HTMLButtonElement} button
 * @returns {{value: unknown} | undefined}
 */
function keyOf(button) {
  const input = /** @type {HTMLInputElement | null} */ (
    button.dataset.input
      ? document.getElementById(button.dataset.input)
      : (button.closest("form, li, tr, div")?.querySelector("input.field-key") ?? null)
  );
  const text = (button.dataset.key || input?.value || "").trim();
  if (text === "") return undefined;
  try {
    const value = JSON.parse(text);
    // A digest of digits alone is no number.
    return { value: typeof value === "number" && !Number.isSafeInteger(value) ? text : value };
  } catch {
    // A bare text is the key itself.
    return { value: text };
  }
}

/** @param {HTMLElement} button */
function resultOf(button) {
  const known = button.nextElementSibling;
  if (known?.classList.contains("field-result")) return known;
  const result = el("div", { class: "field-result" });
  button.after(result);
  return result;
}

/**
 * @param {import("./reading.js").Reading} reading
 * @param {number} now_ms
 */
export function judgeField(reading, now_ms) {
  const subject =
    reading.fault?.stage === "subject"
      ? { state: { state: /** @type {const} */ ("bad"), why: reading.fault.why } }
      : undefined;
  const ticks = settledTicks(ENTRY_TICKS, subject ?? proofOutcomes(reading, now_ms));
  const state = overall(ticks);
  const kind =
    state === "bad" ? "bad" : state !== "ok" ? "unchecked" : reading.claimed === "absent" ? "absent" : "proven";
  return { ticks, verdict: { state, kind, title: said(`field.${kind}`), notes: [] } };
}

/**
 * @param {Page} page
 * @param {Element} place
 * @param {import("./reading.js").Reading} reading
 * @param {string} fingerprint
 * @param {string} field
 */
function showField(page, place, reading, fingerprint, field) {
  const { texts } = page;
  const { ticks, verdict } = judgeField(reading, Date.now());
  const { proven } = reading;
  showVerdict(place, texts, ticks, verdict, {
    names: "entry_tick",
    behind: [
      el("p", { class: "note" }, texts.t("verdict.page_note")),
      proven && !reading.fault
        ? el(
            "div",
            {},
            entryView(texts, reading.meaning, proven),
            proofView(texts, proven, fingerprint),
            saveButton(texts, reading.bundle, field),
          )
        : null,
    ],
  });
}
