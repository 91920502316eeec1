// A question as an address, where anybody finds its answer again.

/** @typedef {import("./types").Exchange} Exchange */

const LONGEST_QUESTION = 2000;
const MOST_COMPANIES = 50;

/**
 * The address of an answer: the question as it was understood, with whom it is about, for the questions before it are not there.
 * @param {URL} page
 * @param {Exchange} exchange
 */
export function addressOf(page, { companies, answer, asOf }) {
  const url = new URL(page);
  url.searchParams.set("q", answer.standalone_question);
  const about = companies.length || answer.unknown_companies.length ? companies : answer.companies;
  for (const { id } of about) url.searchParams.append("company", id);
  if (asOf) url.searchParams.set("as_of", asOf);
  return url;
}

/** What an address asks. @param {string} search */
export function askedIn(search) {
  const asked = new URLSearchParams(search);
  const asOf = asked.get("as_of") ?? "";
  return {
    question: (asked.get("q") ?? "").trim().slice(0, LONGEST_QUESTION),
    companies: asked.getAll("company").filter(Boolean).slice(0, MOST_COMPANIES),
    asOf: /^\d{4}-\d{2}-\d{2}$/.test(asOf) && !Number.isNaN(Date.parse(asOf)) ? asOf : "",
  };
}
