"""A question, the chat before it and the companies given beside it become a `Query`."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from index.errors import BadQuestion
from index.language.dates import last_day
from index.language.detect import can_read
from index.language.english import listed
from index.policies.companies import Company, key
from index.policies.kinds import type_in
from qa.deadline import NO_DEADLINE, Deadline
from qa.question.conversation import Standalone, Turn, parts, recent, standalone
from qa.question.counting import Counting, counting
from qa.question.language import language_of_question
from qa.question.mentions import CompanyNames, Matched, UnknownName
from qa.question.query import Part, Query, QuestionKind
from qa.question.spelling import Spelling
from qa.question.timing import TimeKind, Timing, timing
from qa.question.turn_kinds import ABOUT_THE_SERVICE, TurnKind, TurnKinds, Whom

MAX_QUESTION_CHARS = 2_000
_MOST_WITH_NEAREST = 2
# "do you sell data, and since when?" asks two things of which the second points back.
_ASKED_AND_WHEN = 2
# "ok. thanks. and how long?": so many before the question are looked for; a turn may hold 600.
_MOST_ACKNOWLEDGED = 3
# How likely all companies are meant, where the grammar is that of a count: of 30 counts written for it 23 are
# recognised and of 30 other questions none (decision 61).
COUNTS_FROM = 0.35
_NO_TEXT = "the question holds bytes that are no text; send words, encoded as UTF-8"

_ACKNOWLEDGED = re.compile(r"^(?P<first>[^,.!?;:]{1,40})[,.!?]+\s+(?P<rest>\S.*)$", re.DOTALL)
_POINTS_BACK = re.compile(r"\b(?:it|this|that|these|those)\b", re.IGNORECASE)
_IF_SO = re.compile(r"(?:(?:and|or|but)\s+)?if\b", re.IGNORECASE)
_YES_NO = re.compile(
    r"^(?:do|does|did|is|are|was|were|can|could|may|might|must|shall|should|will|would|has|have|had|am)(?:n['’]t)?\b",
    re.IGNORECASE,
)
_LIST = re.compile(
    r"^(?:(?:which|what)\s+(?:\w+\s+)?\w+s\b(?!\s+(?:is|does|has)\b)|list\b|name (?:all|the)\b)", re.IGNORECASE
)
_AS_OF = re.compile(
    r"\b(?:as (?:of|at)|back in|in force (?:on|in)|(?:version|policy|terms) (?:of|from|as of|in))\s+(?P<day>\S.{3,30})",
    re.IGNORECASE,
)
_DOCUMENT = re.compile(
    r"\b(?:in|according to|under|per|by)\s+(?:the|their|its|your|that)?\s*"
    r"(?P<document>(?:[\w-]+ ){0,3}(?:policy|notice|statement|terms(?: of \w+)?|agreement|conditions|guidelines))\b",
    re.IGNORECASE,
)


class Understanding:
    """What an index's names and words make of questions. It holds no state of a question, so threads may share it."""

    def __init__(self, names: CompanyNames, spelling: Spelling) -> None:
        self.names = names
        self._spelling = spelling
        self._turn_kinds = TurnKinds.shipped()

    def restricted(self, companies: Sequence[Company]) -> "Understanding":
        """The same where the index holds these companies alone."""
        return Understanding(self.names.restricted(companies), self._spelling)

    def query(
        self,
        question: str,
        *,
        companies: Sequence[str] = (),
        history: Sequence[str] = (),
        as_of: date | None = None,
        deadline: Deadline = NO_DEADLINE,
    ) -> Query:
        """What `question` asks, after `history`, of `companies` or of those that it names.

        Raises:
            BadQuestion: `question` or one of `history`, see `checked_question`.
            UnknownCompany: one of `companies` is not in the index.
            DeadlineExceeded: it took longer than `deadline`.
        """
        checked_question(question)
        given = list({company.id: company for company in map(self.names.given, companies)}.values())
        deadline.check()
        has_subject = bool(given or history)
        found = self.read(question, has_subject=has_subject, history=history, as_of=as_of, deadline=deadline)
        return self.asked_of(found, given)

    def read(
        self,
        question: str,
        *,
        has_subject: bool,
        history: Sequence[str] = (),
        as_of: date | None = None,
        deadline: Deadline = NO_DEADLINE,
    ) -> Query:
        """What `question` asks, whoever is asked; `asked_of` makes of it what one is asked.

        Args:
            has_subject: whether whom it is about is known beside it: companies are given, or there is a `history`.
        Raises:
            BadQuestion, DeadlineExceeded: as `query`.
        """
        asked, earlier = checked_question(question), [checked_question(turn) for turn in history]
        said = self._turn(asked, alone=not history, has_subject=has_subject)
        language = language_of_question(said.text, [(match.start, match.end) for match in said.mentions.matched])
        if not can_read(language):
            matched = said.mentions.matched
            return Query(asked, asked, asked, asked, QuestionKind.FACT, matched=matched, language=language)
        if said.is_small_talk:
            return self._small_talk(said)
        turns = []
        for turn in recent(earlier):
            deadline.check()
            turns.append(self._turn(turn))
        found = standalone([*turns, said])
        whole = found.topic in (said.text, said.mentions.bare)  # what an earlier question was put into is one question
        deadline.check()
        parts = self._parts(found, deadline) if whole else ()
        of_time, day_named = self._timing(found, parts), _day_named(found.topic)
        if day_named and of_time and of_time.kind is TimeKind.FORMER:
            of_time = None  # "the policy of 2015" is a version, which is asked as any other
        parts = () if of_time else parts
        return Query(
            question=asked,
            standalone=found.text,
            topic=self._spelling.corrected(found.topic),
            read_as=self._spelling.corrected(found.read_as),
            kind=QuestionKind.SEVERAL if len(found.companies) > 1 else _kind(found.topic),
            matched=found.matched,
            unknown=found.unknown,
            dealt_with=found.dealt_with,
            parts=parts,
            counting=self._counting(said, found) if whole and not parts else None,
            timing=of_time,
            document_types=_document_types(found.topic),
            as_of=as_of or (None if of_time else day_named),
            language=language,
        )

    def asked_of(self, query: Query, given: Sequence[Company]) -> Query:
        """`query`, which `read` made, asked of the companies `given`; of whom it names, where none is."""
        if query.small_talk:
            return replace(query, matched=_given(given), covered=tuple(given or self.names.companies))
        if not can_read(query.language):
            return replace(query, matched=_given(given, query.matched))
        if given:
            return self._among(query, given)
        near = (replace(name, nearest=self.names.nearest(name.name)) for name in query.unknown[:_MOST_WITH_NEAREST])
        return replace(query, unknown=(*near, *query.unknown[_MOST_WITH_NEAREST:]))

    def _counting(self, said: Turn, found: Standalone) -> Counting | None:
        """What each of all companies is asked for the question, if it is of that kind and about nobody else."""
        if found.matched or found.unknown or self._turn_kinds.asks_all(said.text) < COUNTS_FROM:
            return None
        return counting(self._spelling.corrected(said.text))

    def _timing(self, found: Standalone, parts: Sequence[Part]) -> Timing | None:
        """What each version is asked: of several things asked the last tells, if it points back to the first."""
        if not parts:
            return timing(self._spelling.corrected(found.read_as))
        points_back = parts[-1].read_as.endswith(f"({parts[0].read_as.rstrip(' ?')})?")
        return timing(parts[-1].read_as) if points_back and len(parts) == _ASKED_AND_WHEN else None

    def _parts(self, question: Standalone, deadline: Deadline) -> tuple[Part, ...]:
        """What `question` asks, where it asks several things; what only continues the first has that put in."""
        topics = parts(question.topic)
        if len(topics) == 1:
            return ()
        shown, read_as = parts(question.text), parts(question.read_as)
        if len(read_as) != len(topics):
            read_as = topics
        named = [frozenset(c.id for c in self.names.mentions(words).companies) for words in shown]
        if len(set(filter(None, named))) > 1:
            return ()  # of each company another thing is asked
        found = []
        for number, words in enumerate(topics):
            deadline.check()
            points_back = _POINTS_BACK.search(words) or self._turn_kinds.kind(words) is TurnKind.FRAGMENT
            topic, read = words, read_as[number]
            if number and points_back:
                topic, read = (f"{of[number].rstrip(' ?.!')} ({of[0].rstrip(' ?')})?" for of in (topics, read_as))
            as_asked = shown[number] if len(shown) == len(topics) else words
            corrected = self._spelling.corrected
            found.append(Part(as_asked, corrected(topic), corrected(read), bool(_IF_SO.match(words))))
        return tuple(found)

    def _turn(self, asked: str, *, alone: bool = False, has_subject: bool = False) -> Turn:
        """Read one turn of a chat, without a leading "thanks" or the like; `alone`: the chat has no other turn."""
        text = self._question_in(asked)
        mentions = self.names.mentions(text, has_subject=has_subject)
        if mentions.unknown and self._turn_kinds.kind(text) is TurnKind.FRAGMENT:
            mentions = self.names.without_words(text, mentions)  # in so short a turn a word is seldom a company
        asks_others = mentions.unknown and not mentions.matched and all(n.perhaps_dealt_with for n in mentions.unknown)
        if asks_others and self._turn_kinds.asked_of(text) is Whom.ALL:
            mentions = mentions.with_unknown_dealt_with(text)  # "which of them use Google Analytics?"
        names_somebody = alone and mentions.matched
        kind = TurnKind.COMPLETE if names_somebody else self._turn_kinds.kind(mentions.bare or text)
        names_nobody = not (alone or mentions.matched or mentions.unknown)
        whom = self._turn_kinds.asked_of(text) if names_nobody else Whom.THE_SAME
        return Turn(text, mentions, kind, whom)

    def _question_in(self, turn: str, *, most: int = _MOST_ACKNOWLEDGED) -> str:
        """What follows thanks and the like, if a question does: "how long?" of "ok thanks, and how long?"."""
        acknowledged = _ACKNOWLEDGED.match(turn) if most else None
        if acknowledged and self._turn_kinds.kind(acknowledged["first"]) is TurnKind.SMALL_TALK:
            rest = self._question_in(acknowledged["rest"], most=most - 1)
            if self._turn_kinds.is_surely_a_question(rest) and not self.names.mentions(acknowledged["first"]).matched:
                return rest
        return turn

    def _small_talk(self, said: Turn) -> Query:
        talk = self._turn_kinds.small_talk_kind(said.text)
        about_us = talk in ABOUT_THE_SERVICE
        kind = QuestionKind.ABOUT_THE_SERVICE if about_us else QuestionKind.SMALL_TALK
        return Query(said.text, said.text, said.text, said.text, kind, small_talk=talk)

    def _among(self, query: Query, given: Sequence[Company]) -> Query:
        """`query` asked of `given` alone, or of those of them that it names; whom else it names it does not ask."""
        ids = {company.id for company in given}
        named = tuple(match for match in query.matched if match.company.id in ids)
        beyond = [
            UnknownName(match.matched, (), match.start, match.end)
            for match in query.matched
            if match.company.id not in ids and not self.names.is_like_words(match.matched)
        ]
        unknown = [name for name in query.unknown if name.certain and not _may_mean(name.name, given)]
        not_covered = (*beyond, *unknown)
        # The only company given may go by a name that the index lacks: it is asked, and whom this covers is told.
        if not_covered and not named and (beyond or len(given) > 1):
            return replace(query, matched=(), unknown=(), not_covered=not_covered, covered=tuple(given))
        if (query.unknown or query.matched) and not named and query.standalone == query.question:
            asked = self._spelling.corrected(query.question)
            query = replace(query, topic=asked, read_as=asked)  # what it names may be in the text
        matched = _given(given, named)
        whom = listed([company.name for company in given])
        text = query.standalone if named else f"About {whom}: {query.question}"
        return replace(
            query, standalone=text, matched=matched, unknown=(), not_covered=not_covered, covered=tuple(given)
        )


