"""Whether `changes_between` tells each changed paragraph once, over consecutive versions drawn from an archive.

    python -m eval.drawn_changes REPOSITORY --held-out FILE [--seed N] [--pairs N] [--read N]

`--read` prints what is told of the first N drawn pairs, for a person who looks for reformatting alone that is told.
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from index.errors import PolicyError
from index.parsing.parse import parse
from index.policies.changes import TOLD, Change, ChangeKind, Paragraph, changes_between, paragraphs
from index.policies.versions import Policy, of_document
from index.sources.history import HistoryVersion, open_history

_SHOWN_CHARS = 400


@dataclass(frozen=True, slots=True)
class DrawnPair:
    """Two consecutive versions of a document whose bytes differ, and what is told of them."""

    name: str
    before: Policy
    after: Policy
    changes: tuple[Change, ...]

    @property
    def told(self) -> tuple[Change, ...]:
        """What was added, removed or reworded."""
        return tuple(change for change in self.changes if change.kind in TOLD)


@dataclass(frozen=True, slots=True)
class Telling:
    """How the changed paragraphs of pairs are told.

    Attributes:
        changed: paragraphs whose words stand more often in their version than in the other one.
        untold: those of them that are in no change.
        twice: paragraphs that are in several.
    """

    changed: int = 0
    untold: int = 0
    twice: int = 0

    def __add__(self, other: "Telling") -> "Telling":
        return Telling(self.changed + other.changed, self.untold + other.untold, self.twice + other.twice)


def drawn_pairs(repository: Path, *, held_out: frozenset[str], seed: int, most: int) -> list[DrawnPair]:
    """`most` consecutive versions of different bytes, of services not `held_out`, drawn by `seed`, less the unreadable.

    Raises:
        HistoryError: `repository` is no archive of histories.
    """
    with open_history(repository) as history:
        pairs = [
            (before, after)
            for document in history.documents
            if document.name.service not in held_out
            for before, after in zip(document.versions, document.versions[1:], strict=False)
            if before.blob != after.blob
        ]
        chosen = random.Random(seed).sample(pairs, min(most, len(pairs)))
        return [pair for before, after in chosen for pair in _read(before, after)]


def _read(before: HistoryVersion, after: HistoryVersion) -> Iterator[DrawnPair]:
    try:
        old, new = _policy(before), _policy(after)
    except PolicyError as error:
        print(f"{before.name} of {before.day} or {after.day}: left out, {error}")
        return
    yield DrawnPair(f"{before.name}: {before.day} to {after.day}", old, new, tuple(changes_between(old, new)))


def _policy(version: HistoryVersion) -> Policy:
    bare = Policy(
        id=version.commit,
        company_id=version.service,
        title=version.document_type,
        archived_on=version.day,
        source_url=None,
        text="",
        body_start=0,
        path=version.path,
        technical=version.technical,
    )
    return of_document(bare, parse(version.read(), path=version.path))


def telling(pair: DrawnPair) -> Telling:
    """How the changed paragraphs of one pair are told; a paragraph that moved is told too."""
    old, new = paragraphs(pair.before), paragraphs(pair.after)
    return _of_side(pair, "before", old, new) + _of_side(pair, "after", new, old)


def _of_side(pair: DrawnPair, side: str, mine: Sequence[Paragraph], theirs: Sequence[Paragraph]) -> Telling:
    stretches = [stretch for change in pair.changes if (stretch := getattr(change, side))]
    times = [sum(one.start <= paragraph.start < one.end for one in stretches) for paragraph in mine]
    in_changes = Counter(paragraph.key for paragraph, told in zip(mine, times, strict=True) if told)
    more = Counter(paragraph.key for paragraph in mine) - Counter(paragraph.key for paragraph in theirs)
    untold = sum(max(0, count - in_changes[key]) for key, count in more.items())
    return Telling(more.total(), untold, sum(told > 1 for told in times))


def report(pairs: Sequence[DrawnPair]) -> list[str]:
    """Lines for people."""
    kinds = Counter(change.kind.value for pair in pairs for change in pair.changes)
    whole = sum((telling(pair) for pair in pairs), Telling())
    technical = [pair for pair in pairs if pair.after.technical]
    told = sum(any(change.kind is not ChangeKind.TECHNICAL for change in pair.changes) for pair in technical)
    unmarked = sum(
        any(change.kind in TOLD for change in changes_between(pair.before, replace(pair.after, technical=False)))
        for pair in technical
    )
    silent = sum(all(change.kind is ChangeKind.TECHNICAL for change in pair.changes) for pair in pairs)
    return [
        f"{len(pairs)} pairs: " + ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items())),
        f"paragraphs changed: {whole.changed:,}; untold {whole.untold}, told twice {whole.twice}",
        f"technical upgrades: {len(technical)}; told {told}, would be told without the archive's word {unmarked}",
        f"pairs with nothing told: {silent}",
    ]


def shown(pair: DrawnPair) -> list[str]:
    """What is told of a pair, a line for each version's words."""
    lines = [f"== {pair.name} ({len(pair.told)} told of {len(pair.changes)})"]
    for change in pair.told:
        lines.append(f"{change.kind}")
        for mark, stretch in (("-", change.before), ("+", change.after)):
            if stretch:
                lines.append(f"  {mark} {' '.join(stretch.text.split())[:_SHOWN_CHARS]}")
    return lines


def services_held_out(path: Path | None, more: Sequence[str] = ()) -> frozenset[str]:
    """The services that the file at `path` lists, one a line, and `more`."""
    listed = path.read_text(encoding="utf-8").splitlines() if path else []
    return frozenset(name.strip() for name in [*listed, *more] if name.strip())


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report of the pairs drawn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository", type=Path, metavar="REPOSITORY")
    parser.add_argument("--held-out", type=Path, help="a file of services, one a line, that are not drawn")
    parser.add_argument("--without", action="append", default=[], metavar="SERVICE", help="nor is this; repeatable")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--read", type=int, default=0, metavar="N", help="print what is told of the first N pairs")
    given = parser.parse_args(arguments)
    held_out = services_held_out(given.held_out, given.without)
    pairs = drawn_pairs(given.repository, held_out=held_out, seed=given.seed, most=given.pairs)
    print("\n".join(report(pairs)))
    for pair in pairs[: given.read]:
        print("\n".join(shown(pair)))


if __name__ == "__main__":
    main()
