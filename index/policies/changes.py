"""What changed from one version of a policy to the next, paragraph by paragraph, each told once.

Paragraphs are the blocks of both texts: headings, paragraphs, list items and table rows. It does not know companies,
indexes or days.
"""

import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from functools import cached_property

import numpy as np
from rapidfuzz.distance import Indel
from rapidfuzz.fuzz import partial_ratio
from rapidfuzz.process import cdist

from index.language.dates import without_days
from index.parsing.document import Kind, Span
from index.parsing.markup import plain
from index.policies.versions import Policy

# Share of words in common from which a paragraph is the other reworded: decision 68.
REWORDED_FROM = 0.45
# The same of a part of a paragraph that was split or joined, in percent.
_HELD_FROM = 80
# How far a paragraph is looked for that was split or joined beside others that were added.
_LOOKED_AHEAD, _BEGINNING_CHARS = 20, 40
# So many pairs of paragraphs are compared at once, in a tenth of a second; longer texts are compared in stretches.
_MOST_PAIRS = 1_000_000
_FIRST_CODE_POINT = 0x10000
_LIST_MARK = re.compile(
    r"^(?:[•·▪‣●○◦*–—-]+\s*|\(?(?:\d{1,3}(?:\.\d{1,3}){0,4}|[A-Za-z]|[ivxIVX]{1,5})[.)]\s*|[\d.]{3,9}\s+)"
)
# "4 Sharing your data" is the fourth heading, "13 years and older" is not the thirteenth.
_HEADING_NUMBER = re.compile(r"^\d{1,2}\s+(?=[A-Z])(?!(?:Years?|Days?|Months?|Hours?)\b)")
_ADDRESS = re.compile(r"\bhttps?://\S+", re.IGNORECASE)
_KEY = re.compile(r"[^\W_]+|[%$€£§@]")
_WORD = re.compile(r"\w+|[%$€£§@]")
# What people do not read of a marked-up text: where links lead, tags.
_UNREAD = re.compile(r"\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:\s+\"[^\"]*\")?\)|<[^<>]{1,300}>|\bhttps?://[^\s)\]]+")
_DATES_ITSELF = re.compile(
    r"\b(?:updated?|revised|revision|modified|modification|effective|version|changed|amended|posted|published|date|dated|"
    r"in (?:force|effect)|reviewed|privacy policy|terms)\b",
    re.IGNORECASE,
)
_MOST_WORDS_OF_A_DATE_LINE = 40
# Help pages say it so: "Last updated: 5 months ago".
_AGO = re.compile(
    r"\b(?:an?|\d{1,3})\s+(?:second|minute|hour|day|week|month|year)s?\s+ago\b|\b(?:today|yesterday)\b", re.IGNORECASE
)


class ChangeKind(StrEnum):
    """What became of a paragraph."""

    ADDED = "added"
    REMOVED = "removed"
    REWORDED = "reworded"
    MOVED = "moved"
    TECHNICAL = "technical"