def _given(given: Sequence[Company], named: Sequence[Matched] = ()) -> tuple[Matched, ...]:
    """Those of `given` that are `named`, or all of them; where none is given, whoever is named."""
    ids = {company.id for company in given}
    among = tuple(match for match in named if not ids or match.company.id in ids)
    return among or tuple(Matched(company, company.name, 0, 0) for company in given)


def _may_mean(name: str, given: Sequence[Company]) -> bool:
    """Whether `name`, which the index does not know, may be a longer or shorter form of a given company's."""
    parts = {key(word) for word in name.split()}
    return any(parts & {key(word) for own in company.names for word in own.split()} for company in given)


def _kind(topic: str) -> QuestionKind:
    """What form the answer has, by how the question begins.

    >>> [_kind(topic).value for topic in ("do they sell data?", "which cookies are set?", "how long?")]
    ['yes_no', 'list', 'fact']
    """
    if _YES_NO.match(topic):
        return QuestionKind.YES_NO
    return QuestionKind.LIST if _LIST.match(topic) else QuestionKind.FACT


def _document_types(topic: str) -> tuple[str, ...]:
    """The types of documents that `topic` asks about in so many words: "according to the cookie policy"."""
    found = (type_in(match["document"].lower()) for match in _DOCUMENT.finditer(topic))
    return tuple(dict.fromkeys(filter(None, found)))


