// @ts-check
// Where every page's script begins: it loads what this page needs and nothing else. A page without script says the same
// things; only checking needs one.

import { loadTexts } from "./texts.js";
import { NodeApi } from "./api.js";

/** @typedef {import("./check.js").Page} Page */

/**
 * A page's own script.
 * @typedef {(page: Page) => Promise<void> | void} Run
 */

/**
 * What each page runs. All of these check proofs from the beginning.
 * @type {Record<string, () => Promise<Run>>}
 */
const PAGES = {
  check: async () => (await import("./check.js")).checkPage,
  "lottery-period": async () => (await import("./lottery.js")).lotteryPage,
  waste: async () => (await import("./waste.js")).wastePage,
  trust: async () => (await import("./anchor.js")).trustPage,
};

/** The explorer's pages check only what a visitor asks them to, and load the verifier then. @returns {Promise<Run>} */
async function explorer() {
  const { explorerPage } = await import("./explorer.js");
  return (page) => explorerPage(page, loadVerifier);
}

/** The verifier, ready to be asked. */
export async function loadVerifier() {
  const verifier = await import("./verifier.js");
  await verifier.default({ module_or_path: new URL("./verifier_bg.wasm", import.meta.url) });
  return verifier;
}

/** What of a page tells that it is one of the explorer's. */
function isExplorer() {
  return document.getElementById("explorer") !== null;
}

/** The layout of what scripts put on the page; a page without script has no use for it. */
function loadStyle() {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = "/assets/checks.css";
  document.head.append(link);
}

/**
 * Buttons that a page brings along can be pressed before their script is there; what was pressed is not forgotten.
 * @returns {() => void} presses them again, once they work
 */
function rememberPresses() {
  /** @type {Set<HTMLElement>} */
  const pressed = new Set();
  const remember = (/** @type {Event} */ event) => {
    const button = /** @type {Element} */ (event.target).closest("button.check-field");
    if (button instanceof HTMLElement) pressed.add(button);
  };
  document.addEventListener("click", remember);
  return () => {
    document.removeEventListener("click", remember);
    for (const button of pressed) button.click();
  };
}

async function begin() {
  const { dataset } = document.body;
  const own = Object.hasOwn(PAGES, dataset.page ?? "") ? PAGES[dataset.page ?? ""] : undefined;
  const load = own ?? (isExplorer() ? explorer : undefined);
  if (!load) return;
  const pressAgain = rememberPresses();
  loadStyle();
  // All of it is on its way at once: on a slow network each wait for the next file would be felt.
  const [texts, verifier, run] = await Promise.all([
    loadTexts(dataset.lang ?? "en"),
    own ? loadVerifier() : undefined,
    load(),
  ]);
  await run({ texts, verifier, api: new NodeApi(), mainchain: dataset.mainchain ?? "main" });
  pressAgain();
}

/**
 * A page whose script cannot run must say so, where its tools would have been.
 * @param {unknown} error
 */
function sayBroken(error) {
  const place = document.querySelector("[id$='-app']") ?? document.getElementById("main");
  if (!place) return;
  const said = /** @type {any} */ (error)?.said;
  const detail = said ? `${said.id.replace("unanswered.", "")} ${said.facts.detail ?? ""}`.trim() : String(error);
  const text =
    document.body.dataset.lang === "zh"
      ? `此页面的检验工具未能启动(${detail})。在检验成功之前,请勿采信此处内容;可重新载入页面,或使用离线检验器或命令行。`
      : `The tools of this page could not start (${detail}). Nothing here was checked: load the page again, or use the offline checker or the command line.`;
  const paragraph = document.createElement("p");
  paragraph.className = "warn";
  paragraph.setAttribute("role", "alert");
  paragraph.textContent = text;
  place.prepend(paragraph);
}

begin().catch(sayBroken);
