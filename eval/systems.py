"""What is measured: this project as it runs, and two baselines that it must beat. They do not know labels.

A system is asked a question and gives back ranked spans of documents. `dense` ranks by the cosine of one vector a
passage, `bm25` by words alone; neither knows companies, so in the open corpus they show what attribution is worth.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from eval.questions import Document, LabelError, LabelledQuestion, Setting, Span, Unit
from index.build import Contents, Split, build, read, splitter
from index.embedding import Embedder
from index.policies.passages import Passage, embedded_text, passage_at
from index.policies.versions import Policy
from index.policy_index import PolicyIndex
from index.sources.folder import Progress
from qa.answers import Answer, Outcome
from qa.assistant import Assistant
from qa.judgement import SAYS_FROM
from qa.reading.reader import Reader
from qa.stages import recorded

Vectors = np.ndarray


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What a system gave back.

    Attributes:
        spans: best first.
        scores: of each span; higher is better, without unit.
        confidence: how sure it is that the first span answers; comparable between questions.
        outcome: what it says of the question; None if it says nothing.
        quoted: what it quotes as its answer.
        verdict: "yes", "no" or "depends", where it says so.
        unknown: names of companies that it took the question to name, and does not know.
        took_ms: wall time.
        stages_ms: the part of it that each stage took.
    """

    spans: tuple[Span, ...]
    scores: tuple[float, ...]
    confidence: float
    outcome: str | None = None
    quoted: tuple[Span, ...] = ()
    verdict: str | None = None
    unknown: tuple[str, ...] = ()
    took_ms: float = 0.0
    stages_ms: Mapping[str, float] = field(default_factory=dict)


class System(Protocol):
    """What can be measured.

    Attributes:
        name: for people.
        spans: everything that it could give back.
        manifest: what it was built of, for the record.
    """

    name: str

    @property
    def spans(self) -> Sequence[Span]: ...  # noqa: D102

    @property
    def manifest(self) -> Mapping[str, object]: ...  # noqa: D102

    def ask(self, question: LabelledQuestion, *, setting: Setting, k: int) -> Retrieved:
        """The `k` best spans; under `Setting.PER_POLICY` of `question.policy_files` alone, where it has any."""
        ...


class AskPolicy:
    """The project as it runs, over an index folder built of the documents."""

    name = "askpolicy"

    def __init__(self, index: PolicyIndex, embedder: Embedder, *, reader: Reader | None = None) -> None:
        self._assistant = Assistant(index, embedder, reader=reader)
        self._file_of = {policy.id: file_of(policy) for policy in index.policies.values()}
        self._owners = {self._file_of[policy.id]: policy.company_id for policy in index.policies.values()}
        self.spans = [self._span(passage) for passage in index.passages]
        fields = ("version", "model", "model_hash", "terms_hash", "policies", "companies", "passages", "sentences")
        thresholds = {"answered_from": SAYS_FROM, **self._assistant.thresholds}
        self.manifest = {**{name: getattr(index.manifest, name) for name in fields}, "thresholds": thresholds}

    def ask(self, question: LabelledQuestion, *, setting: Setting, k: int) -> Retrieved:
        """See `System`."""
        text = asked_text(question, setting)
        given: tuple[str, ...] = ()
        if setting is Setting.PER_POLICY:
            # a document without a passage is in no index, so its company cannot be given: it gets nothing
            owners = dict.fromkeys(self._owners[file] for file in question.policy_files if file in self._owners)
            given = question.given or tuple(owners)
            if question.policy_files and not given:
                return Retrieved((), (), 0.0, outcome="not_stated")
        with recorded() as recording:
            began = time.perf_counter()
            answer = self._assistant.ask(text, companies=given, history=question.history, k=k)
            took_ms = (time.perf_counter() - began) * 1000
        hits = answer.hits
        return Retrieved(
            spans=tuple(self._span(hit.passage) for hit in hits),
            scores=tuple(hit.score for hit in hits),
            confidence=hits[0].score if hits else 0.0,
            outcome=str(answer.outcome),
            quoted=self._quoted(answer),
            verdict=next((str(each.verdict) for each in answer.verdicts[:1] if each.verdict), None),
            unknown=tuple(name.name for name in answer.unknown_companies),
            took_ms=took_ms,
            stages_ms=recording.total_ms,
        )

    def _quoted(self, answer: Answer) -> tuple[Span, ...]:
        """What is quoted of the first company that says it: the evidence, not what governs it."""
        first = next((each for each in answer.verdicts if each.outcome is Outcome.ANSWERED), None)
        quotes = first.quotes if first else ()
        return tuple(Span(self._file_of[quote.policy.id], *span) for quote in quotes for span in quote.evidence)

    def _span(self, passage: Passage) -> Span:
        return Span(self._file_of[passage.policy_id], passage.start, passage.end)


class _Baseline:
    """A system that scores every passage of a pool."""

    name: str

    def __init__(self, spans: Sequence[Span], manifest: Mapping[str, object]) -> None:
        self.spans = spans
        self.manifest = manifest
        self._files = np.array([span.file for span in spans])

    def ask(self, question: LabelledQuestion, *, setting: Setting, k: int) -> Retrieved:
        """See `System`."""
        began = time.perf_counter()
        scores = self._scores(asked_text(question, setting))
        rows = np.arange(len(self.spans))
        if setting is Setting.PER_POLICY and question.policy_files:
            rows = np.flatnonzero(np.isin(self._files, question.policy_files))
        best = rows[np.lexsort((rows, -scores[rows]))[:k]]
        return Retrieved(
            spans=tuple(self.spans[row] for row in best),
            scores=tuple(float(scores[row]) for row in best),
            confidence=float(scores[best[0]]) if len(best) else 0.0,
            took_ms=(time.perf_counter() - began) * 1000,
        )

    def _scores(self, question: str) -> Vectors:
        raise NotImplementedError


