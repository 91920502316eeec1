// How the chat looks. What stands around it cannot leak in: everything that is inherited begins anew at `.chat`.

/** Each colour in the light and in the dark; a page sets another as `--askpolicy-NAME`. @type {Record<string, [string, string]>} */
const COLOURS = {
  surface: ["#fff", "#1e2423"], page: ["#f6f4ef", "#151918"], ink: ["#1d2321", "#e9ece9"], quiet: ["#59625f", "#a5afab"],
  line: ["#dcd8ce", "#343d3a"], field: ["#7b827c", "#7f8a86"], accent: ["#0f5c5c", "#7fd0c8"], "on-accent": ["#fff", "#0b2221"],
  tint: ["#e3efec", "#1f3432"], mark: ["#ffe89a", "#6b5a14"], "on-mark": ["#1d2321", "#fff6d6"], warn: ["#8a4b00", "#f0bd7a"],
  "warn-tint": ["#fdf1de", "#33291a"], error: ["#a3201d", "#ffaba4"], "error-tint": ["#fbe9e7", "#3a2020"],
};

/** @param {0 | 1} scheme */
function colours(scheme) {
  const set = Object.entries(COLOURS).map(([name, each]) => `--${name}: var(--askpolicy-${name}, ${each[scheme]});`);
  return `${set.join(" ")} color-scheme: ${scheme ? "dark" : "light"};`;
}

