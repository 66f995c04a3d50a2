// @ts-check
// Where every page's script begins: it loads what this page needs and nothing else. A page without script says the same
// things; only checking needs one.

import { loadTexts } from "./texts.js";
import { NodeApi } from "./api.js";

/** @typedef {import("./check.js").Page} Page */

/**
 * What a page runs, and whether it needs the verifier from the beginning.
 * @type {Record<string, {verifies: boolean, run: (page: Page) => Promise<void>}>}
 */
const PAGES = {
  check: { verifies: true, run: async (page) => (await import("./check.js")).checkPage(page) },
  "lottery-period": { verifies: true, run: async (page) => (await import("./lottery.js")).lotteryPage(page) },
  waste: { verifies: true, run: async (page) => (await import("./waste.js")).wastePage(page) },
  trust: { verifies: true, run: async (page) => (await import("./anchor.js")).trustPage(page) },
};

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
  const name = dataset.page ?? "";
  const page_of = PAGES[name];
  if (!page_of && !isExplorer()) return;
  const pressAgain = rememberPresses();
  loadStyle();
  const [texts, verifier] = await Promise.all([
    loadTexts(dataset.lang ?? "en"),
    page_of?.verifies ? loadVerifier() : undefined,
  ]);
  /** @type {Page} */
  const page = { texts, verifier, api: new NodeApi(), mainchain: dataset.mainchain ?? "main" };
  if (page_of) await page_of.run(page);
  else (await import("./explorer.js")).explorerPage(page, loadVerifier);
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
