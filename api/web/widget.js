// <askpolicy-chat>: ask what privacy policies say, and read the passages that say so.
// <askpolicy-policy>: a whole policy, with the passage that answered marked.
//
// One tag on any page: <script type="module" src="https://SERVER/widget.js"></script><askpolicy-chat></askpolicy-chat>
// Attributes: server (another server than this file's), companies (ids or names, by commas), theme (light or dark),
// greeting, token (a widget token), page (it is the page: the address tells the question, links open here).
// What the server sends is only ever set as text, never as HTML.

const STYLE = `
:host {
  color-scheme: light dark;
  --surface: light-dark(#fff, #1e2423); --page: light-dark(#f6f4ef, #151918); --ink: light-dark(#1d2321, #e9ece9);
  --quiet: light-dark(#59625f, #a5afab); --line: light-dark(#dcd8ce, #343d3a); --field: light-dark(#7b827c, #7f8a86);
  --accent: light-dark(#0f5c5c, #7fd0c8); --on-accent: light-dark(#fff, #0b2221); --tint: light-dark(#e3efec, #1f3432);
  --mark: light-dark(#ffe89a, #6b5a14); --on-mark: light-dark(#1d2321, #fff6d6);
  --warn: light-dark(#8a4b00, #f0bd7a); --warn-tint: light-dark(#fdf1de, #33291a);
  --error: light-dark(#a3201d, #ffaba4); --error-tint: light-dark(#fbe9e7, #3a2020);
  display: flex; flex-direction: column; color: var(--ink); background: var(--page); overflow-wrap: anywhere;
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
:host([theme="light"]) { color-scheme: light; }
:host([theme="dark"]) { color-scheme: dark; }
:host(askpolicy-chat) { height: 40rem; min-height: 20rem; }
:host([hidden]), [hidden] { display: none !important; }
* { box-sizing: border-box; }
h1, h2, h3, h4, p, blockquote, ul, ol { margin: 0; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
a { color: var(--accent); text-underline-offset: 0.15em; }
button, textarea, input { font: inherit; color: inherit; }
button { cursor: pointer; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.column { width: 100%; max-width: 60rem; margin-inline: auto; }
.plain { border: 0; background: none; padding: 0.2rem; min-height: 1.5rem; color: var(--accent); text-decoration: underline; text-underline-offset: 0.15em; font-size: inherit; }
.row { display: flex; flex-wrap: wrap; gap: 0.1rem 0.9rem; align-items: baseline; }
.row > * { min-width: 0; }
.row > .plain { margin-inline-start: -0.2rem; }
mark { background: var(--mark); color: var(--on-mark); padding: 0.05em 0.15em; border-radius: 0.2em; box-decoration-break: clone; -webkit-box-decoration-break: clone; }

.log { position: relative; flex: 1 1 auto; min-height: 0; overflow-y: auto; padding: 1.25rem 1rem; }
.log:focus-visible { outline-offset: -3px; }
.welcome h2 { font-size: 1.35rem; line-height: 1.25; letter-spacing: -0.01em; }
.welcome p { color: var(--quiet); margin-top: 0.35rem; max-width: 44rem; text-wrap: pretty; }
.suggested { display: flex; flex-wrap: wrap; gap: 0.5rem; margin-top: 1rem; padding: 0; list-style: none; }
.chip { padding: 0.45rem 0.85rem; border: 1px solid var(--field); border-radius: 1.5rem; background: var(--surface); text-align: start; line-height: 1.35; min-height: 2.25rem; }
.chip:hover { border-color: var(--accent); background: var(--tint); }

.exchange { position: relative; margin-top: 1.5rem; }
.asked { display: flex; justify-content: flex-end; }
.asked p { max-width: min(44rem, 90%); padding: 0.6rem 1rem; border-radius: 1.1rem 1.1rem 0.25rem 1.1rem; background: var(--accent); color: var(--on-accent); white-space: pre-wrap; }
.about { display: block; font-size: 0.85rem; }
.answer { margin-top: 0.85rem; display: grid; gap: 0.85rem; }
.understood { color: var(--quiet); font-size: 0.95rem; }
.blocks { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 0.85rem; align-items: start; }
.card { padding: 1.1rem 1.25rem; border: 1px solid var(--line); border-inline-start: 4px solid var(--accent); border-radius: 0.6rem; background: var(--surface); }
.card > * + * { margin-top: 0.75rem; }
.company { font-size: 1rem; line-height: 1.3; }
.quote { font: 500 1.3rem/1.42 ui-serif, Georgia, "Times New Roman", serif; text-wrap: pretty; }
.verdict { font-size: 1.5rem; font-weight: 650; line-height: 1.2; }
.verdict.says { font-size: 1rem; font-weight: 600; color: var(--quiet); }
.card.unclear { border-inline-start-style: dashed; }
.card.unclear .verdict { font-size: 1rem; color: var(--warn); }
.part > h3 { font-size: 1rem; margin-bottom: 0.5rem; }
.source { font-size: 0.92rem; color: var(--quiet); }
.around { font-size: 0.95rem; color: var(--quiet); border-top: 1px solid var(--line); padding-top: 0.75rem; }
.around .label { display: block; font-size: 0.8rem; font-weight: 600; margin-bottom: 0.15rem; }
.score { border-bottom: 1px dotted currentColor; cursor: help; }

.note { padding: 0.9rem 1.1rem; border-radius: 0.6rem; border: 1px solid; }
.note > * + * { margin-top: 0.4rem; }
.note :is(h1, h3) { font-size: 1.05rem; line-height: 1.35; }
.note.not_stated { border: 2px dashed var(--field); background: var(--surface); }
.note.unknown_company { border-color: var(--warn); background: var(--warn-tint); }
.note.unknown_company h3 { color: var(--warn); }
.note.out_of_scope, .note.stopped { border-color: var(--field); border-style: dotted; color: var(--quiet); }
.note.failed { border-color: var(--error); background: var(--error-tint); }
.note.failed :is(h1, h3) { color: var(--error); }
.nearest { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; }

details { border: 1px solid var(--line); border-radius: 0.6rem; background: var(--surface); }
summary { padding: 0.6rem 1.1rem; cursor: pointer; border-radius: 0.6rem; }
.others { padding: 0 1.1rem 0.6rem; list-style: none; }
.others li { padding: 0.8rem 0; border-top: 1px solid var(--line); }
.others li > * + * { margin-top: 0.3rem; }
.waiting { color: var(--quiet); margin-top: 0.85rem; }
.waiting::after { content: "…"; }
@media (prefers-reduced-motion: no-preference) {
  .waiting { animation: breathe 1.4s ease-in-out infinite alternate; }
  @keyframes breathe { to { opacity: 0.45; } }
}

form { flex: none; border-top: 1px solid var(--line); background: var(--surface); padding: 0.75rem 1rem 0.6rem; }
.fields { display: grid; grid-template-columns: minmax(8rem, 15rem) minmax(0, 1fr) auto; gap: 0.25rem 0.6rem; align-items: end; }
.fields.alone { grid-template-columns: minmax(0, 1fr) auto; }
label { display: block; font-size: 0.85rem; font-weight: 600; margin-bottom: 0.2rem; }
textarea, input { width: 100%; min-height: 2.75rem; padding: 0.55rem 0.75rem; border: 1px solid var(--field); border-radius: 0.5rem; background: var(--page); font-size: 1rem; }
::placeholder { color: var(--quiet); opacity: 1; }
textarea { display: block; resize: none; max-height: 9rem; field-sizing: content; }
.combo { position: relative; }
.combo input { padding-inline-end: 2.5rem; }
.clear { position: absolute; inset-inline-end: 0.35rem; top: 0.45rem; width: 1.9rem; height: 1.9rem; border: 0; border-radius: 50%; background: none; }
.clear:hover { background: var(--tint); }
[role="listbox"] { position: absolute; bottom: calc(100% + 0.3rem); inset-inline: 0; min-width: min(16rem, 80vw); max-height: min(18rem, 45vh); overflow-y: auto; margin: 0; padding: 0.3rem; list-style: none; background: var(--surface); border: 1px solid var(--field); border-radius: 0.5rem; z-index: 1; box-shadow: 0 0.3rem 1.2rem #0003; }
[role="option"] { padding: 0.4rem 0.6rem; border-radius: 0.35rem; cursor: pointer; min-height: 2rem; }
[role="option"][aria-selected="true"] { background: var(--tint); outline: 2px solid var(--accent); outline-offset: -2px; }
.none { padding: 0.4rem 0.6rem; color: var(--quiet); }
.ask { min-height: 2.75rem; min-width: 4.5rem; padding: 0.5rem 1.1rem; border: 1px solid var(--accent); border-radius: 0.5rem; background: var(--accent); color: var(--on-accent); font-weight: 600; }
.ask.stop { background: var(--surface); color: var(--accent); }
.foot { display: flex; justify-content: space-between; align-items: center; gap: 0 1rem; line-height: 1.35; margin-top: 0.45rem; font-size: 0.82rem; color: var(--quiet); }
.foot .plain { flex: none; }

.policy { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1.25rem 2.5rem; max-width: 76rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; width: 100%; }
.policy h1 { font-size: 1.6rem; line-height: 1.25; }
.policy .source { margin-top: 0.5rem; }
.contents { font-size: 0.92rem; }
.contents ol { list-style: none; padding: 0 1.1rem 0.7rem; }
.contents a { display: block; padding: 0.2rem 0; }
.text { max-width: 46rem; }
.text > * { margin-block: 0.6rem; scroll-margin-top: 1rem; }
.text :is(h2, h3, h4) { margin-top: 1.6rem; line-height: 1.3; }
.text h2 { font-size: 1.3rem; } .text h3 { font-size: 1.12rem; } .text h4 { font-size: 1rem; }
.text li { margin-block: 0.35rem; }
.text .passage { border-inline-start: 4px solid var(--accent); background: var(--surface); padding: 0.35rem 0.8rem; margin-inline-start: -0.8rem; }
@media (min-width: 60rem) {
  .policy { grid-template-columns: minmax(0, 17rem) minmax(0, 1fr); }
  .policy header { grid-column: 1 / -1; }
  .contents { position: sticky; top: 1rem; align-self: start; max-height: calc(100vh - 2rem); overflow-y: auto; }
}
@media (max-width: 40rem) {
  .fields { grid-template-columns: minmax(0, 1fr) auto; }
  .pick { grid-column: 1 / -1; }
  .pick label { position: absolute; clip-path: inset(50%); }
  .log { padding: 1rem 0.75rem; }
  form { padding-inline: 0.75rem; }
  .card { padding: 0.9rem 1rem; }
  .quote { font-size: 1.15rem; }
}
@media (forced-colors: active) {
  mark { forced-color-adjust: none; background: Mark; color: MarkText; }
  .asked p, .ask { border: 1px solid ButtonText; }
}
`;