const STYLE = `
:host { display: block; }
:host(askpolicy-chat) { height: 640px; min-height: 320px; }
:host([launcher]) { display: contents; }
:host([hidden]), [hidden] { display: none !important; }
.chat { all: initial; direction: ltr; box-sizing: border-box; display: block; height: 100%; ${colours(0)} color: var(--ink); overflow-wrap: anywhere;
  --radius: var(--askpolicy-radius, 10px); font: medium/1.5 var(--askpolicy-font, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif); }
@media (prefers-color-scheme: dark) { :host(:not([theme="light"])) .chat { ${colours(1)} } }
:host([theme="dark"]) .chat { ${colours(1)} }
* { box-sizing: border-box; }
h1, h2, h3, h4, p, blockquote, ul, ol { margin: 0; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
a { color: var(--accent); text-underline-offset: 0.15em; }
button, textarea, input { font: inherit; color: inherit; letter-spacing: inherit; margin: 0; }
button { cursor: pointer; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.column { width: 100%; max-width: 60em; margin-inline: auto; }
.plain { border: 0; background: none; padding: 0.2em; min-height: 24px; color: var(--accent); text-decoration: underline; text-underline-offset: 0.15em; font-size: inherit; text-align: start; }
.row { display: flex; flex-wrap: wrap; gap: 0.1em 0.9em; align-items: baseline; }
.row > * { min-width: 0; }
.row > .plain { margin-inline-start: -0.2em; }
mark { background: var(--mark); color: var(--on-mark); padding: 0.05em 0.15em; border-radius: 0.2em; box-decoration-break: clone; -webkit-box-decoration-break: clone; }

.panel { display: flex; flex-direction: column; height: 100%; background: var(--page); container-type: inline-size; }
.log { position: relative; flex: 1 1 auto; min-height: 0; overflow-y: auto; padding: 1.25em 1em; }
.log:focus-visible { outline-offset: -3px; }
.welcome h2 { font-size: 1.35em; line-height: 1.25; }
.welcome p { color: var(--quiet); margin-top: 0.35em; max-width: 44em; text-wrap: pretty; }
.suggested { display: flex; flex-wrap: wrap; gap: 0.5em; margin: 1em 0 0; padding: 0; list-style: none; }
.chip { padding: 0.45em 0.85em; border: 1px solid var(--field); border-radius: 1.5em; background: var(--surface); text-align: start; line-height: 1.35; min-height: 36px; }
.chip:hover { border-color: var(--accent); background: var(--tint); }

.exchange { position: relative; margin-top: 1.5em; }
.asked { display: flex; justify-content: flex-end; }
.asked p { max-width: min(44em, 90%); padding: 0.6em 1em; border-radius: 1.1em 1.1em 0.25em 1.1em; background: var(--accent); color: var(--on-accent); white-space: pre-wrap; }
.about { display: block; font-size: 0.85em; }
.answer { margin-top: 0.85em; display: grid; grid-template-columns: minmax(0, 1fr); gap: 0.85em; }
.reply { justify-self: start; max-width: min(44em, 90%); padding: 0.6em 1em; border-radius: 1.1em 1.1em 1.1em 0.25em; background: var(--surface); border: 1px solid var(--line); }
.understood { color: var(--quiet); font-size: 0.95em; }
.card { padding: 1.1em 1.25em; border: 1px solid var(--line); border-inline-start: 4px solid var(--accent); border-radius: var(--radius); background: var(--surface); }
.card > * + *, .says > * + * { margin-top: 0.6em; }
.company { font-size: 1em; font-weight: 600; line-height: 1.3; }
.card .company { color: var(--quiet); }
.quote { font: 500 1.25em/1.42 ui-serif, Georgia, "Times New Roman", serif; text-wrap: pretty; }
.quote ul, .around ul { padding-inline-start: 1.2em; }
.quote + .quote { margin-top: 0.4em; }
.verdict { font-size: 1.75em; font-weight: 700; line-height: 1.2; margin-top: 0.1em !important; }
.verdict.answered { font-size: 1em; font-weight: 600; color: var(--quiet); }
.verdict.unclear { color: var(--warn); }
.verdict:is(.not_stated, .no_version, .unsupported_language) { color: var(--quiet); }
.card:is(.unclear, .not_stated, .no_version, .unsupported_language) { border-inline-start: 4px dashed var(--field); }
.also { border-top: 1px solid var(--line); padding-top: 0.6em; }
.also h4 { font-size: 0.9em; color: var(--quiet); }
.also .quote, .table .quote { font-size: 1.05em; }
.also > * + * { margin-top: 0.4em; }
.part > h3, .count { font-size: 1.15em; font-weight: 650; margin-bottom: 0.4em; }
.count + .understood { margin-block: -0.3em 0.7em; }
.source { font-size: 0.9em; color: var(--quiet); }
.old { color: var(--warn); font-weight: 600; }
.around { font-size: 0.95em; padding: 0.2em 1.1em 0.8em; }
.score { border-bottom: 1px dotted currentColor; cursor: help; }

.table { width: 100%; border-collapse: separate; border-spacing: 0; border: 1px solid var(--line); border-radius: var(--radius); background: var(--surface); }
.table th, .table td { padding: 0.8em 1em; text-align: start; vertical-align: top; border-bottom: 1px solid var(--line); }
.table tr:last-child > * { border-bottom: 0; }
.table thead th { font-size: 0.85em; color: var(--quiet); padding-block: 0.5em; }
.table tbody th { width: 20%; }
.table .verdict { font-size: 1.05em; white-space: nowrap; }
.table tbody td:nth-child(2) { width: 1%; }
@container (max-width: 44em) {
  .table, .table tbody, .table tr, .table th, .table td { display: block; width: auto !important; }
  .table { border: 0; background: none; }
  .table thead { position: absolute; clip-path: inset(50%); }
  .table tr { border: 1px solid var(--line); border-radius: var(--radius); background: var(--surface); padding: 0.6em 0; margin-bottom: 0.7em; }
  .table tr > * { border: 0; padding: 0.2em 1em; }
}

.note { padding: 0.9em 1.1em; border-radius: var(--radius); border: 1px solid var(--field); }
.note > * + * { margin-top: 0.4em; }
.note :is(h1, h3) { font-size: 1.05em; line-height: 1.35; }
.note.unknown_company { border-color: var(--warn); background: var(--warn-tint); }
.note.unknown_company h3 { color: var(--warn); }
.note:is(.out_of_scope, .stopped) { border-style: dotted; color: var(--quiet); }
.note.failed { border-color: var(--error); background: var(--error-tint); }
.note.failed :is(h1, h3) { color: var(--error); }
.nearest { display: flex; flex-wrap: wrap; gap: 0.5em; align-items: center; }

details { border: 1px solid var(--line); border-radius: var(--radius); background: var(--surface); }
summary { padding: 0.45em 1.1em; cursor: pointer; border-radius: var(--radius); }
:is(.card, .table) details { font-size: 0.95em; }
.others { margin: 0; padding: 0 1.1em 0.6em; list-style: none; }
.others > li { padding: 0.8em 0; border-top: 1px solid var(--line); }
.others > li > * + * { margin-top: 0.3em; }
.waiting { color: var(--quiet); margin-top: 0.85em; }
.waiting::after { content: "…"; }
@media (prefers-reduced-motion: no-preference) {
  .waiting { animation: breathe 1.4s ease-in-out infinite alternate; }
  @keyframes breathe { to { opacity: 0.45; } }
}

form { flex: none; border-top: 1px solid var(--line); background: var(--surface); padding: 0.75em 1em 0.6em; }
.fields { display: grid; grid-template: "pick question ask" "foot foot foot" / minmax(8em, 15em) minmax(0, 1fr) auto; gap: 0.25em 0.6em; align-items: end; }
.pick { grid-area: pick; } .asks { grid-area: question; } .ask { grid-area: ask; } .foot { grid-area: foot; }
.fields.alone { grid-template: "question ask" "foot foot" / minmax(0, 1fr) auto; }
label { display: block; font-size: 0.85em; font-weight: 600; margin-bottom: 0.2em; }
textarea, input { display: block; width: 100%; min-height: 44px; padding: 0.55em 0.75em; border: 1px solid var(--field); border-radius: 0.5em; background: var(--page); }
::placeholder { color: var(--quiet); opacity: 1; }
textarea { resize: none; max-height: 9em; field-sizing: content; }
.combo { position: relative; }
.combo input { padding-inline-end: 2.5em; }
.clear { position: absolute; inset-inline-end: 0.35em; top: 50%; translate: 0 -50%; width: 30px; height: 30px; padding: 0; border: 0; border-radius: 50%; background: none; }
.clear:hover { background: var(--tint); }
[role="listbox"] { position: absolute; bottom: calc(100% + 0.3em); inset-inline: 0; min-width: min(16em, 80vw); max-height: min(18em, 45vh); overflow-y: auto; margin: 0; padding: 0.3em; list-style: none; background: var(--surface); border: 1px solid var(--field); border-radius: 0.5em; z-index: 1; box-shadow: 0 0.3em 1.2em #0003; }
[role="option"] { padding: 0.4em 0.6em; border-radius: 0.35em; cursor: pointer; min-height: 32px; }
[role="option"][aria-selected="true"] { background: var(--tint); outline: 2px solid var(--accent); outline-offset: -2px; }
.none { padding: 0.4em 0.6em; color: var(--quiet); }
.ask { min-height: 44px; min-width: 4.5em; padding: 0.5em 1.1em; border: 1px solid var(--accent); border-radius: 0.5em; background: var(--accent); color: var(--on-accent); font-weight: 600; }
.ask.stop { background: var(--surface); color: var(--accent); }
.foot { display: flex; justify-content: space-between; align-items: center; gap: 0 1em; line-height: 1.35; margin-top: 0.2em; font-size: 0.82em; color: var(--quiet); }
.foot .plain { flex: none; }
.as-of { display: flex; flex-wrap: wrap; gap: 0 0.6em; align-items: baseline; margin-bottom: 0.3em; font-size: 0.9em; }
@container (max-width: 40em) {
  .fields:not(.alone) { grid-template: "question ask" "pick foot" / minmax(0, 1fr) auto; gap: 0.5em 0.6em; align-items: center; }
  label, .notice:not(.told) { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .notice.told { flex-basis: 100%; }
  .pick input { min-height: 32px; padding-block: 0.2em; font-size: 1em; }
  .foot { margin: 0; justify-content: end; flex-wrap: wrap; }
  .log { padding: 1em 0.75em; }
  form { padding: 0.5em 0.75em; }
  .card { padding: 0.9em 1em; }
  .quote { font-size: 1.12em; }
}

.floating { position: fixed; inset-block-end: 16px; inset-inline-end: 16px; z-index: var(--askpolicy-z-index, 2147483000); height: auto; }
:host([launcher="start"]) .floating { inset-inline: 16px auto; }
.launch { padding: 0.8em 1.2em; border: 1px solid var(--accent); border-radius: 2em; background: var(--accent); color: var(--on-accent); font-weight: 600; box-shadow: 0 4px 18px #0004; }
.floating .panel { width: min(420px, calc(100vw - 32px)); height: min(640px, calc(100vh - 32px)); border: 1px solid var(--line); border-radius: var(--radius); overflow: hidden; box-shadow: 0 8px 40px #0005; }
.bar { display: flex; justify-content: space-between; align-items: center; gap: 1em; padding: 0.5em 0.5em 0.5em 1em; background: var(--accent); color: var(--on-accent); }
.bar h2 { font-size: 1em; }
.bar button { width: 36px; height: 36px; padding: 0; border: 0; border-radius: 50%; background: none; font-size: 1.3em; line-height: 1; }
.bar button:focus-visible { outline-color: currentColor; outline-offset: -4px; }
@media (max-width: 480px) {
  .floating.opened { inset: 0 !important; }
  .floating .panel { width: 100%; height: 100%; border: 0; border-radius: 0; }
}

.policy { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1.25em 2.5em; max-width: 76em; margin: 0 auto; padding: 1.5em 1em 4em; width: 100%; }
.policy h1 { font-size: 1.6em; line-height: 1.25; }
.policy .source { margin-top: 0.5em; }
.contents { font-size: 0.92em; }
.contents ol { list-style: none; padding: 0 1.1em 0.7em; }
.contents a { display: block; padding: 0.2em 0; }
.text { max-width: 46em; }
.text > * { margin-block: 0.6em; scroll-margin-top: 1em; }
.text :is(h2, h3, h4) { margin-top: 1.3em; line-height: 1.3; }
.text h2 { font-size: 1.3em; } .text h3 { font-size: 1.12em; } .text h4 { font-size: 1em; }
.text li { margin-block: 0.35em; }
.text .passage { border-inline-start: 4px solid var(--accent); background: var(--surface); padding: 0.35em 0.8em; margin-inline-start: -0.8em; }
@media (min-width: 60em) {
  .policy { grid-template-columns: minmax(0, 17em) minmax(0, 1fr); }
  .policy header { grid-column: 1 / -1; }
  .contents { position: sticky; top: 1em; align-self: start; max-height: calc(100vh - 2em); overflow-y: auto; }
}
@media (forced-colors: active) {
  mark { forced-color-adjust: none; background: Mark; color: MarkText; }
  .asked p, .ask, .launch { border: 1px solid ButtonText; }
}
`;

/** Gives a shadow root the style; a browser without constructed sheets gets an element of it. @param {ShadowRoot} root */
export function dress(root) {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
  } catch {
    const style = document.createElement("style");
    style.textContent = STYLE;
    root.append(style);
  }
}
