"""What the third round of training reads: a question, a text that answers it, and one of the same policy that does not.

Rows come in batches of like length, so that little is padded, and with several rows of one policy, so that what else
stands in a batch is hard to tell from the answer. It does not know models but to ask which texts lie near.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from eval.questions import Span, json_lines
from eval.tasks.labels import LabelledPolicy, labelled_policies
from index.policies.passages import Passage, embedded_text, passages, sentence_texts
from index.policies.versions import Policy, of_document
from index.sources.files import read_policy_file
from qa.intents import Embed, Intent, read_intents

Vectors = np.ndarray

CLAUSES = Path(__file__).with_name("clauses.jsonl")
NO_INTENT = -1
MAX_PASSAGE_TOKENS = 254
# Of a policy at most so many of the passages that answer one intent are asked for in a round.
_PLACES = 1
# A passage takes three times as long to read as a sentence.
_PASSAGE_SHARE = 0.3
_ROWS_OF_A_POLICY = 8
_NEAREST = 12


@dataclass(frozen=True, slots=True)
class Row:
    """One example.

    Attributes:
        asks: which intent the question has, as its place among `read_intents()`; `NO_INTENT` if it has none.
        tells, other_tells: the intents that `text` and `other` answer, where that is known.
        complete: whether of both texts it is known that they answer no other.
    """

    question: str
    text: str
    other: str
    asks: int = NO_INTENT
    tells: frozenset[int] = frozenset()
    other_tells: frozenset[int] = frozenset()
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """A text of a policy, and the intents that it answers."""

    text: str
    tells: frozenset[int]


def read_split(path: Path) -> tuple[Policy, list[Passage]]:
    """A policy of the corpus and its passages, as this project splits it."""
    file = read_policy_file(path)
    bare = Policy(path.stem, path.stem, path.stem, None, None, "", 0, path.name)
    policy = of_document(bare, file.document)
    # Four characters a token: near enough for training, and no tokenizer is asked a million times.
    return policy, passages(policy, max_tokens=MAX_PASSAGE_TOKENS, count_tokens=lambda text: len(text) // 4)


def labelled_rows(corpus: Path, embed: Embed, draw: Random) -> list[list[Row]]:
    """For each labelled policy its rows, in two lists: its sentences, and some of its passages."""
    intents = read_intents()
    wordings = [intent["questions"] for intent in intents]
    places = places_of(intents)
    lists = []
    for labelled in labelled_policies(split="train"):
        sentences, whole = (_rows(texts, wordings, embed, draw) for texts in told_texts(corpus, labelled, places))
        lists += [sentences, draw.sample(whole, int(len(whole) * _PASSAGE_SHARE))]
    return lists


def places_of(intents: Sequence[Intent]) -> dict[str, int]:
    """Where each of `intents` stands among them, by its name."""
    return {intent["intent"]: place for place, intent in enumerate(intents)}


def told_texts(corpus: Path, labelled: LabelledPolicy, places: Mapping[str, int]) -> tuple[list[Told], list[Told]]:
    """What is embedded of a labelled policy's sentences and of its passages, with the `places` of what each answers."""
    policy, split = read_split(corpus / labelled.file)
    sentences, whole = [], []
    for passage in split:
        told = [frozenset(places[name] for name in names) for names in told_by_sentences(passage, labelled)]
        sentences += [Told(*each) for each in zip(sentence_texts(policy.text, passage), told, strict=True)]
        whole.append(Told(embedded_text(policy.text, passage), frozenset().union(*told)))
    return sentences, whole


def told_by_sentences(passage: Passage, labelled: LabelledPolicy) -> list[set[str]]:
    """The intents that each sentence of `passage` answers."""
    return [
        {
            name
            for span, names in labelled.answers.items()
            if span.overlaps(Span(labelled.file, start, end))
            for name in names
        }
        for start, end in passage.sentences
    ]


def answering_each(texts: Sequence[Told]) -> dict[int, list[Told]]:
    """Those of `texts` that answer each intent, in their order."""
    answering = defaultdict(list)
    for told in texts:
        for intent in told.tells:
            answering[intent].append(told)
    return answering


def not_answering(texts: Sequence[Told], near: Vectors, intent: int) -> list[Told]:
    """Those of `texts` that do not answer `intent`, nearest first; `near` tells how near, shape (len(texts),)."""
    return [texts[place] for place in np.argsort(-near, kind="stable") if intent not in texts[place].tells]


def _rows(texts: Sequence[Told], wordings: Sequence[Sequence[str]], embed: Embed, draw: Random) -> list[Row]:
    """Each intent that some of `texts` answer, asked of up to `_PLACES` of them, against one that does not answer."""
    answering = answering_each(texts)
    asked = [
        (intent, draw.choice(wordings[intent]), told)
        for intent, found in sorted(answering.items())
        for told in draw.sample(found, min(_PLACES, len(found)))
    ]
    if not asked:
        return []
    nearness = embed([question for _, question, _ in asked]) @ embed([told.text for told in texts]).T
    rows = []
    for (intent, question, told), near in zip(asked, nearness, strict=True):
        others = not_answering(texts, near, intent)
        if others:
            other = draw.choice(others[:_NEAREST])
            rows.append(Row(question, told.text, other.text, intent, told.tells, other.tells, complete=True))
    return rows


def intent_rows(draw: Random) -> list[Row]:
    """Each sentence that policies say of an intent, asked for in one of its wordings, against one that looks alike."""
    intents = read_intents()
    tells = defaultdict(set)  # what looks like one intent's answer may be another's
    for place, intent in enumerate(intents):
        for said in intent["says"]:
            tells[said].add(place)
    rows = []
    for place, intent in enumerate(intents):
        for said in intent["says"]:
            near = draw.choice(intent["near"])
            rows.append(
                Row(
                    draw.choice(intent["questions"]),
                    said,
                    near,
                    place,
                    frozenset(tells[said]),
                    frozenset(tells.get(near, ())),
                )
            )
    return rows


def clause_rows(draw: Random) -> list[Row]:
    """Invented clauses of consumers' contracts, with their questions: so that general questions are not forgotten."""
    entries = [fields for _, fields in json_lines(CLAUSES)]
    rows = []
    for entry in entries:
        other = draw.choice([other for other in entries if other is not entry])
        rows += [Row(question, entry["clause"], other["clause"]) for question in entry["yes"]]
    return rows


def batches(lists: Sequence[Sequence[Row]], size: int, draw: Random) -> list[list[Row]]:
    """`lists` in batches of `size`, made of runs of `_ROWS_OF_A_POLICY` of one list; short texts apart from long."""
    runs = []
    for rows in lists:
        mixed = draw.sample(list(rows), len(rows))
        runs += [mixed[begin : begin + _ROWS_OF_A_POLICY] for begin in range(0, len(mixed), _ROWS_OF_A_POLICY)]
    draw.shuffle(runs)
    runs.sort(key=lambda run: max(len(row.text) for row in run) // 200)
    flat = [row for run in runs for row in run]
    found = [flat[begin : begin + size] for begin in range(0, len(flat), size)]
    draw.shuffle(found)
    return found
