// <askpolicy-chat>: ask what privacy policies say, and read the passages that say so.
//
// One tag on any page: <script type="module" src="https://SERVER/widget.js"></script><askpolicy-chat></askpolicy-chat>
// The attribute `server` names another server than the one that this file came from.
// What the server sends is only ever set as text, never as HTML.

const STYLE = `
:host {
  --surface: #ffffff; --page: #f6f4ef; --ink: #1d2321; --quiet: #59625f; --line: #dcd8ce; --field: #858c86;
  --accent: #0f5c5c; --on-accent: #ffffff; --tint: #e3efec; --mark: #ffe89a; --on-mark: #1d2321;
  --warn: #8a4b00; --warn-tint: #fdf1de; --error: #a3201d; --error-tint: #fbe9e7;
  display: flex; flex-direction: column; height: 40rem; min-height: 20rem; color: var(--ink); background: var(--page);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :host {
    --surface: #1e2423; --page: #151918; --ink: #e9ece9; --quiet: #a5afab; --line: #343d3a; --field: #7f8a86;
    --accent: #7fd0c8; --on-accent: #0b2221; --tint: #1f3432; --mark: #6b5a14; --on-mark: #fff6d6;
    --warn: #f0bd7a; --warn-tint: #33291a; --error: #ffaba4; --error-tint: #3a2020;
  }
}
:host([hidden]) { display: none; }
* { box-sizing: border-box; }
h2, h3, p, blockquote, ul { margin: 0; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
a { color: var(--accent); text-underline-offset: 0.15em; }
button, textarea, select { font: inherit; color: inherit; }
button { cursor: pointer; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.log { position: relative; flex: 1 1 auto; min-height: 0; overflow-y: auto; overflow-wrap: anywhere; padding: 1.25rem 1rem; }
.log:focus-visible { outline-offset: -3px; }
.column { width: 100%; max-width: 60rem; margin-inline: auto; }
.welcome h2 { font-size: 1.35rem; line-height: 1.25; letter-spacing: -0.01em; }
.welcome p { color: var(--quiet); margin-top: 0.35rem; max-width: 44rem; text-wrap: pretty; }
.suggested { display: flex; flex-wrap: wrap; gap: 0.5rem; margin-top: 1rem; padding: 0; list-style: none; }
.chip {
  padding: 0.45rem 0.85rem; border: 1px solid var(--field); border-radius: 1.5rem; background: var(--surface);
  text-align: start; line-height: 1.35; min-height: 2.25rem;
}
.chip:hover { border-color: var(--accent); background: var(--tint); }

.exchange { position: relative; margin-top: 1.5rem; }
.asked { display: flex; justify-content: flex-end; }
.asked p {
  max-width: min(44rem, 90%); padding: 0.6rem 1rem; border-radius: 1.1rem 1.1rem 0.25rem 1.1rem;
  background: var(--accent); color: var(--on-accent); white-space: pre-wrap;
}
.about { display: block; font-size: 0.85rem; opacity: 0.9; }
.answer { margin-top: 0.85rem; display: grid; gap: 0.85rem; }
.understood { color: var(--quiet); font-size: 0.95rem; }
.blocks { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 0.85rem; align-items: start; }
.card {
  padding: 1.1rem 1.25rem; border: 1px solid var(--line); border-inline-start: 4px solid var(--accent);
  border-radius: 0.6rem; background: var(--surface);
}
.card > * + * { margin-top: 0.75rem; }
.company { font-size: 1rem; line-height: 1.3; }
.quote { font: 500 1.3rem/1.42 ui-serif, Georgia, "Times New Roman", serif; text-wrap: pretty; }
.source { font-size: 0.92rem; color: var(--quiet); display: flex; flex-wrap: wrap; gap: 0.1rem 0.9rem; }
.source > * { min-width: 0; }
.around { font-size: 0.95rem; color: var(--quiet); border-top: 1px solid var(--line); padding-top: 0.75rem; }
.around .label { display: block; font-size: 0.8rem; font-weight: 600; margin-bottom: 0.15rem; }
mark { background: var(--mark); color: var(--on-mark); padding: 0.05em 0.15em; border-radius: 0.2em; box-decoration-break: clone; -webkit-box-decoration-break: clone; }
.score { border-bottom: 1px dotted currentColor; cursor: help; }

.note { padding: 0.9rem 1.1rem; border-radius: 0.6rem; border: 1px solid; }
.note > * + * { margin-top: 0.4rem; }
.note h3 { font-size: 1.05rem; line-height: 1.35; }
.note.not_stated { border: 2px dashed var(--field); background: var(--surface); }
.note.unknown_company { border-color: var(--warn); background: var(--warn-tint); }
.note.unknown_company h3 { color: var(--warn); }
.note.out_of_scope { border-color: var(--line); background: transparent; color: var(--quiet); }
.note.failed { border-color: var(--error); background: var(--error-tint); }
.note.failed h3 { color: var(--error); }
.nearest { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; }

details { border: 1px solid var(--line); border-radius: 0.6rem; background: var(--surface); }
summary { padding: 0.6rem 1.1rem; cursor: pointer; border-radius: 0.6rem; }
.others { margin: 0; padding: 0 1.1rem 0.6rem; list-style: none; }
.others li { padding: 0.8rem 0; border-top: 1px solid var(--line); }
.others li > * + * { margin-top: 0.3rem; }
.waiting { color: var(--quiet); }
.waiting::after { content: "…"; }
@media (prefers-reduced-motion: no-preference) {
  .waiting { animation: breathe 1.4s ease-in-out infinite alternate; }
  @keyframes breathe { to { opacity: 0.45; } }
}

form { flex: none; border-top: 1px solid var(--line); background: var(--surface); padding: 0.75rem 1rem 0.6rem; }
.fields { display: grid; grid-template-columns: minmax(8rem, 14rem) minmax(0, 1fr) auto; gap: 0.25rem 0.6rem; align-items: end; }
label { font-size: 0.85rem; font-weight: 600; display: grid; gap: 0.2rem; }
textarea, select { width: 100%; min-height: 2.75rem; padding: 0.55rem 0.75rem; border: 1px solid var(--field); border-radius: 0.5rem; background: var(--page); font-weight: 400; font-size: 1rem; }
textarea::placeholder { color: var(--quiet); opacity: 1; }
textarea { display: block; resize: none; max-height: 9rem; field-sizing: content; }
.ask { min-height: 2.75rem; padding: 0.5rem 1.3rem; border: 1px solid var(--accent); border-radius: 0.5rem; background: var(--accent); color: var(--on-accent); font-weight: 600; }
.ask[aria-disabled="true"] { opacity: 0.6; cursor: progress; }
.foot { display: flex; justify-content: space-between; align-items: center; gap: 0 1rem; line-height: 1.35; margin-top: 0.45rem; font-size: 0.82rem; color: var(--quiet); }
.plain { flex: none; border: 0; background: none; padding: 0.2rem; min-height: 1.5rem; color: var(--accent); text-decoration: underline; }
@media (max-width: 40rem) {
  .fields { grid-template-columns: minmax(0, 1fr) auto; }
  .fields .pick { grid-column: 1 / -1; grid-template-columns: auto minmax(0, 1fr); align-items: center; gap: 0.6rem; }
  .pick select { min-height: 2.25rem; padding-block: 0.3rem; }
  .log { padding: 1rem 0.75rem; }
  form { padding-inline: 0.75rem; }
  .card { padding: 0.9rem 1rem; }
  .quote { font-size: 1.15rem; }
}
`;

