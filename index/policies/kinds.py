"""Which document a policy is: its type, and whom or what it is for."""

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath
from typing import Any

from index.parsing.document import Document, Kind
from index.parsing.markup import plain

DEFAULT_TYPE = "Privacy Policy"

_TYPES_FILE = Path(__file__).with_name("document_types.toml")
_GAP = r"(?:[^\s|]+ ){0,3}"
_SUFFIX = re.compile(r"\.(?:md|markdown|txt|text|x?html?|shtml|pdf|docx)$", re.IGNORECASE)
# Open Terms Archive: one of several sources of a document ends in " #name", a part of one in " - name".
_SOURCE = re.compile(r"(?P<name>.*?)\s+#(?P<scope>.+)")
_PART = re.compile(r"(?P<name>.*?)\s+-\s+(?P<scope>.+)")
_UNITED_STATES = re.compile(r"\bU\.\s?S\.(?:\s?A\.?)?|\bUSA?\b(?!\.\w)")
_UNITED_STATES_IN_NAMES = re.compile(r"(?<![a-z])us(?![a-z])")
_UNITED_KINGDOM = re.compile(r"\bU\.\s?K\.")
_SEPARATOR = re.compile(r"\s*[|:;•·»()\[\]/]+\s*|\s+[-–—]+\s+|\s*[–—]\s*")
_AND = re.compile(r" (?:and|und|et|y|e|en|i) ")
_TITLE_WORDS, _BARE_TITLE_WORDS, _BLOCKS_LOOKED_AT = 16, 6, 6
_LONGEST_TITLE_CHARS, _OPENING_CHARS, _OWN_CHARS = 300, 3_000, 40
# "This privacy policy" is the document, "our terms of service" may be another.
_OWN = re.compile(r"(?<!\w)(?:this|these|dieser?|cette|ces|esta|estos|questa|deze|niniejsz[ay])(?: \w+)? $")
_OF_ITSELF = 5
_SENTENCE = re.compile(r"[.!?]$")
_TELLS_READERS = re.compile(r"\b(?:please|click|see|read|skip)\b", re.IGNORECASE)
# Words that are in a title beside its type without making it another document.
_FILLERS = frozenset(
    """a an the our your this of for in on to at by from and or with its full general global main online legal website
    websites web site sites internet service services version current new latest updated final draft copy official
    public consumer customer customers user users visitor visitors resident residents individuals people only version
    en de fr es it nl pt pl html page der die das den für und zu zum zur la le les des du de el los para y e il di da
    do dos van voor het een""".split()
)
_WEB_SITE = re.compile(r"\b(?:web ?sites?|sites?|online|web)\b")


@dataclass(frozen=True, slots=True)
class DocumentType:
    """What a document is.

    Attributes:
        type: as Open Terms Archive calls it ("Privacy Policy").
        scope: whom or what it is for, where that is not everybody and everything ("children", "health data"); several
            in the order of `document_types.toml`; else empty.
    """

    type: str
    scope: str = ""


def document_type(document: Document, *, path: str) -> DocumentType:
    """The type and scope of `document`, which lies at `path`.

    What counts for the type, in this order: a file name that is a document type ("Service/Trackers Policy.md"); what
    the file says it is (header line, front matter), but for "privacy policy", which header lines say of every
    document; the title; a file name with a document type in it; headings and words of the opening. What tells nothing
    is a privacy policy.

    Measured on versions of the archives' documents under numbered names, wordings chosen on one half of the services:
    of the other half's 1,731, 89 % have the type of their archive's file name (99.5 % of privacy policies, 91 % of
    terms; the archive's many kinds of rules for advertising are told apart least), and 89 % of 382 documents have one
    type and scope in all their versions. Under their archive's names all are right.

    The scope comes from file name and title alone. A file that is named as archives do, such as "Privacy Policy #kids",
    has the one that its name gives: titles change between versions, names do not.
    """
    stem = _SUFFIX.sub("", PurePath(path).name)
    named = _of_name(stem)
    titles = _titles(document)
    if named and stem[:1].isupper():
        return named
    scope = (named.scope if named else "") or _scope_of(document, titles)
    if named:
        return DocumentType(named.type, scope)
    said = type_in(document.metadata.document_type or "") or _bare_type_in(document.metadata.document_type or "")
    if said and said != DEFAULT_TYPE:
        return DocumentType(said, scope)
    titled = next((found for title in titles if (found := type_in(title))), None)
    return DocumentType(titled or said or type_in(stem) or _type_of_opening(document, (*titles, stem)), scope)


