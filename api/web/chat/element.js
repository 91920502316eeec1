// <askpolicy-chat>: the chat as an element of any page.

import { Conversation } from "./conversation.js";
import { button, element } from "./dom.js";
import { stringsFor } from "./language.js";
import { Server } from "./server.js";
import { Kept } from "./storage.js";
import { dress } from "./style.js";

/** @typedef {import("./types").Strings} Strings */

export class AskPolicyChat extends HTMLElement {
  static observedAttributes = ["server", "companies", "token", "greeting", "page", "contact", "lang", "launcher", "open"];

  #root = this.attachShadow({ mode: "open" });
  /** @type {Conversation | null} */
  #conversation = null;
  /** What tells the exchanges that are held from those of other servers and companies. */
  #whose = "";
  #isStarting = false;
  /** @type {HTMLElement | null} */
  #frame = null;
  /** @type {Strings | null} */
  #words = null;

  constructor() {
    super();
    dress(this.#root);
  }

  connectedCallback() {
    this.#start();
  }

  disconnectedCallback() {
    // one that is moved is connected again at once
    queueMicrotask(() => { if (!this.isConnected) this.#stop(); });
  }

  /** @param {string} name @param {string | null} before @param {string | null} now */
  attributeChangedCallback(name, before, now) {
    if (before === now || !this.#conversation) return;
    if (name === "open") this.#unfold();
    else this.#start();
  }

  /** Opens a chat that has a launcher. */
  open() {
    this.setAttribute("open", "");
  }

  /** Closes a chat that has a launcher. */
  close() {
    this.removeAttribute("open");
  }

  /** Makes everything anew, once for all attributes that are set together. */
  async #start() {
    if (this.#isStarting) return;
    this.#isStarting = true;
    try {
      // at once at first, so that nothing appears late
      if (this.#conversation) await null;
      const words = stringsFor(this);
      this.#words = words instanceof Promise ? await words : words;
    } finally {
      this.#isStarting = false;
    }
    if (this.isConnected) this.#build(this.#words);
  }

  /** @param {Strings} words */
  #build(words) {
    const server = new Server({ address: this.getAttribute("server"), token: this.getAttribute("token") });
    const companies = this.getAttribute("companies") ?? "";
    const place = [...document.querySelectorAll("askpolicy-chat")].indexOf(this);
    const whose = `${server.base.href} ${companies} ${this.id || place}`;
    const kept = new Kept(whose);
    const exchanges = this.#conversation && whose === this.#whose ? this.#conversation.exchanges : kept.read();
    const draft = this.#conversation?.draft ?? "";
    this.#conversation?.end();
    this.#whose = whose;
    this.#conversation = new Conversation({
      server, words, kept, exchanges, companies, root: this.#root, isPage: this.hasAttribute("page"),
      greeting: this.getAttribute("greeting"), contact: this.getAttribute("contact"), emit: (name, detail) => this.#emit(name, detail),
    });
    this.#conversation.draft = draft;
    const frame = this.#frameOf(words, this.#conversation.elements);
    this.#frame?.remove();
    this.#frame = frame;
    this.#root.append(frame);
    this.#unfold();
    this.#conversation.begin();
  }

  /** @param {Strings} words @param {HTMLElement[]} content */
  #frameOf(words, content) {
    const lang = words.locale.split("-")[0];
    if (!this.hasAttribute("launcher")) return element("div", { class: "chat", lang }, element("div", { class: "panel", part: "panel" }, content));
    const keyed = (/** @type {KeyboardEvent} */ event) => { if (event.key === "Escape") this.close(); };
    return element("div", { class: "chat floating", lang },
      button("launch", words.open, () => this.open(), { part: "launcher", "aria-haspopup": "dialog", "aria-expanded": "false" }),
      element("div", { class: "panel", part: "panel", role: "dialog", "aria-labelledby": "title", onkeydown: keyed, hidden: true },
        element("div", { class: "bar", part: "bar" }, element("h2", { id: "title" }, words.open), button("close", "×", () => this.close(), { "aria-label": words.close })), content));
  }

  /** Shows what the attribute `open` says, with the focus where one goes on. */
  #unfold() {
    const launch = /** @type {HTMLElement | null | undefined} */ (this.#frame?.querySelector(".launch"));
    const panel = /** @type {HTMLElement | null | undefined} */ (this.#frame?.querySelector(".panel"));
    if (!launch || !panel || panel.hidden !== this.hasAttribute("open")) return;
    const opens = panel.hidden;
    panel.hidden = !opens;
    launch.hidden = opens;
    this.#frame?.classList.toggle("opened", opens);
    if (opens) this.#conversation?.focus();
    else launch.focus();
    this.#emit(opens ? "open" : "close", {});
  }

  /** Tells the page; whether it lets go on what the event is about. @param {string} name @param {object} detail */
  #emit(name, detail) {
    return this.dispatchEvent(new CustomEvent(`askpolicy-${name}`, { detail, bubbles: true, composed: true, cancelable: name === "contact" }));
  }

  #stop() {
    this.#conversation?.end();
  }
}
