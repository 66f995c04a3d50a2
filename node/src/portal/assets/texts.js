// @ts-check
// Texts in the page's language. Code that decides never writes a sentence: it names one, with its facts, and a page puts
// it into words here. So a verdict can be tested without a language, and two languages cannot say different things.

/**
 * A sentence by its name, with the facts that stand in it.
 * @typedef {{id: string, facts: Record<string, string | number>}} Said
 */

/**
 * @param {string} id
 * @param {Record<string, string | number>} [facts]
 * @returns {Said}
 */
export function said(id, facts = {}) {
  return { id, facts };
}

/** Puts sentences, times and quantities into words. */
export class Texts {
  /**
   * @param {string} lang `en` or `zh`
   * @param {Record<string, string>} messages
   */
  constructor(lang, messages) {
    this.lang = lang;
    this.messages = messages;
    this.locale = lang === "zh" ? "zh-CN" : "en";
  }

  /**
   * A sentence. Facts of the kind `..._ms` are shown as times and others of the kind number with their digits grouped.
   * @param {string | Said} what
   * @param {Record<string, string | number>} [facts]
   * @returns {string}
   */
  t(what, facts = {}) {
    const { id, facts: own } = typeof what === "string" ? said(what, facts) : what;
    const text = this.messages[id];
    // A sentence that is missing must be seen, not take its place in silence.
    if (text === undefined) return `[${id}]`;
    return text.replace(/\{(\w+)\}/g, (whole, name) => (name in own ? this.fact(name, own[name]) : whole));
  }

  /**
   * @param {string} name
   * @param {string | number} value
   */
  fact(name, value) {
    if (typeof value !== "number") return value;
    if (name.endsWith("_ms")) return this.time(value);
    if (name.endsWith("_bytes")) return this.bytes(value);
    return this.number(value);
  }

  /** @param {number} value */
  number(value) {
    return new Intl.NumberFormat(this.locale).format(value);
  }

  /**
   * A time, in UTC, because a document's date must not depend on where it is read; written as the pages write theirs.
   * @param {number} time_ms
   */
  time(time_ms) {
    const date = new Date(time_ms);
    if (Number.isNaN(date.getTime())) return String(time_ms);
    const [day, clock] = date.toISOString().slice(0, 19).split("T");
    if (this.lang !== "zh") return `${day} ${clock} UTC`;
    return `${date.getUTCFullYear()}年${date.getUTCMonth() + 1}月${date.getUTCDate()}日 ${clock}（协调世界时 UTC）`;
  }

  /** @param {number} count */
  bytes(count) {
    const units = ["B", "kB", "MB", "GB", "TB"];
    let [size, unit] = [count, 0];
    while (size >= 1000 && unit < units.length - 1) [size, unit] = [size / 1000, unit + 1];
    return `${new Intl.NumberFormat(this.locale, { maximumFractionDigits: unit > 1 ? 1 : 0 }).format(size)} ${units[unit]}`;
  }
}

/**
 * The texts of a language.
 * @param {string} lang
 * @returns {Promise<Texts>}
 */
export async function loadTexts(lang) {
  const known = lang === "zh" ? "zh" : "en";
  const response = await fetch(`/assets/messages.${known}.json`);
  if (!response.ok) throw new Error(`the texts of this page were not delivered (${response.status})`);
  return new Texts(known, await response.json());
}
