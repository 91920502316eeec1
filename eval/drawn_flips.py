"""Whether flips are right: verdicts before and with drawn versions of privacy policies, told by `qa.flips`.

    python -m eval.drawn_flips INDEX --held-out FILE [--checklist NAME] [--seed N] [--pairs N] [--flips N] [--out FILE]

INDEX was built with `--history`. Pairs of versions with told changes are drawn and asked: `--pairs` of them, and more,
while there are, until there are `--flips` flips. `--out` gets the flips as JSON lines, for a person who reads both
versions; what `eval/labels/flips.jsonl` judges already is counted.
"""

import argparse
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from eval.drawn_changes import services_held_out
from eval.questions import json_lines
from index.embedding import open_embedder
from index.policies.companies import key
from index.policies.series import day_of
from index.policy_index import PolicyIndex
from qa.answers import CompanyVerdict
from qa.assistant import Assistant
from qa.changes import VersionChange, VersionPair, change_of, version_pairs
from qa.checklists.checklist import open_checklist
from qa.flips import Flip, flips
from qa.reading.reader import open_reader

FLIP_LABELS = Path(__file__).parent / "labels" / "flips.jsonl"
_TYPE = "Privacy Policy"


@dataclass(frozen=True, slots=True)
class ToldFlip:
    """A flip as it is judged: both verdicts, and the words that are quoted for either."""

    company: str
    before: str
    after: str
    question: str
    verdicts: tuple[str, str]
    quoted_before: str
    quoted_after: str

    @property
    def id(self) -> tuple[str, str, str, str, str]:
        """What names it among the judgements."""
        return self.company, self.before, self.after, self.question, "/".join(self.verdicts)


class Draw:
    """Pairs of versions in the order drawn, and the verdicts that flip with them."""

    def __init__(self, index: PolicyIndex, assistant: Assistant, questions: Sequence[str]) -> None:
        self._index, self._assistant, self._questions = index, assistant, questions
        self._said: dict[tuple[str, date], list[str | None]] = {}

    def pairs(self, *, held_out: frozenset[str], seed: int) -> Iterator[VersionChange]:
        """Every two consecutive privacy policies of companies not `held_out` of which something is told, drawn."""
        without = {key(name) for name in held_out}
        ids = [company.id for company in self._index.companies.values() if key(company.name) not in without]
        pairs = [pair for pair in version_pairs(self._index, sorted(ids), types=[_TYPE]) if pair.before]
        random.Random(seed).shuffle(pairs)
        yield from (changed for pair in pairs if (changed := self._changed(pair)).told)

    def _changed(self, pair: VersionPair) -> VersionChange:
        return change_of(self._index, pair)

    def flips(self, changed: VersionChange) -> Iterator[ToldFlip]:
        """The verdicts that flipped; only what differs by the cells of a comparison is asked, which equal `ask`."""
        days = [day_of(policy) for policy in (changed.before, changed.after) if policy]
        if len(days) < 2 or None in days:
            return
        was, now = (self._verdicts(changed.company.id, day) for day in days if day)
        differ = [
            question
            for question, before, after in zip(self._questions, was, now, strict=True)
            if before and after and before != after
        ]
        for flip in flips(self._assistant, changed, differ):
            yield _told(changed, flip)

    def _verdicts(self, company_id: str, day: date) -> list[str | None]:
        if (company_id, day) not in self._said:
            cells = self._assistant.compare(self._questions, companies=[company_id], as_of=day).cells()
            found = {cell.question: cell.verdict for cell in cells}
            self._said[company_id, day] = [found.get(place) for place in range(len(self._questions))]
        return self._said[company_id, day]


def _told(changed: VersionChange, flip: Flip) -> ToldFlip:
    before, after = (str(day_of(policy)) if policy else "" for policy in (changed.before, changed.after))
    verdicts = str(flip.before.verdict), str(flip.after.verdict)
    return ToldFlip(
        changed.company.name, before, after, flip.question, verdicts, _quoted(flip.before), _quoted(flip.after)
    )


def _quoted(verdict: CompanyVerdict) -> str:
    return " // ".join(quote.text for quote in verdict.quotes)


def judged(labels: Path = FLIP_LABELS) -> dict[tuple[str, ...], dict[str, object]]:
    """The judgements of `labels` by what names a flip; none where there is no such file."""
    if not labels.is_file():
        return {}
    rows = (fields for _, fields in json_lines(labels))
    return {
        (row["company"], row["before"], row["after"], row["question"], "/".join(row["verdicts"])): row for row in rows
    }


def report(found: Sequence[ToldFlip], pairs: int) -> list[str]:
    """Lines for people: how many of the flips told are right, and why the others are not."""
    known = judged()
    rows = [known[flip.id] for flip in found if flip.id in known]
    right = sum(row["right"] is True for row in rows)
    lines = [f"{len(found)} flips over {pairs} pairs; judged {len(rows)}, right {right}"]
    if rows:
        lines.append(f"precision {right / len(rows):.3f}")
    causes = Counter(str(row["cause"]) for row in rows if row["right"] is not True)
    return lines + [f"  wrong, {cause}: {count}" for cause, count in causes.most_common()]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report, and what is not judged yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path, metavar="INDEX")
    parser.add_argument("--held-out", type=Path, help="a file of services, one a line, that are not drawn")
    parser.add_argument("--without", action="append", default=[], metavar="SERVICE", help="nor is this; repeatable")
    parser.add_argument("--checklist", default="consumer")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--flips", type=int, default=50)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    embedder = open_embedder()
    index = PolicyIndex.open(given.index, embedder=embedder)
    assistant = Assistant(index, embedder, reader=open_reader())
    questions = [item.question for item in open_checklist(given.checklist).items]
    draw = Draw(index, assistant, questions)
    found: list[ToldFlip] = []
    asked = 0
    for changed in draw.pairs(held_out=services_held_out(given.held_out, given.without), seed=given.seed):
        if asked >= given.pairs and len(found) >= given.flips:
            break
        asked += 1
        mine = list(draw.flips(changed))
        found += mine
        if given.out:
            with given.out.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(asdict(flip), ensure_ascii=False) + "\n" for flip in mine)
    print("\n".join(report(found, asked)))


if __name__ == "__main__":
    main()
