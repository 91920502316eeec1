// One conversation between a person and the service, from when its element is connected until it is removed.

import { addressOf, askedIn } from "./address.js";
import { answerTold, answerView, isTalk } from "./answer.js";
import { Companies } from "./companies.js";
import { Composer } from "./composer.js";
import { button, copy, element, note } from "./dom.js";
import { inWords } from "./failures.js";
import { Picker } from "./picker.js";
import { Failure } from "./server.js";
import { Suggestions } from "./suggestions.js";
import { Transcript } from "./transcript.js";

/**
 * @typedef {import("./types").Asking} Asking
 * @typedef {import("./types").Context} Context
 * @typedef {import("./types").Exchange} Exchange
 * @typedef {import("./types").Named} Named
 * @typedef {import("./types").Suggestion} Suggestion
 */

const LONGEST_HISTORY = 20;
const MOST_SUGGESTED = 5;
const MOST_FOLLOW_UPS = 3;
const SLOW_MS = 2000;
const COPIED_MS = 4000;

export class Conversation {
  /** @type {Exchange[]} */
  exchanges;
  #options;
  #words;
  #companies;
  #suggestions;
  #transcript;
  #picker;
  #composer;
  #life = new AbortController();
  /** @type {AbortController | null} */
  #asking = null;

  /**
   * @param {{
   *   server: import("./server.js").Server, words: import("./types").Strings, kept: import("./storage.js").Kept, exchanges: Exchange[],
   *   companies: string, greeting: string | null, contact: string | null, isPage: boolean, root: ShadowRoot,
   *   emit: (name: string, detail: object) => boolean }} options
   */
  constructor(options) {
    const { server, words, exchanges, companies, isPage } = options;
    this.#options = options;
    this.#words = words;
    this.exchanges = exchanges;
    this.#companies = new Companies(server, companies);
    this.#suggestions = new Suggestions(server);
    this.#transcript = new Transcript(words);
    this.#picker = new Picker(this.#companies, words, (told) => this.#transcript.announce(told));
    this.#composer = new Composer(words, this.#picker, {
      ask: (question) => this.#ask(question), stop: () => this.#asking?.abort(), startOver: () => this.#startOver(),
    });
    this.elements = [this.#transcript.element, this.#composer.element];
    /** @type {Context} */
    this.context = {
      server, words, isPage,
      isRestricted: (asking) => asking.companies.length > 0 || this.#companies.only.length > 0,
      ask: (question, more) => this.#ask(question, more),
      change: (question) => this.#change(question),
      copier: (told, text) => this.#copier(told, text),
      contact: () => this.#contact(),
      linkTo: (exchange) => addressOf(this.#page, exchange).href,
    };
    this.#welcome([]);
    for (const exchange of exchanges) this.#show(exchange, answerView(exchange, this.context));
  }

  /** Begins to ask the server, once the elements stand in their place. */
  begin() {
    const last = this.#transcript.element.querySelector(".exchange:last-of-type");
    if (last) requestAnimationFrame(() => this.#transcript.reveal(/** @type {HTMLElement} */ (last)));
    this.#load();
  }

  /** Ends all that goes on. */
  end() {
    this.#life.abort();
    this.#asking?.abort();
    this.#picker.end();
    this.#transcript.end();
  }

  focus() {
    this.#composer.question.focus();
  }

  get draft() {
    return this.#composer.question.value;
  }

  set draft(words) {
    this.#composer.question.value = words;
  }

  // Before the first question

  async #load() {
    const { signal } = this.#life;
    try {
      await this.#companies.load(signal);
      if (this.#companies.only.length && !this.#companies.known.length) throw new Failure("nobody");
      this.#composer.setAlone(Boolean(this.#companies.single));
      this.#composer.picker.refresh();
      this.#welcome([]);
      this.#suggest();
      if (this.#options.isPage) await this.#askFromAddress();
    } catch (error) {
      if (signal.aborted) return;
      const [title, what] = this.#told(error);
      const told = this.#transcript.addAlone(note("failed", title, element("p", null, what), element("p", { class: "row" },
        button("chip", this.#words.tryAgain, () => { told.remove(); this.focus(); this.#load(); }), this.#contact())));
      this.#transcript.announce(`${title}. ${what}`);
      this.#fail(error);
    }
  }

  /** @param {Suggestion[]} suggested */
  #welcome(suggested) {
    const { known, only } = this.#companies;
    this.#transcript.welcome({
      greeting: this.#options.greeting ?? this.#words.greeting,
      covers: only.length ? known.map((company) => company.name) : [],
      suggested: this.#chips(suggested.slice(0, MOST_SUGGESTED)),
    });
  }

  async #suggest() {
    const { signal } = this.#life;
    const last = this.exchanges.at(-1);
    if (!last) {
      const suggested = await this.#suggestions.of(this.#companies.only.length ? this.#companies.restriction : [], signal);
      if (!signal.aborted && this.#transcript.isEmpty) this.#welcome(suggested);
      return;
    }
    const { companies } = last.answer;
    const suggested = companies.length === 1 ? await this.#suggestions.of([companies[0].id], signal) : [];
    if (signal.aborted || this.#asking || this.exchanges.at(-1) !== last) return;
    const asked = new Set(this.exchanges.flatMap(({ question, answer }) => [question, answer.standalone_question]).map((each) => each.toLowerCase()));
    this.#transcript.follow(this.#chips(suggested.filter(({ question }) => !asked.has(question.toLowerCase())).slice(0, MOST_FOLLOW_UPS)));
  }

  /** @param {Suggestion[]} suggested */
  #chips(suggested) {
    // each was found to be answered as it stands, asked of nobody else
    return suggested.map(({ question }) => ({ question, ask: () => this.#ask(question, { companies: [], history: [], asOf: "" }) }));
  }

  // Asking

  /** @param {string} question @param {Partial<Asking>} [given] what it is asked with, in place of what the composer says */
  async #ask(question, given = {}) {
    if (this.#asking) return;
    const stopping = new AbortController();
    const wasFresh = this.#composer.isFresh;
    const asking = this.#askingOf(question, given);
    const waiting = element("p", { class: "waiting" }, this.#words.reading);
    this.#transcript.follow([]);
    const shown = this.#show(asking, waiting);
    this.#setAsking(stopping);
    this.#composer.setFresh(false);
    this.#transcript.reveal(shown);
    this.#options.emit("ask", { question, companies: asking.companies.map(({ id }) => id) });
    const slow = setTimeout(() => this.#transcript.announce(waiting.textContent ?? ""), SLOW_MS);
    try {
      const answer = await this.#options.server.ask(this.#body(asking), stopping.signal, (names) => {
        if (names.length) waiting.textContent = this.#words.readingOf(names);
      });
      const exchange = { ...asking, answer };
      waiting.replaceWith(answerView(exchange, this.context));
      if (this.draft.trim() === question) this.draft = "";
      this.#keep(exchange);
      this.#transcript.announce(answerTold(exchange, this.context));
      const { standalone_question, outcome, verdicts } = answer;
      this.#options.emit("answer", { question, standalone_question, outcome, verdicts: verdicts.map(({ company, verdict }) => ({ company: company.id, verdict })) });
    } catch (error) {
      if (!shown.isConnected) return; // started over, or removed
      this.#failed(error, { asking, shown, waiting, stopped: stopping.signal.aborted });
      this.#composer.setFresh(wasFresh);
    } finally {
      clearTimeout(slow);
      this.#setAsking(null);
    }
    this.#transcript.reveal(shown);
    this.#suggest();
  }

  /** @param {string} question @param {Partial<Asking>} given @returns {Asking} */
  #askingOf(question, given) {
    const picked = this.#picker.company;
    // small talk adds nothing to what follows
    const before = this.exchanges.filter(({ answer }) => !isTalk(answer)).map((exchange) => exchange.question).slice(-LONGEST_HISTORY);
    return { question, companies: picked ? [picked] : [], history: this.#composer.isFresh ? [] : before, asOf: this.#composer.asOf, ...given };
  }

  /** @param {Asking} asking */
  #body({ question, companies, history, asOf, offset }) {
    /** @type {Record<string, unknown>} */
    const body = { question, k: 5, history };
    const ids = companies.length ? companies.map(({ id }) => id) : this.#companies.restriction;
    if (ids.length) body.companies = ids;
    if (asOf) body.as_of = asOf;
    if (offset) body.offset = offset;
    return body;
  }

  /** @param {Asking} asking @param {HTMLElement} content */
  #show({ question, companies }, content) {
    return this.#transcript.add(question, companies.map(({ name }) => name), content);
  }

  /** @param {unknown} error @param {{ asking: Asking, shown: HTMLElement, waiting: HTMLElement, stopped: boolean }} what */
  #failed(error, { asking, shown, waiting, stopped }) {
    const [title, what] = stopped ? [this.#words.stopped, this.#words.youStopped] : this.#told(error);
    const nearest = (error instanceof Failure && error.problem?.nearest) || [];
    waiting.replaceWith(element("div", { class: "answer" }, note(stopped ? "stopped" : "failed", title, element("p", null, what),
      nearest.length > 0 && element("p", null, this.#words.nearestNames(nearest)),
      element("p", { class: "row" }, button("chip", this.#words.tryAgain, () => {
        if (this.#asking) return;
        shown.remove();
        this.#ask(asking.question, asking);
        this.focus();
      }), !stopped && this.#contact()))));
    if (!this.draft.trim()) this.draft = asking.question;
    this.#transcript.announce(`${title}. ${what}`);
    if (stopped) this.focus();
    else this.#fail(error);
  }

  /** @param {unknown} error @returns {[string, string]} */
  #told(error) {
    const [title, what] = inWords(error, this.#words);
    return [title, what.replace("{companies}", this.#companies.only.join(", "))];
  }

  /** @param {unknown} error */
  #fail(error) {
    this.#options.emit("fail", error instanceof Failure ? { kind: error.kind, status: error.status } : { kind: "unreadable", status: 0 });
  }

  /** @param {AbortController | null} asking */
  #setAsking(asking) {
    this.#asking = asking;
    this.#composer.setAsking(Boolean(asking));
  }

  /** @param {string} question */
  #change(question) {
    this.draft = question;
    this.#composer.setFresh(true);
    this.focus();
  }

  #startOver() {
    this.#asking?.abort();
    this.exchanges = [];
    this.#options.kept.forget();
    this.#transcript.empty();
    this.#picker.choose(null);
    this.#composer.setFresh(false);
    this.#composer.setAsOf("");
    if (this.#options.isPage) history.replaceState(null, "", location.pathname);
    this.#transcript.announce(this.#words.startedOver);
    this.#suggest();
    this.focus();
  }

  // What is kept, and the address

  /** @param {Exchange} exchange */
  #keep(exchange) {
    this.exchanges.push(exchange);
    this.#options.kept.keep(this.exchanges.slice(-LONGEST_HISTORY));
    if (this.#options.isPage && !isTalk(exchange.answer)) history.replaceState(null, "", this.#addressOf(exchange).search);
  }

  /** The page that this chat is, or of the server that it asks. */
  get #page() {
    return this.#options.server.url("");
  }

  /** @param {Exchange} exchange */
  #addressOf(exchange) {
    return addressOf(this.#page, exchange);
  }

  async #askFromAddress() {
    const asked = askedIn(location.search);
    const last = this.exchanges.findLast(({ answer }) => !isTalk(answer));
    if (last && this.#addressOf(last).search === location.search) return;
    const companies = (await Promise.all(asked.companies.map((name) => this.#companies.resolve(name)))).filter((company) => company !== null);
    if (companies.length === 1) this.#picker.choose(companies[0]);
    this.#composer.setAsOf(asked.asOf);
    if (asked.question) this.#ask(asked.question, { history: [], companies });
  }

  // Small parts of what is shown

  /** @param {string} words @param {() => string} text */
  #copier(words, text) {
    const made = button("plain", words, async () => {
      const done = await copy(text(), this.#options.root);
      made.textContent = done ? this.#words.copied : this.#words.notCopied;
      this.#transcript.announce(made.textContent);
      setTimeout(() => { made.textContent = words; }, COPIED_MS);
    });
    return made;
  }

  /** How to reach those who run the page, where they say so. */
  #contact() {
    const { contact, emit } = this.#options;
    if (contact === null) return null;
    const clicked = (/** @type {Event} */ event) => {
      if (!emit("contact", { question: this.exchanges.at(-1)?.question ?? "" })) event.preventDefault();
    };
    if (!/^(https?:|mailto:|tel:|\/)/i.test(contact)) return button("plain contact", this.#words.contact, clicked);
    return element("a", { class: "contact", href: contact, onclick: clicked }, this.#words.contact);
  }
}