const SCORE_WORDS = [[0.75, "strong match"], [0.5, "good match"], [0.25, "weak match"], [0, "faint match"]];
const VERDICTS = { yes: "Yes.", no: "No.", depends: "It depends." };
const SUGGESTED = [
  (name) => `Does ${name} sell my personal data?`,
  (name) => `Does ${name} notify me on acquisition?`,
  (name) => `How do I stop emails from ${name}?`,
  (name) => `Does ${name} use cookies?`,
];
const NOTICE = "An automated system; it can miss a passage. No legal advice.";
const SUGGESTED_OF_ALL = "Who shares data with advertisers?";
// Outcomes where nothing was read, and their titles.
const UNREAD = new Map([["no_version", "No version is that old"], ["unsupported_language", "Not in a language that is read"]]);
const OUT_OF_SCOPE = "This is not a question about a privacy policy.";
const LONGEST_QUESTION = 2000;
const LONGEST_HISTORY = 20;
const MOST_OPTIONS = 60;
// Where the server has more companies than it lists at once, those that are typed are asked for.
const LISTED = 200;
const LONGEST_NAME = 200;
const TYPED_MS = 150;
const TIMEOUT_MS = 30_000;
const SLOW_MS = 2000;
// Raised where answers get another form: what an older page stored is not read.
const STORED = "askpolicy-chat-2";

