"""Legal entities, other names and relations that a policy states of its own party.

"operated by X Ltd", "X, Inc. (“X”, “we”)" are the party; "our representative is X GmbH", "subsidiaries of X, Inc." not.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from cleanco import basename

from index.parsing.markup import plain
from index.policies.companies import Related, key
from index.policies.names_in_text import is_somebody_else
from index.policies.wording import lower_commonness, rarest_lower, words_of
from index.terms import brands

# How far from its beginning and its end a policy says who "we" are.
_OPENING_CHARS, _CLOSING_CHARS = 2_500, 1_500
_MAX_LEGAL_NAMES = 4
_MAX_RELATED = 12

_WORD = r"(?:[a-z]{1,6}(?=[A-Z]))?[A-Z0-9][\w&’'+-]*(?:\.[a-z]{2,}|\.(?=[A-Z]))?"
_FORM = (
    r"(?:Inc|LLC|L\.L\.C|Ltd|Limited|GmbH|Corp|Corporation|PLC|plc|B\.?V|N\.?V|S\.?A\.?S?|S\.?[Rr]\.?[Ll]|S\.?L|S\.p\.A|"
    r"AG|A/S|AB|AS|ASA|Oy|ApS|SE|LLP|L\.P|LP|PBC|Pte\.? Ltd|Pvt\.? Ltd|Pty\.? Ltd|Co\.,? Ltd|"
    r"K\.K|Kft|s\.r\.o|d\.o\.o|Foundation|e\.V)"
)
_LEGAL = rf"(?:{_WORD}[ \u00a0]+(?:(?:of|and|&|the|for|de)[ \u00a0]+)?){{0,5}}{_WORD},?[ \u00a0]+{_FORM}\b\.?"
# "we (Project Goth, Inc., ...)", "operated by X Ltd", "(c) 2020 X LLC", "is an iMedia Ltd. service"
_OWN_LEGAL = re.compile(
    rf"\b(?i:we|us|operated by|owned by|provided by|published by|managed by|controller is|"
    rf"copyright(?: ©)?(?: \d{{4}})?)[\s,(:“\"*]{{1,4}}(?P<after>{_LEGAL})"
    rf"|©(?: ?\d{{4}})?,? ?(?P<marked>{_LEGAL})"
    rf"|\bis an? (?P<parent>{_LEGAL}) (?:service|company|brand|product|website|app)\b"
)
# "JivoSite, Inc. (“JivoSite”)", "Infratel US, Inc., a Washington corporation (together with ..., “we,” or “us”)"
_DEFINED_LEGAL = re.compile(rf"(?P<legal>{_LEGAL})[^.()\n]{{0,60}}\((?P<definition>[^()\n]{{2,160}})\)")
# "JivoSite, Inc., attention: Webmaster, 525 W. Remington Drive": an address names the one who may be written to.
_ADDRESSED_LEGAL = re.compile(rf"(?:^|\n|: ?)[ \t>*_]*(?P<legal>{_LEGAL})(?=[ \t*_]*(?:[,–—-]|\n))(?=[^\d]{{0,80}}\d)")
_QUOTED = re.compile(r"[“\"‘']([^“”\"‘’'\n]{0,30}[’'](?=\w)[^“”\"‘’'\n]{1,30}|[^“”\"‘’'\n]{1,40}?)[”\"’']")
_FIRST_PERSON = frozenset(("we", "us", "our", "ours"))

_NAME = r"(?:[a-z]{1,3}(?=[A-Z]))?[A-Z0-9][\w&’'+.!-]*\w[+!]?|[A-Z]"
_NAMES = rf"(?:{_NAME})(?:[ \u00a0](?:(?:of|the|&)[ \u00a0])?(?:{_NAME})){{0,4}}"
_LIST = rf"{_NAMES}(?:(?:, (?:and |or )?| and | or | & ){_NAMES}){{0,12}}"
_QUOTE = r"[“\"‘'*_]{0,3}"
_RELATIONS = (
    (
        "former",
        rf"\b(?i:formerly|previously|once)(?: (?i:known as|called|named))?,? (?:the )?{_QUOTE}(?P<names>{_NAMES})",
    ),
    ("former", rf"\b(?:f/k/a|fka|FKA|née) {_QUOTE}(?P<names>{_NAMES})"),
    ("former", rf"(?P<names>{_NAMES}) (?:is|are) now (?:called |known as |named |part of )?(?:the )?{_QUOTE}[A-Z]"),
    ("former", rf"\b(?i:renamed|rebranded) from {_QUOTE}(?P<names>{_NAMES})"),
    (
        "brand",
        rf"\b(?:d/b/a|(?i:(?:doing business|trading|known) as|operat\w+ under)) (?:the )?{_QUOTE}(?P<names>{_NAMES})",
    ),
    ("parent", rf"\b(?i:subsidiar\w+|affiliates?|brand|division|member|part) of (?:the )?(?P<names>{_LEGAL}|{_NAMES})"),
    ("parent", rf"\bis (?:wholly )?owned by (?P<names>{_LEGAL}|{_NAMES})"),
    (
        "covered",
        rf"\b(?i:policy|notice|statement) (?:also )?(?:applies to|covers) (?:the )?{_QUOTE}(?P<names>{_LIST})",
    ),
)
# "our services, such as A and B", "Acme apps, sites and devices, like A": not "our service providers, such as A".
_OFFERED = (
    r" (?:(?!third|partner|affiliate)[a-z]+,? (?:and )?){0,4}?"
    r"(?:services|products|apps|applications|sites|websites|brands|platforms|devices)(?: and [a-z]+)?"
    rf",? (?:such as|like|including|include)(?: the)? (?P<names>{_LIST})"
)
_PATTERNS = tuple((kind, re.compile(pattern)) for kind, pattern in _RELATIONS)
# (“we”, “Data Controller”) gives no name, (“we”, “Dune”) does.
_DEFINED_RARITY = 0.2
_ABBREVIATION = re.compile(r"[A-Z]{2,8}")
_LAW = re.compile(r"(?:Act|Acts|Law|Laws|Regulations?|Directives?|Ordinance)[.,;]?")


def legal_names(body: str) -> list[str]:
    """Legal entities that the policy calls itself, the opening's first."""
    opening, closing = body[:_OPENING_CHARS], body[-_CLOSING_CHARS:]
    found = [
        (match.start(), match["legal"])
        for match in _DEFINED_LEGAL.finditer(opening)
        if _names_us(match) and not is_somebody_else(opening, match.start())
    ]
    for offset, part in ((0, opening), (len(opening), closing)):
        found += [
            (offset + match.start(), match["after"] or match["marked"] or match["parent"])
            for match in _OWN_LEGAL.finditer(part)
            if not is_somebody_else(part, match.start())
        ]
    found += [
        (len(opening) + match.start(), match["legal"])
        for match in _ADDRESSED_LEGAL.finditer(closing)
        if not is_somebody_else(closing, match.start("legal"))
    ]
    return list(dict.fromkeys(_cleaned(words for _, words in sorted(found))))[:_MAX_LEGAL_NAMES]


