// @ts-check
// Whoever draws a lottery again: the second thread, or the page itself where a browser gives none.

import { Undone, Work } from "./work.js";

/** Draws on the second thread; where a browser gives none, here. */
export class ThreadDrawer {
  /** @param {any} verifier */
  constructor(verifier) {
    this.verifier = verifier;
    try {
      this.work = new Work();
    } catch {
      this.work = undefined;
    }
  }

  /** @param {number} period @param {string} list @param {string} beacon @param {number} quota @param {number} drawn */
  async begin(period, list, beacon, quota, drawn) {
    try {
      await this.work?.do({ kind: "draw", period, list, beacon, quota, drawn });
    } catch (error) {
      if (!(error instanceof Undone)) throw error;
      this.end();
    }
    if (!this.work) this.draw = new this.verifier.Draw(period, list, beacon, quota, drawn);
  }

  /** @param {Array<{token: string, key: string, tickets: number, losses: number}>} entries */
  async push(entries) {
    if (this.work) await this.work.do({ kind: "entries", entries });
    else for (const { token, key, tickets, losses } of entries) this.draw.push(token, key, tickets, losses);
  }

  async finish() {
    return this.work ? this.work.do({ kind: "finish" }) : this.draw.finish();
  }

  end() {
    this.work?.end();
    this.work = undefined;
  }
}
