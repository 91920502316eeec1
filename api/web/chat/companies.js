// Whom one can ask about: those that the page lets, as far as the server has told them.

/**
 * @typedef {import("./types").Company} Company
 * @typedef {import("./server.js").Server} Server
 */

// Where the server has more companies than it lists at once, those that are typed are asked for.
const LISTED = 200;
const LONGEST_NAME = 200;
export const MOST_OPTIONS = 60;
const MOST_ASKED = 50;

export class Companies {
  /** @type {Company[]} */
  known = [];
  /** Whether the server knows others, which typing finds. */
  more = false;
  /** Ids or names of those that the page lets ask about; none: all. @type {string[]} */
  only;
  #server;

  /** @param {Server} server @param {string} only names, by commas */
  constructor(server, only) {
    this.#server = server;
    this.only = only.split(",").map((name) => name.trim()).filter(Boolean);
  }

  /** @param {AbortSignal} signal */
  async load(signal) {
    const { companies, next } = await this.#server.get(`v1/companies?limit=${LISTED}`, signal);
    this.#add(companies);
    if (next) await Promise.all(this.only.filter((name) => !this.named(name)).map((name) => this.find(name, signal)));
    this.more = Boolean(next) && !this.only.length;
  }

  /** The only one there is, if it is so. */
  get single() {
    return this.known.length === 1 && !this.more ? this.known[0] : null;
  }

  /** The known company that is called exactly so. @param {string} name */
  named(name) {
    return this.known.find((company) => company.names.includes(name.toLowerCase())) ?? null;
  }

  /** Those whose names hold `words`. @param {string} words */
  matching(words) {
    const wanted = words.trim().toLowerCase();
    return this.known.filter((company) => !wanted || company.names.some((name) => name.includes(wanted)));
  }

  /** Takes in whom the server knows by `words`; whether it knows still more. @param {string} words @param {AbortSignal} [signal] */
  async find(words, signal) {
    const asked = new URLSearchParams({ limit: String(MOST_OPTIONS), q: words.slice(0, LONGEST_NAME) });
    const { companies, next } = await this.#server.get(`v1/companies?${asked}`, signal);
    this.#add(companies);
    return Boolean(next);
  }

  /** The company called so, wherever it is known; null where there is none. @param {string} name */
  async resolve(name) {
    if (!this.named(name) && this.more) await this.find(name).catch(() => false);
    return this.named(name);
  }

  /** What restricts a question that no company was picked for. */
  get restriction() {
    if (!this.only.length) return [];
    return (this.known.length ? this.known.map((each) => each.id) : this.only).slice(0, MOST_ASKED);
  }

  /** @param {any[]} companies */
  #add(companies) {
    const only = this.only.map((name) => name.toLowerCase());
    for (const { id, name, aliases = [], domains = [] } of companies) {
      const names = [id, name, ...aliases, ...domains].map((each) => each.toLowerCase());
      const wanted = !only.length || names.some((each) => only.includes(each));
      if (wanted && !this.known.some((known) => known.id === id)) this.known.push({ id, name, names });
    }
  }
}
