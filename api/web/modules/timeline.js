// The page /timeline: what changed in a company's policies, version by version, the newest first.

import { writeQuery } from "./address.js";
import { CompanyBox, foundCompanies } from "./company_box.js";
import { announcer, button, counted, element, options } from "./dom.js";
import { inWords, json, url } from "./server.js";
import { versionChange } from "./version_changes.js";

const VERSIONS_A_PAGE = 20;

const main = document.querySelector("main");
const announce = announcer(document.querySelector("[role=status]"));
const shown = element("div", { class: "shown" });
const wanted = readAddress();
const box = new CompanyBox({ id: "company", label: "Company", announce, choose: (company) => { Object.assign(wanted, { company: company.id, version: "", type: "" }); show({ focus: true }); } });
const choices = element("div", { class: "row filters" });
let checklists = [];

function readAddress() {
  const asked = new URLSearchParams(location.search);
  const given = (name) => (asked.get(name) ?? "").trim();
  return { company: given("company"), type: given("type"), checklist: given("checklist"), version: given("version"), technical: asked.has("technical") };
}

function keepAddress() {
  const asked = new URLSearchParams();
  for (const name of ["company", "type", "checklist", "version"]) if (wanted[name]) asked.set(name, wanted[name]);
  if (wanted.technical) asked.set("technical", "true");
  writeQuery(asked);
}

/** Shows the company that is wanted, from its newest version on. */
async function show({ focus = false } = {}) {
  keepAddress();
  if (!wanted.company) {
    shown.replaceChildren(element("p", { class: "hint" }, "Choose a company to see what changed in its policies."));
    return;
  }
  const heading = element("h2", { tabindex: "-1", dir: "auto" }, wanted.company);
  const list = element("ol", { class: "versions" });
  const more = element("p", { class: "row" });
  const links = element("p", { class: "row source" });
  const told = element("p", { class: "told" }, "Reading the versions…");
  shown.replaceChildren(element("section", { class: "result" }, heading, links, told, list, more));
  if (focus) heading.focus();
  const company = await entryOf(wanted.company);
  if (!heading.isConnected) return;
  heading.textContent = company?.name ?? wanted.company;
  box.value = company?.name ?? wanted.company;
  document.title = `${heading.textContent}: changes over time · askpolicy`;
  showChoices(company);
  links.append(...linksOf(company?.id ?? wanted.company));
  await page({ list, more, told, after: "", number: 0 });
}

async function entryOf(name) {
  const { companies } = await foundCompanies(name).catch(() => ({ companies: [] }));
  const names = ({ id, name: called, aliases, domains }) => [id, called, ...aliases, ...domains].map((each) => each.toLowerCase());
  return companies.find((company) => names(company).includes(name.toLowerCase())) ?? null;
}

function linksOf(id) {
  const [ask, table, feed] = [url(""), url("compare"), url("v1/changes.atom")].map((address) => {
    address.searchParams.set("company", id);
    return address.href;
  });
  return [element("a", { href: ask }, "Ask what it says"), element("a", { href: table }, "Compare it"), element("a", { href: feed, type: "application/atom+xml" }, "Atom feed")];
}

function showChoices(company) {
  const types = [...new Set((company?.policies ?? []).map(({ type }) => type))].sort();
  const selected = (name, value) => { wanted[name] = value; wanted.version = ""; show(); };
  const type = element("select", { id: "type", onchange: () => selected("type", type.value) }, options([["", "All documents"], ...types.map((each) => [each, each])], wanted.type));
  const list = element("select", { id: "flips", onchange: () => selected("checklist", list.value) },
    options([["", "None"], ...checklists.map(({ name, title }) => [name, title])], wanted.checklist));
  const technical = element("input", { type: "checkbox", id: "technical", checked: wanted.technical, onchange: () => selected("technical", technical.checked) });
  const active = document.activeElement?.id;
  choices.replaceChildren(
    types.length > 1 ? element("div", { class: "field" }, element("label", { for: "type" }, "Document"), type) : "",
    checklists.length ? element("div", { class: "field" }, element("label", { for: "flips" }, "Checklist for flipped verdicts"), list) : "",
    element("label", { class: "check" }, technical, "List technical changes too"));
  if (active) document.getElementById(active)?.focus();
}

/** Lists a page of versions behind `after`, and lets the next one be asked for. */
async function page({ list, more, told, after, number }) {
  const asked = new URLSearchParams({ company: wanted.company, limit: VERSIONS_A_PAGE });
  for (const name of ["type", "checklist"]) if (wanted[name]) asked.set(name, wanted[name]);
  if (wanted.technical) asked.set("technical", "true");
  if (after) asked.set("after", after);
  more.replaceChildren();
  try {
    const { changes, next } = await json(`v1/changes?${asked}`);
    if (!list.isConnected) return;
    const first = !number && changes.find(({ before }) => before);
    for (const change of changes) {
      const open = wanted.version ? change.after.id === wanted.version : change === first;
      list.append(element("li", null, versionChange(change, { open, opened })));
    }
    const total = number + changes.length;
    const flips = wanted.checklist && changes.length && !("flips" in changes[0]) ? " This service does not tell which verdicts flipped." : "";
    const single = total === 1 && !next && !changes[0]?.before;
    told.textContent = single ? "The index has one version: there is nothing to compare it with."
      : total ? `${counted(total, "version says", "versions say")} something new${next ? " so far" : ""}, the newest first.${flips}`
      : next ? "Nothing changed in the newest versions." : "The index has no dated version of this.";
    announce(told.textContent);
    if (next) more.replaceChildren(button("chip", "Older versions", () => older({ list, more, told, after: next, number: total })));
    if (wanted.version && !number) document.getElementById(`version-${wanted.version}`)?.scrollIntoView();
  } catch (error) {
    if (list.isConnected) failed(error, { list, more, told, after, number });
  }
}

async function older(place) {
  await page(place);
  const next = place.list.children[place.number];
  // the button that was pressed is gone
  (next?.querySelector("summary") ?? place.more.querySelector("button"))?.focus();
}

function failed(error, place) {
  const [title, what] = inWords(error);
  const nearest = error.problem?.nearest ?? [];
  place.told.textContent = "";
  place.more.replaceChildren(element("section", { class: "note failed" }, element("h2", null, title), element("p", null, what),
    element("p", { class: "row" }, nearest.map((name) => button("chip", name, () => { wanted.company = name; show({ focus: true }); })), button("chip", "Try again", () => page(place)))));
  announce(`${title}. ${what}`);
}

function opened(id) {
  wanted.version = id;
  keepAddress();
}

async function begin() {
  main.replaceChildren(element("form", { class: "wanted", onsubmit: (event) => event.preventDefault() }, box.node, choices), shown);
  // without them the changes are listed all the same
  ({ checklists } = await json("v1/checklists").catch(() => ({ checklists: [] })));
  await show();
}

begin();
