// Where one asks: the question, the company, the day, asking and stopping.

import { button, element, isComposing } from "./dom.js";
import { day } from "./language.js";

const LONGEST_QUESTION = 2000;

export class Composer {
  /** Whether the next question is asked without those before it. */
  isFresh = false;
  asOf = "";
  #words;
  #isAsking = false;

  /**
   * @param {import("./types").Strings} words
   * @param {import("./picker.js").Picker} picker
   * @param {{ ask: (question: string) => void, stop: () => void, startOver: () => void }} acts
   */
  constructor(words, picker, { ask, stop, startOver }) {
    this.#words = words;
    this.question = element("textarea", {
      id: "question", part: "input", name: "question", rows: "1", dir: "auto", maxlength: String(LONGEST_QUESTION), enterkeyhint: "send", autocomplete: "off",
      placeholder: words.placeholder, onkeydown: (/** @type {KeyboardEvent} */ event) => this.#keyed(event),
    });
    // a double click must not ask and stop at once
    this.button = element("button", { class: "ask", part: "ask", type: "submit", onclick: (/** @type {MouseEvent} */ event) => { if (event.detail > 1) event.preventDefault(); } }, words.ask);
    this.notice = element("p", { class: "notice" }, words.notice);
    this.dated = element("p", { class: "as-of", hidden: true });
    this.picker = picker;
    this.fields = element("div", { class: "fields" }, picker.element,
      element("div", { class: "asks" }, element("label", { for: "question" }, words.question), this.question), this.button,
      element("div", { class: "foot" }, this.notice, button("plain", words.startOver, startOver)));
    this.element = element("form", {
      part: "composer",
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        const question = this.question.value.trim();
        if (this.#isAsking) stop();
        else if (question) ask(question);
        else this.question.focus();
      },
    }, element("div", { class: "column" }, this.dated, this.fields));
  }

  /** @param {boolean} fresh */
  setFresh(fresh) {
    this.isFresh = fresh;
    this.notice.textContent = fresh ? this.#words.onItsOwn : this.#words.notice;
    this.notice.classList.toggle("told", fresh);
  }

  /** @param {boolean} asking */
  setAsking(asking) {
    this.#isAsking = asking;
    this.button.textContent = asking ? this.#words.stop : this.#words.ask;
    this.button.classList.toggle("stop", asking);
  }

  /** Asks the versions of a day, or the latest. @param {string} iso a day, or nothing */
  setAsOf(iso) {
    this.asOf = iso;
    this.dated.hidden = !iso;
    this.dated.replaceChildren(...(iso ? [this.#words.asOf(day(iso, this.#words)), button("plain", this.#words.latest, () => { this.setAsOf(""); this.question.focus(); })] : []));
  }

  /** Leaves the choice of a company out, where there is but one. @param {boolean} alone */
  setAlone(alone) {
    this.fields.classList.toggle("alone", alone);
    this.picker.element.hidden = alone;
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
    event.preventDefault();
    if (!this.#isAsking) this.element.requestSubmit();
  }
}
