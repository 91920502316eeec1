// What a failed request means, in words that help.

import { Failure } from "./server.js";

/**
 * A title, and what to do.
 * @param {unknown} error
 * @param {import("./types").Strings} words
 * @returns {[string, string]}
 */
export function inWords(error, words) {
  if (!(error instanceof Failure)) return both(words.failures.unreadable);
  const { kind, problem, status, retryAfter } = error;
  if (kind === "problem" && problem) return [problem.title, problem.detail];
  const [title, what] = both(words.failures[/** @type {"cut"} */ (kind)]);
  const filled = (/** @type {string} */ text) => text.replace("{origin}", location.origin).replace("{status}", String(status));
  if (kind === "rate" || kind === "busy") return [kind === "busy" && problem ? problem.title : title, words.again(retryAfter)];
  return [filled(title), filled(what)];
}

/** @param {string[]} told @returns {[string, string]} */
function both([title, what]) {
  return [title, what];
}
