// The box that finds companies as one types: a combobox with a list of options.

import { counted, element } from "./dom.js";
import { json } from "./server.js";

const TYPED_MS = 150;
const MOST_OPTIONS = 40;
const LONGEST_NAME = 200;

/** Whom the service knows by `words`, and whether it knows more. */
export async function foundCompanies(words) {
  const asked = new URLSearchParams({ limit: MOST_OPTIONS, q: words.trim().slice(0, LONGEST_NAME) });
  const { companies, next } = await json(`v1/companies?${asked}`);
  return { companies, more: Boolean(next) };
}

export class CompanyBox {
  #input;
  #list;
  #found = [];
  #active = -1;
  #typing;
  #asked = 0;
  #options;

  /**
   * options: id, label, hint; choose(company), called with { id, name }; announce(words);
   * paste(names), called with the lines of what is pasted, where several may be chosen: then a name that nobody here
   * has can be chosen too, with the id null.
   */
  constructor(options) {
    this.#options = options;
    const { id, label, hint } = options;
    this.#input = element("input", {
      id, type: "text", dir: "auto", role: "combobox", "aria-expanded": "false", "aria-controls": `${id}-list`, "aria-autocomplete": "list",
      "aria-describedby": hint ? `${id}-hint` : null, autocomplete: "off", spellcheck: "false", maxlength: String(LONGEST_NAME),
      onclick: () => this.#search(), oninput: () => this.#typed(), onkeydown: (event) => this.#keyed(event), onblur: () => this.close(), onpaste: (event) => this.#pasted(event),
    });
    this.#list = element("ul", { id: `${id}-list`, role: "listbox", "aria-label": "Companies", hidden: true, onmousedown: (event) => event.preventDefault() });
    this.node = element("div", { class: "field" }, element("label", { for: id }, label),
      hint ? element("p", { class: "hint", id: `${id}-hint` }, hint) : null, element("div", { class: "combo" }, this.#input, this.#list));
  }

  set value(words) {
    this.#input.value = words;
  }

  focus() {
    this.#input.focus();
  }

  close() {
    clearTimeout(this.#typing);
    this.#asked += 1;
    this.#list.hidden = true;
    this.#active = -1;
    this.#input.setAttribute("aria-expanded", "false");
    this.#input.removeAttribute("aria-activedescendant");
  }

  #typed() {
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.#search(), TYPED_MS);
  }

  async #search() {
    const mine = ++this.#asked;
    const words = this.#input.value.trim();
    const { companies, more } = await foundCompanies(words).catch(() => ({ companies: null, more: false }));
    // an answer that is overtaken, or comes when the box was left, shows nothing
    if (mine !== this.#asked) return;
    this.#show(words, companies, more);
  }

  #show(words, companies, more) {
    this.#found = (companies ?? []).map(({ id, name }) => ({ id, name, words: name }));
    const known = this.#found.some((company) => company.name.toLowerCase() === words.toLowerCase());
    if (this.#options.paste && words && !known) this.#found.push({ id: null, name: words, words: `Add “${words}” as typed` });
    this.#active = words && this.#found.length ? 0 : -1;
    const told = companies === null ? "The companies cannot be listed now" : more ? "There are more; type to find them" : this.#found.length ? "" : "No such company here";
    this.#list.replaceChildren(
      ...this.#found.map((company, place) => element("li", { role: "option", id: `${this.#input.id}-${place}`, dir: "auto", onclick: () => this.#choose(company) }, company.words)),
      ...(told ? [element("li", { class: "none", role: "presentation" }, told)] : []));
    this.#list.hidden = false;
    this.#input.setAttribute("aria-expanded", "true");
    this.#point();
    const number = companies?.length ?? 0;
    this.#options.announce(companies === null ? told : number ? `${counted(number, "company", "companies")} listed${more ? ", and more" : ""}` : "No such company here");
  }

  #point() {
    const shown = [...this.#list.querySelectorAll("[role=option]")];
    shown.forEach((option, place) => option.setAttribute("aria-selected", String(place === this.#active)));
    const active = shown[this.#active];
    if (active) {
      this.#input.setAttribute("aria-activedescendant", active.id);
      active.scrollIntoView({ block: "nearest" });
    } else this.#input.removeAttribute("aria-activedescendant");
  }

  #choose({ id, name }) {
    this.close();
    this.#input.value = "";
    this.#options.choose({ id, name });
  }

  #keyed(event) {
    if (event.isComposing || event.keyCode === 229) return;
    const open = !this.#list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) return this.#search();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.#active = Math.max(0, Math.min(this.#found.length - 1, this.#active + step));
      this.#point();
    } else if (event.key === "Enter" && (this.#input.value.trim() || (open && this.#active >= 0))) {
      event.preventDefault();
      if (open && this.#active >= 0) this.#choose(this.#found[this.#active]);
      // faster than the list: it opens, and the next Enter chooses
      else this.#search();
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      this.close();
    }
  }

  #pasted(event) {
    if (!this.#options.paste) return;
    const names = (event.clipboardData?.getData("text/plain") ?? "").split(/[\n\r\t;]+/).map((name) => name.trim().slice(0, LONGEST_NAME)).filter(Boolean);
    if (names.length < 2) return;
    event.preventDefault();
    this.close();
    this.#options.paste(names);
  }
}
