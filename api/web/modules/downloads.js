// The table as a file: the service writes it from the cells that are sent back to it.

import { request } from "./server.js";

export const FORMATS = [["csv", "CSV"], ["xlsx", "XLSX"], ["jsonl", "JSON lines"], ["md", "Markdown"], ["html", "HTML"]];

/** Lets the browser save `companies`' rows of a comparison; throws as `request`. */
export async function download(comparison, companies, { format, title }) {
  const { items, calibrated, indexVersion, wanted } = comparison;
  const head = { items, companies, next: null, total_companies: companies.length, as_of: wanted.asOf || null, calibrated, index_version: indexVersion };
  const cells = companies.flatMap((company) => items.map((item) => comparison.cellOf(company, item)));
  const body = [head, ...cells].map((line) => JSON.stringify(line)).join("\n");
  const asked = new URLSearchParams({ format, title: title.slice(0, 200) });
  const response = await request(`v1/compare/table?${asked}`, { body, type: "application/jsonl" });
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = `comparison.${format}`;
  link.click();
  // at once would be before the browser has read it
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
