"""Finds what changed an answer: the passages that came or went between versions, ranked by how they bear on a question.

Every passage that a company's versions ever had is compared with the question once, and the most promising of those
that changed are read; so the cost does not grow with the number of versions. It does not know chats or names.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np

from index.language.detect import can_read
from index.parsing.markup import plain
from index.policies.changes import TOLD, Change, ChangeKind, Stretch, changes_between
from index.policies.companies import Company
from index.policies.kinds import DEFAULT_TYPE, type_in
from index.policies.passages import Passage
from index.policies.series import Series, day_of, moment_of
from index.policies.versions import Policy
from index.terms import Thesaurus, terms
from qa.answers import CompanyVerdict, Quotation
from qa.changes import Period, changes_page
from qa.deadline import Deadline
from qa.effort import Effort
from qa.history import ChangedPassage, CompanyHistory, DatedChange
from qa.inquiry import Inquiry
from qa.question.query import Query
from qa.question.timing import TimeKind, Timing
from qa.retrieval import Candidates, Prepared

# So many passages that changed are read, so many versions compared with the one before, and so many changes told; of
# the first three the verdicts before and after are asked.
_MOST_READ, _MOST_COMPARED, _MOST_TOLD, _MOST_ASKED = 40, 12, 10, 3
_PASSAGES_OF_A_CHANGE, _MOST_SENTENCES = 3, 4
# A passage that is gone for so short was not removed: a page was not recorded whole.
_SHORTEST_ABSENCE = timedelta(days=45)
# What a change weighs beside the probability that its passage answers. Of 28 questions written for real changes of six
# services the right version is first for 26, with any weights near these (decision 69); without `_ORDER` for 23.
_ORDER, _WORDS, _REWORDED = 0.2, 0.5, 0.5
# A change that answers less likely than this is none of the answer: of those 28 the right one is at .12 or more.
_LEAST_ANSWERING = 0.05

Rows = np.ndarray


@dataclass(frozen=True, slots=True)
class _Step:
    """A version and the one before it, with the places among the candidates of the passages that went and came."""

    before: Policy
    after: Policy
    lost: frozenset[int]
    gained: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Read:
    """What reading the most promising passages that changed found out.

    Attributes:
        order: what all candidates are ordered by, shape (n,).
        answers: of those that were read, by their place, the probability that they answer.
    """

    candidates: Candidates
    order: Rows
    answers: dict[int, float]

    def best_of(self, step: _Step) -> float:
        """The order of the best passage read that changed with `step`."""
        mine = [place for place in self.answers if place in step.lost or place in step.gained]
        return max((float(self.order[place]) for place in mine), default=-np.inf)


@dataclass(frozen=True, slots=True)
class _Weighed:
    """A change between the versions of a step: what it weighs, and how likely it answers."""

    step: _Step
    change: Change
    weight: float
    answers: float


@dataclass(frozen=True, slots=True)
class Topic:
    """What each version is asked, prepared; `inside`: the probability that any policy answers it."""

    query: Query
    prepared: Prepared
    inside: float


class Historian:
    """Follows answers through the versions of one index, for one question and by one thread."""

    def __init__(self, inquiry: Inquiry) -> None:
        self._inquiry, self._index = inquiry.remembering(), inquiry.index

    @staticmethod
    def topic(query: Query, timing: Timing, prepared: Prepared, inside: float) -> Topic:
        """What each version is asked for `query`; `prepared`, `inside`: of `timing.asked`."""
        types = query.document_types or _types(timing)
        asked = replace(query, topic=timing.asked, read_as=timing.asked, parts=(), document_types=types)
        return Topic(asked, prepared, inside)

    def of_topic(self, company: Company, timing: Timing, topic: Topic, *, deadline: Deadline) -> CompanyHistory:
        """What changed the company's answer to `topic`.

        Raises:
            DeadlineExceeded: it is later than `deadline`.
        """
        series = self._series(company, topic.query.document_types, topic.query.as_of)
        days = [day for versions in series for policy in versions if (day := day_of(policy))]
        if not days:
            return CompanyHistory(company, None, None, 0, (), self._said(company, topic, None, deadline))
        found = list(self._changes(series, timing, topic, deadline)) if len(days) > 1 else []
        changes = [
            replace(
                change,
                was=self._said(company, topic, day_of(change.before), deadline),
                now=self._said(company, topic, change.day, deadline),
            )
            for change in found[:_MOST_ASKED]
        ]
        changes += found[_MOST_ASKED:]
        now, then = (self._said(company, topic, day, deadline) for day in (topic.query.as_of, min(days)))
        history = CompanyHistory(company, min(days), max(days), len(days), tuple(changes), now, then)
        # what comes closest is told where something may have changed, not where the versions surely agree
        return replace(history, changes=()) if history.unchanged_since else history

    def of_everything(self, company: Company, timing: Timing, query: Query, *, deadline: Deadline) -> CompanyHistory:
        """All that the company's policies changed in the days of `timing`, the newest first.

        Raises:
            DeadlineExceeded: it is later than `deadline`.
        """
        types = query.document_types or _types(timing)
        series = self._series(company, types, query.as_of)
        days = [day for versions in series for policy in versions if (day := day_of(policy))]
        if not days:
            return CompanyHistory(company, None, None, 0, ())
        until = min(filter(None, (timing.until, query.as_of)), default=None)
        held = tuple(dict.fromkeys(versions[0].type for versions in series))
        page = changes_page(
            self._index,
            [company.id],
            period=Period(timing.since, until),
            types=held,
            limit=_MOST_TOLD,
            deadline=deadline,
        )
        changes = []
        for version in page.versions:
            if version.before:
                told = sorted(version.told, key=_extent, reverse=True)
                step = _Step(version.before, version.after, frozenset(), frozenset())
                changes.append(self._dated(step, [_Weighed(step, change, 0.0, 0.0) for change in told]))
        return CompanyHistory(
            company, min(days), max(days), len(days), tuple(each for each in changes if each.passages)
        )

    def _series(self, company: Company, types: Sequence[str], as_of: date | None) -> list[list[Policy]]:
        """The dated versions of each policy that is read, oldest first; of versions of one day the last one.

        Args:
            types: document types that count, if the company has one of them.
        """
        found: dict[Series, dict[date, Policy]] = defaultdict(dict)
        for policy in sorted(self._index.policies_of(company.id), key=lambda policy: (moment_of(policy), policy.id)):
            day = day_of(policy)
            if day and can_read(policy.language) and (as_of is None or day <= as_of):
                found[policy.series][day] = policy
        wanted = [list(versions.values()) for series, versions in found.items() if series[1] in types]
        return wanted or [list(versions.values()) for versions in found.values()]

    def _said(self, company: Company, topic: Topic, as_of: date | None, deadline: Deadline) -> CompanyVerdict:
        """What `ask` says of the company as of that day."""
        query, effort = replace(topic.query, as_of=as_of), Effort(deadline)
        (judged,) = self._inquiry.judged(query, topic.prepared, [company.id], inside=topic.inside, effort=effort)
        return self._inquiry.judge.verdict(query.read_as, judged, items=None, deadline=deadline)

    def _changes(
        self, series: Sequence[Sequence[Policy]], timing: Timing, topic: Topic, deadline: Deadline
    ) -> Iterator[DatedChange]:
        """The versions that changed what bears on `topic`, the one that matters most first."""
        rows = np.unique(np.concatenate([self._index.rows_of(policy.id) for each in series for policy in each]))
        candidates = self._inquiry.candidates(topic.prepared, rows)
        steps = [step for versions in series for step in self._steps(versions, candidates) if _counts(step, timing)]
        changed = sorted({place for step in steps for place in (*step.lost, *step.gained)})
        if not changed:
            return
        order = self._inquiry.judge.order(candidates)
        promising = sorted(sorted(changed, key=lambda place: (-order[place], place))[:_MOST_READ])
        order, answers = self._inquiry.judge.ranked(topic.query.read_as, candidates, promising, deadline=deadline)
        read = _Read(candidates, order, answers)
        best = {step: read.best_of(step) for step in steps}
        weighed: dict[_Step, list[_Weighed]] = {}
        for step in sorted(steps, key=lambda step: -best[step])[:_MOST_COMPARED]:
            deadline.check()
            found = list(self._weighed(step, timing, topic, read))
            found = [each for each in found if each.answers >= _LEAST_ANSWERING]
            if found:
                weighed[step] = sorted(found, key=lambda each: -each.weight)
        for found in sorted(weighed.values(), key=lambda found: -found[0].weight)[:_MOST_TOLD]:
            dated = self._dated(found[0].step, found)
            if dated.passages:
                yield dated

    def _steps(self, versions: Sequence[Policy], candidates: Candidates) -> Iterator[_Step]:
        """Each version but the first and those that the archive's tools made."""
        held = np.array([np.isin(candidates.rows, self._index.rows_of(policy.id)) for policy in versions])
        days = [day_of(policy) or date.min for policy in versions]
        for begin in range(1, len(versions) - 1):
            for end in range(begin + 1, len(versions)):
                if days[end] - days[begin] > _SHORTEST_ABSENCE:
                    break
                held[begin:end] |= held[begin - 1] & held[end]
        for number, (before, after) in enumerate(pairwise(versions)):
            was, now = held[number], held[number + 1]
            lost, gained = np.flatnonzero(was & ~now).tolist(), np.flatnonzero(now & ~was).tolist()
            if (lost or gained) and not after.technical:
                yield _Step(before, after, frozenset(lost), frozenset(gained))

    def _weighed(
        self,
        step: _Step,
        timing: Timing,
        topic: Topic,
        read: "_Read",
    ) -> Iterator[_Weighed]:
        """The changes of a step that a passage which was read is part of."""
        before, after = self._index.policies[step.before.id], self._index.policies[step.after.id]
        old = self._passages(read.candidates, [place for place in read.answers if place in step.lost], before)
        new = self._passages(read.candidates, [place for place in read.answers if place in step.gained], after)
        for change in changes_between(before, after):
            if change.kind not in TOLD:
                continue
            mine_before, mine_after = _within(old, change.before), _within(new, change.after)
            if not mine_before and not mine_after:
                continue
            was, now = (max((read.answers[place] for place in mine), default=0.0) for mine in (mine_before, mine_after))
            counted = {TimeKind.SINCE: now, TimeKind.ENDED: was}.get(timing.kind, max(was, now))
            weight = counted + _ORDER * max(float(read.order[place]) for place in (*mine_before, *mine_after))
            weight += _WORDS * _share_named(topic.prepared.terms, _changed_words(change, before, after))
            if timing.kind in (TimeKind.CHANGED, TimeKind.FORMER):
                weight += _REWORDED * (change.kind is ChangeKind.REWORDED)
            yield _Weighed(step, change, weight, max(was, now))

    def _passages(self, candidates: Candidates, places: Sequence[int], policy: Policy) -> dict[int, Passage]:
        found = {place: self._index.passages.at(int(candidates.rows[place]), as_of=day_of(policy)) for place in places}
        return {place: passage for place, passage in found.items() if passage.policy_id == policy.id}

    def _dated(self, step: _Step, weighed: Sequence[_Weighed]) -> DatedChange:
        """A step as it is told, with its heaviest changes; one that no passage stands in (a heading) has no quote."""
        before, after = self._index.policies[step.before.id], self._index.policies[step.after.id]
        old, new = (self._passages_of(policy) for policy in (before, after))
        passages: list[ChangedPassage] = []
        for each in weighed:
            was = _quotation(before, old, each.change.before, each.change.kind)
            now = _quotation(after, new, each.change.after, each.change.kind)
            if (was or now) and len(passages) < _PASSAGES_OF_A_CHANGE:
                passages.append(ChangedPassage(each.change.kind, was, now, round(each.answers, 4)))
        day = day_of(after) or date.min
        return DatedChange(day, before, after, tuple(passages), more=max(0, len(weighed) - len(passages)))

    def _passages_of(self, policy: Policy) -> list[Passage]:
        found = (self._index.passages.at(int(row), as_of=day_of(policy)) for row in self._index.rows_of(policy.id))
        return sorted((each for each in found if each.policy_id == policy.id), key=lambda each: each.start)