TOLD = (ChangeKind.ADDED, ChangeKind.REMOVED, ChangeKind.REWORDED)
"""Kinds of changes of what a policy says; the others are set apart."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where the paragraphs of a change stand in one version: one, or several that follow each other.

    Attributes:
        heading: the headings above it, outermost first; a heading's own words are not among them.
        text: exactly what stands at `start:end` of the version's text.
        changed: spans of the version's text that the other version has otherwise, in order, within `start:end`.
    """

    heading: tuple[str, ...]
    start: int
    end: int
    text: str
    changed: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One change; `before` is None where it was added, `after` where it was removed."""

    kind: ChangeKind
    before: Stretch | None
    after: Stretch | None


@dataclass(frozen=True)
class Paragraph:
    """A block as it is compared: `key` is what it says without markup, numbering, case, spaces and punctuation."""

    kind: Kind
    heading: tuple[str, ...]
    start: int
    end: int
    words: str

    @cached_property
    def key(self) -> str:
        """Equal for paragraphs that differ in form alone."""
        return _key(self.words, self.kind)

    @cached_property
    def undated(self) -> str | None:
        """The key without the days that it names, of a paragraph that tells when the text was changed; else None."""
        is_line = len(self.words.split()) <= _MOST_WORDS_OF_A_DATE_LINE
        rest = _AGO.sub("", without_days(self.words))
        if not is_line or rest == self.words:
            return None
        says_so = _DATES_ITSELF.search(rest) or not _KEY.search(rest)
        return _key(rest, self.kind) if says_so else None


def paragraphs(policy: Policy) -> list[Paragraph]:
    """The paragraphs of `policy` in reading order; blocks without a word are none."""
    found = []
    headings: list[tuple[int, str]] = []
    for block in policy.blocks:
        words = plain(policy.text[block.start : block.end], policy.markup)
        if block.kind is Kind.HEADING:
            while headings and headings[-1][0] >= block.level:
                headings.pop()
        paragraph = Paragraph(block.kind, tuple(words for _, words in headings), block.start, block.end, words)
        if block.kind is Kind.HEADING and words:
            headings.append((block.level, words))
        if paragraph.key:
            found.append(paragraph)
    return found


def changes_between(before: Policy, after: Policy) -> list[Change]:
    """What changed from `before` to `after`, both with text and blocks, in the order of `after`.

    Every paragraph whose words are not in the other version at the same place is in exactly one change, and no other
    paragraph is in any but a technical one. Of a version that is technical, all changes are.
    """
    if before.text == after.text:
        return []
    old, new = paragraphs(before), paragraphs(after)
    pairs = _Pairing(old, new).pairs()
    told = []
    for kind, olds, news in pairs:
        was, now = _stretch(before, [old[at] for at in olds]), _stretch(after, [new[at] for at in news])
        if kind is ChangeKind.TECHNICAL and was and now and was.text == now.text:
            continue
        if kind is ChangeKind.REWORDED and was and now:
            was, now = _with_changed_words(was, now)
        told.append(Change(ChangeKind.TECHNICAL if after.technical else kind, was, now))
    return _in_reading_order(told)


_Pair = tuple[ChangeKind, tuple[int, ...], tuple[int, ...]]


class _Pairing:
    """Aligns two lists of paragraphs; each paragraph is used up by the first rule that finds its counterpart."""

    def __init__(self, old: Sequence[Paragraph], new: Sequence[Paragraph]) -> None:
        self._old, self._new = old, new
        self._olds = dict.fromkeys(range(len(old)))
        self._news = dict.fromkeys(range(len(new)))
        self._found: list[_Pair] = []

    def pairs(self) -> list[_Pair]:
        """Each paragraph once, but those that stand unchanged at their place."""
        gaps = list(self._unchanged())
        for olds, news in gaps:
            self._reflowed(olds, news)
        self._moved()
        self._redated()
        self._reworded()
        self._continued()
        self._found += [(ChangeKind.REMOVED, (at,), ()) for at in self._olds]
        self._found += [(ChangeKind.ADDED, (), (at,)) for at in self._news]
        return self._found

    def _take(self, kind: ChangeKind, olds: Sequence[int], news: Sequence[int]) -> None:
        for at in olds:
            del self._olds[at]
        for at in news:
            del self._news[at]
        self._found.append((kind, tuple(olds), tuple(news)))

    def _unchanged(self) -> Iterator[tuple[range, range]]:
        """Take what says the same at the same place; what lies between is yielded, old and new."""
        keys = [paragraph.key for paragraph in self._old], [paragraph.key for paragraph in self._new]
        for tag, i, i_end, j, j_end in SequenceMatcher(None, *keys, autojunk=False).get_opcodes():
            if tag != "equal":
                yield range(i, i_end), range(j, j_end)
                continue
            for one, other in zip(range(i, i_end), range(j, j_end), strict=True):
                self._take(ChangeKind.TECHNICAL, [one], [other])

    def _reflowed(self, olds: range, news: range) -> None:
        """Take paragraphs that were only split, joined or cut elsewhere: the same words in a row."""
        i, j = olds.start, news.start
        while i < olds.stop and j < news.stop:
            joined = self._same_words(range(i, olds.stop), range(j, news.stop))
            if joined:
                self._take(ChangeKind.TECHNICAL, range(i, joined[0]), range(j, joined[1]))
                i, j = joined
            elif self._begins(i, news, j):
                j += 1
            else:
                i += 1

    def _same_words(self, olds: range, news: range) -> tuple[int, int] | None:
        """Up to where both say the same, if a paragraph ends there on either side; None where they soon differ."""
        i, j = olds.start, news.start
        was, now = self._old[i].key, self._new[j].key
        i, j = i + 1, j + 1
        while was != now:
            if len(was) < len(now) and now.startswith(was) and i < olds.stop:
                was, i = was + self._old[i].key, i + 1
            elif len(now) < len(was) and was.startswith(now) and j < news.stop:
                now, j = now + self._new[j].key, j + 1
            else:
                return None
        return i, j

    def _begins(self, i: int, news: range, j: int) -> bool:
        """Whether the old paragraph `i` begins as one of the new ones soon behind `j` does."""
        begins = self._old[i].key[:_BEGINNING_CHARS]
        keys = (self._new[at].key for at in range(j + 1, min(j + _LOOKED_AHEAD, news.stop)))
        return any(key.startswith(begins) or begins.startswith(key) for key in keys)

    def _moved(self) -> None:
        """Take what says the same elsewhere."""
        places: dict[str, list[int]] = defaultdict(list)
        for at in self._olds:
            places[self._old[at].key].append(at)
        for at in list(self._news):
            there = places.get(self._new[at].key)
            if there:
                self._take(ChangeKind.MOVED, [there.pop(0)], [at])

    def _redated(self) -> None:
        """Take lines in which nothing but the day of the last change differs."""
        dated: dict[str, list[int]] = defaultdict(list)
        for at in self._olds:
            undated = self._old[at].undated
            if undated is not None:
                dated[undated].append(at)
        for at in list(self._news):
            undated = self._new[at].undated
            if undated is not None and dated[undated]:
                self._take(ChangeKind.TECHNICAL, [dated[undated].pop(0)], [at])

    def _reworded(self) -> None:
        """Take the pairs most alike first, while they have enough words in common."""
        olds, news = list(self._olds), list(self._news)
        stretches = -(-len(olds) * len(news) // _MOST_PAIRS) or 1
        found: list[tuple[float, int, int]] = []
        for part in range(stretches):
            mine = olds[part * len(olds) // stretches : (part + 1) * len(olds) // stretches]
            theirs = news[part * len(news) // stretches : (part + 1) * len(news) // stretches]
            found += _alike([self._old[at] for at in mine], [self._new[at] for at in theirs], mine, theirs)
        for _, old, new in sorted(found, key=lambda one: (-one[0], one[1], one[2])):
            if old in self._olds and new in self._news:
                self._take(ChangeKind.REWORDED, [old], [new])

    def _continued(self) -> None:
        """Give what is left to the reworded neighbour whose other side holds its words: it was split or joined."""
        for number, (kind, olds, news) in enumerate(self._found):
            if kind is not ChangeKind.REWORDED:
                continue
            was = " ".join(self._old[at].words for at in olds)
            now = " ".join(self._new[at].words for at in news)
            more_news = self._around(news, self._news, self._new, was)
            more_olds = self._around(olds, self._olds, self._old, now)
            self._found[number] = (kind, tuple(sorted((*olds, *more_olds))), tuple(sorted((*news, *more_news))))

    @staticmethod
    def _around(taken: Sequence[int], left: dict[int, None], side: Sequence[Paragraph], other: str) -> Iterator[int]:
        """Take, of those `left` beside `taken`, the ones whose words `other` holds."""
        for first, step in ((taken[0], -1), (taken[-1], 1)):
            at = first + step
            while at in left and _holds(other, side[at].words):
                del left[at]
                yield at
                at += step


def _holds(words: str, part: str) -> bool:
    """Whether nearly all of the words of `part` stand in a row in `words`."""
    codes: dict[str, str] = {}
    whole, found = _coded(words, codes), _coded(part, codes)
    return 0 < len(found) <= len(whole) and partial_ratio(found, whole) >= _HELD_FROM


def _alike(
    old: Sequence[Paragraph], new: Sequence[Paragraph], olds: Sequence[int], news: Sequence[int]
) -> Iterator[tuple[float, int, int]]:
    """How alike each two are that are alike enough, with their places `olds` and `news`."""
    if not old or not new:
        return
    codes: dict[str, str] = {}
    was, now = ([_coded(paragraph.words, codes) for paragraph in side] for side in (old, new))
    shares = cdist(was, now, scorer=Indel.normalized_similarity, score_cutoff=REWORDED_FROM, dtype=np.float32)
    for one, other in np.argwhere(shares >= REWORDED_FROM).tolist():
        if (old[one].kind is Kind.HEADING) == (new[other].kind is Kind.HEADING):
            yield float(shares[one, other]), olds[one], news[other]


def _coded(words: str, codes: dict[str, str]) -> str:
    """`words` with a character for each different word, so that words and not letters are compared."""
    found = (word.lower() for word in _WORD.findall(words))
    return "".join(codes.setdefault(word, chr(_FIRST_CODE_POINT + len(codes))) for word in found)


def _key(words: str, kind: Kind) -> str:
    unmarked = _LIST_MARK.sub("", words)
    if kind is Kind.HEADING:
        unmarked = _HEADING_NUMBER.sub("", unmarked)
    said = "".join(_KEY.findall(unicodedata.normalize("NFKC", _ADDRESS.sub("", unmarked))))
    # Case is form: 33 of the 4,449 changes told of 200 pairs differed in it alone (decision 68).
    return (said or "".join(_KEY.findall(words))).casefold()


def _stretch(policy: Policy, found: Sequence[Paragraph]) -> Stretch | None:
    if not found:
        return None
    start, end = found[0].start, found[-1].end
    return Stretch(found[0].heading, start, end, policy.text[start:end])


def _with_changed_words(was: Stretch, now: Stretch) -> tuple[Stretch, Stretch]:
    """Both with the spans of the words in which they differ."""
    olds, news = _word_spans(was), _word_spans(now)
    edits = Indel.opcodes([word for word, _ in olds], [word for word, _ in news])
    removed = [(edit.src_start, edit.src_end) for edit in edits if edit.tag == "delete"]
    inserted = [(edit.dest_start, edit.dest_end) for edit in edits if edit.tag == "insert"]
    return (
        Stretch(was.heading, was.start, was.end, was.text, _joined(removed, olds)),
        Stretch(now.heading, now.start, now.end, now.text, _joined(inserted, news)),
    )


def _word_spans(stretch: Stretch) -> list[tuple[str, Span]]:
    """The words that a person reads, with where they stand in the version's text."""
    read = _UNREAD.sub(lambda found: " " * len(found[0]), stretch.text)
    return [(found[0], (stretch.start + found.start(), stretch.start + found.end())) for found in _WORD.finditer(read)]


def _joined(runs: Sequence[tuple[int, int]], words: Sequence[tuple[str, Span]]) -> tuple[Span, ...]:
    """The span of each run of words; runs that follow each other are one."""
    spans: list[tuple[int, int]] = []
    for begin, end in runs:
        if spans and spans[-1][1] == begin:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((begin, end))
    return tuple((words[begin][1][0], words[end - 1][1][1]) for begin, end in spans)


def _in_reading_order(changes: Sequence[Change]) -> list[Change]:
    """As the newer version has them; what was removed stands behind what stood before it there."""
    anchors = sorted((change.before.start, change.after.start) for change in changes if change.before and change.after)
    starts = [before for before, _ in anchors]

    def order(change: Change) -> tuple[int, bool, int]:
        before = change.before.start if change.before else -1
        if change.after:
            return change.after.start, False, before
        at = bisect_left(starts, before) - 1
        return (anchors[at][1] if at >= 0 else -1), True, before

    return sorted(changes, key=order)
