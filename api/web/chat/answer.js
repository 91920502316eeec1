// An answer, as it is shown and as it is told.

import { button, element, note, verbatim } from "./dom.js";
import { actions, card, passageText, sourceLine, table, verdictWord } from "./said.js";
import { dated } from "./sources.js";

/**
 * @typedef {import("./types").Answer} Answer
 * @typedef {import("./types").Asking} Asking
 * @typedef {import("./types").Context} Context
 * @typedef {import("./types").Exchange} Exchange
 * @typedef {import("./types").Part} Part
 * @typedef {import("./types").Verdict} Verdict
 */

const OUT_OF_SCOPE = "This is not a question about a privacy policy.";
// Outcomes where nothing was read.
const UNREAD = ["no_version", "unsupported_language"];
const UNANSWERED = ["not_stated", "unclear", "unknown_company", "out_of_scope", ...UNREAD];

/** A turn of small talk: its reply is all there is. @param {Answer} answer */
export function isTalk(answer) {
  return answer.outcome === "out_of_scope" && answer.answer !== OUT_OF_SCOPE;
}

/** @param {Exchange} exchange @param {Context} context */
export function answerView(exchange, context) {
  const { answer } = exchange;
  const { words } = context;
  if (isTalk(answer)) return element("div", { class: "answer", part: "answer" }, element("p", { class: "reply", dir: "auto", lang: "en" }, answer.answer));
  const parts = answer.parts.length ? answer.parts : [answer];
  return element("div", { class: "answer", part: "answer" },
    understood(exchange, context),
    ...outside(exchange, context),
    ...parts.map((part) => partView(part, answer, context)),
    answer.next_offset !== null && answer.next_offset !== undefined && element("p", null, button("chip", words.more, () => context.ask(answer.question, { ...asking(exchange), offset: answer.next_offset ?? 0 }))),
    otherPassages(answer, context),
    element("p", { class: "row source" }, context.copier(words.copyLink, () => context.linkTo(exchange)), UNANSWERED.includes(answer.outcome) && context.contact()));
}

/** What an exchange was asked with. @param {Exchange} exchange @returns {Asking} */
function asking({ question, companies, history, asOf }) {
  return { question, companies, history, asOf };
}

/** How the question was taken, where that is not as it was typed, and a way to change it. @param {Exchange} exchange @param {Context} context */
function understood({ answer, companies }, { words, change }) {
  const { question, standalone_question: standalone } = answer;
  if (standalone === question) return null;
  const unnamed = companies.length ? [] : answer.companies.map((company) => company.name).filter((name) => !standalone.toLowerCase().includes(name.toLowerCase()));
  return element("p", { class: "understood" }, words.understood, verbatim("q", null, standalone), " ",
    unnamed.length > 0 && `(${words.about(unnamed)}) `, button("plain", words.change, () => change(standalone)));
}

/** What no policy was asked about: companies that are not here, other matters. @param {Exchange} exchange @param {Context} context */
function outside(exchange, context) {
  const { answer } = exchange;
  const { words } = context;
  if (answer.outcome === "out_of_scope") return [note("out_of_scope", words.outOfScope, element("p", null, words.tryInstead))];
  const shown = UNREAD.includes(answer.outcome) && !answer.verdicts.length
    ? [note(answer.outcome, words.verdicts[/** @type {"no_version"} */ (answer.outcome)], ...answer.answer.split("\n").map((line) => element("p", { lang: "en" }, line)))] : [];
  if (!answer.unknown_companies.length) return shown;
  if (context.isRestricted(exchange)) return [...shown, note("unknown_company", firstLine(answer))];
  return [...shown, ...answer.unknown_companies.map(({ name, nearest }) => {
    const question = answer.question.includes(name) ? answer.question : answer.standalone_question;
    return note("unknown_company", words.unknown(name), nearest.length
      ? element("div", { class: "nearest" }, element("span", null, words.didYouMean), nearest.map((each) => button("chip", each, () => context.ask(question.replace(name, () => each)))))
      : element("p", null, words.seeCompanies));
  })];
}

