"""What a company's policies said to a question over time: each version is judged, and what changed the answer is told.

A version is judged as `ask` judges it on its day, by its own passages; a passage that stands in several versions is
compared and read once. It does not know chats or names.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from index.language.detect import can_read
from index.policies.changes import TOLD, Change, Stretch, changes_between
from index.policies.companies import Company
from index.policies.series import Series, day_of, moment_of
from index.policies.versions import Policy
from index.policy_index import PolicyIndex
from qa.answers import CompanyVerdict, Outcome
from qa.deadline import Deadline
from qa.inquiry import Inquiry
from qa.judge import Judged
from qa.question.query import Query
from qa.question.timing import TimeKind, Timing
from qa.retrieval import Prepared

# So many changes of an answer are told of a company at most, and so many versions of it are judged, the newest.
MOST_CHANGES, _MOST_VERSIONS = 10, 400


@dataclass(frozen=True, slots=True)
class TopicChange:
    """A version that changed what answers a question.

    Attributes:
        day: the day of `after`.
        before, after: both with their texts.
        passages: what changed of that which answers, in the order of `after`.
        was, now: what either version says.
        weight: how much it matters to the question; higher is better, without unit.
    """

    day: date
    before: Policy
    after: Policy
    passages: tuple[Change, ...]
    was: CompanyVerdict
    now: CompanyVerdict
    weight: float


@dataclass(frozen=True, slots=True)
class CompanyHistory:
    """How the answer of one company's policies came about.

    Attributes:
        now: what the newest versions say.
        oldest, newest: the days of the versions that were judged, of the policies that answer; None where none has a day.
        versions: how many were.
        changes: what changed the answer, what matters most first.
        complete: whether all versions were judged.
    """

    company: Company
    now: CompanyVerdict
    oldest: date | None
    newest: date | None
    versions: int
    changes: tuple[TopicChange, ...]
    complete: bool = True
    titles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _State:
    """A version judged."""

    policy: Policy
    day: date
    judged: Judged


class Historian:
    """Follows answers through the versions of one index."""

    def __init__(self, inquiry: Inquiry) -> None:
        self._inquiry = inquiry.remembering()
        self._index: PolicyIndex = inquiry.index

    def history(
        self, query: Query, prepared: Prepared, company: Company, timing: Timing, *, inside: float, deadline: Deadline
    ) -> CompanyHistory:
        """How the company's answer to `query`, which asks what each version is asked, came about.

        Raises:
            DeadlineExceeded: it is later than `deadline`.
        """
        series = self._series(company, query)
        states = self._states(query, prepared, series, inside=inside, deadline=deadline)
        found: list[TopicChange] = []
        for each in states.values():
            for before, after in pairwise(each):
                deadline.check()
                change = self._change(query, before, after)
                if change:
                    found.append(change)
        (judged,) = self._inquiry.judged(query, prepared, [company.id], inside=inside, deadline=deadline)
        now = self._inquiry.judge.verdict(query.read_as, judged, gather=True)
        return found, states, now  # type: ignore


    def _series(self, company: Company, query: Query) -> list[list[Policy]]:
        """The dated versions of each policy, oldest first; of versions of one day the last one."""
        found: dict[Series, dict[date, Policy]] = defaultdict(dict)
        for policy in sorted(self._index.policies_of(company.id), key=lambda policy: (moment_of(policy), policy.id)):
            day = day_of(policy)
            if day and can_read(policy.language) and (query.as_of is None or day <= query.as_of):
                found[policy.series][day] = policy
        wanted = [list(each.values()) for series, each in found.items() if series[1] in query.document_types]
        return wanted or [list(each.values()) for each in found.values()]

    def _states(
        self, query: Query, prepared: Prepared, series: Sequence[Sequence[Policy]], *, inside: float, deadline: Deadline
    ) -> dict[Series, list[_State]]:
        policies = [policy for versions in series for policy in versions]
        judged = self._inquiry.judged_versions(query, prepared, policies, inside=inside, deadline=deadline)
        found: dict[Series, list[_State]] = defaultdict(list)
        for policy, each in zip(policies, judged, strict=True):
            found[policy.series].append(_State(policy, day_of(policy) or date.min, each))
        return found

    def _change(self, query: Query, before: _State, after: _State) -> TopicChange | None:
        if after.policy.technical:
            return None
        lost, gained = self._parted(before, after), self._parted(after, before)
        if not lost and not gained:
            return None
        old, new = self._index.policies[before.policy.id], self._index.policies[after.policy.id]
        changes = [c for c in changes_between(old, new) if c.kind in TOLD]
        mine, weight = [], 0.0
        for c in changes:
            w = max([x for x in (self._w(lost, c.before), self._w(gained, c.after)) if x is not None], default=None)
            if w is not None:
                mine.append(c); weight = max(weight, w)
        if not mine:
            return None
        judge = self._inquiry.judge
        was, now = (judge.verdict(query.read_as, s.judged, gather=False) for s in (before, after))
        return TopicChange(after.day, old, new, tuple(mine), was, now, weight)

    def _w(self, passages, stretch):
        if stretch is None: return None
        return max((score for passage, score, evidence in passages if passage.start < stretch.end and stretch.start < passage.end), default=None)

    def _parted(self, one, other):
        """passages of `one` that answer, and that the other version lacks"""
        rows = set(self._index.rows_of(other.policy.id).tolist())
        out = []
        for place, score in self._inquiry.judge.answering(one.judged):
            if int(one.judged.candidates.rows[place]) not in rows:
                p = self._inquiry.judge._passage(one.judged, place)
                out.append((p, score, ()))
        return out