class Dense(_Baseline):
    """The cosine of a passage's vector with the question's, and nothing else."""

    name = "dense"

    def __init__(
        self, spans: Sequence[Span], vectors: Vectors, embedder: Embedder, *, manifest: Mapping[str, object]
    ) -> None:
        """`vectors` are of `spans`, shape (len(spans), embedder.dimension), unit rows."""
        super().__init__(spans, {**manifest, "model": embedder.name, "model_hash": embedder.content_hash})
        self._embedder = embedder
        self._vectors = vectors

    def _scores(self, question: str) -> Vectors:
        # Equal text must score equally to the last bit, wherever it stands in a matrix product.
        cosines: Vectors = (self._vectors @ self._embedder.embed_questions([question])[0]).round(6)
        return cosines


class BM25(_Baseline):
    """BM25 (Robertson & Zaragoza 2009) by bm25s with its defaults, English stop words and Snowball's stems."""

    name = "bm25"

    def __init__(self, spans: Sequence[Span], texts: Sequence[str], *, manifest: Mapping[str, object]) -> None:
        super().__init__(spans, manifest)
        import bm25s
        import Stemmer

        self._stemmer = Stemmer.Stemmer("english")
        self._bm25 = bm25s.BM25()
        self._bm25.index(self._terms(list(texts)), show_progress=False)

    def _scores(self, question: str) -> Vectors:
        tokens = [token for token in self._terms([question])[0] if token in self._bm25.vocab_dict]
        if not tokens:
            return np.zeros(len(self.spans))
        scores: Vectors = self._bm25.get_scores(tokens).astype(np.float64).round(6)
        return scores

    def _terms(self, texts: list[str]) -> list[list[str]]:
        import bm25s

        found: list[list[str]] = bm25s.tokenize(
            texts, stopwords="en", stemmer=self._stemmer, return_ids=False, show_progress=False
        )
        return found


def asked_text(question: LabelledQuestion, setting: Setting) -> str:
    """The question as it is asked: where all policies are pooled, only its own words may name the company."""
    return question.text_open if setting is Setting.OPEN and question.text_open else question.text


SYSTEMS = ("askpolicy", "dense", "bm25")
UNITS = ("passages", "given")


def system_over(
    documents: Sequence[Document],
    folder: Path,
    *,
    name: str,
    embedder: Embedder,
    units: str = "passages",
    titled: bool = False,
    reader: Reader | None = None,
    progress: Progress = lambda *_: None,
) -> System:
    """The system called `name`, built over `documents`.

    Args:
        folder: an empty folder, which the system may keep using.
        name: one of `SYSTEMS`.
        units: "passages" as this project splits documents, or "given": as the labels' authors did.
        titled: put each company's name before its passages, as BEIR puts titles; a baseline has no other way to tell
            companies apart. This project has, and never does.
    """
    sources = folder / "policies"
    write_documents(documents, sources)
    split = given_split(documents) if units == "given" else splitter(embedder)
    if name == "askpolicy":
        build([sources], folder / "index", embedder=embedder, split=split, progress=progress)
        index = PolicyIndex.open(folder / "index", embedder=embedder)
        return AskPolicy(index, embedder, reader=reader)
    if units == "given":
        pairs = [(Span(d.file, unit.start, unit.end), unit.text) for d in documents for unit in units_of(d)]
    else:
        pairs = list(_embedded(read([sources], split=split, progress=progress)))
    company_of = {document.file: document.company for document in documents}
    spans = [span for span, _ in pairs]
    texts = [f"{company_of[span.file]} {text}" if titled else text for span, text in pairs]
    manifest = {"policies": len(documents), "passages": len(spans)}
    if name == "dense":
        vectors = embedder.embed_passages(texts, progress=lambda done, total: progress("embed", done, total))
        return Dense(spans, vectors, embedder, manifest=manifest)
    return BM25(spans, texts, manifest=manifest)


def _embedded(contents: Contents) -> Iterable[tuple[Span, str]]:
    policies = {policy.id: policy for policy in contents.policies}
    for passage in contents.passages:
        policy = policies[passage.policy_id]
        yield Span(file_of(policy), passage.start, passage.end), embedded_text(policy.text, passage)


def units_of(document: Document) -> Sequence[Unit]:
    """The passages of `document` as given; of one that came without any (a distractor) its paragraphs."""
    if document.units:
        return document.units
    units, position = [], 0
    for paragraph in document.text.split("\n\n"):
        start = position + len(paragraph) - len(paragraph.lstrip())
        if paragraph.strip():
            units.append(Unit(start, start + len(paragraph.strip()), paragraph.strip()))
        position += len(paragraph) + 2
    return units


def given_split(documents: Sequence[Document]) -> Split:
    """A splitter that cuts each policy where the labels' authors did."""
    by_file = {document.file: document for document in documents}

    def split(policy: Policy) -> list[Passage]:
        return [
            passage_at(policy, unit.start, unit.end, heading=(unit.heading,) if unit.heading else ())
            for unit in units_of(by_file[file_of(policy)])
        ]

    return split


def write_documents(documents: Sequence[Document], folder: Path) -> None:
    """Each document as a file under `folder`, as `index.build` reads them.

    Raises:
        LabelError: a document's name leads out of `folder`.
    """
    for document in documents:
        path = folder / document.file
        if not path.resolve().is_relative_to(folder.resolve()):
            raise LabelError(f"the document {document.file!r} lies outside its folder; rename it")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document.text, encoding="utf-8", newline="\n")


def file_of(policy: Policy) -> str:
    """The document's file: the policy's path without the folder that was indexed."""
    return policy.path.partition("/")[2]
