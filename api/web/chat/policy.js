// <askpolicy-policy>: a whole policy, with the passage that answered marked.

import { button, element, note } from "./dom.js";
import { inWords } from "./failures.js";
import { stringsFor } from "./language.js";
import { Failure, Server } from "./server.js";
import { marked, snapshotLink, timesOf } from "./sources.js";
import { dress } from "./style.js";

/**
 * @typedef {import("./types").WholePolicy} WholePolicy
 * @typedef {import("./types").Strings} Strings
 */

export class AskPolicyPolicy extends HTMLElement {
  #root = this.attachShadow({ mode: "open" });
  #frame = element("div", { class: "chat" });

  async connectedCallback() {
    if (this.#frame.isConnected) return;
    dress(this.#root);
    this.#root.append(this.#frame);
    const words = await stringsFor(this);
    this.#frame.lang = words.locale.split("-")[0];
    await this.#load(new Server({ address: this.getAttribute("server"), token: this.getAttribute("token") }), words);
  }

  /** @param {Server} server @param {Strings} words @param {boolean} [again] */
  async #load(server, words, again) {
    const id = this.getAttribute("policy") ?? idIn(location.pathname.slice(server.url("policies/").pathname.length));
    const { passage, evidence } = spansIn(location.search);
    this.#frame.replaceChildren(element("p", { class: "waiting column" }, words.openingPolicy));
    try {
      const query = new URLSearchParams(evidence.map((span) => ["evidence", span]));
      const policy = await server.get(`v1/policies/${encodeURIComponent(id)}${evidence.length ? `?${query}` : ""}`);
      this.#frame.replaceChildren(this.#view(policy, passage, server, words));
      document.title = `${policy.company.name}: ${policy.title} · askpolicy`;
      const first = this.#frame.querySelector("mark, .passage");
      const at = /** @type {HTMLElement} */ (first?.closest(".text > *, li") ?? this.#frame.querySelector("h1"));
      at.tabIndex = -1;
      at.focus({ preventScroll: true });
      first?.scrollIntoView({ block: "center" });
    } catch (error) {
      this.#failed(error, server, words);
      if (again) this.#frame.querySelector("button")?.focus();
    }
  }

  /** @param {unknown} error @param {Server} server @param {Strings} words */
  #failed(error, server, words) {
    const [title, what] = error instanceof Failure && error.status === 404 ? words.noPolicy : inWords(error, words);
    const told = note("failed", "", element("p", null, what),
      element("p", { class: "row" }, button("chip", words.tryAgain, () => this.#load(server, words, true)), element("a", { href: server.url("").href }, words.back)));
    told.querySelector("h3")?.replaceWith(element("h1", null, title));
    this.#frame.replaceChildren(element("div", { class: "policy", role: "alert" }, told));
  }

  /** @param {WholePolicy} policy @param {string} passage @param {Server} server @param {Strings} words */
  #view(policy, passage, server, words) {
    const back = server.url("");
    back.searchParams.set("company", policy.company.id);
    return element("article", { class: "policy" },
      element("header", null,
        element("p", { class: "company" }, policy.company.name),
        element("h1", { dir: "auto" }, policy.title),
        element("p", { class: "row source" }, timesOf(policy, words), snapshotLink(policy, words), element("a", { href: back.href }, words.askAbout(policy.company.name)))),
      this.#contents(policy, words),
      textOf(policy, passage));
  }

  /** @param {WholePolicy} policy @param {Strings} words */
  #contents(policy, words) {
    const headings = policy.headings.filter((heading) => heading.text);
    if (!headings.length) return null;
    const go = (/** @type {Event} */ event, /** @type {number} */ at) => {
      event.preventDefault();
      const heading = this.#root.getElementById(`at-${at}`);
      heading?.scrollIntoView();
      heading?.focus({ preventScroll: true });
    };
    const links = headings.map(({ text, start }) => element("li", null,
      element("a", { dir: "auto", href: `#at-${start}`, onclick: (/** @type {Event} */ event) => go(event, start) }, text)));
    return element("nav", { class: "contents", "aria-label": words.contents },
      element("details", { open: matchMedia("(min-width: 60rem)").matches }, element("summary", null, words.contents), element("ol", null, links)));
  }
}

/** @param {WholePolicy} policy @param {string} passage */
function textOf(policy, passage) {
  const [start, end] = passage.split("-").map(Number);
  const text = element("div", { class: "text", lang: "" });
  /** @type {HTMLElement | null} */
  let list = null;
  for (const block of policy.blocks) {
    const kind = block.start < end && start < block.end ? "passage" : null;
    if (block.kind === "item") {
      list ??= text.appendChild(element("ul", { dir: "auto" }));
      const item = element("li", { class: kind }, marked(block.segments));
      item.style.marginInlineStart = `${Math.min(block.level, 6)}em`;
      list.append(item);
      continue;
    }
    list = null;
    const tag = block.kind === "heading" ? `h${Math.min(4, Math.max(2, block.level))}` : "p";
    text.append(element(/** @type {"p"} */ (tag), { class: kind, dir: "auto", id: `at-${block.start}`, tabindex: block.kind === "heading" ? "-1" : null }, marked(block.segments)));
  }
  return text;
}

/** The id that a path ends in; one that is no text is no id. @param {string} path */
function idIn(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** The passage and the evidence in it that an address shows, as START-END. @param {string} search */
function spansIn(search) {
  const asked = new URLSearchParams(search);
  const evidence = asked.getAll("evidence").filter((span) => /^\d{1,9}-\d{1,9}$/.test(span)).slice(0, 20);
  return { passage: asked.get("passage") ?? evidence[0] ?? "", evidence };
}
