"""A question of a chat as one that stands alone: whom it is about, and which things it asks. It does not search.

"what does Mailigen say?" keeps the topic and changes the company; "how long?" keeps both; "and is that
encrypted?" needs the words that "that" stands for.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from index.language.english import listed
from index.policies.companies import Company
from index.terms import CONCEPT_MARK, STOPWORDS, Thesaurus, terms, words
from qa.question.mentions import Matched, Mentions, UnknownName, companies_of
from qa.question.turn_kinds import TurnKind, Whom

# Earlier questions that are read, the last of them, and how many characters of them.
MAX_TURNS, MAX_HISTORY_CHARS = 6, 1_000
# Words that carry no topic where little else is said: "what does X say about that", "same question for X".
_CARRIERS = frozenset(
    """say says said state states mention mentions answer policy question same again compare compared there
    case similar likewise too also instead though then now ok okay please thanks tell show explain mean means meant
    detail details more else other others another one ones two first second last part reply use used uses apply
    applies happen happens true sure right well sorry wait wrong no not nope actually rest remaining everyone everybody
    both together try switch back ask asked asking talking""".split()
)
_ASKING = frozenset("why how when where who whom whose long much many often".split())
_OPENER = re.compile(
    r"^\s*(?:(?:and|but|or|so|also|ok|okay|then|well|hmm|no|sorry|wait|now)\b[\s,]*)*"
    r"(?:(?:what|how) about\b|same (?:question )?for\b)?\s*",
    re.IGNORECASE,
)
_CORRECTS = re.compile(r"\b(?:I mean|meant)\b", re.IGNORECASE)
_ORDINAL = re.compile(
    r"\bthe (first|former|second|latter|other)(?: one| company)?\b(?! (?:\w+ )?(?:time|party|parties))"
)
_NOT_THIS = re.compile(r"\b(?:not|instead of|rather than|forget)\s+(?:about\s+)?[\"“']?$", re.IGNORECASE)
# At most so many questions are taken out of one.
MAX_PARTS = 3
_HELPS = r"(?:do|does|did|is|are|was|were|am|can|could|may|might|will|would|should|shall|must|has|have|had)(?:n['’]?t)?"
# A helping verb asks before its subject: "are they", and not "and are forbidden to".
_SUBJECT = (
    r"\s+(?:not\s+)?(?:i|you|u|ya|we|they|he|she|it|there|that|this|these|those|some|any|every|all|my|your|their|our|"
    r"his|her|its|the|an?|(?:some|any|every)(?:one|body|thing)|employees|users|people|\w+ing|(?-i:[A-Z])\w*)\b"
)
_OF_WHAT = r"(?:who|whom|whose|what|which|when|where|why|how|whether)\b"
_BEFORE = r"(?:(?:about|after|as well as|by|for|from|in|on|to|under|until|with)\s+)?"
_ASKS = rf"{_BEFORE}(?:{_OF_WHAT}|{_HELPS}{_SUBJECT})"
_MAY_ASK = rf"{_BEFORE}(?:{_OF_WHAT}|{_HELPS}\b)"
_IF_SO = r"if\s+(?:so|yes|not|(?:it|they|you)\s+(?:do|does|has|have|is|are))\b[\s,]*"
# Where a further question may begin: with a word that joins, behind a comma, or behind the end of a sentence.
_BEGINS = re.compile(
    rf"(?<=\s)(?:and|plus|also|as well as|but|\+)[\s,]+(?:(?:also|then)\s+|{_IF_SO})*(?={_ASKS})"
    rf"|(?<=[,;–—-])\s*(?:and|plus|also|as well as|but)[\s,]+(?:(?:also|then)\s+|{_IF_SO})*(?={_MAY_ASK})"
    rf"|(?<=[,;])\s*(?:or\s+(?={_BEFORE}{_OF_WHAT})|{_IF_SO}(?={_ASKS}))"
    rf"|(?<=[,;])\s*(?P<alone>(?={_BEFORE}(?:what|who|why|how|{_HELPS}{_SUBJECT})))"
    rf"|(?<=[?.!;])\s*(?:(?:and|or|also|plus|but|so)\b[\s,]*)?(?:{_IF_SO})?(?={_MAY_ASK})",
    re.IGNORECASE,
)
_SENTENCE_ENDS = re.compile(r"[.!?]\s+")
_FIRST_WORDS = re.compile(rf"\W*(?:[\w'’]+\W+){{0,3}}?{_MAY_ASK}", re.IGNORECASE)
_FIRST_WORD = re.compile(rf"\W*(?:{_HELPS}\b|{_BEFORE}(?:what|who|why|how)\b)(?:\W+\w+){{3}}", re.IGNORECASE)
_BLANK = "\0"  # where a company's name stands in a question's frame; no question holds it
# The reader takes a question without a subject for one of either side: "notify of a breach" is also what users do.
_READ_AS = "the company"
_SINGULAR = {"do": "does", "are": "is", "have": "has", "were": "was", "don't": "doesn't", "aren't": "isn't"}
_SINGULAR |= {"haven't": "hasn't", "weren't": "wasn't", "don’t": "doesn’t", "aren’t": "isn’t", "haven’t": "hasn’t"}
_PLURAL = {singular: plural for plural, singular in _SINGULAR.items()}
_VERB_BEFORE_BLANK = re.compile(rf"\b({'|'.join([*_SINGULAR, *_PLURAL])})(\s+(?:both\s+)?){_BLANK}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of a chat, read alone."""

    text: str
    mentions: Mentions
    turn_kind: TurnKind
    whom: Whom

    @property
    def is_small_talk(self) -> bool:
        """Whether it asks nothing, of nobody; "sorry, Mailigen" asks the same of somebody else."""
        return self.turn_kind is TurnKind.SMALL_TALK and not self.mentions.matched


