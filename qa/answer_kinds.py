"""What kind of thing a question asks for, and whether a text holds such a thing. It does not know passages.

"How long do cookies stay?" is not answered by a passage that names no time, however much it says of cookies.
After the expected answer types of question answering (Li & Roth 2002), those that people ask of policies.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AnswerKind:
    """A kind of thing that may be asked for: how it is asked, and how it looks in a text."""

    name: str
    asked: re.Pattern[str]
    found: re.Pattern[str]


_COUNTED = r"\d+|one|two|three|six|twelve|thirty|few|several"
_COUNTRIES = (
    r"United States|USA?|U\.S\.|America|Europe(?:an)?|EU|EEA|UK|Latvia|Singapore|California|Washington|Russia|Canada|"
    r"Ireland|Germany|France|India|China|Japan|Australia|Brazil|Switzerland|countr(?:y|ies)|abroad|outside"
)
_STREETS = "[Ss]treet|[Ss]t|[Aa]ve|[Aa]venue|[Rr]oad|[Rr]d|[Dd]rive|[Bb]oulevard|[Bb]lvd|[Ss]uite|[Ll]ane"
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
KINDS = (
    AnswerKind(
        "duration",
        re.compile(
            r"\bhow (?:long|quick|quickly|soon|fast|often)\b|\bhow many (?:hours|days|weeks|months|years)\b|"
            r"\bretention\b|\bexpir(?:y|es?|ation)\b|\bdeadline\b|\btime ?frame\b|\bset time\b",
            re.IGNORECASE,
        ),
        re.compile(
            rf"\b(?:{_COUNTED})\s*(?:\(\d+\)\s*)?(?:business |calendar |working )?"
            r"(?:second|minute|hour|day|week|month|year)s?\b|"
            r"\bas long as\b|\buntil\b|\bindefinitely\b|\bpermanent|\bimmediately\b|\bpromptly\b|"
            r"\bwithout (?:undue )?delay\b|\bretain|\bretention\b|\bexpire|\bsession\b|\bonce a\b|"
            r"\bfrom time to time\b|\bperiodically\b|\bregularly\b|\bat any time\b",
            re.IGNORECASE,
        ),
    ),
    AnswerKind(
        "place",
        re.compile(
            r"\bwhere(?:'s| is| are|abouts)\b|\b(?:which|what) (?:country|countries|state|courts?|city)\b|"
            r"\blocated\b|\bservers? in\b",
            re.IGNORECASE,
        ),
        re.compile(rf"\b(?:{_COUNTRIES})\b|\b[A-Z]{{2}}[ -]\d{{4,5}}\b|\bheadquartered\b"),
    ),
    AnswerKind(
        "phone",
        re.compile(r"\b(?:tele)?phone number\b(?! (?:i|we|you))|\b(?:call|phone) them\b", re.IGNORECASE),
        re.compile(r"\(?\+?\d[\d\s().-]{7,}\d"),
    ),
    AnswerKind(
        "postal address",
        re.compile(
            r"\b(?:what|which)\b[^?]{0,25}\b(?<!ip )(?<!mail )address\b|\b(?:postal|mailing|street|physical) address\b|"
            r"\b(?:headquarters|head office)\b",
            re.IGNORECASE,
        ),
        re.compile(
            rf"\b[A-Z]{{2}}[ -]\d{{4,5}}\b|\b\d+ \w+\.?(?: \w+){{0,2}} (?:{_STREETS})\b|\biela\b|\bheadquartered\b"
        ),
    ),
    AnswerKind(
        "mail address",
        re.compile(r"\b(?:what|which|their|an)\b[^?]{0,20}\be-?mail(?: address)?\b|\bcontact details\b", re.IGNORECASE),
        re.compile(r"@|\w+ at \w+ dot \w+"),
    ),
    AnswerKind(
        "date",
        re.compile(
            r"\blast (?:updated|changed|revised|modified)\b|\beffective date\b|\b(?:date|version) of the policy\b|"
            r"\bwhen (?:was|were|did)\b[^?]*\b(?:updat|effect|publish|writ|revis|chang)",
            re.IGNORECASE,
        ),
        re.compile(
            rf"\b(?:{_MONTHS}) \d{{1,2}},? \d{{4}}|\b\d{{1,2}} (?:{_MONTHS}) \d{{4}}|\b\d{{4}}-\d{{2}}-\d{{2}}\b"
        ),
    ),
    AnswerKind(
        "age",
        re.compile(r"\bhow old\b|\bwhat age\b|\bminimum age\b|\bage limit\b", re.IGNORECASE),
        re.compile(
            r"\b(?:1[0-9]|2[01]|thirteen|sixteen|eighteen)\b|\byears of age\b|\badults?\b|\bunder the age\b",
            re.IGNORECASE,
        ),
    ),
)


def asked_kinds(question: str) -> tuple[AnswerKind, ...]:
    """The kinds of thing that `question` asks for; most questions ask for none of these.

    >>> [kind.name for kind in asked_kinds("how long do cookies stay")]
    ['duration']
    """
    return tuple(kind for kind in KINDS if kind.asked.search(question))


def lacks_what_is_asked(question: str, text: str) -> bool:
    """Whether `question` asks for a kind of thing that `text` does not hold.

    >>> lacks_what_is_asked("how long do cookies stay", "We use cookies to count visits.")
    True
    >>> lacks_what_is_asked("how long do cookies stay", "Cookies expire after two years.")
    False
    >>> lacks_what_is_asked("do you use cookies", "We use cookies to count visits.")
    False
    """
    return any(not kind.found.search(text) for kind in asked_kinds(question))
