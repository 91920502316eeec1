"""What the reader is taught with and measured on: judged questions and passages, questions written for one passage
each, and contrast sets.

`eval/reading/README.md` says how they were made. It does not know models.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.questions import json_lines
from eval.tasks.reading import READING
from eval.training_rows import read_split
from index.parsing.document import Span
from index.policies.passages import Passage, context, passage_at, sentence_texts
from index.policies.versions import Policy
from qa.reading.reader import ANSWERS, Excerpt

PASSAGES, CONTRASTS = READING / "passages.jsonl", READING / "contrasts.jsonl"
_VERDICT_OF = {**{answer: answer for answer in ANSWERS}, "none": "silent"}


@dataclass(frozen=True, slots=True)
class JudgedPassage:
    """A question, what is read of a passage, and how it was judged.

    Attributes:
        answer: one of `ANSWERS`.
        evidence: the places of the sentences that say so; none if it is silent.
    """

    question: str
    excerpt: Excerpt
    answer: str
    evidence: frozenset[int]


class _Corpus:
    """The policies of a folder, each split once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, tuple[Policy, dict[Span, Passage]]] = {}

    def judged(self, file: str, place: Span, question: str, verdict: str, evidence: Sequence[Span]) -> JudgedPassage:
        """A labelled passage as it is read."""
        if file not in self._read:
            policy, passages = read_split(self._folder / file)
            self._read[file] = policy, {(passage.start, passage.end): passage for passage in passages}
        policy, known = self._read[file]
        passage = known.get(place) or passage_at(policy, *place)
        decides = frozenset(
            number
            for number, (start, end) in enumerate(passage.sentences)
            if any(start < last and first < end for first, last in evidence)
        )
        excerpt = Excerpt(context(policy.text, passage), tuple(sentence_texts(policy.text, passage)))
        return JudgedPassage(question, excerpt, _VERDICT_OF[verdict], decides)


def judged_rows(split: str, folder: Path) -> Iterator[list[JudgedPassage]]:
    """For each question of `split` ("train", "dev" or "test") its passages; `folder` is that of the policy files.

    Raises:
        LabelError: a line cannot be read.
    """
    corpus = _Corpus(folder)
    for _, row in json_lines(READING / f"{split}.jsonl"):
        yield [
            corpus.judged(row["file"], (each["start"], each["end"]), row["question"], each["verdict"], each["evidence"])
            for each in row["passages"]
        ]


def passage_rows(folder: Path) -> Iterator[JudgedPassage]:
    """Questions that were written for one passage each; `folder` is that of the policy files."""
    corpus = _Corpus(folder)
    for _, row in json_lines(PASSAGES):
        for asked in row["asked"]:
            place = (row["start"], row["end"])
            yield corpus.judged(row["file"], place, asked["question"], asked["verdict"], asked["evidence"])


def contrast_rows() -> Iterator[JudgedPassage]:
    """The contrast sets: of each short passage, and of its twin with a small change, what the same questions get."""
    for _, row in json_lines(CONTRASTS):
        for version in ("a", "b"):
            excerpt = Excerpt(row["context"], tuple(row[version]))
            for asked in row["asked"]:
                yield _contrast(excerpt, asked, version)


def _contrast(excerpt: Excerpt, asked: dict[str, Any], version: str) -> JudgedPassage:
    return JudgedPassage(asked["q"], excerpt, _VERDICT_OF[asked[version]], frozenset(asked[f"e{version}"]))
