// The table of a comparison: companies by questions, a button in each cell. One stop of the Tab key, arrows between cells.

import { companyKey, keyOf, kindOf, matches, wordOf } from "./cells.js";
import { element } from "./dom.js";

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-10, 0], PageDown: [10, 0] };

export class ComparisonTable {
  #comparison;
  #head = element("tr");
  #body = element("tbody");
  #rows = new Map();
  #columns = new Map();
  #filter = { cells: "", company: "" };
  #stop = null;
  #open;

  /** open(cell, item, button): a cell was chosen. */
  constructor(comparison, { caption, open }) {
    this.#comparison = comparison;
    this.#open = open;
    const table = element("table", { class: "comparison", onclick: (event) => this.#clicked(event), onkeydown: (event) => this.#keyed(event), onfocusin: (event) => this.#focused(event) },
      element("caption", { class: "unseen" }, caption), element("thead", null, this.#head), this.#body);
    this.node = element("div", { class: "scroll", role: "region", "aria-label": "The table", tabindex: "0" }, table);
  }

  begin() {
    const { items } = this.#comparison;
    this.#columns = new Map(items.map((item, place) => [item.id, place]));
    this.#head.replaceChildren(element("th", { scope: "col" }, "Company"),
      ...items.map((item) => element("th", { scope: "col", title: item.source ? `${item.question} (${item.source})` : item.question }, element("span", { class: "question", dir: "auto" }, item.question))));
  }

  add(company) {
    const row = element("tr", null, element("th", { scope: "row", dir: "auto" }, company.name), this.#comparison.items.map(() => element("td", { class: "waiting" })));
    this.#rows.set(companyKey(company), row);
    this.#body.append(row);
    this.#applyTo(company, row);
  }

  put(cell) {
    const row = this.#rows.get(keyOf(cell));
    const place = row.cells[this.#columns.get(cell.question_id) + 1];
    place.className = `is-${kindOf(cell)}`;
    const made = element("button", { type: "button", tabindex: "-1", "aria-haspopup": "dialog" }, wordOf(cell));
    if (place.contains(document.activeElement)) queueMicrotask(() => made.focus());
    place.replaceChildren(made);
    if (!this.#stop?.isConnected) this.#setStop(made);
    if (this.#filter.cells) this.#applyTo(cell.company, row);
  }

  /** The companies whose rows are shown. */
  get shown() {
    return [...this.#comparison.companies.values()].filter((company) => !this.#rows.get(companyKey(company)).hidden);
  }

  /** Shows what matches: { cells: one of FILTERS, company: a part of a name }; what matches nowhere goes. */
  filter(wanted) {
    this.#filter = { cells: wanted.cells, company: wanted.company.trim().toLowerCase() };
    for (const company of this.#comparison.companies.values()) this.#applyTo(company, this.#rows.get(companyKey(company)));
    this.#hideColumns();
    this.#keepStop();
  }

  #applyTo(company, row) {
    const { cells, company: name } = this.#filter;
    let any = !cells;
    this.#comparison.items.forEach((item, place) => {
      const cell = this.#comparison.cellOf(company, item);
      const fits = !cells || Boolean(cell && matches(cell, cells));
      row.cells[place + 1].classList.toggle("other", !fits);
      any ||= fits;
    });
    row.hidden = !any || !(company.name.toLowerCase().includes(name) || (company.id ?? "").includes(name));
  }

  #hideColumns() {
    const rows = [...this.#rows.values()].filter((row) => !row.hidden);
    for (const place of this.#columns.values()) {
      const hidden = Boolean(this.#filter.cells) && !rows.some((row) => !row.cells[place + 1].classList.contains("other"));
      for (const row of [this.#head, ...this.#rows.values()]) row.cells[place + 1].hidden = hidden;
    }
  }

  // The keyboard

  #setStop(made) {
    if (this.#stop) this.#stop.tabIndex = -1;
    this.#stop = made;
    made.tabIndex = 0;
  }

  #keepStop() {
    if (this.#stop?.checkVisibility()) return;
    const first = [...this.#body.querySelectorAll("button")].find((each) => each.checkVisibility());
    if (first) this.#setStop(first);
  }

  #focused(event) {
    if (event.target.tagName === "BUTTON") this.#setStop(event.target);
  }

  #clicked(event) {
    const made = event.target.closest("td")?.querySelector("button");
    if (!made) return;
    this.#setStop(made);
    const { company, item } = this.#placeOf(made);
    this.#open(this.#comparison.cellOf(company, item), item, made);
  }

  #placeOf(made) {
    const place = made.closest("td");
    const row = place.parentElement;
    const company = [...this.#comparison.companies.values()].find((each) => this.#rows.get(companyKey(each)) === row);
    return { company, item: this.#comparison.items[place.cellIndex - 1] };
  }

  #keyed(event) {
    if (event.target.tagName !== "BUTTON" || event.altKey || event.metaKey || event.shiftKey) return;
    const next = this.#next(event.target.closest("td"), event);
    if (!next) return;
    event.preventDefault();
    this.#reveal(next);
    next.focus({ preventScroll: true });
  }

  /** The button that a key leads to from `place`. */
  #next(place, { key, ctrlKey }) {
    const rows = [...this.#rows.values()].filter((row) => !row.hidden);
    const columns = [...this.#columns.values()].map((each) => each + 1).filter((each) => !place.parentElement.cells[each].hidden);
    let [row, column] = [rows.indexOf(place.parentElement), columns.indexOf(place.cellIndex)];
    if (key === "Home" || key === "End") {
      column = key === "Home" ? 0 : columns.length - 1;
      if (ctrlKey) row = key === "Home" ? 0 : rows.length - 1;
    } else if (STEPS[key] && !ctrlKey) {
      row = Math.max(0, Math.min(rows.length - 1, row + STEPS[key][0]));
      column = Math.max(0, Math.min(columns.length - 1, column + STEPS[key][1]));
    } else return null;
    return rows[row].cells[columns[column]].querySelector("button");
  }

  /** Scrolls so that headers do not cover `made`. */
  #reveal(made) {
    const place = made.closest("td");
    this.node.style.scrollPaddingTop = `${this.#head.offsetHeight + 4}px`;
    this.node.style.scrollPaddingInlineStart = `${this.#head.cells[0].offsetWidth + 4}px`;
    place.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}
