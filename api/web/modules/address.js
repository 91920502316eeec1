// What is wanted, to and from the page's address: whoever opens it gets the same table.

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** What the address asks for, or null where it asks for nothing. */
export function wantedByAddress() {
  const asked = new URLSearchParams(location.search);
  const given = (name) => asked.getAll(name).map((words) => words.trim()).filter(Boolean);
  return {
    companies: [...new Set(given("company"))],
    checklist: given("checklist")[0] ?? null,
    questions: given("q"),
    asOf: given("as_of").find((day) => DAY.test(day)) ?? "",
    filter: { cells: given("cells")[0] ?? "", company: given("name")[0] ?? "" },
  };
}

/** Writes `wanted` and the filter of its table to the address. */
export function writeAddress({ companies, checklist, questions, asOf }, filter) {
  const asked = new URLSearchParams();
  for (const company of companies) asked.append("company", company);
  if (checklist) asked.set("checklist", checklist);
  else for (const question of questions) asked.append("q", question);
  if (asOf) asked.set("as_of", asOf);
  if (filter.cells) asked.set("cells", filter.cells);
  if (filter.company) asked.set("name", filter.company);
  writeQuery(asked);
}

/** Puts `asked` into the address, in place of what it asks for now. */
export function writeQuery(asked) {
  const query = String(asked);
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
}
