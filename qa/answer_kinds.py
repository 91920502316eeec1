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
        re.compile(rf"\b(?:{_COUNTRIES})\b|\b[A-Z]{{2}}[ -]\d{{4,5}}\b"),
    ),
    AnswerKind(
        "contact",
        re.compile(
            r"\b(?:what|which|their|your)\b[^?]{0,25}\b(?<!ip )(?<!e-mail )(?<!email )address\b|"
            r"\b(?:postal|mailing|street|physical) address\b|\b(?:tele)?phone number\b|\bcontact details\b|"
            r"\bwho (?:do|can|should) i (?:contact|write|email|call|ask)\b|"
            r"\bhow (?:do|can) i (?:contact|reach|write)\b",
            re.IGNORECASE,
        ),
        re.compile(
            r"@|\w+ at \w+ dot \w+|\+?\d[\d\s().-]{7,}\d|"
            r"\b\d+ \w+(?: \w+){0,2} (?:street|st|ave|avenue|road|drive|suite)\b|"
            r"\biela\b|\bcontact us\b|\be-?mail|\baddress",
            re.IGNORECASE,
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


def lacks_what_is_asked(question: str, text: str) -> bool:
    """Whether `question` asks for a kind of thing that `text` does not hold.

    >>> lacks_what_is_asked("how long do cookies stay", "We use cookies to count visits.")
    True
    >>> lacks_what_is_asked("how long do cookies stay", "Cookies expire after two years.")
    False
    >>> lacks_what_is_asked("do you use cookies", "We use cookies to count visits.")
    False
    """
    return any(kind.asked.search(question) and not kind.found.search(text) for kind in KINDS)
