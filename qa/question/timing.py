"""A question of time: when something began or ended, whether or what changed, what was said before.

"has the company changed how long it keeps my data?" asks each version "how long does the company keep my data?". It
goes by the grammar of such questions: frames of question words, auxiliaries and verbs of change around whom it is
about, adverbs of time, days that are named. It knows no topic.
"""

import re
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from qa.question.named_days import without_days_asked
from qa.question.predicates import AUXILIARIES, SINGULAR, base, taken_apart


class TimeKind(StrEnum):
    """What a question of time wants to know."""

    SINCE = "since"
    ENDED = "ended"
    CHANGED = "changed"
    FORMER = "former"
    LISTED = "listed"


@dataclass(frozen=True, slots=True)
class Timing:
    """What each version of a company's policies is asked, and of which days.

    Attributes:
        asked: empty where all that changed is asked for.
        since, until: days that it names, both included; None where there is no bound.
        document: the document that it names ("privacy policy"); else empty.
    """

    kind: TimeKind
    asked: str = ""
    since: date | None = None
    until: date | None = None
    document: str = ""


_ITS = r"(?:(?:the\s+)?the\s+company(?:['’]s?)?|your|their|its|our|the|this|that)"
_KIND = r"(?:privacy|cookies?|data|terms|usage|community|advertising|trackers?|user|acceptable|[\w-]+)"
_PAPER = (
    rf"(?:{_KIND}\s+){{0,3}}?(?:polic(?:y|ies)|notice|statement|terms(?:\s+(?:of\s+(?:service|use)|and\s+conditions))?|"
    r"agreement|guidelines|documents?)"
)
_DOCUMENT = rf"(?:{_ITS}\s+)?(?P<document>{_PAPER})"
_OURS = (
    rf"(?:(?:the\s+)?the\s+company['’]s?\s+{_PAPER}|(?:your|their|its|our|the|this)\s+{_PAPER}|(?:the\s+)?the\s+company|you|they|it|we|"
    r"the\s+(?:service|site|website|app|platform|provider))"
)
_STANCE = (
    r"(?:polic(?:y|ies)|rules?|practices?|approach|stance|position|handling|treatment|terms|wording|section|clause|"
    r"paragraph|passage|sentence|language|mention|provision|statement|statements|information|part|parts|promise|right|"
    r"rights)"
)
_ADVERB = (
    r"(?:\s+(?:ever|recently|lately|since|also|previously|formerly|originally|initially|once|earlier|first|"
    r"always|really|at\s+all))?"
)
_CHANGE = (
    r"(?:changed?|updated?|altere?d?|revised?|modif(?:y|ied)|amend(?:ed)?|rewrit(?:e|ten)|rewrote|reword(?:ed)?|"
    r"expand(?:ed)?|extend(?:ed)?|shorten(?:ed)?|reduced?|increased?)"
)
_CHANGES = r"(?:changes?|updates?|differences?|amendments?|revisions?)"
_BEGIN = r"(?:start(?:ed)?|beg[iau]n|commenced?)"
_END = r"(?:stop(?:ped)?|ceased?|quit|discontinued?)"
_ADD = r"(?:add(?:ed)?|introduced?|includ(?:e|ed)|insert(?:ed)?|adopt(?:ed)?)"
_DROP = r"(?:remove[d]?|drop(?:ped)?|delete[d]?|omit(?:ted)?|abandon(?:ed)?|withdraw[n]?|take\s+out|taken\s+out)"
_SINCE_WHEN = (
    r"(?:since|from|as\s+of|starting)\s+(?:when|what\s+(?:day|date|year|month)|which\s+(?:day|date|year|month))"
)
_WHEN = (
    r"(?:when\s+exactly|when|how\s+long\s+ago|at\s+(?:what|which)\s+(?:point|time)(?:\s+in\s+time)?|"
    r"(?:in|on|with)?\s*(?:what|which)\s+(?:year|month|day|date|version))"
)
_MINE = re.compile(r"^(?:me|my|our|us|mine)\b", re.IGNORECASE)
_POINTS_BACK = re.compile(r"^(?:it|this|that|these|those|so|they|things?|anything|something)?$", re.IGNORECASE)
_OTHERS_ACT = re.compile(
    r"\b(?:(?:I|you|we|they|he|she)\s+\w+|can|may|might|will|would|could|shall|should|must|if|when|before|after)\b",
    re.IGNORECASE,
)
_EARLIER = (
    r"(?:in\s+the\s+past|previously|formerly|originally|initially|at\s+first|earlier(?:\s+on)?|back\s+then|before)"
)


