"""Versions of one policy: which is in force on a day, and how they are called. Pure functions over `Policy`.

Versions of one company's one type, scope and language are a series; only within a series does a newer version replace
an older one.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from index.policies.kinds import type_in
from index.policies.versions import Policy, slug

Series = tuple[str, str, str, str]

_SHORT_TITLE_CHARS = 60
_SHORT_REVISION_CHARS = 10


def day_of(policy: Policy) -> date | None:
    """From when a version is: the day that it was recorded, else the one that it states."""
    return policy.archived_on or policy.effective_on


def moment_of(policy: Policy) -> tuple[date, int]:
    """What versions of a series are ordered by; an undated one comes first."""
    return day_of(policy) or date.min, policy.order


def in_force(policies: Iterable[Policy], as_of: date | None) -> list[Policy]:
    """The versions that hold on the day `as_of` (None: now), dated ones first.

    Of each series that is the newest with a day, at most `as_of`. Where nothing tells which of several is newer, all of
    them hold: those of one day, and those without any day, whatever the day asked about. See `twins`.
    """
    newest: dict[Series, list[Policy]] = {}
    undated: list[Policy] = []
    for policy in policies:
        day = day_of(policy)
        if day is None:
            undated.append(policy)
        elif as_of is None or day <= as_of:
            known = newest.get(policy.series)
            if known is None or moment_of(policy) > moment_of(known[0]):
                newest[policy.series] = [policy]
            elif moment_of(policy) == moment_of(known[0]):
                known.append(policy)
    return [policy for group in newest.values() for policy in group] + undated


def first_day(policies: Iterable[Policy]) -> date | None:
    """The first day that there is a version of; None where no version has a day."""
    return min((day for policy in policies if (day := day_of(policy))), default=None)


def undated_twins(policies: Iterable[Policy]) -> list[Policy]:
    """The undated versions that another version of their series stands beside: no day tells which of them holds."""
    return [policy for policy in twins(policies) if day_of(policy) is None]


def twins(policies: Iterable[Policy]) -> list[Policy]:
    """The versions that no date tells from another one of their series: undated, or of one day with it."""
    series: dict[Series, list[Policy]] = defaultdict(list)
    for policy in policies:
        series[policy.series].append(policy)
    found = []
    for group in series.values():
        moments = Counter(moment_of(policy) for policy in group)
        found += [
            policy for policy in group if len(group) > 1 and (day_of(policy) is None or moments[moment_of(policy)] > 1)
        ]
    return found


def policy_ids(policies: Sequence[Policy], text_hashes: Sequence[str]) -> list[str]:
    """An id for each of `policies`: company, title and day, and what else is needed to tell it from others.

    A version of a history has its commit in it, a document that is not in English its language, one whose title does
    not tell type and scope has them, so that none of these depends on what else there is or on an order. What is left
    are documents of one company with the same title and day: there each has a hash of its text.
    """
    plain = [_plain_id(policy) for policy in policies]
    texts: dict[str, set[str]] = defaultdict(set)
    for policy_id, text_hash in zip(plain, text_hashes, strict=True):
        texts[policy_id].add(text_hash)
    return [
        f"{policy_id}--{text_hash[:8]}" if len(texts[policy_id]) > 1 else policy_id
        for policy_id, text_hash in zip(plain, text_hashes, strict=True)
    ]


def _plain_id(policy: Policy) -> str:
    day = policy.archived_on or policy.effective_on
    title = slug(policy.title)[:_SHORT_TITLE_CHARS]
    if title == "unnamed":
        title = f"unnamed-{hashlib.sha256(policy.title.encode()).hexdigest()[:8]}"
    title += _untold(policy)
    parts = [slug(policy.company_id), title, day.isoformat() if day else "undated"]
    if policy.revision:
        parts.append(policy.revision[:_SHORT_REVISION_CHARS])
    elif policy.language != "en":
        parts.append(slug(policy.language))
    return "--".join(parts)


def _untold(policy: Policy) -> str:
    """Type and scope, where the title does not tell them: several documents of a company may be called "Legal"."""
    untold = [] if type_in(policy.title) == policy.type else [policy.type]
    if slug(policy.scope) not in slug(policy.title) and policy.scope:
        untold.append(policy.scope)
    return "".join(f"-{slug(words)}" for words in untold)


def repeated(ids: Iterable[str]) -> list[str]:
    """The ids that several policies share."""
    return [policy_id for policy_id, count in Counter(ids).items() if count > 1]
