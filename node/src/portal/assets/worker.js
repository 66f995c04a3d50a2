// @ts-check
// The page's second thread: hashes documents and draws lotteries again, so that the page answers meanwhile. It is told one
// job after the other; whoever wants a job to end ends the worker.

import init, { Draw, Hasher } from "./verifier.js";
import { toHex } from "./bytes.js";
import { Unreadable, digests } from "./hashing.js";

const ready = init({ module_or_path: new URL("./verifier_bg.wasm", import.meta.url) });
const PROGRESS_EVERY_MS = 100;
/** @type {Draw | undefined} */
let draw;

/** @param {any} job */
async function perform(job) {
  await ready;
  if (job.kind === "hash") return hash(job.file, job.salts);
  if (job.kind === "draw") {
    draw = new Draw(job.period, job.list, job.beacon, job.quota, job.drawn);
    return true;
  }
  if (job.kind === "entries") {
    for (const entry of job.entries) draw?.push(entry.token, entry.key, entry.tickets, entry.losses);
    return true;
  }
  return draw?.finish();
}

/** @param {File} file @param {Uint8Array[]} salts */
async function hash(file, salts) {
  let told_ms = 0;
  const found = await digests(file, salts, Hasher, (done, total) => {
    if (Date.now() - told_ms < PROGRESS_EVERY_MS && done < total) return;
    told_ms = Date.now();
    postMessage({ progress: { done, total } });
  });
  return found.map(toHex);
}

addEventListener("message", async ({ data }) => {
  try {
    postMessage({ done: await perform(data) });
  } catch (error) {
    postMessage({ failed: error instanceof Unreadable ? "unreadable" : "broken", detail: String(error) });
  }
});
