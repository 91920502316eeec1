"""Questions put to a system, and what came back, a row a question. It does not know what a system is made of."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

from eval.measures import characters, ranking, wrong_company_at
from eval.questions import Document, LabelledQuestion, Setting, Span
from eval.systems import Retrieved, System, asked_text
from index.policies.companies import key

DEPTH = 10
CHARACTER_KS = (1, 2, 3, 5, 8, 10, 16, 32, 64)
_WRONG_COMPANY_K = 5
WRONG_COMPANY = f"wrong-company@{_WRONG_COMPANY_K}"
# Those whose company is known; of the others every company may be wrong.
_NAMING = ("answerable", "not_stated", "several", "follow_up")
_SHOWN_HITS = 5
_SHOWN_LABELS = 3


@dataclass(frozen=True, slots=True)
class Shown:
    """A span with its words, for people to read."""

    file: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class FoundHit:
    """One hit of a row.

    Attributes:
        company: whose the document truly is, as `index.companies.key` writes it.
        relevant: whether it overlaps a label.
        repeated: whether the same span stands further up; such a hit is never relevant, and costs its place.
    """

    file: str
    start: int
    end: int
    score: float
    company: str
    relevant: bool
    repeated: bool

    @property
    def id(self) -> str:
        """What names its span in a TREC file: no white space, as that parts the columns there."""
        return f"{'_'.join(self.file.split())}:{self.start}-{self.end}"


@dataclass(frozen=True, slots=True)
class Row:
    """What one question got, and what it should have got.

    Attributes:
        text: the question as it was asked in this setting.
        policy: what it is grouped by for intervals: the document it is about, or else its own id.
        named: the true companies that it is about.
        relevant_in_all: how many spans of all that could come back overlap a label, and labels that none overlaps.
        quoted: whether some of what is quoted overlaps a label; misquoted: whether something is and none of it does.
        verdict: what was said to a question of yes or no; expects_verdicts: what may be said to it, if that is known.
        measures: by name, each a number for this question; the ranking measures only where it is answerable.
        hits: all that came back, best first; `shown` and `wanted` have the words of some.
    """

    id: str
    kind: str
    split: str
    topic: str
    generic: bool
    text: str
    policy: str
    named: tuple[str, ...]
    answerable: bool
    expects_unknown: tuple[str, ...]
    outcome: str | None
    confidence: float
    quoted: bool
    unknown: tuple[str, ...]
    relevant_in_all: int
    hits: tuple[FoundHit, ...]
    shown: tuple[Shown, ...]
    wanted: tuple[Shown, ...]
    took_ms: float
    measures: dict[str, float] = field(default_factory=dict)
    stages_ms: dict[str, float] = field(default_factory=dict)
    misquoted: bool = False
    verdict: str | None = None
    expects_verdicts: tuple[str, ...] = ()

    @property
    def rank(self) -> int | None:
        """Of the first relevant hit, from 1; None if none is."""
        return next((place for place, hit in enumerate(self.hits, start=1) if hit.relevant), None)

    @property
    def ranked(self) -> bool:
        """Whether the ranking measures are taken of it."""
        return self.answerable and not self.generic


def run(
    system: System,
    questions: Iterable[LabelledQuestion],
    documents: Sequence[Document],
    *,
    setting: Setting,
    depth: int = DEPTH,
    progress: Callable[[], None] = lambda: None,
) -> list[Row]:
    """The row of each question, in order.

    Args:
        documents: all that the system searches, distractors too.
        depth: how many hits are asked for.
    """
    judge = _Judge(documents, system.spans, depth)
    rows = []
    for question in questions:
        rows.append(judge.row(question, system.ask(question, setting=setting, k=depth), setting))
        progress()
    ranked = [row for row in rows if row.ranked]
    values = ranking(
        {row.id: [hit.relevant for hit in row.hits] for row in ranked},
        {row.id: row.relevant_in_all for row in ranked},
        depth=depth,
    )
    return [replace(row, measures={**values.get(row.id, {}), **row.measures}) for row in rows]


class _Judge:
    """What the labels say of spans."""

    def __init__(self, documents: Sequence[Document], spans: Sequence[Span], depth: int) -> None:
        self._depth = depth
        self._character_ks = [k for k in CHARACTER_KS if k <= depth]
        self._documents = {document.file: document for document in documents}
        # One company may be written in two ways: "BBC", "Bbc".
        self._company_of = {document.file: key(document.company) for document in documents}
        self._spans: dict[str, list[Span]] = defaultdict(list)
        for span in sorted(set(spans), key=lambda span: (span.file, span.start, span.end)):
            self._spans[span.file].append(span)
        self._ends = {file: _highest_ends(found) for file, found in self._spans.items()}
        lengths = [len(document.text) for document in documents]
        starts = [0, *accumulate(lengths)]
        self._start_of = {document.file: start for document, start in zip(documents, starts, strict=False)}

    def row(self, question: LabelledQuestion, retrieved: Retrieved, setting: Setting) -> Row:
        seen: set[Span] = set()
        hits = []
        for span, score in zip(retrieved.spans, retrieved.scores, strict=True):
            relevant = span not in seen and any(span.overlaps(label) for label in question.spans)
            company = self._company_of[span.file]
            hits.append(FoundHit(span.file, span.start, span.end, score, company, relevant, span in seen))
            seen.add(span)
        quoted = any(quote.overlaps(label) for quote in retrieved.quoted for label in question.spans)
        named = tuple(dict.fromkeys(self._company_of[file] for file in question.policy_files))
        return Row(
            id=question.id,
            kind=question.kind,
            split=question.split,
            topic=question.topic,
            generic=question.generic,
            text=asked_text(question, setting),
            policy=question.group or (question.policy_files[0] if question.policy_files else question.id),
            named=named,
            answerable=question.answerable,
            expects_unknown=question.unknown,
            outcome=retrieved.outcome,
            confidence=retrieved.confidence,
            quoted=quoted,
            misquoted=bool(retrieved.quoted) and not quoted,
            verdict=retrieved.verdict,
            expects_verdicts=question.verdicts,
            unknown=retrieved.unknown,
            relevant_in_all=self._relevant_in_all(question.spans),
            hits=tuple(hits),
            shown=tuple(self._shown(span) for span in retrieved.spans[:_SHOWN_HITS]),
            wanted=tuple(self._shown(span) for span in question.spans[:_SHOWN_LABELS]),
            took_ms=retrieved.took_ms,
            measures=self._measures(question, retrieved, named),
            stages_ms=dict(retrieved.stages_ms),
        )

    def _measures(self, question: LabelledQuestion, retrieved: Retrieved, named: Sequence[str]) -> dict[str, float]:
        measures = {}
        if named and question.kind in _NAMING and self._depth >= _WRONG_COMPANY_K:
            companies = [self._company_of[span.file] for span in retrieved.spans]
            measures[WRONG_COMPANY] = float(wrong_company_at([companies], [named], _WRONG_COMPANY_K)[0])
        if question.answerable and not question.generic:
            hits = [self._placed(span) for span in retrieved.spans]
            labels = [self._placed(label) for label in question.spans]
            for k in self._character_ks:
                measures[f"char P@{k}"], measures[f"char R@{k}"] = characters(hits, labels, k)
        return measures

    def _placed(self, span: Span) -> tuple[int, int]:
        """`span` where all documents are laid end to end."""
        start = self._start_of[span.file]
        return start + span.start, start + span.end

    def _relevant_in_all(self, labels: Sequence[Span]) -> int:
        found: set[Span] = set()
        out_of_reach = 0
        for label in labels:
            mine = self._overlapping(label)
            out_of_reach += not mine
            found.update(mine)
        return len(found) + out_of_reach

    def _overlapping(self, label: Span) -> list[Span]:
        """Those that could come back and hold a character of `label`."""
        spans = self._spans.get(label.file, [])
        if not spans:
            return []
        found = []
        # the first whose end, or an earlier one's, lies beyond where the label starts
        for place in range(bisect_left(self._ends[label.file], label.start + 1), len(spans)):
            if spans[place].start >= label.end:
                break
            if spans[place].overlaps(label):
                found.append(spans[place])
        return found

    def _shown(self, span: Span) -> Shown:
        text = self._documents[span.file].text[span.start : span.end]
        return Shown(span.file, span.start, span.end, text)


def _highest_ends(spans: Sequence[Span]) -> list[int]:
    ends: list[int] = []
    for span in spans:
        ends.append(max(span.end, ends[-1] if ends else 0))
    return ends