def type_in(words: str) -> str | None:
    """The document type that a title or file name gives; of "Privacy and Cookie Policy" the privacy policy.

    >>> type_in("How we use cookies: Cookie Notice"), type_in("Datenschutzerklärung der Acme GmbH"), type_in("Acme")
    ('Trackers Policy', 'Privacy Policy', None)
    """
    matches = list(_matches(_normal(words)))
    order = list(_types())
    for match in matches:
        # A type that is listed before the privacy policy takes wordings from it: "data protection addendum".
        if match.name == DEFAULT_TYPE and not any(
            match.within(other) and order.index(other.name) < order.index(DEFAULT_TYPE) for other in matches
        ):
            return DEFAULT_TYPE
    outermost = [
        match for match in matches if not any(match.within(other) and not other.within(match) for other in matches)
    ]
    return min(outermost, key=lambda match: (match.start, order.index(match.name))).name if outermost else None


def _of_name(stem: str) -> DocumentType | None:
    """What a file is whose name is a document type and nothing else but a scope."""
    source = _SOURCE.fullmatch(stem)
    name, suffix = (source["name"], _slug(source["scope"])) if source else (stem, "")
    part = _PART.fullmatch(name)
    if name in _types():
        return DocumentType(name, suffix)
    if part and part["name"] in _types():
        return DocumentType(part["name"], f"{_slug(part['scope'])} {suffix}".strip())
    bare = _normal(name if " " in name else _UNITED_STATES_IN_NAMES.sub("United States", name))
    found = type_in(bare)
    if found and _is_filler(_without_scopes(_without_types(bare))):
        return DocumentType(found, f"{_scopes_in(bare)} {suffix}".strip())
    return None


def _is_filler(words: str) -> bool:
    return all(word in _FILLERS or word.isdigit() or word == "|" for word in words.split())


def _titles(document: Document) -> list[str]:
    """What the document is called: its first heading, or a first line as short as one; its title beside the text."""
    first = next(_openings(document), None)
    return [title for title in (first, document.metadata.title) if title and not _is_menu(title)]


def _openings(document: Document) -> Iterator[str]:
    """The first blocks that have words: those that may be titles, and an empty text for each of the others."""
    for block in document.blocks[:_BLOCKS_LOOKED_AT]:
        line = document.text[block.start : min(block.end, block.start + _LONGEST_TITLE_CHARS)].partition("\n")[0]
        words = plain(line, document.markup)
        if any(map(str.isalpha, words)):
            short = len(words.split()) <= _TITLE_WORDS and not _SENTENCE.search(words)
            titles = block.kind is Kind.HEADING or (block.kind is Kind.PARAGRAPH and short)
            yield words if titles and not _TELLS_READERS.search(words) else ""


def _is_menu(words: str) -> bool:
    """Whether `words` name so many types that they are links to documents."""
    return len({match.name for match in _matches(_normal(words))}) > 2


def _scope_of(document: Document, titles: Sequence[str]) -> str:
    company = _normal(document.metadata.company or "")
    for title in (document.metadata.document_type or "", *titles):
        bare = _normal(title)
        if company:
            bare = re.sub(rf"(?<!\w){re.escape(company)}(?:'s)?(?!\w)", " ", bare)
        scope = _scope_in(bare)
        if scope:
            return scope
    return ""


def _scope_in(bare: str) -> str:
    """The scope that a title gives to its type; none where the title has the type without a scope, too.

    >>> _scope_in("acme california privacy notice"), _scope_in("privacy policy | california residents")
    ('california', 'california')
    >>> _scope_in("privacy policy and your california privacy rights"), _scope_in("acme california")
    ('', '')
    """
    typed: list[str] = []
    aside: list[str] = []
    for part in bare.split(" | "):
        ends = [match.end for match in _matches(part)]
        if ends:
            typed.append(_scopes_in(_first_of_two(part, min(ends))))
        elif _is_filler(_without_scopes(part)):
            aside.append(_scopes_in(part))
    if not typed or (len(typed) > 1 and not all(typed)):
        return ""
    return " ".join(dict.fromkeys(filter(None, typed + aside)))


def _first_of_two(part: str, type_end: int) -> str:
    """The first of two documents that a title joins: "privacy policy" of "privacy policy and california notice"."""
    joined = _AND.search(part, type_end)
    return part[: joined.start()] if joined else part