const SCORE_WORDS = [[0.75, "strong match"], [0.5, "good match"], [0.25, "weak match"], [0, "faint match"]];
const SUGGESTED = [
  (name) => `Does ${name} sell my personal data?`,
  (name) => `Does ${name} notify me on acquisition?`,
  (name) => `How do I stop emails from ${name}?`,
  (name) => `Does ${name} use cookies?`,
];
const SUGGESTED_OF_ALL = "Who shares data with advertisers?";
const LONGEST_QUESTION = 2000;
const LONGEST_HISTORY = 20;
const TIMEOUT_MS = 30_000;

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

/** A link to the snapshot that the policy was read from; none where the address is not of the web. */
function snapshotLink(policy) {
  let url;
  try {
    url = new URL(policy.source_url);
  } catch {
    return null;
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return null;
  return element("a", { href: url.href, rel: "noopener noreferrer", target: "_blank" },
    "original snapshot", element("span", { class: "hidden" }, " (opens a new tab)"));
}

function archived(policy) {
  if (!policy.archived_on) return element("span", null, "undated");
  const day = new Date(`${policy.archived_on}T00:00:00Z`);
  const words = day.toLocaleDateString("en-GB", { dateStyle: "long", timeZone: "UTC" });
  return element("span", null, "archived ", element("time", { datetime: policy.archived_on }, words));
}

function score(passage) {
  const [, words] = SCORE_WORDS.find(([lowest]) => passage.score >= lowest);
  return element("span", { class: "score", title: `score ${passage.score.toFixed(2)} of 1` }, words);
}

/** Company and policy, heading, day, link, score: whose words these are. */
function source(passage) {
  return element("p", { class: "source" },
    element("span", null, passage.policy.title),
    passage.heading ? element("span", null, `“${passage.heading}”`) : null,
    archived(passage.policy), score(passage), snapshotLink(passage.policy));
}

/** The passage, with what introduces it, its evidence marked. */
function passageText(passage) {
  const pieces = passage.segments.flatMap((segment) => [segment.evidence ? element("mark", null, segment.text) : segment.text, " "]);
  return [passage.lead_in ? `${passage.lead_in} ` : null, ...pieces];
}

/** The evidence alone; "…" stands where words between are left out. */
function quote(passage) {
  const words = [];
  let gap = false;
  for (const segment of passage.segments) {
    if (segment.evidence) {
      if (gap && words.length) words.push("…");
      words.push(segment.text);
    }
    gap = !segment.evidence;
  }
  return `“${words.join(" ")}”`;
}

function companyBlock(passage) {
  const whole = passage.segments.length > 1 || passage.lead_in;
  return element("article", { class: "card" },
    element("h3", { class: "company" }, passage.company.name),
    element("blockquote", { class: "quote", dir: "auto" }, quote(passage)),
    source(passage),
    whole ? element("p", { class: "around", dir: "auto" }, element("span", { class: "label" }, "The passage around it"), passageText(passage)) : null);
}

function note(kind, title, ...more) {
  return element("section", { class: `note ${kind}` }, element("h3", null, title), ...more);
}

function otherPassages(passages, title) {
  if (!passages.length) return null;
  return element("details", { class: "other" },
    element("summary", null, `${title} (${passages.length})`),
    element("ul", { class: "others" }, passages.map((passage) => element("li", null,
      element("h3", { class: "company" }, passage.company.name),
      element("p", { dir: "auto" }, passageText(passage)),
      source(passage)))));
}

/** What a failed request means, in words: a title and what to do. */
function failure(error) {
  if (error.problem) return [error.problem.title, error.problem.detail];
  if (error.name === "TimeoutError") return ["The server takes too long", "It did not answer within half a minute. Try again in a while."];
  if (error.status) return [`The server answered with an error (${error.status})`, "Try again in a while."];
  return ["The server cannot be reached", "Check the connection, and that the server runs; then try again."];
}

class AskPolicyChat extends HTMLElement {
  #root = this.attachShadow({ mode: "open" });
  #history = [];
  #busy = false;
  #log;
  #question;
  #picker;
  #button;

  connectedCallback() {
    if (this.#log) return;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    this.#root.adoptedStyleSheets = [sheet];
    this.#log = element("div", { class: "log", role: "log", "aria-live": "polite", "aria-label": "Questions and answers", tabindex: "0" });
    this.#question = element("textarea", {
      name: "question", rows: "1", maxlength: String(LONGEST_QUESTION), enterkeyhint: "send", autocomplete: "off",
      placeholder: "Who sells my data?", onkeydown: (event) => this.#keyed(event),
    });
    this.#picker = element("select", { name: "company" }, element("option", { value: "" }, "All companies"));
    this.#button = element("button", { class: "ask", type: "submit" }, "Ask");
    const form = element("form", { onsubmit: (event) => this.#submitted(event) },
      element("div", { class: "column" },
        element("div", { class: "fields" },
          element("label", { class: "pick" }, "Company", this.#picker),
          element("label", null, "Your question", this.#question),
          this.#button),
        element("div", { class: "foot" },
          element("p", null, "An automated system; it can miss a passage. No legal advice."),
          element("button", { class: "plain", type: "button", onclick: () => this.#startOver() }, "Start over"))));
    this.#root.append(this.#log, form);
    this.#welcome([]);
    this.#loadCompanies();
  }

  #url(path) {
    const base = this.getAttribute("server") ?? new URL(".", import.meta.url).href;
    return new URL(path, base.endsWith("/") ? base : `${base}/`);
  }

  async #fetch(path, body) {
    const options = { signal: AbortSignal.timeout(TIMEOUT_MS), credentials: "omit" };
    if (body) Object.assign(options, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    const response = await fetch(this.#url(path), options);
    if (response.ok) return response.json();
    const told = (response.headers.get("content-type") ?? "").startsWith("application/problem+json");
    throw Object.assign(new Error("refused"), { status: response.status, problem: told ? await response.json() : null });
  }

  async #loadCompanies() {
    try {
      const { companies } = await this.#fetch("v1/companies");
      this.#picker.append(...companies.map((company) => element("option", { value: company.id }, company.name)));
      if (!this.#root.querySelector(".exchange")) this.#welcome(companies);
    } catch (error) {
      const [title, what] = failure(error);
      this.#log.append(element("div", { class: "column exchange" }, note("failed", title, element("p", null, what),
        element("button", { class: "chip", type: "button", onclick: (event) => { event.target.closest(".exchange").remove(); this.#loadCompanies(); } }, "Try again"))));
    }
  }

  #welcome(companies) {
    const names = companies.slice(0, SUGGESTED.length).map((company) => company.name);
    const questions = [...names.map((name, place) => SUGGESTED[place](name)), ...(companies.length > 1 ? [SUGGESTED_OF_ALL] : [])];
    this.#log.replaceChildren(element("section", { class: "column welcome" },
      element("h2", null, "What would you like to know?"),
      element("p", null, "Name a company, or pick one below. Every answer is a quote with its date and its source; where a policy does not say, you are told."),
      element("ul", { class: "suggested" }, questions.map((question) => element("li", null, this.#chip(question, question))))));
  }

  #chip(words, question) {
    return element("button", { class: "chip", type: "button", onclick: () => this.#ask(question) }, words);
  }

  #keyed(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.#button.form.requestSubmit();
    }
  }

  #submitted(event) {
    event.preventDefault();
    const question = this.#question.value.trim();
    if (question) this.#ask(question);
    else this.#question.focus();
  }

  async #ask(question) {
    if (this.#busy) return;
    this.#setBusy(true);
    const company = this.#picker.value;
    const about = company ? this.#picker.selectedOptions[0].textContent : null;
    const waiting = element("p", { class: "waiting" }, "Reading the policies");
    const exchange = element("section", { class: "column exchange" },
      element("div", { class: "asked" }, element("p", { dir: "auto" },
        element("span", { class: "hidden" }, "You asked: "), question, about ? element("span", { class: "about" }, `about ${about}`) : null)),
      waiting);
    this.#log.append(exchange);
    this.#reveal(exchange);
    try {
      const body = { question, k: 5, history: this.#history.slice(-LONGEST_HISTORY) };
      if (company) body.companies = [company];
      const answer = await this.#fetch("v1/ask", body);
      waiting.replaceWith(this.#answer(answer));
      this.#history.push(question);
      if (this.#question.value.trim() === question) this.#question.value = "";
    } catch (error) {
      waiting.replaceWith(this.#failed(error, question, exchange));
    } finally {
      this.#setBusy(false);
    }
    this.#reveal(exchange);
  }

  /** Scrolls the log, and the page only where the log does not scroll by itself: an embedded chat moves nobody's page. */
  #reveal(exchange) {
    if (this.#log.scrollHeight > this.#log.clientHeight) this.#log.scrollTop = exchange.offsetTop - 16;
    else exchange.scrollIntoView({ block: "nearest" });
  }

  #setBusy(busy) {
    this.#busy = busy;
    this.#button.setAttribute("aria-disabled", String(busy));
  }

  #answer(answer) {
    const parts = [];
    if (answer.standalone_question !== answer.question) {
      parts.push(element("p", { class: "understood" }, "Understood as: ", element("q", { dir: "auto" }, answer.standalone_question)));
    }
    if (answer.outcome === "out_of_scope") {
      parts.push(note("out_of_scope", "This is not a question about a privacy policy",
        element("p", null, "Ask what a company collects, shares, keeps or lets you decide.")));
    }
    for (const unknown of answer.unknown_companies) parts.push(this.#unknown(unknown, answer.question));
    const best = new Map();
    if (answer.outcome === "answered") {
      for (const passage of answer.passages) {
        if (passage.evidence.length && !best.has(passage.company.id)) best.set(passage.company.id, passage);
      }
    }
    const silent = answer.outcome === "answered" || answer.outcome === "not_stated" ? this.#silent(answer, best) : [];
    if (best.size || silent.length) parts.push(element("div", { class: "blocks" }, [...best.values()].map(companyBlock), silent));
    const shown = new Set(best.values());
    const others = answer.passages.filter((passage) => !shown.has(passage));
    parts.push(otherPassages(others, best.size ? "Other passages" : "Nearest passages"));
    return element("div", { class: "answer" }, parts);
  }

  #silent(answer, best) {
    const names = [...new Set(answer.companies.filter((company) => !best.has(company.id)).map((company) => company.name))];
    const found = answer.passages.length && !best.size ? "No passage was found that answers. Judge the nearest for yourself." : "No passage was found that answers.";
    const silent = (title) => note("not_stated", title, element("p", { class: "understood" }, found));
    if (names.length) return names.map((name) => silent(`The policy of ${name} does not say`));
    return best.size ? [] : [silent("None of the policies says")];
  }

  #unknown(unknown, question) {
    const nearest = unknown.nearest.length
      ? element("div", { class: "nearest" }, element("span", null, "Did you mean"),
          unknown.nearest.map((name) => this.#chip(name, question.replace(unknown.name, () => name))))
      : element("p", null, "The list of companies shows whose policies are here.");
    return note("unknown_company", `No policy of ${unknown.name} is in this index`, nearest);
  }

  #failed(error, question, exchange) {
    const [title, what] = failure(error);
    const nearest = error.problem?.nearest ?? [];
    return element("div", { class: "answer" }, note("failed", title, element("p", null, what),
      nearest.length ? element("p", null, `Nearest names: ${nearest.join(", ")}`) : null,
      element("button", { class: "chip", type: "button", onclick: () => { exchange.remove(); this.#ask(question); this.#question.focus(); } }, "Try again")));
  }

  #startOver() {
    this.#history = [];
    this.#picker.value = "";
    const companies = [...this.#picker.options].slice(1).map((option) => ({ id: option.value, name: option.textContent }));
    this.#welcome(companies);
    this.#question.focus();
  }
}

customElements.define("askpolicy-chat", AskPolicyChat);
