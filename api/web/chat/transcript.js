// The log of questions and answers, and the one line that is announced of each.

import { button, element, unseen } from "./dom.js";

/** @typedef {import("./types").Strings} Strings */

export class Transcript {
  #words;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #telling;

  /** @param {Strings} words */
  constructor(words) {
    this.#words = words;
    this.#told = element("p", { class: "unseen" });
    // What is announced of an answer is one line, in #told; all else in the log is silent.
    this.element = element("div", { class: "log", part: "log", role: "log", "aria-live": "polite", "aria-label": words.log, tabindex: "0" }, this.#told);
  }

  #told;

  get isEmpty() {
    return !this.element.querySelector(".exchange");
  }

  /** @param {{ greeting: string, covers: string[], suggested: { question: string, ask: () => void }[] }} shown */
  welcome({ greeting, covers, suggested }) {
    const old = this.element.querySelector(".welcome");
    const made = element("section", { class: "column welcome", "aria-live": "off" },
      element("h2", null, greeting),
      element("p", null, covers.length > 0 && `${this.#words.covers(covers)} `, this.#words.introduction),
      this.#suggestions(suggested));
    if (old) old.replaceWith(made);
    else this.#told.after(made);
  }

  /** Removes everything but the welcome. */
  empty() {
    for (const each of this.element.querySelectorAll(".exchange, .follow-ups")) each.remove();
    this.#told.textContent = "";
  }

  /** Adds an exchange: what was asked, about whom, and what came of it. @param {string} question @param {string[]} about @param {Node} content */
  add(question, about, content) {
    const shown = this.addAlone(
      element("div", { class: "asked" }, element("p", { dir: "auto", part: "question" },
        unseen(this.#words.youAsked), question, about.length > 0 && element("span", { class: "about" }, this.#words.about(about)))),
      content);
    return shown;
  }

  /** @param {...Node} content */
  addAlone(...content) {
    const shown = element("section", { class: "column exchange", "aria-live": "off" }, ...content);
    this.element.append(shown);
    return shown;
  }

  /** What may be asked next, under the last answer. @param {{ question: string, ask: () => void }[]} suggested */
  follow(suggested) {
    this.element.querySelector(".follow-ups")?.remove();
    if (suggested.length) this.element.append(element("section", { class: "column follow-ups", "aria-live": "off" }, this.#suggestions(suggested)));
  }

  /** Scrolls the log, and the page only where the log does not scroll by itself: an embedded chat moves nobody's page. @param {HTMLElement} shown */
  reveal(shown) {
    if (this.element.scrollHeight > this.element.clientHeight) this.element.scrollTop = shown.offsetTop - 16;
    else shown.scrollIntoView({ block: "nearest" });
  }

  /** @param {string} words */
  announce(words) {
    // emptied first, or the same words twice are said once
    this.#told.textContent = "";
    clearTimeout(this.#telling);
    this.#telling = setTimeout(() => { this.#told.textContent = words; }, 50);
  }

  end() {
    clearTimeout(this.#telling);
  }

  /** @param {{ question: string, ask: () => void }[]} suggested */
  #suggestions(suggested) {
    return suggested.length > 0 && element("ul", { class: "suggested", "aria-label": this.#words.suggestions },
      suggested.map(({ question, ask }) => element("li", null, button("chip", question, ask, { lang: "en" }))));
  }
}
