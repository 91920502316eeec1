"""What was understood of a question. Everything after it reads this; nothing reads the question again."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from index.policies.companies import Company
from qa.question.counting import Counting
from qa.question.mentions import Matched, UnknownName, companies_of
from qa.question.timing import Timing


class QuestionKind(StrEnum):
    """What a turn of a chat wants."""

    YES_NO = "yes_no"
    FACT = "fact"
    LIST = "list"
    SEVERAL = "several_companies"
    SMALL_TALK = "small_talk"
    ABOUT_THE_SERVICE = "about_the_service"


@dataclass(frozen=True, slots=True)
class Part:
    """One of several things that a question asks.

    Attributes:
        words: as it stands there, once the history was taken in.
        topic: what is searched for.
        read_as: as passages are read for it, with "the company" for a company's name.
        hangs_on_another: whether it is asked only if another part is answered so: "and if so, can I opt out?".
    """

    words: str
    topic: str
    read_as: str
    hangs_on_another: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A question as understood.

    Attributes:
        question: as it was asked, its white space tidied; offsets of names are into it, or into the earlier question of
            the chat that they were taken from.
        standalone: the question as it stands alone, for people.
        topic: what is searched for: no name of a company that it is about, words that it points back to put in.
        read_as: the same as passages are read for it, with "the company" for a company's name.
        matched: the companies that it is about, and by which words; none means all.
        unknown: companies that it is about and that the index lacks.
        dealt_with: names of companies that it merely speaks of ("log in with Facebook").
        not_covered: whom else it is about, where the companies were given beside it.
        covered: the companies given; for small talk, which tells them, all that can be asked about.
        document_types: types of documents that it names, as Open Terms Archive calls them.
        as_of: the day that it names, or that came with it.
        language: a BCP 47 tag.
        parts: where it asks several things, each of them; else none.
        counting: what each company is asked, where the question asks which or how many of all do something.
        timing: what each version of their policies is asked, where it is a question of time.
        small_talk: which of `small_talk.toml` a turn is that is no question about policies; else empty.
    """

    question: str
    standalone: str
    topic: str
    read_as: str
    kind: QuestionKind
    matched: tuple[Matched, ...] = ()
    unknown: tuple[UnknownName, ...] = ()
    dealt_with: tuple[str, ...] = ()
    not_covered: tuple[UnknownName, ...] = ()
    covered: tuple[Company, ...] = ()
    document_types: tuple[str, ...] = ()
    as_of: date | None = None
    language: str = "en"
    parts: tuple[Part, ...] = ()
    counting: Counting | None = None
    timing: Timing | None = None
    small_talk: str = ""

    @property
    def companies(self) -> tuple[Company, ...]:
        """The companies it is about, each once; none means all."""
        return companies_of(self.matched)