def _types(timing: Timing) -> tuple[str, ...]:
    """The document type that a question names; of a bare "policy" that of privacy policies."""
    if not timing.document:
        return ()
    return (type_in(timing.document) or DEFAULT_TYPE,)


def _counts(step: _Step, timing: Timing) -> bool:
    """Whether the step is of the days that are asked about; of what was said once, whether it came later."""
    day = day_of(step.after) or date.min
    if timing.kind is TimeKind.FORMER:
        return timing.until is None or day > timing.until
    return Period(timing.since, timing.until).holds(day)


def _within(passages: dict[int, Passage], stretch: Stretch | None) -> list[int]:
    if stretch is None:
        return []
    return [place for place, each in passages.items() if each.start < stretch.end and stretch.start < each.end]


def _changed_words(change: Change, before: Policy, after: Policy) -> str:
    """The words that one version has and the other has not."""
    words = []
    for stretch, policy in ((change.before, before), (change.after, after)):
        if stretch and change.kind is ChangeKind.REWORDED:
            words += [policy.text[start:end] for start, end in stretch.changed]
        elif stretch:
            words.append(plain(stretch.text, policy.markup))
    return " ".join(words)


def _share_named(asked: frozenset[str], words: str) -> float:
    """The share of the terms `asked` that are among `words`."""
    return len(asked & set(terms(words, Thesaurus.shipped()))) / max(1, len(asked))


