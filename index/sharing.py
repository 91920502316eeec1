"""Versions of one series share what did not change: each different passage is a row, each version a list of places.

It does not know vectors or how segments lie on the disk.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from index import layouts
from index.policies.passages import Passage, context, embedded_text, sentence_texts
from index.policies.versions import Policy
from index.terms import Thesaurus, terms


@dataclass(frozen=True, slots=True)
class NewRow:
    """A passage as it is embedded and searched, whichever versions hold it.

    Attributes:
        sentences: offsets of its sentences, relative to its start.
        text, sentence_texts: what is embedded.
        terms, sentence_terms: what is searched for words.
    """

    heading: tuple[str, ...]
    sentences: tuple[tuple[int, int], ...]
    text: str
    sentence_texts: Sequence[str]
    terms: Sequence[str]
    sentence_terms: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a version has a row: its place in the group, where it starts, and its layout."""

    row: int
    start: int
    layout: layouts.Layout


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version's text and blocks, and where it has which rows, in reading order."""

    policy: Policy
    placements: Sequence[Placement]


@dataclass(frozen=True, slots=True)
class NewGroup:
    """The versions of a series, the newest first, and all rows that they have, those of the newest first."""

    versions: Sequence[NewVersion]
    rows: Sequence[NewRow]

    @property
    def passage_texts(self) -> list[str]:
        """What is embedded of the rows."""
        return [row.text for row in self.rows]

    @property
    def sentence_texts(self) -> list[str]:
        """What is embedded of all sentences of the rows."""
        return [text for row in self.rows for text in row.sentence_texts]


def group_of(versions: Iterable[tuple[Policy, Sequence[Passage]]]) -> NewGroup:
    """The group of `versions`, the newest first, each split into passages.

    A passage that stands twice in a version is two rows; in another version they are the same two.
    """
    thesaurus = Thesaurus.shipped()
    numbers: dict[Any, int] = {}
    rows: list[NewRow] = []
    placed: list[NewVersion] = []
    for policy, passages in versions:
        times: Counter[Any] = Counter()
        placements = []
        for passage in passages:
            key = _identity(policy.text, passage)
            times[key] += 1
            number = numbers.setdefault((key, times[key]), len(rows))
            if number == len(rows):
                rows.append(_row(policy.text, passage, thesaurus))
            layout = layouts.of_passage(passage.start, passage.end, passage.lead_ins, passage.cells, passage.notes)
            placements.append(Placement(number, passage.start, layout))
        placed.append(NewVersion(policy, placements))
    return NewGroup(placed, rows)


def _identity(text: str, passage: Passage) -> Any:
    """Equal for passages that say the same, read the same and are governed by the same words."""
    return (
        passage.heading,
        passage.text,
        tuple((begins - passage.start, ends - passage.start) for begins, ends in passage.sentences),
        tuple(text[slice(*span)] for span in (*passage.lead_ins, (0, 0), *passage.notes)),
        tuple(
            (cell.start - passage.start, cell.end - passage.start, text[slice(*cell.column)] if cell.column else None)
            for cell in passage.cells
        ),
        passage.markup,
    )


def _row(text: str, passage: Passage, thesaurus: Thesaurus) -> NewRow:
    whole, sentences = embedded_text(text, passage), sentence_texts(text, passage)
    head = terms(context(text, passage), thesaurus)
    return NewRow(
        passage.heading,
        tuple((begins - passage.start, ends - passage.start) for begins, ends in passage.sentences),
        whole,
        sentences,
        terms(whole, thesaurus),
        [head + terms(sentence, thesaurus) for sentence in sentences],
    )
