"""Questions about change over time, asked of an index of whole histories; each answer is judged by its label."""

import time
from collections.abc import Iterable, Sequence

import numpy as np

from eval.figures import Figure
from eval.history_index import bundle_hash, history_index
from eval.measures import interval
from eval.questions import LabelError, Setting
from eval.run_folder import TaskRun, data_hash
from eval.running import FoundHit, Row, Shown
from eval.systems import SYSTEMS
from eval.tasks.changes import CHANGED, ChangeQuestion, ChangesTask, LabelledVersion
from eval.told_histories import ToldChange, ToldHistory, ToldQuote, told_history
from index.embedding import Embedder
from index.policies.companies import key
from index.policies.series import day_of
from index.policies.versions import Policy
from index.policy_index import PolicyIndex
from index.sources.folder import Progress
from qa.assistant import Assistant
from qa.reading.reader import Reader
from qa.stages import recorded

RIGHT_PAIR, RIGHT_PAIR_FIRST, RIGHT_PASSAGE = "right pair", "right pair first", "right passage"
_TOLD_RIGHTLY = "told rightly"
_SHOWN = 5


def measure_changes(
    task: ChangesTask,
    chosen: Sequence[ChangeQuestion],
    *,
    embedder: Embedder,
    reader: Reader | None,
    progress: Progress = lambda *_: None,
) -> TaskRun:
    """`chosen`, questions of `task` of one split, asked by their words alone.

    Raises:
        LabelError: the archive is none, or a label is not in it.
    """
    began = time.perf_counter()
    index = history_index(task.bundle, task.kept, embedder=embedder, progress=progress)
    judges = [_Judge(index, question) for question in chosen]
    assistant = Assistant(index, embedder, reader=reader)
    built = time.perf_counter()
    rows = []
    for done, judge in enumerate(judges, start=1):
        rows.append(judge.row(assistant))
        progress("ask", done, len(judges))
    split = chosen[0].split
    fields = ("version", "model", "model_hash", "terms_hash", "policies", "companies", "passages", "sentences")
    return TaskRun(
        name=f"{task.name}.{Setting.OPEN}.{split}",
        task=task.name,
        setting=str(Setting.OPEN),
        split=split,
        complete=task.complete,
        system=SYSTEMS[0],
        data_hash=data_hash(task),
        pool_hash=bundle_hash(task.bundle),
        manifest={name: getattr(index.manifest, name) for name in fields},
        seconds={"build": round(built - began, 3), "ask": round(time.perf_counter() - built, 3)},
        figures=tuple(change_figures(rows)),
        rows=tuple(rows),
    )


def change_figures(rows: Sequence[Row]) -> list[Figure]:
    """Every measure by kind of question, with its n and interval; then times."""
    found = []
    for kind in dict.fromkeys(row.kind for row in rows):
        mine = [row for row in rows if row.kind == kind]
        for name in mine[0].measures:
            values = np.array([row.measures[name] for row in mine])
            between = interval(values, [row.policy for row in mine]) or ()
            found.append(Figure(f"{kind}: {name}", float(values.mean()), len(mine), *between))
    times = [row.took_ms for row in rows]
    return found + [Figure(f"ask, ms, p{p}", float(np.percentile(times, p)), len(times)) for p in (50, 95) if times]


