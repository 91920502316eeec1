// What a chat keeps for as long as its tab is open. A browser may keep the storage from a page: then nothing is kept.

/** @typedef {import("./types").Exchange} Exchange */

// Raised where answers get another form: what an older page stored is not read.
const STORED = "askpolicy-chat-3";

/** @template T @param {(storage: Storage) => T} act @returns {T | null} */
function session(act) {
  try {
    return act(sessionStorage);
  } catch {
    return null;
  }
}

export class Kept {
  #name;

  /** @param {string} whose what tells this chat from others of the same page */
  constructor(whose) {
    this.#name = `${STORED} ${whose}`;
  }

  /** @returns {Exchange[]} */
  read() {
    try {
      const exchanges = JSON.parse(session((storage) => storage.getItem(this.#name)) ?? "[]");
      return exchanges.filter((/** @type {Exchange} */ each) => Array.isArray(each.answer.verdicts) && Array.isArray(each.history));
    } catch {
      this.forget();
      return [];
    }
  }

  /** @param {Exchange[]} exchanges oldest first; where there is no room for all, the oldest are left out */
  keep(exchanges) {
    for (let from = 0; from < exchanges.length; from += 1) {
      const text = JSON.stringify(exchanges.slice(from));
      const done = session((storage) => { storage.setItem(this.#name, text); return true; });
      if (done) return;
    }
  }

  forget() {
    session((storage) => storage.removeItem(this.#name));
  }
}
