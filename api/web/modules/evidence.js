// The dialog with what stands behind a cell. Escape closes it, and the focus goes back to the cell.

import { wordOf } from "./cells.js";
import { button, element, unseen } from "./dom.js";
import { dated, originalLink, policyLink } from "./policies.js";
import { url } from "./server.js";

const OUTCOMES = {
  unclear: "The policy may not say. This comes closest:",
  not_stated: "No passage was found that answers.",
  no_version: "There is no version of that day.",
  unsupported_language: "The policy is not in a language that is read.",
  unknown_company: "No policy of this company is in the index.",
  out_of_scope: "This is not a question about a privacy policy.",
};

export class EvidenceDialog {
  #dialog = element("dialog", { class: "evidence", "aria-labelledby": "evidence-title", onclick: (event) => this.#clicked(event), onclose: () => this.#closed() });
  #opener = null;
  #whenClosed;

  constructor({ whenClosed }) {
    this.#whenClosed = whenClosed;
    this.node = this.#dialog;
  }

  /** Shows what `cell` quotes; the focus goes back to `opener`. */
  open(cell, item, { asOf, calibrated, opener }) {
    this.#opener = opener;
    this.#dialog.replaceChildren(
      element("header", null,
        element("h2", { id: "evidence-title", dir: "auto", tabindex: "-1" }, `${cell.company.name}: ${wordOf(cell)}`),
        button("close", "Close", () => this.#dialog.close(), { "aria-keyshortcuts": "Escape" })),
      element("div", { class: "body" },
        element("p", { class: "asked", dir: "auto" }, cell.question),
        this.#outcome(cell, item),
        cell.quotations.map((quotation) => this.#quotation(quotation)),
        this.#foot(cell, item, { asOf, calibrated })));
    this.#dialog.showModal();
    this.#dialog.scrollTop = 0;
    this.#dialog.querySelector("h2").focus();
  }

  #outcome(cell, item) {
    const silence = cell.outcome === "not_stated" && item.silence ? element("p", { class: "silence" }, item.silence) : null;
    const words = cell.note ?? OUTCOMES[cell.outcome];
    return [words ? element("p", null, words) : null, silence];
  }

  #quotation(quotation) {
    const { policy, heading, start, end, spans } = quotation;
    return element("article", null,
      element("blockquote", { dir: "auto", lang: policy.language }, `“${quotation.text}”`),
      element("p", { class: "row source" },
        element("span", { dir: "auto" }, policy.title), heading ? element("span", { dir: "auto" }, `“${heading}”`) : null, dated(policy)),
      element("p", { class: "row source" },
        policyLink(policy, { start, end, evidence: spans }, "Read it in the policy", unseen(` at ${heading ?? policy.title}`)), originalLink(policy)));
  }

  #foot(cell, item, { asOf, calibrated }) {
    const timeline = url("timeline");
    timeline.searchParams.set("company", cell.company.id ?? "");
    const probability = calibrated && cell.quotations.length ? element("span", null, `probability that this answers: ${cell.probability.toFixed(2)}`) : null;
    return element("p", { class: "row source foot" },
      probability,
      item.source ? element("span", null, `asked because of: ${item.source}`) : null,
      asOf ? element("span", null, `as of ${asOf}`) : null,
      cell.company.id ? element("a", { href: timeline.href }, `Changes over time at ${cell.company.name}`) : null);
  }

  #clicked(event) {
    // the backdrop belongs to the dialog itself
    if (event.target === this.#dialog) this.#dialog.close();
  }

  #closed() {
    this.#opener?.focus();
    this.#whenClosed();
  }
}
