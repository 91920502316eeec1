// How a policy is told: its days, and links to it here and to where it was had.

import { element, unseen } from "./dom.js";
import { url } from "./server.js";

export function day(iso) {
  return new Date(`${iso}T00:00:00Z`).toLocaleDateString("en-GB", { dateStyle: "long", timeZone: "UTC" });
}

export function time(iso) {
  return element("time", { datetime: iso }, day(iso));
}

/** From when a policy is: the day that it was recorded, and the one that it states. */
export function dated(policy) {
  const stated = policy.effective_on !== policy.archived_on ? policy.effective_on : null;
  const known = [["archived", policy.archived_on], ["effective", stated]].filter(([, iso]) => iso);
  if (!known.length) return element("span", null, "undated");
  return element("span", null, known.map(([word, iso], place) => [`${place ? ", " : ""}${word} `, time(iso)]));
}

/** The link to the page of a policy, at the passage `start:end`, with the spans of `evidence` marked. */
export function policyLink(policy, { start, end, evidence = [] }, ...words) {
  const address = url(`policies/${encodeURIComponent(policy.id)}`);
  address.searchParams.append("passage", `${start}-${end}`);
  for (const span of evidence) address.searchParams.append("evidence", `${span.start}-${span.end}`);
  return element("a", { href: address.href }, words);
}

/** The link to where the text was had; none where that is not of the web. */
export function originalLink(policy) {
  let address;
  try {
    address = new URL(policy.source_url);
  } catch {
    return null;
  }
  if (address.protocol !== "https:" && address.protocol !== "http:") return null;
  return element("a", { href: address.href, rel: "noopener noreferrer", target: "_blank" }, "original", unseen(" (opens a new tab)"));
}
