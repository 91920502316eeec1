// What one company's policies say: the verdict as a word, the deciding sentence, its source, the passage around it.

import { element, unseen, verbatim } from "./dom.js";
import { citation, marked, policyAddress, score, snapshotLink, timesOf } from "./sources.js";

/**
 * @typedef {import("./types").Context} Context
 * @typedef {import("./types").Passage} Passage
 * @typedef {import("./types").Quotation} Quotation
 * @typedef {import("./types").Source} Source
 * @typedef {import("./types").Verdict} Verdict
 */

/** What tells one kind of answer from another. @param {Verdict} said */
function kindOf(said) {
  return said.outcome === "answered" ? (said.verdict ?? "answered") : said.outcome;
}

/** @param {Verdict} said @param {Context["words"]} words */
export function verdictWord(said, words) {
  return words.verdicts[/** @type {"yes"} */ (kindOf(said))] ?? said.outcome;
}

/** @param {Verdict} said @param {Context} context */
function verdict(said, { words }) {
  return element("p", { class: `verdict ${kindOf(said)}`, part: "verdict" }, verdictWord(said, words));
}

/** One company as a card. @param {Verdict} said @param {Passage[]} passages @param {Context} context */
export function card(said, passages, context) {
  return element("article", { class: `card ${kindOf(said)}`, part: "card" },
    element("h3", { class: "company", dir: "auto" }, said.company.name), verdict(said, context), ...sayings(said, passages, context));
}

/** Several companies as a table; where it is narrow each becomes a card. @param {Verdict[]} verdicts @param {Passage[]} passages @param {Context} context */
export function table(verdicts, passages, context) {
  const { words } = context;
  const columns = [words.company, words.answer, words.whatItSays].map((name) => element("th", { role: "columnheader", scope: "col" }, name));
  const rows = verdicts.map((said) => element("tr", { role: "row", part: "card" },
    element("th", { role: "rowheader", scope: "row", dir: "auto", class: "company" }, said.company.name),
    element("td", { role: "cell" }, verdict(said, context)),
    element("td", { role: "cell", class: "says" }, ...sayings(said, passages, context))));
  // with roles, for a table that is laid out as cards is no table to some browsers
  return element("table", { class: "table", role: "table" },
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, columns)), element("tbody", { role: "rowgroup" }, rows));
}

/** @param {Verdict} said @param {Passage[]} passages @param {Context} context */
function sayings(said, passages, context) {
  const [first, ...others] = said.quotations;
  if (!first) return silence(said, passages, context);
  return [
    said.outcome === "unclear" && element("p", { class: "understood" }, context.words.unclear),
    ...quotation(said, first, passages, context),
    others.length > 0 && element("section", { class: "also" }, element("h4", null, context.words.alsoSays),
      ...others.flatMap((other) => quotation(said, other, passages, context))),
  ];
}

/** That a company's policy does not say, or was not read; and which one that is, if a passage of it came near. @param {Verdict} said @param {Passage[]} passages @param {Context} context */
function silence({ outcome, company }, passages, { words }) {
  const near = passages.find((passage) => passage.company.id === company.id);
  return [
    element("p", { class: "understood" }, outcome === "not_stated" ? words.silent(company.name) : words.verdicts[/** @type {"no_version"} */ (outcome)] ?? outcome),
    near && element("p", { class: "row source" }, element("span", { dir: "auto" }, near.policy.title), timesOf(near.policy, words)),
  ];
}

/** @param {Verdict} said @param {Quotation} quoted @param {Passage[]} passages @param {Context} context */
function quotation(said, quoted, passages, context) {
  const { text, policy, heading, start, end, spans } = quoted;
  /** @type {Source} */
  const source = { company: said.company, policy, heading, start, end, evidence: spans, quotation: text, score: said.probability, lead_in: null, segments: [{ text, evidence: true }] };
  const passage = passages.find((each) => each.passage_id === quoted.passage_id);
  return [quote(quoted), sourceLine(source, context), around(passage, context), actions(source, context)];
}

/** The deciding words; a list as a list. @param {Quotation} quoted */
function quote({ text, pieces = [] }) {
  const [lead, ...items] = pieces;
  if (items.length < 2 || !lead.endsWith(":")) return verbatim("blockquote", { class: "quote", part: "quote" }, `“${text}”`);
  return verbatim("blockquote", { class: "quote", part: "quote" }, element("p", null, `“${lead}`),
    element("ul", null, items.map((item, place) => element("li", null, place === items.length - 1 ? `${item}”` : item))));
}

/** The passage on request, with its evidence marked; none where it says no more than the quotation. @param {Passage | undefined} passage @param {Context} context */
function around(passage, { words }) {
  if (!passage || (passage.segments.length < 2 && !passage.lead_in)) return null;
  return element("details", null, element("summary", null, words.around), verbatim("div", { class: "around" }, ...passageText(passage)));
}

/** A passage, under what introduces it: the item of a list as one. @param {Source} passage */
export function passageText(passage) {
  const text = marked(passage.segments);
  return passage.lead_in ? [element("p", null, passage.lead_in), element("ul", null, element("li", null, ...text))] : [element("p", null, ...text)];
}

/** Policy, heading, days, age and score: whose words these are. @param {Source} source @param {Context} context */
export function sourceLine(source, { words }) {
  return element("p", { class: "row source", part: "source" },
    element("span", { dir: "auto" }, source.policy.title), source.heading && element("span", { dir: "auto" }, `“${source.heading}”`),
    timesOf(source.policy, words), score(source, words));
}

/** @param {Source} source @param {Context} context */
export function actions(source, { server, words, isPage, copier }) {
  const evidence = source.segments.find((segment) => segment.evidence) ?? source.segments[0];
  return element("p", { class: "row source" },
    element("a", { href: policyAddress(server, source), ...(isPage ? {} : { target: "_blank", rel: "noopener" }) },
      words.read, unseen(words.readOf(source.company.name)), isPage ? null : unseen(words.newTab)),
    snapshotLink(source.policy, words, evidence?.text),
    copier(words.cite, () => citation(source, words)));
}