def _day_named(topic: str) -> date | None:
    """The day as of which `topic` asks: "as of May 2016", "the policy of 2015"."""
    found = _AS_OF.search(topic)
    return last_day(found["day"]) if found else None


def _shown(question: str) -> str:
    """`question` without characters that control or format, white space apart.

    Raises:
        BadQuestion: it holds bytes that are not text.
    """
    kinds = [(unicodedata.category(character), character) for character in question]
    strange = sum(kind in ("Cc", "Cn", "Co", "Cs") for kind, character in kinds if not character.isspace())
    if strange > 2 or "\0" in question or any(kind == "Cs" for kind, _ in kinds):
        raise BadQuestion(_NO_TEXT)
    return "".join(character for kind, character in kinds if kind not in ("Cc", "Cf") or character.isspace())


def checked_question(question: str) -> str:
    """`question` with its white space tidied.

    Raises:
        BadQuestion: nothing to read in it, longer than `MAX_QUESTION_CHARS`, or no text.
    """
    if len(question) > MAX_QUESTION_CHARS:
        raise BadQuestion(
            f"the question has {len(question):,} characters, at most {MAX_QUESTION_CHARS:,} are read; shorten it"
        )
    tidy = " ".join((question if question.isprintable() else _shown(question)).split())
    if "\ufffd" in question:
        raise BadQuestion(_NO_TEXT)
    if not any(character.isalnum() for character in tidy):
        raise BadQuestion("the question is empty; ask something, such as “does JivoChat sell my data?”")
    return tidy
