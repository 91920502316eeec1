// In which language the chat speaks, and how it writes days and ages.

import english from "./strings/en.js";

/** @typedef {import("./types").Strings} Strings */

/** The languages beside English. */
const LOADERS = {
  de: () => import("./strings/de.js"),
  fr: () => import("./strings/fr.js"),
  es: () => import("./strings/es.js"),
};
// A policy older than this is told to be old.
const OLD_YEARS = 2;
const YEAR_MS = 365.2425 * 86_400_000;

/** The language of the nearest `lang` attribute, else English. @param {Element} element */
function languageOf(element) {
  const around = /** @type {HTMLElement | null} */ (element.closest("[lang]"));
  return (around?.lang ?? "").toLowerCase().split("-")[0];
}

/** The strings in the language of where `element` stands: at once for English, else a promise. @param {Element} element */
export function stringsFor(element) {
  const load = LOADERS[/** @type {"de"} */ (languageOf(element))];
  // a catalogue that does not load is no reason to say nothing
  return load ? load().then((module) => /** @type {Strings} */ (module.default), () => english) : english;
}

/** @param {string} iso @param {Strings} words */
export function day(iso, words) {
  return new Date(`${iso}T00:00:00Z`).toLocaleDateString(words.locale, { dateStyle: "long", timeZone: "UTC" });
}

/** How old what is of the day `iso` is, in words; none where it is not old. @param {string | null} iso @param {Strings} words */
export function age(iso, words) {
  const years = iso ? Math.floor((Date.now() - Date.parse(iso)) / YEAR_MS) : 0;
  if (years < OLD_YEARS) return null;
  return words.old(new Intl.NumberFormat(words.locale, { style: "unit", unit: "year", unitDisplay: "long" }).format(years));
}
