"""What the reader is taught with and measured on: judged questions and passages, questions written for one passage
each, and contrast sets.

`eval/reading/README.md` says how they were made. It does not know models.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from eval.questions import json_lines
from eval.tasks.labels import LabelledPolicy, labelled_policies
from eval.tasks.reading import READING
from eval.training_rows import read_split, told_by_sentences
from index.embedding import Embedder
from index.parsing.document import Span
from index.policies.passages import Passage, context, embedded_text, passage_at, sentence_texts
from index.policies.versions import Policy
from qa.intents import Intent, read_intents
from qa.reading.reader import ANSWERS, Excerpt

PASSAGES, CONTRASTS = READING / "passages.jsonl", READING / "contrasts.jsonl"
ANSWERING = "answering"
"""What is known of a passage that answers where nobody judged how."""
# Of each labelled policy so many intents that it answers are asked, and as many that it does not; of an invented text
# so many questions.
_INTENTS_OF_A_POLICY, _QUESTIONS_OF_A_TEXT = 25, 3
_SILENT_PASSAGES = 2
_VERDICT_OF = {**{answer: answer for answer in ANSWERS}, "none": "silent"}


@dataclass(frozen=True, slots=True)
class JudgedPassage:
    """A question, what is read of a passage, and how it was judged.

    Attributes:
        answer: one of `ANSWERS`, or `ANSWERING`.
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


def intent_rows(folder: Path, embedder: Embedder, draw: Random) -> Iterator[JudgedPassage]:
    """What rubrics ask: intents, asked of passages that the labels say answer them, and of the nearest that do not.

    Policies that the reader is measured on are left out.
    """
    kept = {row["file"] for split in ("dev", "test") for _, row in json_lines(READING / f"{split}.jsonl")}
    intents = read_intents()
    for policy in labelled_policies(split="train"):
        if policy.file not in kept:
            yield from _asked_of_policy(policy, intents, folder, embedder, draw)
    for intent in intents:
        for texts, answer in ((intent["says"], ANSWERING), (intent["near"], "silent")):
            for text in texts:
                for question in draw.sample(intent["questions"], _QUESTIONS_OF_A_TEXT):
                    yield JudgedPassage(
                        question, Excerpt("", (text,)), answer, frozenset((0,) if answer == ANSWERING else ())
                    )


def _asked_of_policy(
    labelled: LabelledPolicy, intents: Sequence[Intent], folder: Path, embedder: Embedder, draw: Random
) -> Iterator[JudgedPassage]:
    policy, passages = read_split(folder / labelled.file)
    excerpts = [Excerpt(context(policy.text, each), tuple(sentence_texts(policy.text, each))) for each in passages]
    tells = [told_by_sentences(each, labelled) for each in passages]
    by_name = {intent["intent"]: intent["questions"] for intent in intents}
    present, absent = sorted(labelled.intents), sorted(set(by_name) - labelled.intents)
    asked = draw.sample(present, min(_INTENTS_OF_A_POLICY, len(present))) + draw.sample(absent, _INTENTS_OF_A_POLICY)
    questions = [draw.choice(by_name[name]) for name in asked]
    vectors = embedder.embed_passages([embedded_text(policy.text, each) for each in passages])
    nearness = embedder.embed_questions(questions) @ vectors.T
    for name, question, near in zip(asked, questions, nearness, strict=True):
        best_first = [int(place) for place in np.argsort(-near, kind="stable")]
        evidence = {place: frozenset(n for n, told in enumerate(tells[place]) if name in told) for place in best_first}
        answering = [place for place in best_first if evidence[place]][:1]
        silent = [place for place in best_first if not evidence[place]]
        for place in answering:
            yield JudgedPassage(question, excerpts[place], ANSWERING, evidence[place])
        for place in silent[: _SILENT_PASSAGES - len(answering)]:
            yield JudgedPassage(question, excerpts[place], "silent", frozenset())
