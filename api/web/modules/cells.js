// What a cell of a comparison says in a word, and which cells a filter is for.

const VERDICTS = { yes: "Yes", no: "No", depends: "Depends" };
const OUTCOMES = {
  answered: "Says",
  unclear: "Unclear",
  not_stated: "Not stated",
  no_version: "No version",
  unsupported_language: "Language",
  unknown_company: "Not in index",
  out_of_scope: "Out of scope",
};
export const FILTERS = [
  ["", "All cells"],
  ["yes", "Yes"],
  ["no", "No"],
  ["depends", "Depends"],
  ["states", "Says, without yes or no"],
  ["answered", "Answered in any way"],
  ["unclear", "Unclear"],
  ["not_stated", "Not stated: only silent"],
  ["no_version", "No version of that day"],
  ["unsupported_language", "Language that is not read"],
  ["unknown_company", "Company that is not in the index"],
  ["out_of_scope", "Out of scope"],
];

/** Of a cell as the server tells it. */
export function keyOf(cell) {
  return companyKey(cell.company);
}

export function companyKey(company) {
  return company.id ?? company.name;
}

/** What a cell is: its verdict, `states` where it answers without one, else its outcome. */
export function kindOf(cell) {
  return cell.verdict ?? (cell.outcome === "answered" ? "states" : cell.outcome);
}

export function wordOf(cell) {
  return VERDICTS[cell.verdict] ?? OUTCOMES[cell.outcome] ?? cell.outcome;
}

export function matches(cell, filter) {
  return !filter || kindOf(cell) === filter || cell.outcome === filter;
}

/** "3 yes, 2 not stated": how many cells say what, the most first. */
export function countsInWords(cells) {
  const numbers = new Map();
  for (const cell of cells) numbers.set(wordOf(cell), (numbers.get(wordOf(cell)) ?? 0) + 1);
  const sorted = [...numbers].sort(([, one], [, other]) => other - one);
  return sorted.map(([word, number]) => `${number.toLocaleString("en-GB")} ${word.toLowerCase()}`).join(", ");
}
