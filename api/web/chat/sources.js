// Whose words those are that are shown: policy, days, age, links, a citation to copy.

import { element, unseen } from "./dom.js";
import { age, day } from "./language.js";

/**
 * @typedef {import("./types").Policy} Policy
 * @typedef {import("./types").Source} Source
 * @typedef {import("./types").Segment} Segment
 * @typedef {import("./types").Strings} Strings
 */

const LOWEST_SCORES = [0.75, 0.5, 0.25, 0];

/** From when a policy is: the day that it was recorded and the one that it states. @param {Policy} policy @returns {["archived" | "effective", string][]} */
function days(policy) {
  const stated = policy.effective_on === policy.archived_on ? null : policy.effective_on;
  /** @type {["archived" | "effective", string | null][]} */
  const both = [["archived", policy.archived_on], ["effective", stated]];
  return /** @type {["archived" | "effective", string][]} */ (both.filter(([, iso]) => iso));
}

/** @param {Policy} policy @param {Strings} words */
export function dated(policy, words) {
  return days(policy).map(([kind, iso]) => words[kind](day(iso, words))).join(", ") || words.undated;
}

/** The days of a policy, and its age in words where it is old. @param {Policy} policy @param {Strings} words */
export function timesOf(policy, words) {
  const old = age(policy.archived_on ?? policy.effective_on, words);
  const times = days(policy).flatMap(([kind, iso], place) => [place ? ", " : "", element("time", { datetime: iso }, words[kind](day(iso, words)))]);
  return [element("span", null, ...(times.length ? times : [words.undated])), old && element("span", { class: "old" }, old)];
}

/** @param {Source} source @param {Strings} words */
export function score(source, words) {
  const number = words.score(source.score.toFixed(2));
  return element("span", { class: "score", title: number }, words.matches[LOWEST_SCORES.findIndex((lowest) => source.score >= lowest)], unseen(`, ${number}`));
}

/** A link to the snapshot that the policy was read from, at `at`; none where the address is not of the web. @param {Policy} policy @param {Strings} words @param {string} [at] */
export function snapshotLink(policy, words, at) {
  let url;
  try {
    url = new URL(policy.source_url ?? "");
  } catch {
    return null;
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return null;
  const first = (at ?? "").split(" ").slice(0, 7).map(encodeURIComponent).join("%20").replaceAll("-", "%2D");
  const href = first ? `${url.href.split("#")[0]}#:~:text=${first}` : url.href;
  return element("a", { href, rel: "noopener noreferrer", target: "_blank" }, words.snapshot, unseen(words.newTab));
}

/** Where the policy is read, at `source`. @param {import("./server.js").Server} server @param {Source} source */
export function policyAddress(server, source) {
  const url = server.url(`policies/${encodeURIComponent(source.policy.id)}`);
  url.searchParams.append("passage", `${source.start}-${source.end}`);
  for (const { start, end } of source.evidence) url.searchParams.append("evidence", `${start}-${end}`);
  return url.href;
}

/** The words of a passage, its evidence marked. @param {Segment[]} segments */
export function marked(segments) {
  return segments.flatMap((segment) => [segment.evidence ? element("mark", null, segment.text) : segment.text, " "]);
}

/** The evidence word for word, with where it stands. @param {Source} source @param {Strings} words */
export function citation(source, words) {
  const { policy } = source;
  const text = (source.evidence.length && source.quotation) || source.segments.map((segment) => segment.text).join(" ");
  const where = [source.company.name, policy.title, source.heading && `“${source.heading}”`, dated(policy, words)];
  return `“${text}” — ${where.filter(Boolean).join(", ")}${policy.source_url ? `. ${policy.source_url}` : ""}`;
}
