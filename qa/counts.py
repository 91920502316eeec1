"""How many companies say what: every company of the index is asked, and those that a question seeks come first."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from qa.answers import Outcome, Verdict
from qa.comparison import Cell, Comparison
from qa.deadline import Deadline
from qa.question.counting import Counting, Seeks

# Of the time that is left so much may be spent on counting; the rest is for the passages and the words.
_SHARE_OF_TIME = 0.7

READ_OUTCOMES = (Outcome.ANSWERED, Outcome.UNCLEAR, Outcome.NOT_STATED)
_SAYS = (Outcome.ANSWERED, None)
_YES, _NO, _DEPENDS = ((Outcome.ANSWERED, verdict) for verdict in (Verdict.YES, Verdict.NO, Verdict.DEPENDS))
_UNCLEAR, _SILENT = (Outcome.UNCLEAR, None), (Outcome.NOT_STATED, None)
_ORDER = {
    Seeks.YES: (_YES, _DEPENDS, _SAYS, _UNCLEAR, _NO, _SILENT),
    Seeks.NO: (_NO, _DEPENDS, _SAYS, _UNCLEAR, _SILENT, _YES),
    Seeks.STATED: (_SAYS, _UNCLEAR, _SILENT),
    Seeks.SILENT: (_SILENT, _UNCLEAR, _SAYS),
}


@dataclass(frozen=True, slots=True)
class Counts:
    """What all companies say to one question.

    Attributes:
        question: what each of them was asked.
        seeks: which of them the question as typed is about.
        companies: how many there are; asked: how many of them were asked, the nearest first.
        matching: how many of those asked are as sought.
        outcomes, verdicts: how many have each; those of the outcomes add up to `asked`.
    """

    question: str
    seeks: Seeks
    companies: int
    asked: int
    matching: int
    outcomes: dict[Outcome, int]
    verdicts: dict[Verdict, int]

    @property
    def complete(self) -> bool:
        """Whether every company was asked."""
        return self.asked == self.companies

    @property
    def words(self) -> str:
        """For people."""
        plain = self.outcomes[Outcome.ANSWERED] - sum(self.verdicts.values())
        numbers = {
            **{verdict.value: number for verdict, number in self.verdicts.items()},
            "say something else": plain,
            "unclear": self.outcomes[Outcome.UNCLEAR],
            "do not say": self.outcomes[Outcome.NOT_STATED],
            "could not be asked": self.outcomes[Outcome.NO_VERSION] + self.outcomes[Outcome.UNSUPPORTED_LANGUAGE],
        }
        told = ", ".join(f"{number:,} {name}" for name, number in numbers.items() if number)
        words = f"{self.matching:,} of {self.asked:,} companies {_SOUGHT[self.seeks]}. Asked “{self.question}”: {told}."
        if self.complete:
            return words
        return (
            f"{words} Only {self.asked:,} of {self.companies:,} companies could be asked in time: `askpolicy compare` "
            f"and /v1/compare ask all."
        )


_SOUGHT = {Seeks.YES: "say yes", Seeks.NO: "say no", Seeks.STATED: "say it", Seeks.SILENT: "do not say it"}


def count(counting: Counting, comparison: Comparison, deadline: Deadline) -> tuple[Counts, list[Cell]]:
    """The counts and the cells behind them, those sought first, the surest first among equals.

    Args:
        comparison: of the one question that `counting` asks; its rows are asked in order while there is time.
    """
    cells = list(comparison.cells(deadline=deadline.share(_SHARE_OF_TIME), partial=True))
    order = _ORDER[counting.seeks]
    verdictless = counting.seeks in (Seeks.STATED, Seeks.SILENT)
    surest = 1 if counting.seeks is Seeks.SILENT else -1

    def kind(cell: Cell) -> tuple[Outcome, Verdict | None]:
        return cell.outcome, None if verdictless else cell.verdict

    cells.sort(key=lambda cell: (_place(order, kind(cell)), surest * cell.probability, cell.row.id))
    outcomes = Counter(cell.outcome for cell in cells)
    verdicts = Counter(cell.verdict for cell in cells if cell.verdict)
    counts = Counts(
        comparison.questions[0],
        counting.seeks,
        len(comparison),
        len(cells),
        sum(kind(cell) == order[0] for cell in cells),
        {outcome: outcomes[outcome] for outcome in (*READ_OUTCOMES, Outcome.NO_VERSION, Outcome.UNSUPPORTED_LANGUAGE)},
        {verdict: verdicts[verdict] for verdict in Verdict},
    )
    return counts, cells


def _place(order: Sequence[tuple[Outcome, Verdict | None]], kind: tuple[Outcome, Verdict | None]) -> int:
    return order.index(kind) if kind in order else len(order)
