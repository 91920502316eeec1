"""What an index says that the one before it did not: versions that came, and policies that are gone.

It does not know where either comes from.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from index.policies.changes import changes_between
from index.policies.series import Series, day_of, moment_of
from index.policies.versions import Policy
from index.policy_index import PolicyIndex
from qa.changes import VersionChange


@dataclass(frozen=True, slots=True)
class IndexChanges:
    """What became of an index.

    Attributes:
        versions: those that came, the newest first; only what changed what a policy says is among them.
        gone: the newest version of each policy of which none is left, without its text.
    """

    versions: tuple[VersionChange, ...]
    gone: tuple[Policy, ...]

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.versions or self.gone)


def changes_since(before: PolicyIndex, after: PolicyIndex, *, today: date) -> IndexChanges:
    """What `after` says that `before` did not.

    A version is compared with the one before it of the same policy; where its file was written over, with what the
    file said.

    Args:
        today: the day of versions that have none.
    """
    old, new = _by_series(before), _by_series(after)
    found = []
    for series, versions in new.items():
        known = {policy.id for policy in versions if _is_known(policy, before, after)}
        former = [policy for policy in old.get(series, []) if policy.id not in known]
        for place, policy in enumerate(versions):
            if policy.id in known:
                continue
            earlier = versions[place - 1] if place and day_of(policy) else None
            replaced = _replaced(policy, former)
            was = before.policies[replaced.id] if replaced else after.policies[earlier.id] if earlier else None
            found.append(_change(after, was, after.policies[policy.id], day_of(policy) or today))
    gone = tuple(versions[-1] for series, versions in old.items() if series not in new)
    told = sorted((one for one in found if one.is_told), key=lambda one: (-one.day.toordinal(), one.after.id))
    return IndexChanges(tuple(told), gone)


def _by_series(index: PolicyIndex) -> dict[Series, list[Policy]]:
    """The versions of each policy, oldest first, without their texts."""
    found: dict[Series, list[Policy]] = defaultdict(list)
    for place in index.policies.places.values():
        found[place.policy.series].append(place.policy)
    return {series: sorted(each, key=lambda policy: (moment_of(policy), policy.id)) for series, each in found.items()}


def _is_known(policy: Policy, before: PolicyIndex, after: PolicyIndex) -> bool:
    """Whether `before` has this version with this text; a commit's text never changes."""
    if policy.id not in before.policies:
        return False
    return bool(policy.revision) or before.policies[policy.id].text == after.policies[policy.id].text


def _replaced(policy: Policy, former: Iterable[Policy]) -> Policy | None:
    """The version of `former` in whose place `policy` is: of the same id, else from the same file."""
    same = [one for one in former if one.id == policy.id or (one.path == policy.path and not policy.revision)]
    return max(same, key=lambda one: (one.id == policy.id, moment_of(one)), default=None)


def _change(index: PolicyIndex, before: Policy | None, after: Policy, day: date) -> VersionChange:
    changes = tuple(changes_between(before, after)) if before else ()
    return VersionChange(index.companies[after.company_id], before, after, day, changes)