def _cleaned(found: Iterable[str]) -> Iterator[str]:
    for words in found:
        entity = re.sub(
            r"^(?:[\d–-]+|The|By|At|Of|Copyright|Contact|To|Attn|When|If|For|In|Welcome)\s+", "", plain(words)
        ).strip(" ,")
        dotted = entity + "." if re.search(r"\b(?:Inc|Ltd|Corp|Co|L\.L\.C|B\.V|S\.A)$", entity) else entity
        # "operated by Google LLC" is said of a tool that the company uses
        if is_name(basename(dotted)) and len(dotted) <= 60 and basename(dotted).lower() not in brands():
            yield dotted


def _names_us(match: re.Match[str]) -> bool:
    quoted = _quoted(match["definition"])
    return any(word.casefold() in _FIRST_PERSON or key(word) in key(match["legal"]) for word in quoted)


def _quoted(definition: str) -> list[str]:
    return [words.strip(" ,.") for words in _QUOTED.findall(plain(definition))]


def defined_names(body: str, known: Iterable[str]) -> list[str]:
    """Names that a definition gives to "us": `JivoSite, Inc. (“JivoSite”)`, `(“Infratel,” “we,” or “us”)`.

    >>> defined_names("Acme Media (“O'Hara”, “we” or “us”) runs it. Our payments are by Zed (“Zed”).", ())
    ["O'Hara"]
    """
    opening = body[:_OPENING_CHARS]
    known_keys = [known_key for known_key in map(key, known) if len(known_key) > 3]
    names = []
    for definition in re.finditer(r"\(([^()\n]{2,160})\)", opening):
        if is_somebody_else(opening, definition.start()):
            continue
        quoted = _quoted(definition[1])
        before = key(opening[max(0, definition.start() - 60) : definition.start()])
        follows_us = any(before.endswith(known_key) for known_key in known_keys)
        if follows_us or any(word.casefold() in _FIRST_PERSON for word in quoted):
            names += [
                words
                for words in quoted
                if re.match(r"[a-z]{0,6}[A-Z0-9]", words)
                and len(words.split()) <= 3
                and words.casefold() not in _FIRST_PERSON
                and is_name(words)
                and rarest_lower(words) < _DEFINED_RARITY
            ]
    return names