/** An element with attributes and children; strings become text, never HTML. */
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

function button(kind, words, onclick, more) {
  return element("button", { class: kind, type: "button", onclick, ...more }, words);
}

/** Whether a key is still for an input method; Safari tells it by the number alone. */
function composing(event) {
  return event.isComposing || event.keyCode === 229;
}

function newTab() {
  return element("span", { class: "hidden" }, " (opens a new tab)");
}

/** A link to the snapshot that the policy was read from, at `words`; none where the address is not of the web. */
function snapshotLink(policy, words) {
  let url;
  try {
    url = new URL(policy.source_url);
  } catch {
    return null;
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return null;
  const first = (words ?? "").split(" ").slice(0, 7).map(encodeURIComponent).join("%20").replaceAll("-", "%2D");
  const href = first ? `${url.href.split("#")[0]}#:~:text=${first}` : url.href;
  return element("a", { href, rel: "noopener noreferrer", target: "_blank" }, "original snapshot", newTab());
}

function day(iso) {
  return new Date(`${iso}T00:00:00Z`).toLocaleDateString("en-GB", { dateStyle: "long", timeZone: "UTC" });
}

/** From when a policy is: [word, day], the day that it was recorded and the one that it states. */
function days(policy) {
  const stated = policy.effective_on !== policy.archived_on ? policy.effective_on : null;
  return [["archived", policy.archived_on], ["effective", stated]].filter(([, iso]) => iso);
}

function dated(policy) {
  return days(policy).map(([word, iso]) => `${word} ${day(iso)}`).join(", ") || "undated";
}

function archived(policy) {
  const known = days(policy);
  if (!known.length) return element("span", null, "undated");
  return element("span", null, known.flatMap(([word, iso], place) => [`${place ? ", " : ""}${word} `, element("time", { datetime: iso }, day(iso))]));
}

function score(passage) {
  const [, words] = SCORE_WORDS.find(([lowest]) => passage.score >= lowest);
  const number = `score ${passage.score.toFixed(2)} of 1`;
  return element("span", { class: "score", title: number }, words, element("span", { class: "hidden" }, `, ${number}`));
}

function segmentsOf(segments) {
  return segments.flatMap((segment) => [segment.evidence ? element("mark", null, segment.text) : segment.text, " "]);
}

/** The passage, with what introduces it, its evidence marked. */
function passageText(passage) {
  return [passage.lead_in ? `${passage.lead_in} ` : null, ...segmentsOf(passage.segments)];
}

/** What a verdict begins with; the text of an answer begins with the same. */
function beginning(said) {
  if (said.outcome === "unclear") return "The policy may not say. The closest is:";
  return VERDICTS[said.verdict] ?? "The policy says:";
}

/** A quotation of a verdict, in the form of a passage. */
function quoted(said, quotation) {
  const { text, policy, heading, start, end, spans } = quotation;
  return {
    company: said.company, policy, heading, score: said.probability, lead_in: null,
    start, end, evidence: spans, quotation: text, segments: [{ text, evidence: true }],
  };
}

/** The evidence word for word, with what governs it. */
function quote(passage) {
  return `“${passage.quotation}”`;
}

function citation(passage) {
  const { policy } = passage;
  const words = passage.evidence.length ? quote(passage) : `“${passage.segments.map((segment) => segment.text).join(" ")}”`;
  const where = [passage.company.name, policy.title, passage.heading && `“${passage.heading}”`, dated(policy)];
  return `${words} — ${where.filter(Boolean).join(", ")}${policy.source_url ? `. ${policy.source_url}` : ""}`;
}

/** What `act` does with the session's storage; null where a browser keeps it from the page. */
function session(act) {
  try {
    return act(sessionStorage);
  } catch {
    return null;
  }
}

/** Those of an answer, or of a part of it, whose policies say it or come close. */
function saidIn(answer) {
  return answer.verdicts.filter((said) => said.quotes.length);
}

/** Whose policies do not say, each in a title; all of several in one. */
function silentTitles(answer) {
  const shut = answer.verdicts.filter((said) => UNREAD.has(said.outcome)).map((said) => `${said.company.name}: ${UNREAD.get(said.outcome)}`);
  const silent = answer.verdicts.filter((said) => said.outcome === "not_stated").map((said) => said.company.name);
  if (silent.length > 3) return [`The policies of ${silent.slice(0, -1).join(", ")} and ${silent.at(-1)} do not say`, ...shut];
  return [...silent.map((name) => `The policy of ${name} does not say`), ...shut];
}

/** The passages that no verdict quotes. */
function othersOf(answer) {
  const shown = new Set(answer.verdicts.flatMap((said) => said.quotes.map((one) => one.passage_id)));
  return answer.passages.filter((passage) => !shown.has(passage.passage_id));
}

/** What an answer begins with where companies were given and it names another: whom the chat covers. */
function firstLine(answer) {
  return answer.answer.split("\n")[0];
}

function note(kind, title, ...more) {
  return element("section", { class: `note ${kind}` }, element("h3", { dir: "auto" }, title), ...more);
}

/** Puts text on the clipboard, where the browser lets a page do so in one way or the other. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    let before = document.activeElement;
    while (before?.shadowRoot?.activeElement) before = before.shadowRoot.activeElement;
    const field = element("textarea", { readonly: true });
    field.value = text;
    field.style.position = "fixed";
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    before?.focus({ preventScroll: true });
    return done;
  }
}

/** What a failed request means, in words: a title and what to do. */
function failure(error) {
  const { problem, status, retryAfter } = error;
  const again = retryAfter ? `Ask again in ${retryAfter} second${retryAfter === "1" ? "" : "s"}.` : "Ask again in a moment.";
  if (error.name === "TimeoutError") return ["The server takes too long", "It did not answer within half a minute. Try again in a while."];
  if (status === 429) return ["Too many questions in a short time", again];
  if (status === 503) return [problem?.title ?? "The server is busy", again];
  if (status === 401 || status === 403) {
    return ["This chat may not ask here", `The server says: ${problem?.title ?? `error ${status}`}. Whoever runs this page can give it a token made for its address.`];
  }
  if (problem) return [problem.title, problem.detail];
  if (status) return [`The server answered with an error (${status})`, "Try again in a while."];
  if (error.cutOff) return ["The answer was cut off", "The connection broke while it came. Try again."];
  if (!error.unreached) return ["The server's answer could not be read", "Try again; if it stays so, tell whoever runs the server."];
  return ["The server cannot be reached", "Check the connection, and that the server runs; then try again."];
}

/** What both elements have: a shadow root with the style, a server, a token. */
class Asking extends HTMLElement {
  root = this.attachShadow({ mode: "open" });

  constructor() {
    super();
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    this.root.adoptedStyleSheets = [sheet];
  }

  url(path) {
    const base = new URL(this.getAttribute("server") || new URL(".", import.meta.url), document.baseURI);
    if (!base.pathname.endsWith("/")) base.pathname += "/";
    return new URL(path, base);
  }

  async request(path, { body, accept, signal } = {}) {
    const signals = [AbortSignal.timeout(TIMEOUT_MS), ...(signal ? [signal] : [])];
    const headers = {};
    const token = this.getAttribute("token");
    if (token) headers.Authorization = `Bearer ${token}`;
    if (accept) headers.Accept = accept;
    if (body) headers["Content-Type"] = "application/json";
    const options = { headers, signal: AbortSignal.any(signals), credentials: "omit" };
    if (body) Object.assign(options, { method: "POST", body: JSON.stringify(body) });
    const response = await fetch(this.url(path), options).catch((error) => {
      throw Object.assign(error, { unreached: true });
    });
    if (response.ok) return response;
    const told = (response.headers.get("content-type") ?? "").startsWith("application/problem+json");
    const problem = told ? await response.json() : null;
    throw Object.assign(new Error("refused"), { status: response.status, problem, retryAfter: response.headers.get("retry-after") });
  }

  policyLink(passage, words) {
    const url = this.url(`policies/${encodeURIComponent(passage.policy.id)}`);
    url.searchParams.append("passage", `${passage.start}-${passage.end}`);
    for (const { start, end } of passage.evidence) url.searchParams.append("evidence", `${start}-${end}`);
    const here = this.hasAttribute("page");
    return element("a", { href: url.href, ...(here ? {} : { target: "_blank", rel: "noopener" }) }, words, here ? null : newTab());
  }
}

class AskPolicyChat extends Asking {
  #exchanges = [];
  #companies = [];
  #more = false;
  #typing;
  #company = null;
  #active = -1;
  #fresh = false;
  #asking = null;
  #telling;
  #log;
  #told;
  #question;
  #picker;
  #options;
  #clear;
  #button;
  #hint;

  connectedCallback() {
    if (this.#log) return;
    this.#told = element("p", { class: "hidden" });
    // What is announced of an answer is one line, in #told; all else in the log is silent.
    this.#log = element("div", { class: "log", role: "log", "aria-live": "polite", "aria-label": "Questions and answers", tabindex: "0", lang: "en" }, this.#told);
    this.#question = element("textarea", {
      id: "question", name: "question", rows: "1", dir: "auto", maxlength: String(LONGEST_QUESTION), enterkeyhint: "send", autocomplete: "off",
      placeholder: "Who sells my data?", onkeydown: (event) => this.#keyed(event),
    });
    this.#picker = element("input", {
      id: "company", type: "text", dir: "auto", role: "combobox", "aria-expanded": "false", "aria-controls": "companies", "aria-autocomplete": "list",
      autocomplete: "off", spellcheck: "false", placeholder: "All companies", onfocus: () => this.#picker.select(), onclick: () => this.#list(),
      oninput: () => this.#typed(), onkeydown: (event) => this.#picked(event), onblur: () => this.#left(),
    });
    this.#options = element("ul", { id: "companies", role: "listbox", "aria-label": "Companies", hidden: true, onmousedown: (event) => event.preventDefault() });
    this.#clear = button("clear", "×", () => this.#choose(null), { "aria-label": "Ask of all companies", hidden: true });
    // a double click must not ask and stop at once
    this.#button = element("button", { class: "ask", type: "submit", onclick: (event) => { if (event.detail > 1) event.preventDefault(); } }, "Ask");
    this.#hint = element("p", null, NOTICE);
    const form = element("form", { lang: "en", onsubmit: (event) => this.#submitted(event) },
      element("div", { class: "column" },
        element("div", { class: "fields" },
          element("div", { class: "pick" }, element("label", { for: "company" }, "Company"), element("div", { class: "combo" }, this.#picker, this.#clear, this.#options)),
          element("div", null, element("label", { for: "question" }, "Your question"), this.#question),
          this.#button),
        element("div", { class: "foot" }, this.#hint, button("plain", "Start over", () => this.#startOver()))));
    this.root.append(this.#log, form);
    this.#welcome();
    this.#restore();
    this.#loadCompanies();
  }

  // Companies

  async #loadCompanies() {
    try {
      const { companies, next } = await (await this.request(`v1/companies?limit=${LISTED}`)).json();
      const only = this.#only();
      this.#companies = [];
      this.#add(companies);
      if (next) await Promise.all(only.filter((name) => !this.#named(name)).map((name) => this.#find(name)));
      this.#more = Boolean(next) && !only.length;
      if (this.#isAlone()) {
        this.root.querySelector(".fields").classList.add("alone");
        this.root.querySelector(".pick").hidden = true;
      }
      if (!this.#options.hidden) this.#list(this.#picker.value);
      if (!this.#log.querySelector(".exchange")) this.#welcome();
      await this.#askFromAddress();
    } catch (error) {
      const [title, what] = failure(error);
      const told = element("div", { class: "column exchange", "aria-live": "off" }, note("failed", title, element("p", null, what),
        button("chip", "Try again", () => { told.remove(); this.#question.focus(); this.#loadCompanies(); })));
      this.#log.append(told);
      this.#announce(`${title}. ${what}`);
    }
  }

  /** Takes those in that are not known yet and that the page lets ask about. */
  #add(companies) {
    const only = this.#only().map((name) => name.toLowerCase());
    for (const { id, name, aliases, domains } of companies) {
      const names = [id, name, ...aliases, ...domains].map((each) => each.toLowerCase());
      const wanted = !only.length || names.some((each) => only.includes(each));
      if (wanted && !this.#companies.some((known) => known.id === id)) this.#companies.push({ id, name, names });
    }
  }

  /** The known company that is called exactly so. */
  #named(name) {
    return this.#companies.find((company) => company.names.includes(name.toLowerCase())) ?? null;
  }

  /** Takes in whom the server knows by `words`; whether it knows still more. */
  async #find(words) {
    const asked = new URLSearchParams({ limit: MOST_OPTIONS, q: words.slice(0, LONGEST_NAME) });
    const { companies, next } = await (await this.request(`v1/companies?${asked}`)).json();
    this.#add(companies);
    return Boolean(next);
  }

  /** Lists whom the server knows by `typed`, once nothing more is typed for a moment. */
  #findTyped(typed) {
    clearTimeout(this.#typing);
    if (!this.#more || !typed.trim()) return;
    this.#typing = setTimeout(async () => {
      // what is known already is listed; the next key asks again
      const more = await this.#find(typed.trim()).catch(() => false);
      if (this.#picker.value === typed && !this.#options.hidden) this.#list(typed, more);
    }, TYPED_MS);
  }

  /** The companies that the page lets ask about; none: all. */
  #only() {
    return (this.getAttribute("companies") ?? "").split(",").map((name) => name.trim()).filter(Boolean);
  }

  /** Shows those whose names hold `typed`; `more`: the server knows others. */
  #list(typed = "", more = this.#more) {
    const wanted = typed.trim().toLowerCase();
    const found = this.#companies.filter((company) => !wanted || company.names.some((name) => name.includes(wanted)));
    const nobody = this.#companies.length ? "No such company here" : "The companies are not known yet";
    const shown = found.slice(0, MOST_OPTIONS);
    this.#active = wanted && shown.length ? 0 : -1;
    this.#options.replaceChildren(
      ...shown.map((company, place) => element("li", { role: "option", id: `company-${place}`, "data-id": company.id, onclick: () => this.#choose(company) }, company.name)),
      ...(more || found.length > shown.length ? [element("li", { class: "none", role: "presentation" }, `${more ? "More" : `${found.length - shown.length} more`}; type to find them`)] : []),
      ...(found.length || more ? [] : [element("li", { class: "none", role: "presentation" }, nobody)]));
    if (!found.length && !more) this.#announce(nobody);
    this.#options.hidden = false;
    this.#picker.setAttribute("aria-expanded", "true");
    this.#point();
  }

  #point() {
    const options = [...this.#options.querySelectorAll("[role=option]")];
    options.forEach((option, place) => option.setAttribute("aria-selected", String(place === this.#active)));
    const active = options[this.#active];
    if (active) {
      this.#picker.setAttribute("aria-activedescendant", active.id);
      active.scrollIntoView({ block: "nearest" });
    } else this.#picker.removeAttribute("aria-activedescendant");
  }

  #picked(event) {
    if (composing(event)) return;
    const open = !this.#options.hidden;
    const options = this.#options.querySelectorAll("[role=option]");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) this.#list();
      else {
        const step = event.key === "ArrowDown" ? 1 : -1;
        this.#active = Math.max(0, Math.min(options.length - 1, this.#active + step));
        this.#point();
      }
    } else if (event.key === "Enter") {
      event.preventDefault();
      const active = options[this.#active];
      if (open && active) this.#choose(this.#companies.find((company) => company.id === active.dataset.id));
      else if (!this.#picker.value.trim()) this.#choose(null);
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      this.#close();
    }
  }

  #choose(company) {
    this.#company = company ?? null;
    this.#picker.value = company?.name ?? "";
    this.#close();
    this.#picker.focus();
  }

  #typed() {
    if (!this.#picker.value.trim()) {
      this.#company = null;
      this.#clear.hidden = true;
    }
    this.#list(this.#picker.value);
    this.#findTyped(this.#picker.value);
  }

  /** A whole name that is typed is a choice. */
  async #left() {
    const typed = this.#picker.value.trim();
    const known = this.#named(typed);
    this.#company = known ?? this.#company;
    this.#close();
    if (known || !typed || !this.#more) return;
    await this.#find(typed).catch(() => false);
    if (!this.#named(typed) || !this.#options.hidden) return;
    this.#company = this.#named(typed);
    this.#close();
  }

  #close() {
    this.#options.hidden = true;
    this.#picker.setAttribute("aria-expanded", "false");
    this.#picker.removeAttribute("aria-activedescendant");
    this.#picker.value = this.#company?.name ?? "";
    this.#clear.hidden = !this.#company;
  }

  // Asking

  #welcome() {
    const all = this.#companies;
    const questions = [...all.slice(0, SUGGESTED.length).map((company, place) => SUGGESTED[place](company.name)), ...(all.length > 1 ? [SUGGESTED_OF_ALL] : [])];
    this.#told.textContent = "";
    const greeting = this.getAttribute("greeting") ?? "What would you like to know?";
    this.#log.replaceChildren(this.#told, element("section", { class: "column welcome", "aria-live": "off" },
      element("h2", null, greeting),
      element("p", null, "Name a company, or pick one below. Every answer is a quote with its date and its source; where a policy does not say, you are told."),
      element("ul", { class: "suggested" }, questions.map((question) => element("li", null, this.#chip(question, question))))));
  }

  #chip(words, question) {
    return button("chip", words, () => this.#ask(question));
  }

  #keyed(event) {
    if (event.key === "Enter" && !event.shiftKey && !composing(event)) {
      event.preventDefault();
      if (!this.#asking) this.#button.form.requestSubmit();
    }
  }

  #submitted(event) {
    event.preventDefault();
    const question = this.#question.value.trim();
    if (this.#asking) this.#asking.abort();
    else if (question) this.#ask(question);
    else this.#question.focus();
  }

  /** Asks; `again` is what an earlier try was asked within. */
  async #ask(question, again) {
    if (this.#asking) return;
    const asking = new AbortController();
    const fresh = this.#fresh;
    const company = again ? again.company : (this.#company ?? (this.#isAlone() ? this.#companies[0] : null));
    const history = again?.history ?? (fresh ? [] : this.#exchanges.map((exchange) => exchange.question).slice(-LONGEST_HISTORY));
    const waiting = element("p", { class: "waiting" }, "Reading the policies");
    const exchange = this.#exchange(question, company, waiting);
    this.#setAsking(asking);
    this.#setFresh(false);
    this.#reveal(exchange);
    const slow = setTimeout(() => this.#announce(waiting.textContent), SLOW_MS);
    try {
      const body = { question, k: 5, history };
      if (again?.offset) body.offset = again.offset;
      if (company) body.companies = [company.id];
      else if (this.#only().length) body.companies = (this.#companies.length ? this.#companies.map((each) => each.id) : this.#only()).slice(0, 50);
      const answer = await this.#answerTo(body, asking.signal, (words) => { waiting.textContent = words; });
      waiting.replaceWith(this.#answer(answer, company, history));
      this.#exchanges.push({ question, company, answer, history });
      if (this.#question.value.trim() === question) this.#question.value = "";
      this.#keep(question, company);
      this.#announce(this.#inWords(answer, company));
    } catch (error) {
      if (!exchange.isConnected) return; // started over
      const stopped = asking.signal.aborted;
      const [title, what] = stopped ? ["Stopped", "You stopped this question."] : failure(error);
      waiting.replaceWith(this.#failed(stopped ? "stopped" : "failed", title, what, error, question, exchange, { ...again, company, history }));
      this.#setFresh(fresh);
      if (!this.#question.value.trim()) this.#question.value = question;
      this.#announce(`${title}. ${what}`);
      if (stopped) this.#question.focus();
    } finally {
      clearTimeout(slow);
      this.#setAsking(null);
    }
    this.#reveal(exchange);
  }

  /** The answer; `told` gets words for what is being done as the server streams. */
  async #answerTo(body, signal, told) {
    const response = await this.request("v1/ask", { body, signal, accept: "text/event-stream, application/json" });
    if (!(response.headers.get("content-type") ?? "").startsWith("text/event-stream")) return response.json();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let received = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw Object.assign(new Error("cut off"), { cutOff: true });
      received = (received + value).replaceAll("\r\n", "\n");
      const events = received.split("\n\n");
      received = events.pop();
      for (const event of events) {
        // by lines, for "." and "$" stop at U+2028, which a policy may hold
        const field = (name) => event.split("\n").filter((line) => line.startsWith(name)).map((line) => line.slice(name.length).trim()).join("\n");
        const [name, data] = [field("event:"), field("data:")];
        if (name === "answer") return JSON.parse(data);
        if (name === "problem") {
          const problem = JSON.parse(data);
          throw Object.assign(new Error("refused"), { problem, status: problem.status });
        }
        if (name === "companies") {
          const names = JSON.parse(data).companies.map((company) => company.name);
          if (names.length) told(`Reading what ${names.join(" and ")} say${names.length > 1 ? "" : "s"}`);
        }
      }
    }
  }

  #setAsking(asking) {
    this.#asking = asking;
    this.#button.textContent = asking ? "Stop" : "Ask";
    this.#button.classList.toggle("stop", Boolean(asking));
  }

  #setFresh(fresh) {
    this.#fresh = fresh;
    this.#hint.textContent = fresh ? "Your next question is asked on its own, without those before it." : NOTICE;
  }

  #startOver() {
    this.#asking?.abort();
    this.#exchanges = [];
    this.#company = null;
    this.#close();
    this.#setFresh(false);
    this.#welcome();
    if (this.hasAttribute("page")) {
      session((storage) => storage.removeItem(STORED));
      history.replaceState(null, "", location.pathname);
    }
    this.#announce("All questions and answers are removed.");
    this.#question.focus();
  }

  // The page's address and session

  /** Where anybody finds this question again. */
  #address(question, company) {
    const url = this.url("");
    url.searchParams.set("q", question);
    if (company) url.searchParams.set("company", company.id);
    return url;
  }

  #keep(question, company) {
    if (!this.hasAttribute("page")) return;
    history.replaceState(null, "", this.#address(question, company).search);
    session((storage) => storage.setItem(STORED, JSON.stringify(this.#exchanges.slice(-LONGEST_HISTORY))));
  }

  #restore() {
    if (!this.hasAttribute("page")) return;
    try {
      for (const { question, company, answer, history } of JSON.parse(session((storage) => storage.getItem(STORED)) ?? "[]")) {
        this.#exchange(question, company, this.#answer(answer, company, history));
        this.#exchanges.push({ question, company, answer, history });
      }
    } catch {
      session((storage) => storage.removeItem(STORED));
    }
    const last = this.#log.querySelector(".exchange:last-of-type");
    if (last) requestAnimationFrame(() => this.#reveal(last));
  }

  async #askFromAddress() {
    if (!this.hasAttribute("page")) return;
    const asked = new URLSearchParams(location.search);
    const named = (asked.get("company") ?? "").toLowerCase();
    if (named && this.#more && !this.#named(named)) await this.#find(named);
    const company = this.#named(named);
    const question = (asked.get("q") ?? "").trim().slice(0, LONGEST_QUESTION);
    if (company) {
      this.#company = company;
      this.#close();
    }
    const last = this.#exchanges.at(-1);
    if (last && last.question === question && (last.company?.id ?? "") === (company?.id ?? named)) return;
    if (question) this.#ask(question);
  }

  // Showing

  #exchange(question, company, content) {
    const shown = element("section", { class: "column exchange", "aria-live": "off" },
      element("div", { class: "asked" }, element("p", { dir: "auto" },
        element("span", { class: "hidden" }, "You asked: "), question, company && !this.#isAlone() ? element("span", { class: "about" }, `about ${company.name}`) : null)),
      content);
    this.#log.append(shown);
    return shown;
  }

  /** Whether there is but one company to ask about. */
  #isAlone() {
    return this.#companies.length === 1;
  }

  /** Scrolls the log, and the page only where the log does not scroll by itself: an embedded chat moves nobody's page. */
  #reveal(exchange) {
    if (this.#log.scrollHeight > this.#log.clientHeight) this.#log.scrollTop = exchange.offsetTop - 16;
    else exchange.scrollIntoView({ block: "nearest" });
  }

  #announce(words) {
    // emptied first, or the same words twice are said once
    this.#told.textContent = "";
    clearTimeout(this.#telling);
    this.#telling = setTimeout(() => { this.#told.textContent = words; }, 50);
  }

  /** Whether companies were given beside the question: whom else it names is then not covered, and the answer begins with that. */
  #isLimited(company) {
    return Boolean(company) || this.#only().length > 0;
  }

  #inWords(answer, company) {
    const said = saidIn(answer).map((each) => {
      const words = each.quotations.map((one) => `“${one.text}”, ${one.policy.title}, ${dated(one.policy)}`);
      return `${each.company.name}: ${beginning(each)} ${words.join("; ")}.`;
    });
    const silent = silentTitles(answer).map((title) => `${title}.`);
    const unknown = this.#isLimited(company) ? answer.unknown_companies.slice(0, 1).map(() => firstLine(answer)) : answer.unknown_companies.map(({ name, nearest }) => `No policy of ${name} is in this index.${nearest.length ? ` Did you mean ${nearest.join(" or ")}?` : ""}`);
    const outside = answer.outcome === "out_of_scope" || UNREAD.has(answer.outcome) ? [answer.answer] : [];
    const others = othersOf(answer).length;
    return [...outside, ...unknown, ...said, ...silent, others > 0 ? `${others} ${said.length ? "other" : "nearest"} passage${others > 1 ? "s" : ""} below.` : ""].join(" ");
  }

  #answer(answer, company, history) {
    const parts = [];
    if (answer.standalone_question !== answer.question) {
      parts.push(element("p", { class: "understood" }, "Understood as: ", element("q", { dir: "auto" }, answer.standalone_question), " ",
        button("plain", "Correct this", () => this.#correct(answer.standalone_question))));
    }
    if (answer.outcome === "out_of_scope") {
      parts.push(answer.answer === OUT_OF_SCOPE
        ? note("out_of_scope", OUT_OF_SCOPE.slice(0, -1), element("p", null, "Ask what a company collects, shares, keeps or lets you decide."))
        : element("p", { class: "reply", dir: "auto" }, answer.answer));
    }
    if (UNREAD.has(answer.outcome)) {
      parts.push(note("not_stated", UNREAD.get(answer.outcome), answer.answer.split("\n").map((line) => element("p", null, line))));
    }
    if (this.#isLimited(company) && answer.unknown_companies.length) parts.push(note("unknown_company", firstLine(answer)));
    else for (const unknown of answer.unknown_companies) {
      parts.push(this.#unknown(unknown, answer.question.includes(unknown.name) ? answer.question : answer.standalone_question));
    }
    for (const part of answer.parts.length ? answer.parts : [answer]) {
      const blocks = this.#blocks(part, answer.passages);
      if (blocks) parts.push(answer.parts.length ? element("section", { class: "part" }, element("h3", { dir: "auto" }, part.question), blocks) : blocks);
    }
    if (answer.next_offset !== null) {
      parts.push(button("chip", "Ask more companies", () => this.#ask(answer.question, { company, history, offset: answer.next_offset })));
    }
    const said = saidIn(answer).length;
    const others = othersOf(answer);
    if (others.length) {
      parts.push(element("details", { class: "other" },
        element("summary", null, `${said ? "Other passages" : "Nearest passages"} (${others.length})`),
        element("ul", { class: "others" }, others.map((passage) => element("li", null,
          element("h3", { class: "company", dir: "auto" }, passage.company.name),
          element("p", { dir: "auto", lang: "" }, passageText(passage)),
          this.#source(passage), this.#actions(passage))))));
    }
    parts.push(element("p", { class: "row source" }, this.#copier("Copy a link to this answer", () => this.#address(answer.question, company).href)));
    return element("div", { class: "answer" }, parts);
  }

  /** What each company says, and who does not. */
  #blocks(part, passages) {
    const said = saidIn(part);
    const found = passages.length && !said.length ? "No passage was found that answers. Judge the nearest for yourself." : "No passage was found that answers.";
    const silent = silentTitles(part).map((title) => note("not_stated", title, element("p", { class: "understood" }, found)));
    return said.length || silent.length ? element("div", { class: "blocks" }, said.map((each) => this.#block(each, passages)), silent) : null;
  }

  #block(said, passages) {
    return element("article", { class: `card ${said.outcome}` },
      element("h3", { class: "company", dir: "auto" }, said.company.name),
      element("p", { class: `verdict ${said.verdict ?? "says"}` }, beginning(said)),
      said.quotations.flatMap((quotation) => this.#quotation(said, quotation, passages)));
  }

  #quotation(said, quotation, passages) {
    const passage = passages.find((each) => each.passage_id === quotation.passage_id);
    const source = quoted(said, quotation);
    const whole = passage && (passage.segments.length > 1 || passage.lead_in);
    return [
      element("blockquote", { class: "quote", dir: "auto", lang: "" }, `“${quotation.text}”`),
      this.#source(source),
      whole ? element("p", { class: "around", dir: "auto", lang: "" }, element("span", { class: "label" }, "The passage around it"), passageText(passage)) : null,
      this.#actions(source),
    ];
  }

  /** Company and policy, heading, day, link, score: whose words these are. */
  #source(passage) {
    const evidence = passage.segments.find((segment) => segment.evidence) ?? passage.segments[0];
    return element("p", { class: "row source" },
      element("span", null, passage.policy.title),
      passage.heading ? element("span", null, `“${passage.heading}”`) : null,
      archived(passage.policy), score(passage), snapshotLink(passage.policy, evidence?.text));
  }

  #actions(passage) {
    return element("p", { class: "row source" },
      this.policyLink(passage, ["Read it in the policy", element("span", { class: "hidden" }, ` of ${passage.company.name}`)]),
      this.#copier("Copy as a citation", () => citation(passage)));
  }

  #copier(words, text) {
    const made = button("plain", words, async () => {
      const done = await copy(text());
      made.textContent = done ? "Copied" : "Your browser does not let this page copy";
      this.#announce(made.textContent);
      setTimeout(() => { made.textContent = words; }, 4000);
    });
    return made;
  }

  #correct(words) {
    this.#question.value = words;
    this.#setFresh(true);
    this.#question.focus();
  }

  #unknown(unknown, question) {
    const nearest = unknown.nearest.length
      ? element("div", { class: "nearest" }, element("span", null, "Did you mean"),
          unknown.nearest.map((name) => this.#chip(name, question.replace(unknown.name, () => name))))
      : element("p", null, "The list of companies shows whose policies are here.");
    return note("unknown_company", `No policy of ${unknown.name} is in this index`, nearest);
  }

  #failed(kind, title, what, error, question, exchange, again) {
    const nearest = error.problem?.nearest ?? [];
    return element("div", { class: "answer" }, note(kind, title, element("p", null, what),
      nearest.length ? element("p", null, `Nearest names: ${nearest.join(", ")}`) : null,
      button("chip", "Try again", () => {
        if (this.#asking) return;
        exchange.remove();
        this.#ask(question, again);
        this.#question.focus();
      })));
  }
}

/** The id that a path ends in; one that is no text is no id. */
function idIn(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

class AskPolicyPolicy extends Asking {
  connectedCallback() {
    if (!this.root.childElementCount) this.#load();
  }

  async #load({ again } = {}) {
    const id = this.getAttribute("policy") ?? idIn(location.pathname.slice(new URL("policies/", import.meta.url).pathname.length));
    const asked = new URLSearchParams(location.search);
    const evidence = asked.getAll("evidence").filter((span) => /^\d{1,9}-\d{1,9}$/.test(span)).slice(0, 20);
    this.root.replaceChildren(element("p", { class: "waiting column" }, "Opening the policy"));
    try {
      const path = new URL(`v1/policies/${encodeURIComponent(id)}`, "http://x");
      for (const span of evidence) path.searchParams.append("evidence", span);
      const policy = await (await this.request((path.pathname + path.search).slice(1))).json();
      this.root.replaceChildren(this.#policy(policy, asked.get("passage") ?? evidence[0] ?? ""));
      document.title = `${policy.company.name}: ${policy.title} · askpolicy`;
      const first = this.root.querySelector("mark, .passage");
      const at = first?.closest(".text > *, li") ?? this.root.querySelector("h1");
      at.tabIndex = -1;
      at.focus({ preventScroll: true });
      first?.scrollIntoView({ block: "center" });
    } catch (error) {
      const [title, what] = error.status === 404
        ? ["There is no such policy here", "It may have been replaced by a newer version. Ask again to find it."]
        : failure(error);
      this.root.replaceChildren(element("div", { class: "policy", role: "alert" }, element("section", { class: "note failed" }, element("h1", null, title), element("p", null, what),
        element("p", { class: "row" }, button("chip", "Try again", () => this.#load({ again: true })), element("a", { href: this.url("").href }, "Back to the questions")))));
      if (again) this.root.querySelector("button").focus();
    }
  }

  #policy(policy, passage) {
    const [start, end] = passage.split("-").map(Number);
    const back = this.url("");
    back.searchParams.set("company", policy.company.id);
    const text = element("div", { class: "text", lang: "" });
    let list = null;
    for (const block of policy.blocks) {
      const marked = block.start < end && start < block.end ? "passage" : null;
      if (block.kind === "item") {
        list ??= text.appendChild(element("ul", { dir: "auto" }));
        const item = element("li", { class: marked }, segmentsOf(block.segments));
        item.style.marginInlineStart = `${Math.min(block.level, 6)}em`;
        list.append(item);
        continue;
      }
      list = null;
      const tag = block.kind === "heading" ? `h${Math.min(4, Math.max(2, block.level))}` : "p";
      text.append(element(tag, { class: marked, dir: "auto", id: `at-${block.start}`, tabindex: block.kind === "heading" ? "-1" : null }, segmentsOf(block.segments)));
    }
    const go = (event, at) => {
      event.preventDefault();
      const heading = this.root.getElementById(`at-${at}`);
      heading?.scrollIntoView();
      heading?.focus({ preventScroll: true });
    };
    const headings = policy.headings.filter((heading) => heading.text);
    const wide = matchMedia("(min-width: 60rem)").matches;
    return element("article", { class: "policy", lang: "en" },
      element("header", null,
        element("p", { class: "company" }, policy.company.name),
        element("h1", { dir: "auto" }, policy.title),
        element("p", { class: "row source" }, archived(policy), snapshotLink(policy), element("a", { href: back.href }, `Ask what ${policy.company.name} says`))),
      headings.length ? element("nav", { class: "contents", "aria-label": "Contents" }, element("details", { open: wide },
        element("summary", null, "Contents"),
        element("ol", null, headings.map((heading) => element("li", null,
          element("a", { dir: "auto", href: `#at-${heading.start}`, onclick: (event) => go(event, heading.start) }, heading.text)))))) : null,
      text);
  }
}

customElements.define("askpolicy-chat", AskPolicyChat);
customElements.define("askpolicy-policy", AskPolicyPolicy);
