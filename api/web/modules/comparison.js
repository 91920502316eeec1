// A comparison that runs: page after page of cells from the service. One that failed or was stopped goes on where it was.

import { companyKey, keyOf } from "./cells.js";
import { events, request } from "./server.js";

const COMPANIES_A_REQUEST = 50;
const MOST_WAITS = 5;
const LONGEST_WAIT_S = 90;

export class Comparison {
  items = [];
  companies = new Map();
  /** By company and question: see `cellOf`. */
  cells = new Map();
  calibrated = true;
  indexVersion = "";
  isWhole = false;
  #wanted;
  #groups;
  #group = 0;
  #after = null;
  #total = 0;

  /** wanted: { companies: names or ids, none for all; checklist or questions; asOf }. */
  constructor(wanted) {
    this.#wanted = wanted;
    const { companies } = wanted;
    this.#groups = companies.length ? Array.from({ length: Math.ceil(companies.length / COMPANIES_A_REQUEST) },
      (_, place) => companies.slice(place * COMPANIES_A_REQUEST, (place + 1) * COMPANIES_A_REQUEST)) : [[]];
  }

  get wanted() {
    return this.#wanted;
  }

  /** How many cells there will be, as far as that is known. */
  get size() {
    return this.items.length * Math.max(this.#total, this.companies.size, this.#wanted.companies.length);
  }

  cellOf(company, item) {
    return this.cells.get(`${companyKey(company)}\n${item.id}`);
  }

  isRowWhole(company) {
    return this.items.length > 0 && this.items.every((item) => this.cellOf(company, item));
  }

  /** Goes on to the end. told: begun(), company(company), cell(cell), waiting(seconds). */
  async run(told, signal) {
    for (let waits = 0; this.#group < this.#groups.length;) {
      try {
        await this.#page(told, signal);
        waits = 0;
      } catch (error) {
        const isBusy = error.status === 429 || error.status === 503;
        if (!isBusy || !error.retryAfter || error.retryAfter > LONGEST_WAIT_S || ++waits > MOST_WAITS) throw error;
        told.waiting(error.retryAfter);
        await sleep(1000 * error.retryAfter, signal);
      }
    }
    this.isWhole = true;
  }

  async #page(told, signal) {
    const { checklist, questions, asOf } = this.#wanted;
    const asked = { companies: this.#groups[this.#group], ...(checklist ? { checklist } : { questions }), ...(asOf ? { as_of: asOf } : {}) };
    const body = JSON.stringify({ ...asked, ...(this.#after === null ? {} : { after: this.#after }) });
    const response = await request("v1/compare", { body, accept: "text/event-stream", signal });
    let next = null;
    let ended = false;
    for await (const [name, data] of events(response)) {
      if (name === "comparison") {
        next = data.next;
        this.#begin(data, told);
      } else if (name === "cell") {
        this.cells.set(`${keyOf(data)}\n${data.question_id}`, data);
        told.cell(data);
      } else if (name === "end") ended = true;
    }
    if (!ended) throw Object.assign(new Error("cut off"), { cutOff: true });
    this.#after = next;
    if (next === null) this.#group += 1;
  }

  #begin({ items, companies, total_companies: total, calibrated, index_version: version }, told) {
    this.#total = total;
    this.calibrated = calibrated;
    this.indexVersion = version;
    if (!this.items.length) {
      this.items = items;
      told.begun();
    }
    for (const company of companies) {
      if (this.companies.has(companyKey(company))) continue;
      this.companies.set(companyKey(company), company);
      told.company(company);
    }
  }
}

function sleep(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}
