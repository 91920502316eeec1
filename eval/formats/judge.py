"""How much of the truth of each made file a parser gives back, and what it gives that is no part of the policy."""

import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from eval.formats.truth import Truth

if TYPE_CHECKING:
    from index.parsing.document import Block, Document

_QUOTES = str.maketrans("‘’‚‛′`“”„‟″‐‑", "''''''\"\"\"\"\"--")
_MARK = re.compile(r"^(?:o|[^\w\s\"'(\[$]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]|\d+(?:\.\d+)*\.?)\s+")
_NUMBER_ALONE = re.compile(r"[-–—\s]*\d{1,4}(?:/\d{1,4})?[-–—\s]*")
_CITING_MARK = re.compile(r"\s?(?:\[\d{1,2}\]|\d{1,2}|[*†‡])(?!\w)")

MEASURES = (
    "sentences", "in order", "headings", "levels", "items", "lead-ins", "rows", "columns", "notes", "answers",
)  # fmt: skip
FAULTS = ("furniture", "contents", "false headings", "note blocks")


@dataclass(slots=True)
class Score:
    """Right and asked of each measure, how often each fault occurs, and what failed."""

    right: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, other: "Score") -> None:
        """Count `other` in."""
        self.right += other.right
        self.asked += other.asked
        self.faults += other.faults
        self.failures += other.failures

    def count(self, measure: str, *, right: bool, failure: str) -> None:
        """One more asked of `measure`; `failure` tells what it was."""
        self.asked[measure] += 1
        if right:
            self.right[measure] += 1
        else:
            self.failures.append(f"{measure}: {failure}")

    def fault(self, name: str, words: str) -> None:
        """One more fault, and the words of it."""
        self.faults[name] += 1
        self.failures.append(f"{name}: {words}")


def normalised(text: str) -> str:
    r"""Words as they are compared: white space, quotes, compatibility forms and invisible characters alike.

    >>> normalised("We don’t  sell\u00a0your infor\u00admation.")
    "We don't sell your information."
    """
    text = unicodedata.normalize("NFKC", text.translate(_QUOTES))
    return " ".join("".join(char for char in text if unicodedata.category(char) != "Cf").split())


class Read:
    """A document's blocks, their words normalised."""

    def __init__(self, document: "Document") -> None:
        self._document = document
        self.blocks: Sequence[Block] = document.blocks
        self.texts = [self.words((block.start, block.end)) for block in document.blocks]
        self.all = "\n".join(self.texts)
        self._starts = [0]
        for text in self.texts:
            self._starts.append(self._starts[-1] + len(text) + 1)

    def words(self, span: tuple[int, int]) -> str:
        """The words of a span of the document's text."""
        return normalised(self._document.text[span[0] : span[1]])

    def block_at(self, place: int) -> int:
        """Which block a place of `all` is in."""
        return bisect_left(self._starts, place + 1) - 1

    def of_kind(self, kind: str) -> list[int]:
        """The numbers of the blocks of a kind."""
        return [n for n, block in enumerate(self.blocks) if block.kind.value == kind]


def judge(truth: Truth, document: "Document") -> Score:
    """The score of what a parser made of the file of `truth`."""
    read, score = Read(document), Score()
    _judge_sentences(truth, read, score)
    _judge_headings(truth, read, score)
    _judge_items(truth, read, score)
    _judge_rows(truth, read, score)
    _judge_answers(truth, read, score)
    _judge_furniture(truth, read, score)
    return score


def places(words: str, text: str, *, cited: bool = False) -> list[int]:
    """Where `words` stand in `text` as whole words; with `cited`, a footnote's mark may follow them at once.

    >>> places("We sell it.", "We sell it.1 We sell items."), places("We sell it.", "We sell it.1", cited=True)
    ([], [0])
    """
    found = []
    place = text.find(words)
    while place >= 0:
        before, after = text[:place][-1:], text[place + len(words) :][:6]
        if not before.isalnum() and (not after[:1].isalnum() or (cited and _CITING_MARK.match(after))):
            found.append(place)
        place = text.find(words, place + 1)
    return found


def longest_ordered(candidates: Iterable[Sequence[int]]) -> int:
    """How many of the sentences stand in rising order, one place being taken of each one's candidates.

    >>> longest_ordered([[5], [1, 9], [7], [8]])
    3
    """
    tails: list[int] = []
    for options in candidates:
        for place in sorted(options, reverse=True):
            at = bisect_left(tails, place)
            tails[at : at + 1] = [place]
    return len(tails)


def _judge_sentences(truth: Truth, read: Read, score: Score) -> None:
    candidates = []
    noted = {normalised(sentence.note) for sentence in truth.sentences if sentence.note}
    for sentence in truth.sentences:
        words = normalised(sentence.text)
        found = places(words, read.all, cited=sentence.note is not None)
        candidates.append(found)
        score.count("sentences", right=bool(found), failure=sentence.text)
        if sentence.note is not None:
            notes = [read.words(span) for place in found for span in read.blocks[read.block_at(place)].notes]
            score.count("notes", right=any(normalised(sentence.note) in note for note in notes), failure=sentence.note)
    score.asked["in order"] += len(truth.sentences)
    score.right["in order"] += longest_ordered(candidates)
    for note in noted:
        if places(note, read.all):
            score.fault("note blocks", note)


