"""What one question may cost: the things that it asks and the companies that it asks share what is read for it."""

from dataclasses import dataclass

from qa.deadline import NO_DEADLINE, Deadline

# Of each company so many of its best passages are read, and in all about so many: at 3 the passage that answers is
# among them for 91 of 100 questions (gdpr200 dev), and reading takes most of an answer's time.
READ_PASSAGES, _READ_AT_ONCE = 3, 12
# Items of one list that are read beside the one that answers, while no more is read for the question than this.
MOST_ITEMS, _READ_IN_ALL = 12, 16
# Of so many companies asked at once something is read; those behind them are ranked by the other signals.
MOST_READ_COMPANIES = 20


@dataclass(frozen=True, slots=True)
class Effort:
    """What may be read for one question, and by when.

    Attributes:
        parts: how many things it asks.
        reads: whether anything is read at all.
    """

    deadline: Deadline = NO_DEADLINE
    parts: int = 1
    reads: bool = True

    def depth(self, companies: int) -> int:
        """How many passages of each of so many companies are read for each thing asked.

        >>> [Effort().depth(companies) for companies in (1, 4, 6, 20)], Effort(parts=3).depth(4)
        ([3, 3, 2, 1], 1)
        """
        if not self.reads:
            return 0
        return max(1, min(READ_PASSAGES, _READ_AT_ONCE // max(1, companies * self.parts)))

    def depths(self, companies: int) -> list[int]:
        """The same of each of so many companies, the nearest first.

        >>> sum(Effort().depths(10)), sum(Effort().depths(100))
        (10, 20)
        """
        return [self.depth(companies) if place < MOST_READ_COMPANIES else 0 for place in range(companies)]

    def items(self, companies: int) -> int:
        """How many further items of a list are read for each answer of each of so many companies.

        >>> Effort().items(1), Effort().items(2), Effort(parts=3).items(4)
        (12, 5, 0)
        """
        answers = max(1, companies * self.parts)
        return min(MOST_ITEMS, max(0, _READ_IN_ALL - answers * self.depth(companies)) // answers)