@dataclass(frozen=True, slots=True)
class Standalone:
    """A question with what its chat adds to it; see `Query` for the fields that are not here.

    Attributes:
        read_as: the question as a company's passages are read for it, with "the company" for its name.
        frame: the question with a blank for the company, to be asked of another one.
        anchor: the last question that stood alone, with such a blank, its topic and as it is read: what "it" is.
        named: companies that were named lately, the last one last.
    """

    text: str
    topic: str
    read_as: str
    matched: tuple[Matched, ...]
    unknown: tuple[UnknownName, ...]
    dealt_with: tuple[str, ...]
    frame: str
    anchor: tuple[str, str, str]
    named: tuple[Matched, ...] = field(repr=False)

    @property
    def companies(self) -> tuple[Company, ...]:
        """The companies it is about, each once."""
        return companies_of(self.matched)


def recent(history: Sequence[str]) -> list[str]:
    """The last of `history`, as far as it is read: `MAX_TURNS` turns, `MAX_HISTORY_CHARS` characters."""
    kept: list[str] = []
    chars = 0
    for turn in reversed(history[-MAX_TURNS:]):
        chars += len(turn)
        if chars > MAX_HISTORY_CHARS:
            break
        kept.append(turn)
    return kept[::-1]


def standalone(turns: Sequence[Turn]) -> Standalone:
    """The last of `turns`, which come oldest first, with what those before it add; small talk among them adds nothing.

    Raises:
        ValueError: `turns` is empty.
    """
    found: Standalone | None = None
    for turn in turns:
        if turn is turns[-1] or not turn.is_small_talk:
            found = _after(found, turn)
    if found is None:
        raise ValueError("no turn was given, expected one or more")
    return found


def _after(before: Standalone | None, turn: Turn) -> Standalone:
    question, said = turn.text, _without_denied(turn.text, turn.mentions)
    own, frame = said.bare if said.matched or said.unknown else question, _frame(question, said)
    read_as = frame.replace(_BLANK, _READ_AS)
    if before is None:
        topic = own or question
        anchor = (frame, topic, read_as)
        matched = said.matched
        return Standalone(question, topic, read_as, matched, said.unknown, said.dealt_with, frame, anchor, matched)
    named = _named(before.named, said.matched)
    matched, unknown, about = _companies(before, turn, said)
    opener = _OPENER.match(own)
    rest = own[opener.end() :].strip() if opener else own
    content = [word for word in words(rest) if word not in STOPWORDS and word not in _CARRIERS]
    turns_to_others = bool(said.matched or said.unknown) or (matched, unknown) != (before.matched, before.unknown)
    corrects = _CORRECTS.search(own) is not None
    says_nothing = not (content or set(words(rest)) & _ASKING) or turn.turn_kind is TurnKind.SMALL_TALK
    if turns_to_others and (corrects or says_nothing):
        return replace(before, text=_filled(before.frame, about), matched=matched, unknown=unknown, named=named)
    new_subject = opener and "about" in opener[0].lower() and _has_concept(rest)  # "what about children"
    if (turn.turn_kind is TurnKind.FRAGMENT and not new_subject) or corrects or not content:
        anchor_frame, anchor_topic, anchor_read_as = before.anchor
        topic, read_as = (f"{rest.rstrip(' ?')} ({of.rstrip(' ?')})?" for of in (anchor_topic, anchor_read_as))
        frame = f"Regarding “{anchor_frame if _BLANK in anchor_frame else _about(anchor_frame)}”: {frame}"
        text = _filled(frame, about)
        return Standalone(text, topic, read_as, matched, unknown, said.dealt_with, frame, before.anchor, named)
    unknown = said.unknown  # a question that stands on its own is not about a company that was not even there
    on_its_own = said.matched or said.unknown or not matched
    text = question if on_its_own else _filled(frame, about)
    anchor = (frame, rest, read_as)
    return Standalone(text, rest, read_as, matched, unknown, said.dealt_with, frame, anchor, named)