def _unnumbered(text: str) -> str:
    return _MARK.sub("", text)


def _pairs(wanted: Sequence[str], given: Sequence[str], *, prefix: bool) -> list[int | None]:
    """For each of `wanted`, which of `given` it is: the first that is not taken and not before the one found last.

    An earlier one is taken where no later one is left, so that a wrong order does not hide what is there.
    """
    taken: set[int] = set()
    last, pairs = -1, []
    for words in wanted:
        fits = [
            n
            for n, text in enumerate(given)
            if n not in taken and (text.startswith(words) if prefix else text == words)
        ]
        chosen = next((n for n in fits if n > last), fits[0] if fits else None)
        if chosen is not None:
            taken.add(chosen)
            last = chosen
        pairs.append(chosen)
    return pairs


def _judge_headings(truth: Truth, read: Read, score: Score) -> None:
    numbers = read.of_kind("heading")
    given = [_unnumbered(read.texts[n]) for n in numbers]
    pairs = _pairs([_unnumbered(normalised(heading.text)) for heading in truth.headings], given, prefix=False)
    for heading, pair in zip(truth.headings, pairs, strict=True):
        score.count("headings", right=pair is not None, failure=heading.text)
    found = [
        (heading, read.blocks[numbers[pair]])
        for heading, pair in zip(truth.headings, pairs, strict=True)
        if pair is not None
    ]
    for (upper, upper_block), (lower, lower_block) in pairwise(found):
        right = _sign(upper.level - lower.level) == _sign(upper_block.level - lower_block.level)
        score.count("levels", right=right, failure=f"{upper.text} / {lower.text}")
    for n in set(range(len(given))) - set(pairs):
        score.fault("false headings", given[n])


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _judge_items(truth: Truth, read: Read, score: Score) -> None:
    numbers = read.of_kind("item")
    wanted = [_unnumbered(normalised(item.text)) for item in truth.items]
    pairs = _pairs(wanted, [_unnumbered(read.texts[n]) for n in numbers], prefix=True)
    for item, pair in zip(truth.items, pairs, strict=True):
        score.count("items", right=pair is not None, failure=item.text)
        if item.lead_ins is None:
            continue
        got = [] if pair is None else [read.words(span) for span in read.blocks[numbers[pair]].lead_ins]
        right = pair is not None and len(got) == len(item.lead_ins)
        right = right and all(
            _unnumbered(normalised(want)) in have for want, have in zip(item.lead_ins, got, strict=True)
        )
        score.count("lead-ins", right=right, failure=f"{item.text} ← {item.lead_ins}, got {got}")


def _judge_rows(truth: Truth, read: Read, score: Score) -> None:
    rows = [read.blocks[n] for n in read.of_kind("row")]
    given = [" ¦ ".join(read.words((cell.start, cell.end)) for cell in row.cells) for row in rows]
    wanted = [" ¦ ".join(normalised(cell) for cell in row.cells) for row in truth.rows]
    for row, words, pair in zip(truth.rows, wanted, _pairs(wanted, given, prefix=False), strict=True):
        score.count("rows", right=pair is not None, failure=words)
        got = [] if pair is None else ["" if c.column is None else read.words(c.column) for c in rows[pair].cells]
        right = got == [normalised(name) for name in row.columns]
        score.count("columns", right=right, failure=f"{words} ← {row.columns}, got {got}")


def _judge_answers(truth: Truth, read: Read, score: Score) -> None:
    for answer in truth.answers:
        question, words = normalised(answer.question), normalised(answer.answer)
        together = bool(places(f"{question} {words}", read.all))
        led = any(
            places(words, text) and any(question in read.words(span) for span in block.lead_ins)
            for text, block in zip(read.texts, read.blocks, strict=True)
        )
        score.count("answers", right=together or led, failure=f"{answer.question} {answer.answer}")


def _judge_furniture(truth: Truth, read: Read, score: Score) -> None:
    score.asked["furniture"] += len(truth.furniture)
    for words in truth.furniture:
        if places(normalised(words), read.all):
            score.fault("furniture", words)
    for text in read.texts:
        if _NUMBER_ALONE.fullmatch(text):
            score.fault("furniture", f"a page number: {text}")
    said = "\n".join(normalised(words) for words in _said(truth))
    for words in dict.fromkeys(truth.contents):
        if len(places(normalised(words), read.all)) > len(places(normalised(words), said)):
            score.fault("contents", words)


def _said(truth: Truth) -> Iterable[str]:
    yield from (sentence.text for sentence in truth.sentences)
    yield from (heading.text for heading in truth.headings)
    yield from (cell for row in truth.rows for cell in row.cells)
    yield from (sentence.note for sentence in truth.sentences if sentence.note)