def _frame(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"^{pattern}$", re.IGNORECASE | re.DOTALL)


# "since when does it sell data", "does it sell data, and since when"
_ASKS_SINCE = (
    _frame(rf"{_SINCE_WHEN}(?:\s+(?P<clause>\S.*))?"),
    _frame(rf"(?P<clause>\S.*?)[\s,;]+(?:and\s+)?(?:if\s+(?:so|yes)[,\s]+)?{_SINCE_WHEN}"),
)
_HOW_LONG_BEEN = _frame(rf"(?:for\s+)?how\s+long\s+(?:has|have)\s+(?P<whom>{_OURS})\s+been\s+(?P<rest>\S.*)")
_BEGAN = _frame(
    rf"(?:{_WHEN}\s+)?(?:did|has|have)\s+{_OURS}{_ADVERB}\s+(?:(?:finally|suddenly)\s+)?"
    rf"(?:(?P<end>{_END})|{_BEGIN})\s+(?:to\s+)?(?P<rest>\S.*)"
)
_ADDED = _frame(rf"(?:{_WHEN}\s+)?(?:did|has|have)\s+{_OURS}{_ADVERB}\s+(?:(?P<end>{_DROP})|{_ADD})\s+(?P<thing>\S.*)")
_WAS_ADDED = _frame(
    rf"(?:{_WHEN})\s+(?:was|were|has|have)\s+(?P<thing>\S.*?)\s+(?:been\s+)?(?:first\s+)?"
    rf"(?:(?P<end>{_DROP})|(?P<change>{_CHANGE})|{_ADD}|mentioned)(?:\s+(?:to|in|into|from|out\s+of|by)\b.*)?"
)
_FIRST = _frame(rf"(?:{_WHEN})\s+did\s+{_OURS}\s+first\s+(?P<rest>\S.*)")
# "has it changed how long it keeps data", "when did it change its rules on cookies"
_CHANGED = _frame(rf"(?:{_WHEN}\s+)?(?:has|have|had|did)\s+{_OURS}{_ADVERB}\s+{_CHANGE}\s+(?P<thing>\S.*)")
# "has its retention period changed", "how did its approach to cookies change"
_HAS_CHANGED = _frame(
    rf"(?:(?:how|when|in\s+what\s+way)\s+)?(?:has|have|had|did)\s+(?P<thing>\S.*?){_ADVERB}\s+(?:been\s+)?"
    rf"(?:{_CHANGE}|evolved?|developed?|become\s+different)(?:\s+(?:over\s+(?:the\s+years|time)|at\s+all|recently|lately))?"
)
_ANY_CHANGE = _frame(
    rf"(?:has\s+there\s+been|have\s+there\s+been|were\s+there|was\s+there|is\s+there|are\s+there)\s+(?:any(?:thing)?\s+)?"
    rf"(?:recent\s+|new\s+)?(?:(?:an?\s+)?{_CHANGES}|new)(?P<tail>\s.*)?"
)
_WHAT_CHANGED = tuple(
    _frame(pattern)
    for pattern in (
        (
            r"what(?:['’]s|\s+(?:is|are|was|were|has|have))?(?:\s+been)?\s+"
            rf"(?:new|changed|different|added|removed|updated|revised|(?:the\s+)?(?:latest\s+|recent\s+)?{_CHANGES})"
            r"(?:\s+last)?(?P<tail>\s.*)?"
        ),
        (
            rf"what\s+(?:did|has|have)\s+{_OURS}{_ADVERB}\s+(?:{_CHANGE}|{_ADD}|{_DROP})"
            r"(?P<tail>\s.*)?"
        ),
        (
            r"(?:which|what)\s+(?:parts?|passages?|sections?|paragraphs?|sentences?|things?|clauses?|words?|changes?)"
            rf"(?P<tail>\s.*?)?\s+(?:has|have|was|were|are|is|did)\s+(?:been\s+)?(?:{_OURS}\s+)?"
            rf"(?:{_CHANGE}|{_ADD}|{_DROP}|new|made?)(?P<tail2>\s.*)?"
        ),
        (
            r"(?:(?:please|can\s+you|could\s+you)\s+)?(?:list|show|tell|give|summari[sz]e|explain|name)\s+(?:me\s+)?"
            rf"(?:all\s+)?(?:of\s+)?(?:the\s+)?(?:(?:latest|last|recent)\s+)?(?:{_CHANGES}|what\s+(?:has\s+)?changed)"
            r"(?P<tail>\s.*)?"
        ),
    )
)
_USED_TO = (
    _frame(rf"(?:did|has|have)\s+{_OURS}\s+used?\s+to\s+(?P<rest>\S.*)"),
    _frame(
        rf"(?:did|has|have)\s+{_OURS}\s+(?:always|ever|previously|formerly|originally|initially|once)\s+(?P<rest>\S.*)"
    ),
)
_ASKED_OF_THE_PAST = _frame(
    rf"(?P<word>what|who|whom|where|why|how|how\s+(?:long|much|many|often)|(?:which|what)\s+\w+)\s+did\s+{_OURS}\s+"
    r"(?:used?\s+to\s+)(?P<rest>\S.*)"
)
_SAID = _frame(
    rf"what\s+(?:did|was)\s+(?:{_OURS}|{_DOCUMENT})\s+(?:used?\s+to\s+)?(?:say|state|write|tell|promise)(?:\s+(?:us|me))?"
    r"\s+(?:about|on|regarding|concerning)\s+(?P<thing>\S.*)"
)
_SAID_IT = _frame(rf"(?:and\s+)?(?:what|how)\s+(?:was|were|did\s+{_OURS}\s+say)(?:\s+(?P<thing>\S.*?))?")
_NEW = _frame(
    r"(?:is|are|was|were)\s+(?P<thing>\S.*?)\s+(?:(?:a\s+)?(?:new|recent)(?:\s+(?:one|thing|rule|clause|change|policy|"
    r"addition))?|always\s+(?:so|true|the\s+case|like\s+(?:that|this)|that\s+way|there))"
    rf"(?:\s+(?:at|in|to|for|with)\s+(?:{_OURS}|{_DOCUMENT}))?"
)
_NEW_THAT = _frame(r"is\s+it\s+(?:new|recent)\s+that\s+(?P<thing>\S.*)")
_PAST = _frame(rf"(?P<auxiliary>did|was|were|had|could|would)\s+(?P<whom>{_OURS})\s+(?P<rest>\S.*)")
_FORMER_TAIL = re.compile(rf"[\s,]+{_EARLIER}$", re.IGNORECASE)
_NOW_TAIL = re.compile(
    r"[\s,;]+(?:and|vs\.?|versus|or|compared\s+(?:to|with))\s+(?:what\s+)?(?:is\s+it\s+)?(?:now|today)$", re.IGNORECASE
)
_CLAUSE = re.compile(
    rf"^(?P<word>whether|if|that|who|whom|what(?:\s+(?!{_OURS}\b)\w+)?|which(?:\s+\w+){{1,2}}|where|why|when|how(?:\s+(?:long|much|"
    rf"many|often)(?:\s+(?!{_OURS}\b)\w+)?)?|the\s+way|for\s+how\s+long)\s+(?:{_OURS})\s+(?P<predicate>\S.*)$",
    re.IGNORECASE | re.DOTALL,
)
_ABOUT = re.compile(
    rf"^(?:(?:{_ITS}|an?|any|all|some)\s+)?(?:(?:privacy|own|new|old|former|specific)\s+)?{_STANCE}\s+(?:about|on|regarding|concerning|for|of|to|"
    r"towards?|around|related\s+to)\s+(?P<about>\S.*)$",
    re.IGNORECASE | re.DOTALL,
)
_PLAIN_ABOUT = re.compile(
    r"^(?:about|on|regarding|concerning|in\s+terms\s+of|with\s+regard\s+to|when\s+it\s+comes\s+to)\s+(?P<about>\S.*)$",
    re.IGNORECASE,
)
_DETERMINER = re.compile(rf"^(?:{_ITS}|an?|any)\s+", re.IGNORECASE)
_IN_DOCUMENT = re.compile(
    rf"\s*\b(?:in|to|of|from|at|with|for|by|into)\s+(?:{_DOCUMENT}|{_OURS})(?=\s|$)", re.IGNORECASE
)
_ONLY_DOCUMENT = re.compile(rf"^(?:{_DOCUMENT}|{_OURS})$", re.IGNORECASE)
_ANCHORED = re.compile(r"^(?P<said>[^()]*?)\s*\((?P<of>.+)\)$", re.DOTALL)
_SAYS_ALL = re.compile(r"^(?:says?|states?|tells?(?:\s+us)?|promises?)$", re.IGNORECASE)
_NO_LONGER = re.compile(r"\bno\s+longer\s+", re.IGNORECASE)


