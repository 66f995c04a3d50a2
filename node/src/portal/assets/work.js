// @ts-check
// Jobs for the second thread, seen from the page. Where a browser gives no worker, the same work is done here, a piece at
// a time, so the page still answers.

import { toHex } from "./bytes.js";
import { PIECE_BYTES, Unreadable, digests } from "./hashing.js";
import { said } from "./texts.js";

/** @typedef {import("./texts.js").Said} Said */

/** A job came to no end; `said` says why. */
export class Undone extends Error {
  /** @param {Said} said */
  constructor(said) {
    super(said.id);
    this.said = said;
  }
}

/** A worker that is asked one thing after the other. */
export class Work {
  /** @param {() => Worker} [start] */
  constructor(start) {
    this.worker = (start ?? (() => new Worker(new URL("./worker.js", import.meta.url), { type: "module" })))();
    /** @type {{resolve: (value: any) => void, reject: (error: unknown) => void, progress?: (done: number, total: number) => void} | undefined} */
    this.waiting = undefined;
    this.broken = false;
    this.worker.addEventListener("message", ({ data }) => this.heard(data));
    this.worker.addEventListener("error", (event) => {
      event.preventDefault?.();
      // It may fail before it is asked anything: whoever asks later must hear of it.
      this.broken = true;
      this.settle((job) => job.reject(new Undone(said("undone.worker"))));
    });
  }

  /** @param {any} data */
  heard(data) {
    if (data.progress) this.waiting?.progress?.(data.progress.done, data.progress.total);
    else if ("failed" in data) this.settle((job) => job.reject(new Undone(said(`undone.${data.failed}`))));
    else this.settle((job) => job.resolve(data.done));
  }

  /** @param {(job: NonNullable<Work["waiting"]>) => void} how */
  settle(how) {
    const job = this.waiting;
    this.waiting = undefined;
    if (job) how(job);
  }

  /**
   * @param {any} job
   * @param {(done: number, total: number) => void} [progress]
   * @returns {Promise<any>}
   */
  do(job, progress) {
    if (this.broken) return Promise.reject(new Undone(said("undone.worker")));
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject, progress };
      this.worker.postMessage(job);
    });
  }

  end() {
    this.worker.terminate();
    this.settle((job) => job.reject(new DOMException("the work was ended", "AbortError")));
  }
}

/**
 * The digests of a document under each of the salts, in hexadecimal.
 * @param {Blob} file
 * @param {Uint8Array[]} salts
 * @param {any} verifier for browsers that give no worker
 * @param {(done: number, total: number) => void} progress
 * @param {AbortSignal} signal
 * @returns {Promise<string[]>}
 */
export async function hashDocument(file, salts, verifier, progress, signal) {
  signal.throwIfAborted();
  let work;
  try {
    work = new Work();
  } catch {
    return hashHere(file, salts, verifier, progress, signal);
  }
  const end = () => work.end();
  signal.addEventListener("abort", end);
  try {
    return await work.do({ kind: "hash", file, salts }, progress);
  } catch (error) {
    const has_no_worker = error instanceof Undone && error.said.id === "undone.worker";
    if (!has_no_worker) throw error;
    return await hashHere(file, salts, verifier, progress, signal);
  } finally {
    signal.removeEventListener("abort", end);
    work.end();
  }
}

/**
 * The same on the page's own thread. Reading each piece gives the page time to answer.
 * @param {Blob} file
 * @param {Uint8Array[]} salts
 * @param {any} verifier
 * @param {(done: number, total: number) => void} progress
 * @param {AbortSignal} [signal]
 */
export async function hashHere(file, salts, verifier, progress, signal) {
  try {
    const found = await digests(file, salts, verifier.Hasher, progress, { signal, piece_bytes: PIECE_BYTES / 4 });
    return found.map(toHex);
  } catch (error) {
    if (error instanceof Unreadable) throw new Undone(said("undone.unreadable"));
    throw error;
  }
}