class _Judge:
    """A question with the places of its label in the index."""

    def __init__(self, index: PolicyIndex, question: ChangeQuestion) -> None:
        """Raises LabelError where a version or a quote of the label is not in `index`."""
        self._question = question
        self._labels = [
            place
            for version in (question.before, question.after)
            if version
            for place in _places(index, question.document, version)
        ]

    def row(self, assistant: Assistant) -> Row:
        """What the question got."""
        question = self._question
        with recorded() as recording:
            began = time.perf_counter()
            answer = assistant.ask(question.text)
            took_ms = (time.perf_counter() - began) * 1000
        told = told_history(answer)
        quotes = [quote for change in told.changes for quote in change.quotes] or list(told.quotes)
        return Row(
            id=question.id,
            kind=question.kind,
            split=question.split,
            topic="",
            generic=False,
            text=question.text,
            policy=question.document or question.id,
            named=tuple(key(matched.company.name) for matched in answer.companies),
            answerable=question.answerable,
            expects_unknown=(),
            outcome=told.says,
            confidence=answer.hits[0].score if answer.hits else 0.0,
            quoted=any(self._is_labelled(quote) for quote in quotes),
            unknown=tuple(name.name for name in answer.unknown_companies),
            relevant_in_all=len(self._labels),
            hits=tuple(self._hits(quotes)),
            shown=tuple(_shown(quote) for quote in quotes[:_SHOWN]),
            wanted=tuple(_shown(label) for label in self._labels),
            took_ms=took_ms,
            measures=self._measures(told, quotes),
            stages_ms=dict(recording.total_ms),
        )

    def _measures(self, told: ToldHistory, quotes: Sequence[ToldQuote]) -> dict[str, float]:
        measures = {_TOLD_RIGHTLY: float(told.says == self._question.kind)}
        if self._question.kind == CHANGED:
            pairs = [self._is_pair(change) for change in told.changes]
            measures[RIGHT_PAIR], measures[RIGHT_PAIR_FIRST] = float(any(pairs)), float(pairs[:1] == [True])
        if self._labels:
            measures[RIGHT_PASSAGE] = float(any(self._is_labelled(quote) for quote in quotes))
        return measures

    def _is_pair(self, change: ToldChange) -> bool:
        before, after = self._question.before, self._question.after
        days = before and after and (change.before, change.after) == (before.day, after.day)
        return bool(days) and any(_is_of(quote.policy, self._question.document) for quote in change.quotes)

    def _is_labelled(self, quote: ToldQuote) -> bool:
        """Whether it holds some of the label; where nothing changed, any version that says the same is as good."""
        if self._question.kind == CHANGED:
            return any(
                quote.policy.id == label.policy.id and quote.start < label.end and label.start < quote.end
                for label in self._labels
            )
        words = quote.policy.text[quote.start : quote.end]
        return any(
            _is_of(quote.policy, self._question.document) and (said in words or words in said)
            for said in (label.policy.text[label.start : label.end] for label in self._labels)
        )

    def _hits(self, quotes: Iterable[ToldQuote]) -> Iterable[FoundHit]:
        seen: set[tuple[str, int, int]] = set()
        for quote in quotes:
            place = (quote.policy.id, quote.start, quote.end)
            relevant = place not in seen and self._is_labelled(quote)
            company = key(quote.policy.company_id)
            yield FoundHit(_file(quote.policy), quote.start, quote.end, 0.0, company, relevant, place in seen)
            seen.add(place)


def _places(index: PolicyIndex, document: str, version: LabelledVersion) -> list[ToldQuote]:
    """Where the versions of `document` of that day have the quote: a sentence that stands twice is told by either."""
    ids = [
        policy.id for policy in index.policies.values() if day_of(policy) == version.day and _is_of(policy, document)
    ]
    if not ids:
        raise LabelError(f"{document} of {version.day} is labelled, but not in the index; has the archive changed?")
    found = []
    for policy in (index.policies[policy_id] for policy_id in ids):
        start = policy.text.find(version.quote) if version.quote else -1
        while start >= 0:
            found.append(ToldQuote(policy, start, start + len(version.quote)))
            start = policy.text.find(version.quote, start + 1)
    if version.quote and not found:
        raise LabelError(f"{document} of {version.day} does not say {version.quote[:60]!r}, as its label has it")
    return found


def _is_of(policy: Policy, document: str) -> bool:
    return bool(document) and f"/{policy.path.rpartition('.')[0]}".endswith(f"/{document}")


def _file(policy: Policy) -> str:
    return f"{policy.path}@{day_of(policy)}"


def _shown(quote: ToldQuote) -> Shown:
    return Shown(_file(quote.policy), quote.start, quote.end, quote.policy.text[quote.start : quote.end])
