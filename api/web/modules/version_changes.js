// What changed with a version of a policy: how much of which kind, verdicts that flipped, the texts side by side.

import { counted, element, unseen } from "./dom.js";
import { dated, day, originalLink, policyLink, time } from "./policies.js";

const KINDS = { added: "Added", removed: "Removed", reworded: "Reworded", moved: "Moved", technical: "Technical" };
const VERDICTS = { yes: "Yes", no: "No", depends: "It depends" };

/** "1 added, 2 reworded": what the company changed; what is of form alone is told apart. */
export function countsInWords({ added, removed, reworded, moved }) {
  const told = [[reworded, "reworded"], [added, "added"], [removed, "removed"], [moved, "moved"]];
  return told.filter(([number]) => number).map(([number, word]) => `${number.toLocaleString("en-GB")} ${word}`).join(", ");
}

/** A version as a part of the list that folds out; its texts are made when it is opened. */
export function versionChange(change, { open, opened }) {
  const { before, after, counts } = change;
  const body = element("div", { class: "body" });
  const flips = change.flips?.length ? element("span", { class: "flips" }, counted(change.flips.length, "verdict") + " flipped") : null;
  const words = before ? countsInWords(counts) : "first version here";
  const folding = element("details", { class: "version", id: `version-${after.id}`, ontoggle: () => {
    if (!folding.open) return;
    if (!body.childElementCount) body.append(...contentOf(change));
    opened(after.id);
  } },
    element("summary", null, element("span", { class: "day" }, time(change.day)), element("span", { dir: "auto" }, after.title),
      element("span", { class: "counts" }, words), counts.technical ? element("span", { class: "quiet" }, `${counts.technical.toLocaleString("en-GB")} technical`) : null, flips),
    body);
  if (open) {
    body.append(...contentOf(change));
    folding.open = true;
  }
  return folding;
}

function contentOf({ before, after, passages, flips }) {
  const whole = (policy) => policyLink(policy, { start: 0, end: 0 }, "Read it whole", unseen(` as of ${day(policy.archived_on ?? policy.effective_on)}`));
  const version = (words, policy) => element("p", { class: "row source" }, element("strong", null, words), dated(policy), whole(policy), originalLink(policy));
  return [
    element("div", { class: "pair" }, before ? version("Before", before) : element("p", { class: "quiet" }, "No version before this one is in the index."), version(before ? "After" : "First", after)),
    ...(flips ?? []).map(flipped),
    ...passages.map((passage) => passageChange(passage, before, after)),
    before && !passages.length ? element("p", { class: "quiet" }, "Only technical changes.") : "",
  ];
}

function passageChange({ kind, before, after }, older, newer) {
  const heading = (after ?? before).heading;
  return element("article", { class: `change is-${kind}` },
    element("h3", { dir: "auto" }, KINDS[kind] ?? kind, heading ? [unseen(" under"), element("span", { class: "under" }, ` “${heading}”`)] : null),
    element("div", { class: "pair" },
      before ? side("Before", "del", before, older) : element("p", { class: "nothing" }, "Was not there"),
      after ? side("After", "ins", after, newer) : element("p", { class: "nothing" }, "Is no longer there")));
}

function side(words, tag, stretch, policy) {
  return element("div", { class: "side" },
    element("p", { class: "row source" }, element("strong", null, words), policyLink(policy, stretch, "In the policy", unseen(` ${words.toLowerCase()} at ${stretch.heading ?? policy.title}`))),
    element("p", { class: "words", dir: "auto", lang: policy.language }, stretch.segments.flatMap(({ text, changed }, place) => [place ? " " : "", changed ? element(tag, null, text) : text])));
}

function flipped(flip) {
  const said = (words, { verdict, quotations }) => element("div", { class: "side" },
    element("p", null, element("strong", null, `${words}: ${VERDICTS[verdict] ?? "says"}`)),
    (quotations ?? []).map(({ text }) => element("blockquote", { dir: "auto" }, `“${text}”`)));
  return element("article", { class: "change is-flip" },
    element("h3", { dir: "auto" }, "Verdict flipped: ", flip.question),
    element("div", { class: "pair" }, said("Before", flip.before), said("After", flip.after)));
}