def timing(question: str) -> Timing | None:
    """What each version is asked for `question`, if it is one of time; "the company" is whom it is about.

    A question that points back ends with what it points to in brackets: "is that new (does the company sell data)?".

    >>> timing("since when does the company sell data?").asked
    'does the company sell data?'
    >>> timing("what changed in the company's policy in 2024?").since
    datetime.date(2024, 1, 1)
    >>> timing("how long does the company keep my data?") is None
    True
    """
    text, days = without_days_asked(question.strip().rstrip(" ?.!"))
    since, until = (days.since, days.until) if days else (None, None)
    anchored = _ANCHORED.match(text)
    of = f"{anchored['of'].rstrip(' ?.!')}?" if anchored else ""
    pointed = _timing(anchored["said"].rstrip(" ?.!,;"), named=days is not None, of=of) if anchored else None
    found = pointed if pointed and pointed.asked == of else _timing(text, named=days is not None, of="")
    return replace(found, since=since, until=until) if found else None


def _timing(text: str, *, named: bool, of: str) -> Timing | None:
    """`named`: whether a day was taken out of it; `of`: what it points back to."""
    for read in (_of_since, _of_change, _of_listing, _of_the_past):
        found = read(text, named=named, of=of)
        if found:
            return found
    return None


def _of_since(text: str, *, named: bool, of: str) -> Timing | None:
    del named
    for frame in _ASKS_SINCE:
        found = frame.match(text)
        clause = (found["clause"] or "") if found else ""
        if found and re.match(r"I\b|you\s|we\s|they\s", clause) is None:
            kind = TimeKind.ENDED if _NO_LONGER.search(clause) else TimeKind.SINCE
            asked = _NO_LONGER.sub("", clause)
            return _asking(kind, of if not asked or (_does_that(asked) and of) else f"{asked}?")
    found = _HOW_LONG_BEEN.match(text)
    if found:
        return _asking(TimeKind.SINCE, f"is {found['whom']} {found['rest']}?")
    found = _BEGAN.match(text)
    if found:
        return _asking(TimeKind.ENDED if found["end"] else TimeKind.SINCE, _doing(found["rest"], of))
    found = _FIRST.match(text)
    if found:
        return _asking(TimeKind.SINCE, _doing(found["rest"], of))
    found = _ADDED.match(text) or _WAS_ADDED.match(text)
    if found and not _MINE.match(found["thing"]):
        kind = TimeKind.ENDED if found["end"] else TimeKind.SINCE
        if found.groupdict().get("change"):
            kind = TimeKind.CHANGED
        return _about(kind, found["thing"], of)
    return None


