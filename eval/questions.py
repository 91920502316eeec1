"""Labelled questions: what is asked, what should come back. It does not know how answers are found or measured.

Labels are character spans of policy files, so any splitter is scored by overlap.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SAMPLE_QUESTIONS = Path(__file__).with_name("questions")
SAMPLE_POLICIES = Path(__file__).parent.parent / "index" / "sample"
SPLITS = ("train", "dev", "test")
KINDS = ("answerable", "not_stated", "unknown_company", "out_of_scope", "several", "follow_up")


class LabelError(Exception):
    """A labelled question that cannot be measured; the message names file and line."""


@dataclass(frozen=True, slots=True)
class Span:
    """`start:end` of the policy file called `file`, in code points."""

    file: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class LabelledQuestion:
    """One question and what a right answer to it is.

    Attributes:
        kind: one of `KINDS`.
        policy_files: the files of the companies that it names; empty where it names none.
        spans: every place that answers it; empty where the policies do not say.
        unknown: companies that it names and that no policy is of.
        given: companies passed beside the question instead of in it.
    """

    id: str
    kind: str
    split: str
    text: str
    policy_files: tuple[str, ...]
    spans: tuple[Span, ...]
    history: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    topic: str = ""

    @property
    def answerable(self) -> bool:
        """Whether some policy answers it."""
        return bool(self.spans)


@dataclass(frozen=True, slots=True)
class Task:
    """Policies, and questions about them."""

    name: str
    policies: tuple[Path, ...]
    questions: tuple[LabelledQuestion, ...] = field(repr=False)


# Which sample file is whose; imgwg has no domain, so its id is a slug.
_SAMPLE_FILES = {
    "mig.me": "000_9da1b806df847e6c.txt",
    "mailigen.com": "001_2213535beeed7881.txt",
    "mightycall.com": "002_d9ca0be5d44d83fa.txt",
    "imgwg-communications": "003_a1df9efa63f0d072.txt",
    "jivochat.com": "004_442ca016cb6ce53e.txt",
}


def sample_task(folder: Path = SAMPLE_QUESTIONS, policies: Path = SAMPLE_POLICIES) -> Task:
    """The questions about the five sample policies.

    Raises:
        LabelError: a line is no question, an id or a topic stands twice where it may not, a quote is not in its policy.
    """
    texts = {file: (policies / file).read_text(encoding="utf-8") for file in _SAMPLE_FILES.values()}
    questions: list[LabelledQuestion] = []
    seen: dict[str, str] = {}
    splits_of_topic: dict[tuple[str, str], set[str]] = defaultdict(set)
    for kind in KINDS:
        for where, fields in json_lines(folder / f"{kind}.jsonl"):
            question = _sample_question(where, kind, fields, texts)
            if question.id in seen:
                raise LabelError(f"{where}: id {question.id!r} stands at {seen[question.id]} already")
            seen[question.id] = where
            splits_of_topic[kind, question.topic].add(question.split)
            if len(splits_of_topic[kind, question.topic]) > 1:
                raise LabelError(f"{where}: topic {question.topic!r} is in two splits, so dev would tell of test")
            questions.append(question)
    return Task("sample", tuple(policies / file for file in _SAMPLE_FILES.values()), tuple(questions))


def _sample_question(where: str, kind: str, fields: dict[str, Any], texts: dict[str, str]) -> LabelledQuestion:
    try:
        if fields["split"] not in SPLITS:
            raise LabelError(f"{where}: split {fields['split']!r}, expected one of {', '.join(SPLITS)}")
        spans = tuple(
            span
            for evidence in fields["evidence"]
            for span in _places(where, evidence["quote"], _SAMPLE_FILES[evidence["company"]], texts)
        )
        unknown = tuple(fields.get("unknown", ()))
        if not spans and kind in ("answerable", "several"):
            raise LabelError(f"{where}: {kind}, but without evidence")
        return LabelledQuestion(
            fields["id"],
            kind,
            fields["split"],
            fields["question"],
            tuple(_SAMPLE_FILES[company] for company in fields["named"]),
            spans,
            tuple(fields["history"]),
            tuple(fields["companies"]),
            unknown,
            fields["topic"],
        )
    except (KeyError, TypeError) as error:
        raise LabelError(f"{where}: {error!r} is missing or of another kind than expected") from error


def _places(where: str, quote: str, file: str, texts: dict[str, str]) -> Iterator[Span]:
    """Every place of `quote` in its policy: a sentence that stands twice answers twice."""
    start = texts[file].find(quote)
    if start < 0:
        raise LabelError(f"{where}: the quote {quote[:60]!r} is not in {file}")
    while start >= 0:
        yield Span(file, start, start + len(quote))
        start = texts[file].find(quote, start + 1)


def gdpr200_task(folder: Path) -> Task:
    """`gdpr200` in its folder: questions about apps' policies, answerable and not, every passage labelled.

    Raises:
        LabelError: a line is no question, a label names no passage, or a passage lies outside its file.
    """
    passages = {}
    texts: dict[str, int] = {}
    for where, fields in json_lines(folder / "corpus.jsonl"):
        path = folder / "docs" / fields["file"]
        length = texts.setdefault(fields["file"], len(path.read_text(encoding="utf-8")))
        if not 0 <= fields["start"] < fields["end"] <= length:
            raise LabelError(f"{where}: {fields['start']}:{fields['end']} lies outside {fields['file']} ({length:,})")
        passages[fields["_id"]] = fields
    files = {fields["doc_id"]: fields["file"] for fields in passages.values()}
    labels: dict[str, list[Span]] = defaultdict(list)
    for path in sorted((folder / "qrels").glob("*.tsv")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()[1:], start=2):
            question_id, passage_id, grade = line.split("\t")
            if passage_id not in passages:
                raise LabelError(f"{path}:{number}: no passage {passage_id!r} in corpus.jsonl")
            if int(grade) > 0:
                found = passages[passage_id]
                labels[question_id].append(Span(found["file"], found["start"], found["end"]))
    questions = tuple(
        LabelledQuestion(
            fields["_id"],
            "answerable" if fields["answerable"] else "not_stated",
            fields["split"],
            fields["text"],
            (files[fields["doc_id"]],),
            tuple(labels[fields["_id"]]),
            topic=fields["requirement"],
        )
        for _, fields in json_lines(folder / "queries.jsonl")
        if not fields.get("generic")
    )
    repeated = [entry for entry, count in Counter(question.id for question in questions).items() if count > 1]
    if repeated:
        raise LabelError(f"{folder / 'queries.jsonl'}: id {repeated[0]!r} stands twice")
    return Task("gdpr200", tuple(folder / "docs" / file for file in sorted(texts)), questions)


def json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each line of a JSON lines file, and where it stands, for messages."""
    # not splitlines(): JSON may hold U+2028 as it is
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            fields = json.loads(line)
        except ValueError as error:
            raise LabelError(f"{where}: not JSON ({error})") from error
        if not isinstance(fields, dict):
            raise LabelError(f"{where}: {type(fields).__name__}, expected an object")
        yield where, fields


