// The page /compare: companies by questions, filled as the service answers.

import { wantedByAddress, writeAddress } from "./address.js";
import { countsInWords, FILTERS } from "./cells.js";
import { CompareForm } from "./compare_form.js";
import { Comparison } from "./comparison.js";
import { ComparisonTable } from "./comparison_table.js";
import { announcer, button, counted, element, options } from "./dom.js";
import { download, FORMATS } from "./downloads.js";
import { EvidenceDialog } from "./evidence.js";
import { inWords, json } from "./server.js";

const main = document.querySelector("main");
const announce = announcer(document.querySelector("[role=status]"));
const shown = element("div", { class: "shown" });
const asked = element("details", { class: "asked-for", open: true }, element("summary", null, "What is compared"));
const dialog = new EvidenceDialog({ whenClosed: () => {} });
let running = null;
let form;
let checklists = [];

function titleOf({ checklist, questions }) {
  return checklists.find(({ name }) => name === checklist)?.title ?? (questions.length === 1 ? questions[0] : counted(questions.length, "question"));
}

function failed(error, again) {
  const [title, what] = inWords(error);
  announce(`${title}. ${what}`);
  return element("section", { class: "note failed" }, element("h2", null, title), element("p", null, what), element("p", { class: "row" }, again));
}

/** A table that is shown, and what stands around it. */
class Shown {
  #comparison;
  #table;
  #filter;
  #stopping = null;
  #progress = element("progress", { "aria-label": "Cells that are answered", max: "1", value: "0" });
  #told = element("p", { class: "told" });
  #button = button("chip", "Stop", () => this.#stopping?.abort());
  #problem = element("div");
  #tools;

  constructor(wanted, filter) {
    this.#comparison = new Comparison(wanted);
    this.#filter = { ...filter };
    const title = titleOf(wanted);
    this.#table = new ComparisonTable(this.#comparison, {
      caption: `${title}: companies by questions`,
      open: (cell, item, opener) => dialog.open(cell, item, { asOf: wanted.asOf, calibrated: this.#comparison.calibrated, opener }),
    });
    const open = matchMedia("(min-width: 40.01rem)").matches;
    this.#tools = element("details", { class: "tools", hidden: true, open }, element("summary", null, "Filter and download"), element("div", { class: "body" }, this.#filters(), this.#downloads(title)));
    this.heading = element("h2", { tabindex: "-1", dir: "auto" }, title);
    this.node = element("section", { class: "result" },
      this.heading,
      element("div", { class: "row progress" }, this.#progress, this.#told, this.#button), this.#problem,
      this.#tools, this.#table.node,
      element("p", { class: "hint" }, "In the table the arrow keys lead from cell to cell, Enter opens the evidence, Escape closes it."));
  }

  #filters() {
    const cells = element("select", { id: "cells", onchange: () => this.#filtered({ cells: cells.value }) }, options(FILTERS, this.#filter.cells));
    const name = element("input", { id: "name", type: "search", dir: "auto", autocomplete: "off", value: this.#filter.company, oninput: () => this.#filtered({ company: name.value }) });
    return element("div", { class: "row filters" },
      element("div", { class: "field" }, element("label", { for: "cells" }, "Show"), cells),
      element("div", { class: "field" }, element("label", { for: "name" }, "Company’s name has"), name));
  }

  #downloads(title) {
    return element("div", { class: "row downloads", role: "group", "aria-label": "Download the rows shown" },
      element("span", { "aria-hidden": "true" }, "Download"),
      FORMATS.map(([format, words]) => button("chip", words, (event) => this.#save(event.currentTarget, format, title))));
  }

  async #save(pressed, format, title) {
    const companies = this.#table.shown.filter((company) => this.#comparison.isRowWhole(company));
    this.#problem.replaceChildren();
    if (!companies.length) {
      announce("No row that is shown is complete yet.");
      return;
    }
    try {
      await download(this.#comparison, companies, { format, title });
      announce(`${counted(companies.length, "row is", "rows are")} saved as ${pressed.textContent}.`);
    } catch (error) {
      this.#problem.replaceChildren(failed(error, button("chip", "Try again", () => this.#save(pressed, format, title))));
    }
  }

  #filtered(change) {
    Object.assign(this.#filter, change);
    this.#table.filter(this.#filter);
    writeAddress(this.#comparison.wanted, this.#filter);
    announce(`${counted(this.#table.shown.length, "company is", "companies are")} shown.`);
  }

  async run() {
    this.#stopping = new AbortController();
    this.#button.hidden = false;
    this.#progress.hidden = false;
    this.#problem.replaceChildren();
    const { signal } = this.#stopping;
    try {
      await this.#comparison.run({
        begun: () => this.#begun(),
        company: (company) => { this.#table.add(company); form.name(company); },
        cell: (cell) => { this.#table.put(cell); this.#tell(); },
        waiting: (seconds) => announce(`The server asks to wait for ${seconds} seconds; then it goes on.`),
      }, signal);
      this.#ended(`${this.#size}: ${countsInWords(this.#comparison.cells.values())}.`);
    } catch (error) {
      this.#ended(this.#comparison.items.length ? `${counted(this.#comparison.cells.size, "cell")} of ${this.#comparison.size.toLocaleString("en-GB")} are answered.` : "");
      const again = button("chip", this.#comparison.items.length ? "Go on" : "Try again", () => { this.heading.focus(); this.run(); });
      if (signal.aborted) this.#problem.replaceChildren(element("section", { class: "note stopped" }, element("h2", null, "Stopped"), element("p", { class: "row" }, again)));
      else this.#problem.replaceChildren(failed(error, again));
    }
  }

  stop() {
    this.#stopping?.abort();
  }

  get #size() {
    const { companies, items } = this.#comparison;
    return `${counted(companies.size, "company", "companies")}, ${counted(items.length, "question")}`;
  }

  #begun() {
    this.#table.begin();
    this.#tools.hidden = false;
    const number = this.#comparison.size;
    announce(`${counted(number, "cell")} are being answered.`);
  }

  #tell() {
    const { cells, size } = this.#comparison;
    this.#progress.max = size;
    this.#progress.value = cells.size;
    this.#told.textContent = `${cells.size.toLocaleString("en-GB")} of ${counted(size, "cell")}`;
  }

  #ended(words) {
    // who stands on the button that goes must not fall out of the page
    if (document.activeElement === this.#button) this.heading.focus();
    this.#button.hidden = true;
    this.#progress.hidden = true;
    this.#told.textContent = words;
    this.#table.filter(this.#filter);
    if (words) announce(words);
  }
}

function compare(wanted, filter = { cells: "", company: "" }) {
  running?.stop();
  running = new Shown(wanted, filter);
  shown.replaceChildren(running.node);
  asked.open = false;
  document.title = `${titleOf(wanted)} · askpolicy`;
  writeAddress(wanted, filter);
  running.run();
}

async function begin() {
  const wanted = wantedByAddress();
  try {
    ({ checklists } = await json("v1/checklists"));
  } catch (error) {
    shown.replaceChildren(failed(error, button("chip", "Try again", () => { shown.replaceChildren(); asked.querySelector("form")?.remove(); begin(); })));
  }
  form = new CompareForm({ checklists, wanted, announce, submit: (asked) => { compare(asked); running.heading.focus(); } });
  asked.append(form.node);
  if (!asked.isConnected) main.replaceChildren(asked, shown, dialog.node);
  if (wanted.checklist || wanted.questions.length) compare(wanted, wanted.filter);
}

begin();
