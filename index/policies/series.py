"""Versions of one policy: which is in force on a day, and how they are called. Pure functions over `Policy`.

Versions of one company's one type, scope and language are a series; only within a series does a newer version replace
an older one.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from index.policies.versions import Policy, slug

_SHORT_TITLE_CHARS = 60
_SHORT_REVISION_CHARS = 10


def day_of(policy: Policy) -> date | None:
    """From when a version is: the day that it was recorded, else the one that it states."""
    return policy.archived_on or policy.effective_on


def in_force(policies: Iterable[Policy], as_of: date | None) -> list[Policy]:
    """The versions that hold on the day `as_of` (None: now), dated ones first.

    Of each series that is the newest with a day, at most `as_of`; of several of one day the one that comes last in
    `policies`. Versions without any day hold beside it, whatever the day: nothing says which is newer.
    """
    newest: dict[tuple[str, str, str, str], tuple[date, Policy]] = {}
    undated: list[Policy] = []
    for policy in policies:
        day = day_of(policy)
        if day is None:
            undated.append(policy)
        elif as_of is None or day <= as_of:
            known = newest.get(policy.series)
            if known is None or day >= known[0]:
                newest[policy.series] = (day, policy)
    return [policy for _, policy in newest.values()] + undated


def first_day(policies: Iterable[Policy]) -> date | None:
    """The first day that there is a version of; None where no version has a day."""
    return min((day for policy in policies if (day := day_of(policy))), default=None)


def undated_twins(policies: Iterable[Policy]) -> list[Policy]:
    """The undated versions that another version of their series stands beside: no day tells which of them holds."""
    series: dict[tuple[str, str, str, str], list[Policy]] = defaultdict(list)
    for policy in policies:
        series[policy.series].append(policy)
    return [policy for group in series.values() if len(group) > 1 for policy in group if day_of(policy) is None]


def policy_ids(policies: Sequence[Policy], text_hashes: Sequence[str]) -> list[str]:
    """An id for each of `policies`: company, title and day, and what else is needed to tell it from others.

    A version of a history has its commit in it, a document that is not in English its language, so that neither depends
    on what else there is. Where two documents of one company have the same title and day, each has a hash of its text.
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
    parts = [slug(policy.company_id), title, day.isoformat() if day else "undated"]
    if policy.revision:
        parts.append(policy.revision[:_SHORT_REVISION_CHARS])
    elif policy.language != "en":
        parts.append(slug(policy.language))
    return "--".join(parts)


def repeated(ids: Iterable[str]) -> list[str]:
    """The ids that several policies share."""
    return [policy_id for policy_id, count in Counter(ids).items() if count > 1]