BANK = Path(__file__).with_name("bank.jsonl")
_BANK_DEV_EVERY = 10


def bank_task(policies: Path, *, split: str) -> Task:
    """Questions written for passages of the training corpus; every tenth policy is kept from training as dev.

    A passage that answers is labelled, others of its policy that answer too are not: use S@k and MRR only.

    Args:
        policies: the folder of the corpus's policy files.
        split: "train" or "dev".
    """
    entries = [fields for _, fields in json_lines(BANK)]
    dev = bank_dev_files(entries)
    questions = []
    for number, entry in enumerate(entries):
        mine = "dev" if entry["file"] in dev else "train"
        if mine != split:
            continue
        span = Span(entry["file"], entry["start"], entry["end"])
        for place, text in enumerate(entry["yes"]):
            questions.append(
                LabelledQuestion(f"b{number}.{place}", "answerable", mine, text, (entry["file"],), (span,))
            )
    used = sorted({question.policy_files[0] for question in questions})
    return Task(f"bank-{split}", tuple(policies / file for file in used), tuple(questions))


def bank_dev_files(entries: Sequence[dict[str, Any]]) -> set[str]:
    """The policy files of the bank that are never trained on."""
    return set(sorted({entry["file"] for entry in entries})[::_BANK_DEV_EVERY])