def related(body: str, own: Sequence[str], *, known: Sequence[str] = ()) -> list[Related]:
    """Former names, brands, parents and covered services that the text states of who is called `own` or `known`.

    >>> [entry.name for entry in related("Graphwell, Inc. (formerly Chirpnest, Inc.) runs it.", ["Graphwell"])]
    ['Chirpnest']
    >>> [entry.name for entry in related("This policy applies to Pebblemail, Fernphotos and Tidalnotes.", [])]
    ['Pebblemail', 'Fernphotos', 'Tidalnotes']
    """
    taken = {key(name) for name in own}
    bare_keys = {key(name_of_entity(name)) for name in (*own, *known)} | taken
    found: dict[str, Related] = {}
    text = body[: 3 * _OPENING_CHARS]
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            if kind in ("former", "brand") and not _is_of(text, match, bare_keys):
                continue
            for name in _separate(match["names"]):
                bare = name_of_entity(name)
                if is_name(bare) and key(bare) not in taken and key(bare) not in found:
                    found[key(bare)] = Related(bare, kind)
    owners = "|".join(["[Oo]ur", *(re.escape(name) for name in own)])
    for match in re.finditer(rf"\b(?:{owners}){_OFFERED}", text):
        for name in _separate(match["names"]):
            if is_name(name) and key(name) not in taken:
                found.setdefault(key(name), Related(name, "covered"))
    return list(found.values())[:_MAX_RELATED]


def abbreviates_words(name: str, body: str) -> bool:
    """Whether the text spells `name` out as ordinary words, or as a law: then it is nobody's name.

    >>> text = "the Children's Online Privacy Protection Act (“COPPA”), personally identifiable information (PII), "
    >>> text += "LGPD (Lei Geral, a General Privacy Data Law), Private Internet Access (“PIA”)"
    >>> [short for short in ("COPPA", "PII", "LGPD", "PIA", "WHO") if abbreviates_words(short, text)]
    ['COPPA', 'PII', 'LGPD']
    """
    if not _ABBREVIATION.fullmatch(name):
        return False
    before = re.finditer(rf"((?:[\w'’-]+,?[ ]){{2,12}})\(\W*(?:the )?{name}s?\W*\)", body)
    behind = re.finditer(rf"\b{name}s?[ ]\(([^()\n]{{6,120}})\)", body)
    return any(_are_words(match[1].split(), name) for match in (*before, *behind))


def _are_words(words: Sequence[str], abbreviation: str) -> bool:
    for first in range(len(words) - 1, -1, -1):
        spelled = words[first:]
        initials = iter(word[0].casefold() for word in spelled)
        if spelled[0][0].casefold() == abbreviation[0].casefold() and all(
            letter in initials for letter in abbreviation.casefold()
        ):
            return any(_LAW.fullmatch(word) for word in spelled) or all(word == word.lower() for word in spelled[1:])
    return False


def _separate(names: str) -> Iterator[str]:
    """The names of a list, without possessive endings."""
    for name in re.split(r", (?:and |or )?| and | or ", plain(names)):
        yield re.sub(r"[’']s\Z", "", name)


def _is_of(text: str, match: re.Match[str], own: Iterable[str]) -> bool:
    """Whether the words around a relation name this party: "we use X (formerly Y)" is another's story."""
    before = text[max(0, match.start() - 60) : match.start()]
    bare = re.sub(rf"\W+(?:{_FORM}\W*|(?:is|are|was|were|also|now|currently)\W+)*\Z", "", before)
    within = key(text[match.start() : match.end() + 40])
    endings = (key(before), key(bare))
    return any(
        name and (any(ending.endswith(name) for ending in endings) or (len(name) > 2 and name in within))
        for name in own
    )


def name_of_entity(name: str) -> str:
    """A legal entity's name without its form.

    >>> name_of_entity("Circle Harbor, Inc."), name_of_entity("O'Hara")
    ('Circle Harbor', "O'Hara")
    """
    bare: str = basename(name.strip(" ,.“”\"'*_")).strip(" ,")
    return bare or name


def is_legal_form(name: str) -> bool:
    """Whether `name` is an entity's form alone.

    >>> is_legal_form("GmbH"), is_legal_form("Acme GmbH")
    (True, False)
    """
    return re.fullmatch(rf"{_FORM}\.?", name) is not None


def is_name(name: str) -> bool:
    """Whether `name` is more than words that every policy writes.

    >>> is_name("JivoSite"), is_name("Personal Information"), is_name("Services"), is_name("X")
    (True, False, False, True)
    """
    if not any(letter.isalpha() for letter in name) or is_legal_form(name):
        return False
    words = words_of(name)
    return bool(not words or rarest_lower(name) < 0.45 or all(len(word) == 1 for word in words)) and not (
        len(words) == 1 and lower_commonness(words[0]) >= 0.3
    )
