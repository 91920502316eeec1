"""Keys of names found by how they begin and end, so that few are compared with what was typed. It does not compare."""

from collections import defaultdict
from collections.abc import Sequence

# Names are near only if as many letters at their beginning, or at their end, are the same.
_BEGIN_ALIKE, _END_ALIKE = 3, 4


class AlikeKeys:
    """Keys of names by how they begin and end, so that few are compared with what was typed."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._by_ends: dict[tuple[str, int, str], list[str]] = defaultdict(list)
        self._by_short_ends: dict[tuple[str, str], list[str]] = defaultdict(list)
        for known in keys:
            third = len(known) // 3
            self._by_ends["begins", len(known), known[:third]].append(known)
            self._by_ends["ends", len(known), known[-third:]].append(known)
            self._by_short_ends["begins", known[:_BEGIN_ALIKE]].append(known)
            self._by_short_ends["ends", known[-_END_ALIKE:]].append(known)

    def with_a_typo(self, typed: str) -> list[str]:
        """Keys that begin or end as `typed` for a third: with a letter wrong, or two swapped, one of them is whole."""
        found: dict[str, None] = {}
        for length in range(len(typed) - 1, len(typed) + 2):
            third = length // 3
            for end in (("begins", length, typed[:third]), ("ends", length, typed[-third:])):
                found |= dict.fromkeys(self._by_ends.get(end, ()))
        return list(found)

    def to(self, typed: str) -> list[str]:
        """Keys that begin or end as `typed` does."""
        begin, end = ("begins", typed[:_BEGIN_ALIKE]), ("ends", typed[-_END_ALIKE:])
        return list(dict.fromkeys([*self._by_short_ends.get(begin, ()), *self._by_short_ends.get(end, ())]))
