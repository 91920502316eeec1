// What may be asked next. The server has asked all of it before, and suggests what is answered well.

import { Failure } from "./server.js";

/** @typedef {import("./types").Suggestion} Suggestion */

// The first who asks after an index was opened may come before the server is done.
const TRIES = 5;

export class Suggestions {
  #server;
  /** @type {Map<string, Promise<Suggestion[]>>} */
  #asked = new Map();

  /** @param {import("./server.js").Server} server */
  constructor(server) {
    this.#server = server;
  }

  /** Questions about these companies, or about all; none where the server suggests none. @param {string[]} ids @param {AbortSignal} signal @returns {Promise<Suggestion[]>} */
  of(ids, signal) {
    const asked = new URLSearchParams(ids.map((id) => ["company", id])).toString();
    const known = this.#asked.get(asked) ?? this.#ask(asked, signal);
    this.#asked.set(asked, known);
    return known;
  }

  /** @param {string} asked @param {AbortSignal} signal @returns {Promise<Suggestion[]>} */
  async #ask(asked, signal) {
    for (let left = TRIES; left > 0 && !signal.aborted; left -= 1) {
      try {
        return (await this.#server.get(`v1/suggestions?${asked}`, signal)).suggestions;
      } catch (error) {
        if (!(error instanceof Failure && error.kind === "busy")) break;
        await new Promise((resolve) => { setTimeout(resolve, 1000 * Number(error.retryAfter ?? 1)); });
      }
    }
    return [];
  }
}
