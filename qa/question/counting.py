"""A question of which or how many companies: what each of them is asked for it, and who then counts.

"which companies don't use cookies?" asks each "does the company use cookies?" and seeks those who say no. It goes by
the grammar of such questions (question words, quantifiers, auxiliaries, negation: closed classes of English) and knows
no topic. Whether a question asks all companies at all is told by `qa.question.turn_kinds`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from qa.question.predicates import AUXILIARIES, AUXILIARY, SINGULAR, taken_apart


class Seeks(StrEnum):
    """Which companies a count is about."""

    YES = "yes"
    NO = "no"
    STATED = "stated"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Counting:
    """What each company is asked; `seeks` tells which of them are counted."""

    asked: str
    seeks: Seeks


# The noun may have up to three words before it, but no verb: "which data do they collect" is about data.
_WORDS = rf"(?:(?!{AUXILIARY}\b)[\w'’-]+\s+){{0,3}}?"
_NOUN = rf"(?:{_WORDS}(?:ones|(?!{AUXILIARY}\b)[\w'’-]+s)|them|those|these|you)"
_OF = rf"of\s+(?:(?:all|the|these|those|your|our)\s+)*{_NOUN}"
_GROUP = rf"(?:{_OF}|(?:the\s+)?{_NOUN})"
_ONE = rf"(?:anyone|anybody|someone|somebody|any(?:\s+one)?\s+(?:{_OF}|[\w'’-]+))"
_PLACE = r"(?:\s+(?:here|(?:in|across|among|on)\s+(?:the|your|this|our)\s+(?:whole\s+)?[\w'’-]+))?"
_THAT = r"\s+(?:that|which|who)"
_HEADS = tuple(
    re.compile(rf"^{head}{_PLACE}\s+(?P<predicate>\S.*)$", re.IGNORECASE | re.DOTALL)
    for head in (
        rf"(?:which|what|how\s+many)\s+{_GROUP}(?:{_THAT})?",
        r"who(?:\s+all)?",
        (
            r"(?:(?:can|could)\s+you\s+|please\s+)?(?:list|name|show|find|give|tell|count)\s+"
            r"(?:me\s+)?(?:a\s+list\s+of\s+)?"
            rf"(?:all|any|each|every|everyone|everybody)?\s*(?:{_GROUP}|[\w'’-]+)?{_THAT}"
        ),
        rf"(?:is|are)\s+there\s+{_ONE}(?:{_PLACE}){_THAT}",
    )
)
_ANY = re.compile(
    rf"^(?P<auxiliary>do|does|did|is|are|can|could|will|would|has|have)\s+{_ONE}{_PLACE}\s+(?P<rest>\S.*)$",
    re.IGNORECASE | re.DOTALL,
)
_PREFIX = re.compile(r"^(?:in|of|across|among|from|out of)\s[^,?]{1,60},\s*", re.IGNORECASE)
_FAILS = re.compile(r"^(?:fail|refuse|neglect|omit|decline)s?\s+to\s+", re.IGNORECASE)
_NOTHING = re.compile(r"\b(?:nothing|no)\b", re.IGNORECASE)
_ASKS_ANOTHER = re.compile(rf"^{AUXILIARY}\s+(?:I|we|you|they|he|she|it|my|our|their|its)\b", re.IGNORECASE)
# Verbs of saying: a policy that does not mention a thing is silent on it, it does not deny it.
_SAYS = re.compile(
    r"^(?:mention|say|state|tell|discuss|address|disclose|describe|explain|specify|cover|list|name|note|talk|speak|"
    r"clarify|define|declare|inform|indicate|reveal|write|refer)\b",
    re.IGNORECASE,
)


def counting(question: str) -> Counting | None:
    """What each company is asked for `question`, if it asks which or how many companies do something.

    >>> counting("which companies don't use cookies?")
    Counting(asked='does the company use cookies?', seeks=<Seeks.NO: 'no'>)
    >>> counting("who mentions children?").asked
    'does the company mention children?'
    >>> counting("which cookies do they set?") is None
    True
    """
    text = _PREFIX.sub("", question.strip()).rstrip(" ?.!")
    anyone = _ANY.match(text)
    if anyone:
        return _of_predicate(f"{anyone['auxiliary']} {anyone['rest']}")
    for head in _HEADS:
        found = head.match(text)
        if found:
            return _of_predicate(found["predicate"])
    return None


def _of_predicate(predicate: str) -> Counting | None:
    """`predicate` begins with its verb, or with what helps it."""
    if _ASKS_ANOTHER.match(predicate):
        return None
    negative, auxiliary, rest = taken_apart(predicate)
    if not rest:
        return None
    verb = rest if auxiliary in ("do", "did") or auxiliary not in AUXILIARIES else ""
    if verb and _FAILS.match(verb):
        negative, rest = not negative, _FAILS.sub("", verb)
        verb = rest
    says = bool(_SAYS.match(verb))
    if says and _NOTHING.search(verb.split(" about ")[0]):
        negative, rest = not negative, _NOTHING.sub("anything" if "nothing" in verb.lower() else "any", rest, count=1)
    asked = f"{SINGULAR.get(auxiliary, auxiliary)} the company {rest}?"
    if says:
        return Counting(asked, Seeks.SILENT if negative else Seeks.STATED)
    return Counting(asked, Seeks.NO if negative else Seeks.YES)
