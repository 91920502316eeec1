"""A question of a chat as one that stands alone: whom it is about, and what it asks. It does not search.

"what does Mailigen say?" keeps the topic and changes the company; "how long?" keeps both; "and is that
encrypted?" needs the words that "that" stands for.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from index.policies.companies import Company
from index.terms import STOPWORDS, Thesaurus, terms, words
from qa.mentions import CompanyNames, Matched, Mentions, UnknownName

# Words that carry no topic where little else is said: "what does X say about that", "same question for X".
_CARRIERS = frozenset(
    """say says said state states mention mentions answer policy question same again compare compared there
    case similar likewise too also instead though then now ok okay please thanks tell show explain mean means detail
    details more else other others another one ones part reply use used uses apply applies happen happens
    true sure right well""".split()
)
_POINTERS = frozenset("it that those these this them such one ones both there".split())
_PERSONS = frozenset("they their its he she".split())
_OPENER = re.compile(
    r"^\s*(?:(?:and|but|or|so|also|ok|okay|then|well)\b[\s,]*)*(?:(?:what|how) about\b)?\s*", re.IGNORECASE
)
_ALL_COMPANIES = re.compile(
    r"\b(?:which|what|any|all|each|every|none|how many|other|both|either)\s+"
    r"(?:one\s+)?(?:of\s+)?(?:these|those|them|the|your|other)?\s*"
    r"(?:five|5|\d+)?\s*(?:companies|company|services|service|policies|vendors|providers|sites|firms|ones|of them)\b|"
    r"\bwho (?:else )?(?:tells|says|sells|shares|promises|lets|allows|keeps|registers|mentions|stores)\b|"
    r"\beverybody\b|\bacross (?:all|the)\b",
    re.IGNORECASE,
)
_ASKING = frozenset("why how when where who long much many often".split())
_FEW_TERMS = 2


_BLANK = "\0"  # where a company's name stands in a question's frame; no question holds it


@dataclass(frozen=True, slots=True)
class Standalone:
    """A question with what its chat adds to it.

    Attributes:
        text: for people to see how the question was understood.
        topic: what is searched: no company's name, the words that pointers stand for put in.
        matched: the companies it is about; empty means all.
        unknown: companies it names that the index lacks.
        frame: the question with a blank for the company, to be asked of another one.
    """

    text: str
    topic: str
    matched: tuple[Matched, ...]
    unknown: tuple[UnknownName, ...]
    frame: str

    @property
    def companies(self) -> tuple[Company, ...]:
        """The companies it is about, each once."""
        return tuple({match.company.id: match.company for match in self.matched}.values())


def standalone(question: str, history: Sequence[str], names: CompanyNames) -> Standalone:
    """`question` after the earlier questions of its chat, oldest first, are taken in."""
    current: Standalone | None = None
    for turn in (*history, question):
        current = _after(current, turn, names.mentions(turn))
    if current is None:
        raise ValueError("no question was given")
    return current


def _after(before: Standalone | None, question: str, said: Mentions) -> Standalone:
    own, frame = said.bare or question, _frame(question, said)
    if before is None:
        return Standalone(question, own, said.matched, said.unknown, frame)
    asks_all = _ALL_COMPANIES.search(question) is not None
    speaks_of_companies = bool(said.matched or said.unknown) or asks_all
    matched = said.matched if speaks_of_companies else before.matched
    rest, use = _reading(own)
    # A question that stands on its own is not about a company that was not even there.
    unknown = said.unknown if speaks_of_companies or use is _Use.ON_ITS_OWN else before.unknown
    about = " and ".join(dict.fromkeys([match.company.name for match in matched] or [name.name for name in unknown]))
    if use is _Use.NOTHING_NEW:
        topic, frame = before.topic, before.frame
        text = _filled(frame, about)
    elif use is _Use.POINTS_BACK:
        topic = f"{rest.rstrip(' ?')} ({before.topic.rstrip(' ?')})?"
        text = f"{_filled(frame, about)} ({_filled(before.frame, about)})"
    else:
        topic = rest
        text = question if said.matched or said.unknown or not matched else _filled(frame, about)
    return Standalone(text, topic, matched, unknown, frame)


def _frame(question: str, said: Mentions) -> str:
    """`question` with a blank where its first company stands; further names go."""
    named: Sequence[Matched | UnknownName] = said.matched or said.unknown
    if not named:
        return question
    pieces, position = [], 0
    for number, match in enumerate(named):
        pieces += [question[position : match.start], _BLANK if number == 0 else ""]
        position = match.end
    joined = " ".join("".join((*pieces, question[position:])).split())
    return re.sub(rf"{_BLANK}(?:\s*(?:,|and|or|vs\.?|&)\s*)+(?=\s|$|[?.])", _BLANK, joined)


def _filled(frame: str, about: str) -> str:
    if _BLANK in frame:
        return frame.replace(_BLANK, about or "they")
    return f"about {about}: {frame}" if about else frame


class _Use(Enum):
    """What a question takes from the one before it."""

    NOTHING_NEW = "all of its topic"
    POINTS_BACK = "what its pointers stand for"
    ON_ITS_OWN = "nothing but the company"


def _reading(own: str) -> tuple[str, _Use]:
    """`own` without its opener ("and", "what about"), and what it takes from the question before it."""
    opener = _OPENER.match(own)
    rest = own[opener.end() :] if opener else own
    found = words(rest)
    content = {word for word in found if word not in STOPWORDS and word not in _CARRIERS}
    if not content and not set(found) & _ASKING:
        return rest, _Use.NOTHING_NEW
    opened = len(rest) < len(own)
    concept = _has_concept(rest)
    points = bool(_POINTERS & set(found)) or (opened and not concept)
    speaks_of_them = bool(_PERSONS & set(found)) and len(content) <= _FEW_TERMS and not concept
    if not content or (points and (len(content) <= _FEW_TERMS or not concept)) or speaks_of_them:
        return rest, _Use.POINTS_BACK
    return rest, _Use.ON_ITS_OWN


def _has_concept(text: str) -> bool:
    return any(term.startswith("§") for term in terms(text, Thesaurus.shipped()))