def _companies(
    before: Standalone, turn: Turn, said: Mentions
) -> tuple[tuple[Matched, ...], tuple[UnknownName, ...], tuple[str, ...]]:
    """Whom a turn is about, known and unknown, and their names for people."""
    if said.matched or said.unknown:
        matched, unknown = said.matched, said.unknown
    elif (ordinal := _ORDINAL.search(turn.text)) and len(_companies_of(before.named)) > 1:
        matched, unknown = _ordinal(before, ordinal[1]), ()
    elif turn.whom is Whom.THE_OTHERS:
        return (), (), ("the other companies",)
    elif turn.whom is Whom.THOSE_NAMED and len(_companies_of(before.named)) > 1:
        last = _companies_of(before.named)[-2:]
        matched, unknown = tuple(match for match in before.named if match.company.id in last), ()
    elif turn.whom is Whom.ALL:
        return (), (), ()
    else:
        matched, unknown = before.matched, before.unknown
    names = [match.company.name for match in matched] + [name.name for name in unknown]
    return matched, unknown, tuple(dict.fromkeys(names))


def _ordinal(before: Standalone, word: str) -> tuple[Matched, ...]:
    pair = _companies_of(before.named)[-2:]
    if word == "other":
        current = {match.company.id for match in before.matched}
        chosen = [company for company in pair if company not in current] or pair[:1]
    else:
        chosen = pair[:1] if word in ("first", "former") else pair[1:]
    return tuple(match for match in before.named if match.company.id in chosen)


def _named(before: tuple[Matched, ...], now: tuple[Matched, ...]) -> tuple[Matched, ...]:
    ids = {match.company.id for match in now}
    return (*(match for match in before if match.company.id not in ids), *now)


def _companies_of(matched: Sequence[Matched]) -> list[str]:
    return [company.id for company in companies_of(matched)]


def _without_denied(question: str, said: Mentions) -> Mentions:
    """`said` without those that it says not to be about, if there are others: "not Signal, Discover"."""
    kept = tuple(match for match in said.matched if not _NOT_THIS.search(question[: match.start]))
    return replace(said, matched=kept) if kept else said


def _frame(question: str, said: Mentions) -> str:
    """`question` with a blank where its first company stands; further names go."""
    named: Sequence[Matched | UnknownName] = said.matched or said.unknown
    spans = sorted({(match.start, match.end) for match in named})
    if not spans:
        return question
    pieces, position = [], 0
    for number, (start, end) in enumerate(spans):
        pieces += [question[position:start], _BLANK if number == 0 else ""]
        position = end
    joined = " ".join("".join((*pieces, question[position:])).split())
    return re.sub(rf"{_BLANK}(?:\s*(?:,|and|or|vs\.?|&)\s*)+(?=\s|$|[?.])", _BLANK, joined)


def _has_concept(text: str) -> bool:
    return any(term.startswith(CONCEPT_MARK) for term in terms(text, Thesaurus.shipped()))


def _about(frame: str) -> str:
    return f"about {_BLANK}: {frame}"


def _filled(frame: str, about: Sequence[str]) -> str:
    r"""`frame` asked of `about`, its verb agreeing with them.

    >>> _filled("does \0 sell my data?", ["JivoChat", "Mailigen"])
    'do JivoChat and Mailigen sell my data?'
    >>> _filled("do they sell it?", ["JivoChat"])
    'About JivoChat: do they sell it?'
    """
    names = listed(about)
    if _BLANK not in frame:
        return f"About {names}: {frame}" if about else frame
    plural = len(about) != 1 or about[0].startswith("the ")
    forms = _PLURAL if plural else _SINGULAR

    def agreeing(match: re.Match[str]) -> str:
        verb = forms.get(match[1].lower(), match[1])
        return (verb.capitalize() if match[1][0].isupper() else verb) + match[2] + _BLANK

    return _VERB_BEFORE_BLANK.sub(agreeing, frame).replace(_BLANK, names or "they")


def parts(question: str) -> list[str]:
    """The questions that `question` asks, in order, each as it stands there; at most `MAX_PARTS`.

    >>> parts("Do you sell my data, and to whom?")
    ['Do you sell my data', 'and to whom?']
    >>> parts("Do they collect names and addresses?")
    ['Do they collect names and addresses?']
    >>> parts("I live in Spain and teach. Is my data sold?")
    ['I live in Spain and teach. Is my data sold?']
    """
    begins = [0]
    for found in _BEGINS.finditer(question):
        before = question[begins[-1] : found.start()]
        if len(begins) < MAX_PARTS and _asks(before, surely=found["alone"] is not None):
            begins.append(found.start())
    return [question[begin:end].strip(" ,;") for begin, end in zip(begins, [*begins[1:], None], strict=True)]


def _asks(words: str, *, surely: bool) -> bool:
    """Whether the last sentence of `words` is a question rather than what leads up to one.

    `surely`: nothing but a comma parts it from the next, as it parts a clause: "when I leave, is my data deleted?"
    """
    last = _SENTENCE_ENDS.split(words.rstrip(" ,;"))[-1]
    if last.endswith("?"):
        return True
    return not last.endswith((".", "!")) and bool((_FIRST_WORD if surely else _FIRST_WORDS).match(last))