def _of_change(text: str, *, named: bool, of: str) -> Timing | None:
    found = _CHANGED.match(text) or _NEW_THAT.match(text)
    if found and not _MINE.match(found["thing"]):
        return _about(TimeKind.CHANGED, found["thing"], of, document_is_all=True)
    found = _HAS_CHANGED.match(text)
    if found and not _MINE.match(found["thing"]) and not _OTHERS_ACT.search(found["thing"]):
        return _about(TimeKind.CHANGED, found["thing"], of, document_is_all=True)
    found = _NEW.match(text)
    if found and not _MINE.match(found["thing"]) and not re.match(r"there\b", found["thing"], re.IGNORECASE):
        return _about(TimeKind.CHANGED, found["thing"], of)
    del named
    return None


def _of_listing(text: str, *, named: bool, of: str) -> Timing | None:
    del of
    for frame in (*_WHAT_CHANGED, _ANY_CHANGE):
        found = frame.match(text)
        if not found:
            continue
        tail = " ".join(words.strip() for words in found.groupdict().values() if words)
        document = _IN_DOCUMENT.search(tail)
        rest = " ".join(_IN_DOCUMENT.sub(" ", tail, count=1).split())
        about = _PLAIN_ABOUT.match(rest) or re.match(r"^(?:in|to|of)\s+(?P<about>\S.*)$", rest, re.IGNORECASE)
        subject = about["about"] if about else ""
        if (rest and not subject) or (_OTHERS_ACT.search(rest) and not _CLAUSE.match(subject)):
            return None
        if tail and not (document or subject or named):
            continue
        if subject:
            return _about(TimeKind.CHANGED, subject, "")
        return Timing(TimeKind.LISTED, document=(document["document"] or "") if document else "")
    return None