/** @param {Part} part @param {Answer} answer @param {Context} context */
function partView(part, answer, context) {
  const { verdicts, counts } = part;
  const shown = verdicts.length > 1 ? table(verdicts, answer.passages, context) : verdicts.length ? card(verdicts[0], answer.passages, context) : null;
  const several = answer.parts.length > 0;
  if (!shown && !counts) return null;
  return element("section", { class: "part" }, several && element("h3", { dir: "auto" }, part.question), counts && countView(part, context), shown);
}

/** How many companies say what. @param {Part} part @param {Context} context */
function countView({ counts }, { words }) {
  if (!counts) return null;
  const kinds = /** @type {const} */ (["yes", "no", "depends", "unclear", "not_stated", "no_version", "unsupported_language"]);
  const numbers = kinds.filter((kind) => counts[kind]).map((kind) => `${words.verdicts[kind]}: ${counts[kind]}`);
  const otherwise = counts.answered - counts.yes - counts.no - counts.depends;
  if (otherwise > 0) numbers.push(`${words.otherwise}: ${otherwise}`);
  return element("div", null,
    element("p", { class: "count" }, words.counted(counts.seeks, counts.matching, counts.asked)),
    element("p", { class: "understood" }, words.askedEach(counts.question), numbers.length > 0 && ` ${numbers.join(" · ")}`),
    !counts.complete && element("p", { class: "old" }, words.incomplete(counts.asked, counts.companies)));
}

/** @param {Answer} answer @param {Context} context */
function otherPassages(answer, context) {
  const others = othersOf(answer);
  if (!others.length) return null;
  const title = saidIn(answer).length ? context.words.others : context.words.nearest;
  return element("details", { class: "other" }, element("summary", null, `${title} (${others.length})`),
    element("ul", { class: "others" }, others.map((passage) => element("li", null,
      element("h3", { class: "company", dir: "auto" }, passage.company.name),
      verbatim("div", { class: "passage" }, ...passageText(passage)), sourceLine(passage, context), actions(passage, context)))));
}

/** Those whose policies say it or come close. @param {Part} part */
function saidIn(part) {
  return part.verdicts.filter((said) => said.quotations.length);
}

/** The passages that no verdict quotes. @param {Answer} answer */
function othersOf(answer) {
  const all = [answer, ...answer.parts].flatMap((part) => part.verdicts);
  const shown = new Set(all.flatMap((said) => said.quotes.map((one) => one.passage_id)));
  return answer.passages.filter((passage) => !shown.has(passage.passage_id));
}

/** What an answer begins with where companies were given and it names another: whom the chat covers. @param {Answer} answer */
function firstLine(answer) {
  return answer.answer.split("\n")[0];
}

/** An answer in a line, for those who hear it. @param {Exchange} exchange @param {Context} context */
export function answerTold(exchange, context) {
  const { answer } = exchange;
  const { words } = context;
  if (isTalk(answer)) return answer.answer;
  const unknown = context.isRestricted(exchange) ? answer.unknown_companies.slice(0, 1).map(() => firstLine(answer))
    : answer.unknown_companies.map(({ name, nearest }) => `${words.unknown(name)}.${nearest.length ? ` ${words.didYouMean} ${nearest.join(", ")}?` : ""}`);
  const told = answer.verdicts.map((said) => {
    const quotes = said.quotations.map((one) => `“${one.text}”, ${one.policy.title}, ${dated(one.policy, words)}`);
    return `${said.company.name}: ${verdictWord(said, words)}. ${quotes.join("; ")}${quotes.length ? "." : ""}`.trim();
  });
  const others = othersOf(answer).length;
  return [
    answer.outcome === "out_of_scope" ? `${words.outOfScope}.` : UNREAD.includes(answer.outcome) && !told.length ? answer.answer : null,
    ...unknown, answer.counts && `${words.counted(answer.counts.seeks, answer.counts.matching, answer.counts.asked)}.`, ...told,
    others ? words.below(others, saidIn(answer).length > 0) : null,
  ].filter(Boolean).join(" ");
}
