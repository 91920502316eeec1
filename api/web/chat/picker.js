// The picker of a company: a combobox that finds a company by any of its names.

import { MOST_OPTIONS } from "./companies.js";
import { button, element, isComposing } from "./dom.js";

/**
 * @typedef {import("./types").Named} Named
 * @typedef {import("./types").Strings} Strings
 */

const TYPED_MS = 150;

export class Picker {
  /** @type {Named | null} */
  company = null;
  #companies;
  #words;
  #announce;
  #active = -1;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing;

  /** @param {import("./companies.js").Companies} companies @param {Strings} words @param {(words: string) => void} announce */
  constructor(companies, words, announce) {
    this.#companies = companies;
    this.#words = words;
    this.#announce = announce;
    this.input = element("input", {
      id: "company", part: "input", type: "text", dir: "auto", role: "combobox", "aria-expanded": "false", "aria-controls": "companies", "aria-autocomplete": "list",
      autocomplete: "off", spellcheck: "false", placeholder: words.allCompanies, onfocus: () => this.input.select(), onclick: () => this.#list(),
      oninput: () => this.#typed(), onkeydown: (/** @type {KeyboardEvent} */ event) => this.#keyed(event), onblur: () => this.#left(),
    });
    this.options = element("ul", { id: "companies", role: "listbox", "aria-label": words.companies, hidden: true, onmousedown: (/** @type {Event} */ event) => event.preventDefault() });
    this.clear = button("clear", "×", () => { this.choose(null); this.input.focus(); }, { "aria-label": words.clear, hidden: true });
    this.element = element("div", { class: "pick" }, element("label", { for: "company" }, words.company), element("div", { class: "combo" }, this.input, this.clear, this.options));
  }

  /** @param {Named | null} company */
  choose(company) {
    this.company = company;
    this.close();
  }

  close() {
    this.options.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    this.input.value = this.company?.name ?? "";
    this.clear.hidden = !this.company;
  }

  /** Lists anew whom it knows by now, if it is open. */
  refresh() {
    if (!this.options.hidden) this.#list(this.input.value);
  }

  end() {
    clearTimeout(this.#typing);
  }

  /** Shows those whose names hold `typed`; `more`: the server knows others. */
  #list(typed = "", more = this.#companies.more) {
    const found = this.#companies.matching(typed);
    const nobody = this.#companies.known.length ? this.#words.noSuchCompany : this.#words.notKnownYet;
    const shown = found.slice(0, MOST_OPTIONS);
    this.#active = typed.trim() && shown.length ? 0 : -1;
    const last = more || found.length > shown.length ? this.#words.typeToFind : found.length ? null : nobody;
    this.options.replaceChildren(
      ...shown.map((company, place) => element("li", { role: "option", id: `company-${place}`, "data-id": company.id, onclick: () => { this.choose(company); this.input.focus(); } }, company.name)),
      ...(last ? [element("li", { class: "none", role: "presentation" }, last)] : []));
    if (!found.length && !more) this.#announce(nobody);
    this.options.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.#point();
  }

  #point() {
    const options = [...this.options.querySelectorAll("[role=option]")];
    options.forEach((option, place) => option.setAttribute("aria-selected", String(place === this.#active)));
    const active = options[this.#active];
    if (active) {
      this.input.setAttribute("aria-activedescendant", active.id);
      active.scrollIntoView({ block: "nearest" });
    } else this.input.removeAttribute("aria-activedescendant");
  }

  /** @param {KeyboardEvent} event */
  #keyed(event) {
    if (isComposing(event)) return;
    const open = !this.options.hidden;
    const options = /** @type {NodeListOf<HTMLElement>} */ (this.options.querySelectorAll("[role=option]"));
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      if (open) {
        this.#active = Math.max(0, Math.min(options.length - 1, this.#active + step));
        this.#point();
      } else this.#list();
    } else if (event.key === "Enter") {
      event.preventDefault();
      const active = options[this.#active];
      if (open && active) this.choose(this.#companies.known.find((company) => company.id === active.dataset.id) ?? null);
      else if (!this.input.value.trim()) this.choose(null);
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      event.stopPropagation();
      this.close();
    }
  }

  #typed() {
    const typed = this.input.value;
    if (!typed.trim()) {
      this.company = null;
      this.clear.hidden = true;
    }
    this.#list(typed);
    clearTimeout(this.#typing);
    if (!this.#companies.more || !typed.trim()) return;
    this.#typing = setTimeout(async () => {
      // what is known already is listed; the next key asks again
      const more = await this.#companies.find(typed.trim()).catch(() => false);
      if (this.input.value === typed && !this.options.hidden) this.#list(typed, more);
    }, TYPED_MS);
  }

  /** A whole name that is typed is a choice. */
  async #left() {
    const typed = this.input.value.trim();
    const known = this.#companies.named(typed);
    this.choose(known ?? this.company);
    if (known || !typed || !this.#companies.more) return;
    const found = await this.#companies.resolve(typed);
    if (found && this.options.hidden) this.choose(found);
  }
}
