// The form that says what is compared: companies, a checklist or questions of one's own, a day.

import { CompanyBox } from "./company_box.js";
import { button, counted, element, unseen } from "./dom.js";

const LONGEST_QUESTION = 2000;
const MOST_QUESTIONS = 100;

export class CompareForm {
  #companies = new Map();
  #checklists;
  #announce;
  #chosen = element("ul", { class: "chosen", "aria-label": "Chosen companies" });
  #none = element("p", { class: "hint" }, "None is chosen: all companies of the index are compared.");
  #box;
  #list;
  #about = element("p", { class: "hint", id: "about" });
  #own;
  #ofList;
  #ofOwn;
  #day;
  #button = element("button", { class: "main", type: "submit" }, "Compare");
  #wrong = element("p", { class: "wrong", id: "wrong", hidden: true });

  /** checklists: as the service lists them; submit(wanted), stop(); announce(words). */
  constructor({ checklists, wanted, submit, announce }) {
    this.#checklists = checklists;
    this.#announce = announce;
    this.#box = new CompanyBox({
      id: "company", label: "Add a company", hint: "Type a name, or paste a list with a company on each line.",
      choose: (company) => this.#add(company), announce, paste: (names) => this.#addAll(names),
    });
    this.#list = element("select", { id: "checklist", "aria-describedby": "about", onchange: () => this.#tellAbout() },
      checklists.map(({ name, title, items }) => element("option", { value: name }, `${title} (${counted(items.length, "question")})`)));
    this.#own = element("textarea", { id: "questions", rows: "4", dir: "auto", placeholder: "do they sell my data?\nhow long is it kept?" });
    this.#ofList = this.#radio("checklist", "A checklist", checklists.length > 0);
    this.#ofOwn = this.#radio("own", "Questions of my own", checklists.length === 0);
    this.#day = element("input", { id: "as-of", type: "date", "aria-describedby": "as-of-hint" });
    this.node = element("form", {
      class: "wanted", onsubmit: (event) => {
        event.preventDefault();
        const asked = this.#read();
        if (asked) submit(asked);
      },
    },
      element("fieldset", null, element("legend", null, "Companies"), this.#box.node, this.#chosen, this.#none),
      element("fieldset", null, element("legend", null, "Questions"),
        element("div", { class: "choice" }, this.#ofList, this.#ofOwn),
        element("div", { class: "field of-list" }, element("label", { for: "checklist", class: "unseen" }, "Checklist"), this.#list, this.#about),
        element("div", { class: "field of-own" }, element("label", { for: "questions" }, "One question a line"), this.#own)),
      element("fieldset", null, element("legend", null, "Versions"),
        element("div", { class: "field" }, element("label", { for: "as-of" }, "As of the day"), this.#day, element("p", { class: "hint", id: "as-of-hint" }, "Left empty: the latest versions."))),
      this.#wrong,
      element("p", { class: "row" }, this.#button));
    this.#fill(wanted);
  }

  /** Names of companies that were given by their ids, once they are known. */
  name(company) {
    if (this.#companies.has(company.id) && this.#companies.get(company.id) !== company.name) {
      this.#companies.set(company.id, company.name);
      this.#show();
    }
  }

  #radio(value, words, checked) {
    return element("label", null, element("input", { type: "radio", name: "of", value, checked, onchange: () => this.#switch() }), words);
  }

  #fill({ companies, checklist, questions, asOf }) {
    for (const company of companies) this.#companies.set(company, company);
    if (checklist && this.#checklists.some(({ name }) => name === checklist)) this.#list.value = checklist;
    if (questions.length) {
      this.#own.value = questions.join("\n");
      this.#ofOwn.control.checked = true;
    }
    this.#day.value = asOf;
    this.#ofList.hidden = !this.#checklists.length;
    this.#switch();
    this.#tellAbout();
    this.#show();
  }

  get #isOwn() {
    return this.#ofOwn.control.checked;
  }

  #switch() {
    this.node.querySelector(".of-list").hidden = this.#isOwn;
    this.node.querySelector(".of-own").hidden = !this.#isOwn;
  }

  #tellAbout() {
    this.#about.textContent = this.#checklists.find(({ name }) => name === this.#list.value)?.about ?? "";
  }

  #add({ id, name }) {
    this.#companies.set(id ?? name, name);
    this.#show();
    this.#announce(`${name} is added. ${counted(this.#companies.size, "company is", "companies are")} chosen.`);
    this.#box.focus();
  }

  #addAll(names) {
    for (const name of names) this.#companies.set(name, name);
    this.#show();
    this.#announce(`${counted(names.length, "company is", "companies are")} added.`);
  }

  #remove(key) {
    const place = [...this.#companies.keys()].indexOf(key);
    const name = this.#companies.get(key);
    this.#companies.delete(key);
    this.#show();
    (this.#chosen.querySelectorAll("button")[Math.min(place, this.#companies.size - 1)] ?? this.#box).focus();
    this.#announce(`${name} is removed.`);
  }

  #show() {
    this.#chosen.replaceChildren(...[...this.#companies].map(([key, name]) => element("li", { dir: "auto" }, name,
      button("remove", ["×", unseen(`Remove ${name}`)], () => this.#remove(key)))));
    this.#none.hidden = this.#companies.size > 0;
    this.#chosen.hidden = this.#companies.size === 0;
  }

  /** What is wanted, or null where something is wrong, which is then told. */
  #read() {
    const questions = [...new Set(this.#own.value.split("\n").map((line) => line.trim()).filter(Boolean))];
    const wrong = !this.#isOwn ? "" : !questions.length ? "Write a question, or choose a checklist."
      : questions.length > MOST_QUESTIONS ? `There are ${questions.length} questions; at most ${MOST_QUESTIONS} are asked at once.`
      : questions.some((question) => question.length > LONGEST_QUESTION) ? `A question has more than ${LONGEST_QUESTION} characters.` : "";
    this.#wrong.textContent = wrong;
    this.#wrong.hidden = !wrong;
    this.#own.setAttribute("aria-invalid", String(Boolean(wrong)));
    this.#own.setAttribute("aria-describedby", wrong ? "wrong" : "");
    if (wrong) {
      this.#own.focus();
      return null;
    }
    const asked = this.#isOwn ? { checklist: null, questions } : { checklist: this.#list.value, questions: [] };
    return { companies: [...this.#companies.keys()], ...asked, asOf: this.#day.value };
  }
}
