"""What a reader sees in a made file: what must come back of it, and what must not."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sentencex

from eval.formats.text import Heading, Inline, Item, Listing, Paragraph, Policy, Table, plain


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a paragraph or an item; `note` is the footnote that it cites."""

    text: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ItemTruth:
    """An item's first sentence, its depth, and the sentences that govern it, outermost first.

    `lead_ins` is None where the sentence before its list does not end in a colon: nothing is asked then.
    """

    text: str
    depth: int
    lead_ins: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class HeadingTruth:
    """A heading's words and rank."""

    text: str
    level: int


@dataclass(frozen=True, slots=True)
class RowTruth:
    """A row's cells and the names of their columns."""

    cells: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnswerTruth:
    """A short answer and the question without which it says nothing."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Truth:
    """All that is asked of a file.

    Attributes:
        file: its path in the corpus's folder.
        template: what made it look as it does.
        half: "dev" to tune on, "test" to report.
        sentences: of paragraphs and items, in order.
        furniture: what stands in the file and is no part of the policy: navigation, running headers, struck words.
        contents: the lines of its table of contents; each stands once more as a heading.
    """

    file: str
    template: str
    half: str
    company: str
    source: str
    sentences: tuple[Sentence, ...]
    headings: tuple[HeadingTruth, ...]
    items: tuple[ItemTruth, ...]
    rows: tuple[RowTruth, ...]
    answers: tuple[AnswerTruth, ...]
    furniture: tuple[str, ...]
    contents: tuple[str, ...]


def truth_of(
    policy: Policy,
    *,
    file: str,
    template: str,
    half: str,
    source: str,
    furniture: Iterable[str],
    contents: Iterable[str],
) -> Truth:
    """The truth of `policy` laid out as `file`, whose furniture and contents the layout knows."""
    sentences: list[Sentence] = []
    items: list[ItemTruth] = []
    before = ""
    for part in policy.parts:
        match part:
            case Paragraph(inline):
                sentences += _cited(inline, policy.notes)
                before = last_sentence(plain(inline))
            case Listing():
                sentences += [Sentence(text) for text in _item_sentences(part)]
                items += _items(part, depth=1, lead_ins=(before,) if before.endswith(":") else None)
                before = ""
            case _:
                before = ""
    return Truth(
        file, template, half, policy.company, source, tuple(sentences),
        tuple(HeadingTruth(plain(part.inline), part.level) for part in policy.parts if isinstance(part, Heading)),
        tuple(items),
        tuple(RowTruth(row, part.columns) for part in policy.parts if isinstance(part, Table) for row in part.rows),
        tuple(
            AnswerTruth(part.question, plain(part.inline))
            for part in policy.parts
            if isinstance(part, Paragraph) and part.question is not None
        ),
        tuple(dict.fromkeys(furniture)), tuple(contents),
    )  # fmt: skip


def split_sentences(text: str) -> list[str]:
    """The sentences of a text that is one block.

    >>> split_sentences("We keep it. You may ask us to delete it.")
    ['We keep it.', 'You may ask us to delete it.']
    """
    return [sentence.strip() for sentence in sentencex.segment("en", text) if re.search(r"\w", sentence)]


def last_sentence(text: str) -> str:
    """The sentence that a list after `text` hangs on."""
    return split_sentences(text)[-1] if text else ""


def write_truth(truths: Iterable[Truth], path: Path) -> None:
    """One line of JSON a file."""
    path.write_text("".join(json.dumps(asdict(truth), ensure_ascii=False) + "\n" for truth in truths), encoding="utf-8")


def read_truth(path: Path) -> list[Truth]:
    """What `write_truth` wrote."""
    return [_truth(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def _truth(fields: dict[str, Any]) -> Truth:
    made = {
        "sentences": Sentence, "headings": HeadingTruth, "items": ItemTruth, "rows": RowTruth, "answers": AnswerTruth,
    }  # fmt: skip
    for name, kind in made.items():
        fields[name] = tuple(
            kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()})
            for entry in fields[name]
        )
    return Truth(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})  # type: ignore[arg-type]


def _cited(inline: Inline, notes: tuple[str, ...]) -> list[Sentence]:
    sentences = [Sentence(text) for text in split_sentences(plain(inline))]
    if sentences and (note := inline[-1].note) is not None:
        sentences[-1] = Sentence(sentences[-1].text, notes[note - 1])
    return sentences


def _item_sentences(listing: Listing) -> Iterator[str]:
    for item in listing.items:
        for inline in (item.inline, *item.more):
            yield from split_sentences(plain(inline))
        for nested in item.lists:
            yield from _item_sentences(nested)


def _items(listing: Listing, *, depth: int, lead_ins: tuple[str, ...] | None) -> Iterator[ItemTruth]:
    for item in listing.items:
        text = split_sentences(plain(item.inline))[0]
        yield ItemTruth(text, depth, lead_ins)
        governing = _governing(item)
        for nested in item.lists:
            yield from _items(nested, depth=depth + 1, lead_ins=None if lead_ins is None else (*lead_ins, governing))


def _governing(item: Item) -> str:
    return last_sentence(plain(item.more[-1] if item.more else item.inline))