def _scopes_in(words: str) -> str:
    found = [name for name, wording in _scopes() if wording.search(words)]
    if "transfers" in found:
        return "transfers"  # "EU-US Privacy Shield" is for no region
    for part, whole in (("united kingdom", "europe"), ("united states", "us states")):
        if part in found and whole in found:
            found.remove(part)
    if "app" in found and _WEB_SITE.search(words):
        found.remove("app")  # a policy of web site and app is that of everything
    return " ".join(found)


def _type_of_opening(document: Document, names: Sequence[str]) -> str:
    """The type that title or file name hint at, or the first headings name, or else the opening speaks of most."""
    hinted = next((found for name in names if (found := _bare_type_in(name))), None)
    headed = next((found for words in _openings(document) if (found := type_in(words)) and not _is_menu(words)), None)
    known = hinted or headed
    if known:
        return known
    start = document.blocks[0].start if document.blocks else 0
    opening = _normal(plain(document.text[start : start + _OPENING_CHARS], document.markup))
    counts = Counter({DEFAULT_TYPE: 1})
    for match in _matches(opening):
        counts[match.name] += _OF_ITSELF if _OWN.search(opening, max(0, match.start - _OWN_CHARS), match.start) else 1
    return counts.most_common(1)[0][0]


def _bare_type_in(title: str) -> str | None:
    bare = _normal(title)
    if len(bare.split()) > _BARE_TITLE_WORDS:
        return None
    return next((name for name, wording in _bare() if wording.search(bare)), None)


def _normal(words: str) -> str:
    """`words` as the wordings are written: lower case, single spaces, ` | ` between parts."""
    words = _UNITED_KINGDOM.sub("UK", _UNITED_STATES.sub("United States", unicodedata.normalize("NFKC", words)))
    words = re.sub(r"[“”\"*®™]", "", words.replace("’", "'").replace("‘", "'")).replace("&", " and ")
    words = _SEPARATOR.sub(" | ", words)
    words = re.sub(r"[-‐‑_,.!?]+(?=\s|$|\|)|(?<!\d)[-‐‑_](?=\w)|(?<=\d)[-‐‑_](?=\D)", " ", words)
    return " ".join(words.casefold().split())


def _slug(words: str) -> str:
    return " ".join(re.sub(r"[^\w]+", " ", words.casefold()).split())


@dataclass(frozen=True, slots=True)
class _Match:
    name: str
    start: int
    end: int

    def within(self, other: "_Match") -> bool:
        """Whether it is part of `other`, or all of it, and of another type."""
        return self.name != other.name and other.start <= self.start and self.end <= other.end


def _matches(bare: str) -> Iterator[_Match]:
    """Where `bare` has wordings of document types."""
    for name, wordings in _types().items():
        for wording in wordings:
            for found in wording.finditer(bare):
                yield _Match(name, found.start(), found.end())


def _without_types(bare: str) -> str:
    for wordings in _types().values():
        for wording in wordings:
            bare = wording.sub(" ", bare)
    return bare


def _without_scopes(bare: str) -> str:
    for _, wording in _scopes():
        bare = wording.sub(" ", bare)
    return bare


@cache
def _read() -> dict[str, Any]:
    return tomllib.loads(_TYPES_FILE.read_text(encoding="utf-8"))


@cache
def _types() -> dict[str, list[re.Pattern[str]]]:
    """The wordings of each type, its own name among them."""
    return {
        name: [
            _compiled(wording) for wording in (re.escape(_normal(name)).replace(r"\ ", " "), *told.get("wordings", ()))
        ]
        for name, told in _read()["types"].items()
    }


@cache
def _bare() -> list[tuple[str, re.Pattern[str]]]:
    return [(name, _compiled("|".join(told["bare"]))) for name, told in _read()["types"].items() if "bare" in told]


@cache
def _scopes() -> list[tuple[str, re.Pattern[str]]]:
    return [(name, _compiled("|".join(wordings))) for name, wordings in _read()["scopes"].items()]


def _compiled(wording: str) -> re.Pattern[str]:
    """A wording of `document_types.toml` as a pattern; scripts without spaces have no word boundaries."""
    nouns = "|".join(_read()["nouns"])
    pattern = wording.replace(" *", f" {_GAP}").replace("{noun}", f"(?:{nouns})")
    boundary = r"(?<!\w)(?:%s)(?!\w|\.\w)" if wording[0] < "\u3000" else "(?:%s)"
    return re.compile(boundary % pattern)
