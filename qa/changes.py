"""What changed in an index's policies: version after version, the newest first, a page at a time.

It does not know questions or files.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby, pairwise

from index.policies.changes import TOLD, Change, ChangeKind, changes_between
from index.policies.companies import Company
from index.policies.series import day_of, moment_of
from index.policies.versions import Policy
from index.policy_index import PolicyIndex
from qa.deadline import NO_DEADLINE, Deadline

# So many pairs of versions are compared for a page at most: 27 ms of processor time each (200 drawn from pga-versions).
_MOST_COMPARED = 40


@dataclass(frozen=True, slots=True)
class Period:
    """Days between which changes were recorded, both included; None where there is no bound."""

    since: date | None = None
    until: date | None = None

    def holds(self, day: date) -> bool:
        """Whether `day` is in it."""
        return (self.since is None or day >= self.since) and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True)
class VersionPair:
    """A version and the one before it of the same policy, both without their texts; None before the first."""

    before: Policy | None
    after: Policy
    day: date

    @property
    def cursor(self) -> str:
        """Its place in a list of changes, which is ordered by it; it leads on in an index that has lost the version."""
        return _cursor(self.day, self.after)


def _cursor(day: date, after: Policy) -> str:
    return f"{date.max.toordinal() - day.toordinal():07d}\t{after.id}"


@dataclass(frozen=True, slots=True)
class VersionChange:
    """What changed with a version; both versions have their texts.

    Attributes:
        before: None where it is the first version that the index has: then nothing can be compared.
        changes: in reading order of `after`.
    """

    company: Company
    before: Policy | None
    after: Policy
    day: date
    changes: tuple[Change, ...]

    @property
    def cursor(self) -> str:
        """See `VersionPair.cursor`."""
        return _cursor(self.day, self.after)

    @property
    def is_told(self) -> bool:
        """Whether the company changed what it says or where, not its form or the archive's tools alone."""
        return self.before is None or any(change.kind is not ChangeKind.TECHNICAL for change in self.changes)

    def count(self, kind: ChangeKind) -> int:
        """How many changes are of `kind`."""
        return sum(change.kind is kind for change in self.changes)

    @property
    def in_words(self) -> str:
        """How many changes of each kind, for people: "2 reworded, 1 added"."""
        if self.before is None:
            return "first version"
        counts = [f"{self.count(kind):,} {kind.value}" for kind in ChangeKind if self.count(kind)]
        return ", ".join(counts) or "nothing"

    @property
    def told(self) -> tuple[Change, ...]:
        """What was added, removed or reworded."""
        return tuple(change for change in self.changes if change.kind in TOLD)


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """Versions that changed something, the newest first.

    Attributes:
        next: the `after` that goes on behind them; None at the end. Where much was compared in vain, a page may hold
            fewer versions than were asked for, even none, and yet have a next one.
    """

    versions: tuple[VersionChange, ...]
    next: str | None


def version_pairs(
    index: PolicyIndex, company_ids: Collection[str], *, period: Period = Period(), types: Collection[str] = ()
) -> list[VersionPair]:
    """Each dated version of the companies' policies with the one before it, the newest first.

    Args:
        period: when the version was recorded; the one before it may be older.
        types: document types that count; none: all.
    """
    found = []
    for company_id in company_ids:
        dated = [policy for policy in index.policies_of(company_id) if day_of(policy)]
        mine = sorted(dated, key=lambda policy: (policy.series, moment_of(policy), policy.id))
        for series, versions in groupby(mine, key=lambda policy: policy.series):
            if not types or series[1] in types:
                found += list(_pairs(versions, period))
    return sorted(found, key=lambda pair: pair.cursor)


def _pairs(versions: Iterator[Policy], period: Period) -> Iterator[VersionPair]:
    for before, after in pairwise([None, *versions]):
        day = day_of(after) if after else None
        if after and day and period.holds(day):
            yield VersionPair(before, after, day)


def changes_page(
    index: PolicyIndex,
    company_ids: Collection[str],
    *,
    period: Period = Period(),
    types: Collection[str] = (),
    limit: int,
    after: str = "",
    deadline: Deadline = NO_DEADLINE,
) -> ChangesPage:
    """At most `limit` versions of the companies' policies that changed what they say, behind the cursor `after`.

    Raises:
        DeadlineExceeded: it is later than `deadline`.
    """
    pairs = version_pairs(index, company_ids, period=period, types=types)
    begin = bisect_right(pairs, after, key=lambda pair: pair.cursor) if after else 0
    found: list[VersionChange] = []
    for at in range(begin, len(pairs)):
        if len(found) == limit or at - begin == _MOST_COMPARED:
            return ChangesPage(tuple(found), pairs[at - 1].cursor)
        deadline.check()
        changed = change_of(index, pairs[at])
        if changed.is_told:
            found.append(changed)
    return ChangesPage(tuple(found), None)


def every_change(
    index: PolicyIndex, company_ids: Collection[str], *, period: Period = Period(), types: Collection[str] = ()
) -> Iterator[VersionChange]:
    """Each version of the companies' policies that changed what they say, the newest first, as `changes_page`."""
    for pair in version_pairs(index, company_ids, period=period, types=types):
        changed = change_of(index, pair)
        if changed.is_told:
            yield changed


def change_of(index: PolicyIndex, pair: VersionPair) -> VersionChange:
    """What changed with the newer version of `pair`."""
    company = index.companies[pair.after.company_id]
    after = index.policies[pair.after.id]
    if pair.before is None:
        return VersionChange(company, None, after, pair.day, ())
    before = index.policies[pair.before.id]
    return VersionChange(company, before, after, pair.day, tuple(changes_between(before, after)))