def _extent(change: Change) -> int:
    """How many characters a change is about."""
    sides = [stretch for stretch in (change.before, change.after) if stretch]
    if change.kind is ChangeKind.REWORDED:
        return sum(end - start for stretch in sides for start, end in stretch.changed)
    return sum(stretch.end - stretch.start for stretch in sides)


def _quotation(
    policy: Policy, passages: Sequence[Passage], stretch: Stretch | None, kind: ChangeKind
) -> Quotation | None:
    """The sentences of a changed stretch that say something new or did; the first ones, where all of it is."""
    if stretch is None:
        return None
    inside = [each for each in passages if each.start < stretch.end and stretch.start < each.end]
    sentences = [
        (passage, span)
        for passage in inside
        for span in passage.sentences
        if span[0] < stretch.end and stretch.start < span[1]
    ]
    changed = [
        (passage, span)
        for passage, span in sentences
        if any(start < span[1] and span[0] < end for start, end in stretch.changed)
    ]
    chosen = (changed if kind is ChangeKind.REWORDED and changed else sentences)[:_MOST_SENTENCES]
    if not chosen:
        return None
    quoted = tuple(dict.fromkeys(passage for passage, _ in chosen))
    return Quotation(policy, quoted, tuple(sorted({span for _, span in chosen})))