def _of_the_past(text: str, *, named: bool, of: str) -> Timing | None:
    is_past = named
    former = _FORMER_TAIL.search(text) or _NOW_TAIL.search(text)
    if former:
        text, is_past = text[: former.start()], True
    found = _ASKED_OF_THE_PAST.match(text)
    if found:
        return _asking(TimeKind.FORMER, f"{found['word']} does the company {found['rest']}?")
    for frame in _USED_TO:
        found = frame.match(text)
        if found and not _MINE.match(found["rest"]):
            auxiliary = "has" if text.lower().startswith(("has", "have")) else "does"
            return _asking(TimeKind.FORMER, f"{auxiliary} the company {found['rest']}?")
    if not is_past:
        return None
    found = _SAID.match(text)
    if found:
        return _about(TimeKind.FORMER, found["thing"], of, document=found["document"] or "")
    found = _PAST.match(text)
    if found:
        auxiliary = {"did": "does", "was": "is", "were": "is", "could": "can", "would": "will"}.get(
            found["auxiliary"].lower(), "does"
        )
        return _asking(TimeKind.FORMER, f"{auxiliary} {found['whom']} {found['rest']}?")
    found = _SAID_IT.match(text)
    if found and (found["thing"] or of):
        return _about(TimeKind.FORMER, found["thing"] or "it", of)
    return None


def _asking(kind: TimeKind, asked: str) -> Timing | None:
    return Timing(kind, asked) if asked.strip(" ?") else None


def _does_that(clause: str) -> bool:
    """Whether `clause` is but "do they do that"."""
    words = re.sub(rf"^\w+\s+(?:{_OURS})\s+(?:do|doing|say|saying)\s+", "", clause, flags=re.IGNORECASE)
    return bool(_POINTS_BACK.match(words))


def _doing(rest: str, of: str) -> str:
    """The question whether the company does `rest`, which begins with an infinitive or a participle."""
    verb, _, what = rest.lower().partition(" ")
    if verb in ("do", "doing") and of and _POINTS_BACK.match(what.strip()):
        return of
    return f"{'is' if verb.endswith('ing') else 'does'} the company {rest}?"


def _about(kind: TimeKind, thing: str, of: str, *, document: str = "", document_is_all: bool = False) -> Timing | None:
    """The question what is said about `thing`: a clause, what a policy is about, or a noun.

    Args:
        of: what it points back to.
        document_is_all: whether a document alone, "its privacy policy", asks for all that changed in it.
    """
    thing = _DETERMINER.sub("", thing, count=1) if _POINTS_BACK.match(_DETERMINER.sub("", thing)) else thing
    if _POINTS_BACK.match(thing.strip()):
        return Timing(kind, of) if of else None
    clause = _CLAUSE.match(thing)
    if clause and document_is_all and _SAYS_ALL.match(clause["predicate"]):
        return Timing(TimeKind.LISTED)
    if clause:
        return Timing(kind, _inverted(clause["word"], clause["predicate"]), document=document)
    about = _ABOUT.match(thing)
    if about and not _ONLY_DOCUMENT.match(about["about"]):
        return _about(kind, about["about"], of, document=document)
    whole = _ONLY_DOCUMENT.match(thing)
    if whole:
        said = whole["document"] or ""
        return Timing(TimeKind.LISTED, document=said) if document_is_all else None
    noun = _DETERMINER.sub("", _IN_DOCUMENT.sub("", thing), count=1).strip()
    return Timing(kind, f"what does the company say about {noun}?", document=document) if noun else None


def _inverted(word: str, predicate: str) -> str:
    """The direct question of a clause: "how long" and "keeps data" are "how long does the company keep data?"."""
    word = {"the way": "how", "if": "whether", "that": "whether"}.get(" ".join(word.lower().split()), word)
    negative, auxiliary, rest = taken_apart(predicate)
    auxiliary = "does" if auxiliary == "do" or auxiliary not in AUXILIARIES else SINGULAR.get(auxiliary, auxiliary)
    denied = "not " if negative and word != "whether" else ""
    asked = f"{auxiliary} the company {denied}{rest or base(predicate)}?"
    return asked if word == "whether" else f"{word} {asked}"
