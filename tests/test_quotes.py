"""Thousands of answers: nothing is quoted that the policy does not say, nor without what governs it."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from index.build import build
from index.policies.passages import shown
from index.policy_index import PolicyIndex
from qa.answers import Answer, Quotation
from qa.assistant import Assistant
from qa.reading.reader import Excerpt, Reading
from tests.conftest import SAMPLE
from tests.tiny import TinyEmbedder

QUESTIONS = (
    "what do they collect?",
    "do they sell my data?",
    "whom do they share data with?",
    "how long do they keep it?",
    "what rights do I have, and how do I use them?",
    "do they use cookies and can I refuse them?",
    "what is prohibited?",
    "who can see my account?",
    "do they tell me of changes?",
    "is my data safe?",
)


class DrawingReader:
    """Answers, and sentences that decide, drawn by the words read: all that a reader might say comes up."""

    name, content_hash = "drawing", "drawing"

    def read(self, question: str, excerpts: Sequence[Excerpt], **_: object) -> list[Reading]:
        """See `Reader`."""
        return [self._reading(question, excerpt) for excerpt in excerpts]

    def _reading(self, question: str, excerpt: Excerpt) -> Reading:
        drawn = np.random.default_rng(
            list(hashlib.sha256("\n".join([question, excerpt.context, *excerpt.sentences]).encode()).digest())
        )
        logits = drawn.normal(size=5) * 3
        logits[4] -= 4  # mostly answering, so that much is quoted
        return Reading(logits, drawn.normal(size=len(excerpt.sentences)) * 3)


@pytest.fixture(scope="module")
def assistants(tmp_path_factory: pytest.TempPathFactory) -> list[Assistant]:
    """One over the sample, and one over 60 other policies where they are there."""
    corpus = Path(__file__).parents[2] / "shared" / "corpus" / "policies"
    sources = [[SAMPLE], sorted(corpus.glob("*.md"))[::7][:60]]
    made = []
    for paths in sources:
        if paths:
            folder = tmp_path_factory.mktemp("quotes")
            build(paths, folder, embedder=TinyEmbedder())
            index = PolicyIndex.open(folder, embedder=TinyEmbedder())
            made.append(Assistant(index, TinyEmbedder(), reader=DrawingReader()))
    return made


def answers(assistant: Assistant) -> Iterator[Answer]:
    for company in assistant.index.companies:
        for question in QUESTIONS:
            yield assistant.ask(question, companies=[company], k=20)


def quotations(answer: Answer) -> list[Quotation]:
    of_hits = [hit.quotation for hit in answer.hits if hit.quotation]
    return [*of_hits, *(quote for said in answer.verdicts for quote in said.quotes)]


def test_quotes_are_contiguous_or_marked_and_carry_what_governs_them(assistants: list[Assistant]) -> None:
    seen = 0
    for assistant in assistants:
        for answer in answers(assistant):
            for quotation in quotations(answer):
                seen += 1
                check(quotation)
    assert seen >= 300


def check(quotation: Quotation) -> None:
    text, rest = quotation.policy.text, quotation.text
    position = None
    for start, end in quotation.spans:
        words = shown(text, quotation.passage_of((start, end)), start, end)
        at = rest.find(words)
        assert at >= 0, f"“{words}” is quoted otherwise in “{quotation.text}”"
        between, rest = rest[:at], rest[at + len(words) :]
        if position is not None:
            skipped = any(character.isalnum() for character in text[position:start]) or start < position
            list_mark = len(text[position:start].split()) <= 1  # "b)" before an item is no word of the policy
            assert ("…" in between) == skipped or list_mark
        position = end
    for passage in quotation.passages:
        assert set(passage.lead_ins) <= {
            lead for lead in passage.lead_ins for start, end in quotation.spans if start <= lead[0] and lead[1] <= end
        }
    for start, end in quotation.evidence:
        assert any(first <= start and end <= last for first, last in quotation.spans)


def test_the_answer_holds_each_quotation_as_it_is(assistants: list[Assistant]) -> None:
    for assistant in assistants[:1]:
        for answer in answers(assistant):
            for said in answer.verdicts:
                if said.outcome == "answered" and not answer.parts:
                    assert all(f"“{quote.text}”" in answer.text for quote in said.quotes)


def test_the_outcome_agrees_with_the_score(assistants: list[Assistant]) -> None:
    for assistant in assistants:
        for answer in answers(assistant):
            if answer.outcome in ("answered", "unclear", "not_stated"):
                assert (answer.hits[0].score >= 0.5) == (answer.outcome == "answered")
            for said in answer.verdicts:
                assert (said.probability >= 0.5) == (said.outcome == "answered")
                assert said.verdict is None or said.outcome == "answered"
