"""Which document a policy is: its type, and whom or what it is for."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath

from index.parsing.document import Document, Kind
from index.parsing.markup import plain

_TYPES_FILE = Path(__file__).with_name("document_types.toml")
DEFAULT_TYPE = "Privacy Policy"
_GENERIC_NOUN = re.compile(
    r"\b(?:polic(?:y|ies)|notice|statement|terms|conditions|guidelines|agreement|rules|code|addendum|declaration|"
    r"standards|warranty|charter|requirements|users?)$",
    re.IGNORECASE,
)
_SOURCE = re.compile(r"\s+#(?P<source>[^/]+)$")
_SEPARATORS = re.compile(r"[\s_./\\–—-]+")
_LONGEST_TITLE_WORDS = 16
_OPENING_CHARS = 1_500


@dataclass(frozen=True, slots=True)
class DocumentType:
    """What a document is.

    Attributes:
        type: as Open Terms Archive calls it ("Privacy Policy").
        scope: whom or what it is for, where that is not everybody and everything; else empty.
    """

    type: str
    scope: str = ""


def document_type(document: Document, *, path: str) -> DocumentType:
    """The type and scope of `document`, which lies at `path`.

    What counts, in this order: a file name that is a document type ("Service/Trackers Policy.md"), what the file says
    it is (header line, front matter), its title, the words of its opening. A scope is taken from name and title.
    """
    stem, source = _stem(path)
    if is_document_type_name(stem):
        scope = "" if _words(stem) in _archive_names() or " - " in stem else _scope_of([stem])
        return DocumentType(_whole_type(stem), " ".join(part for part in (scope, _words(source or "")) if part))
    named = document.metadata.document_type or ""
    titles = [title for title in (_title(document), document.metadata.title) if title]
    scope = _scope_of([stem, named, *titles[:1]])
    for words in (named, *titles, stem):
        found = _type_in(words)
        if found:
            return DocumentType(found, scope)
    return DocumentType(_type_of_opening(document), scope)


def _whole_type(stem: str) -> str:
    """The document type that a file is named by: the archive's where it says no more, else the name itself."""
    found = _type_in(stem)
    bare = _words(stem)
    known = next((name for name, _ in _wordings() if name.casefold() == stem.strip().casefold()), None)
    if known:
        return known
    left = [word for word in _without_wordings(bare).split() if word not in _QUALIFIERS and word not in _scope_words()]
    return found if found and not left and " - " not in stem else stem.strip()


def is_document_type_name(stem: str) -> bool:
    """Whether a file's name without ending names a document type and nobody.

    >>> [is_document_type_name(name) for name in ("Privacy Policy", "Parent Organization Terms", "Apple Terms")]
    [True, True, False]
    """
    bare = _words(_SOURCE.sub("", stem))
    if not bare or len(bare.split()) > 6:
        return False
    if bare in _archive_names() or _words(stem.partition(" - ")[0]) in _archive_names():
        return True
    left = _without_wordings(bare)
    return left != bare and all(word in _QUALIFIERS or word in _scope_words() for word in left.split())


_QUALIFIERS = frozenset(
    """and of for the on our your a an policy policies notice notices statement statements terms agreement guidelines
    rules conditions addendum declaration standards center centre page website web site online general global main full
    current new old updated latest final draft version v1 v2 v3 en de fr es it nl pt pl us uk eu html parent
    organization organisation legal customer user consumer data de la le et und der die das sur""".split()
)


def split_type(words: str) -> tuple[str, str | None]:
    """`words` of a header line, such as "Tallgrass cookie notice", as company and document type.

    >>> split_type("Tallgrass cookie notice"), split_type("mig.me privacy policy"), split_type("A Mighty Girl")
    (('Tallgrass', 'cookie notice'), ('mig.me', 'privacy policy'), ('A Mighty Girl', None))
    """
    parts = words.split()
    for first in range(1, len(parts)):
        kind = " ".join(parts[first:])
        if (_GENERIC_NOUN.search(kind) or _type_in(kind)) and is_document_type_name(kind):
            return re.sub(r"['’]s?$", "", " ".join(parts[:first])), kind
    return words, None


def without_type(title: str) -> str:
    """`title` without the wordings of document types, in lower case."""
    return _without_wordings(_words(title))


def _stem(path: str) -> tuple[str, str | None]:
    """The file's name without ending, and the source behind a `#` in it."""
    name = PurePath(path).name
    stem = re.sub(r"\.(?:md|markdown|txt|text|x?html?|shtml|pdf|docx)$", "", name, flags=re.IGNORECASE)
    source = _SOURCE.search(stem)
    return _SOURCE.sub("", stem), source["source"].strip() if source else None


def _title(document: Document) -> str | None:
    """The first heading, or a first paragraph that is as short as one."""
    for block in document.blocks[:1]:
        words = plain(document.text[block.start : block.end], document.markup)
        if len(words.split()) <= _LONGEST_TITLE_WORDS and (block.kind is Kind.HEADING or not words.endswith(".")):
            return words
    return None


def _words(text: str) -> str:
    return " ".join(_SEPARATORS.sub(" ", text.casefold()).split())


@cache
def _read() -> Mapping[str, Mapping[str, Sequence[str]]]:
    found: Mapping[str, Mapping[str, Sequence[str]]] = tomllib.loads(_TYPES_FILE.read_text(encoding="utf-8"))
    return found


@cache
def _archive_names() -> frozenset[str]:
    return frozenset(_words(name) for name in _read()["types"])


@cache
def _wordings() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((name, _any_of([name, *wordings])) for name, wordings in _read()["types"].items())


@cache
def _scopes() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((name, _any_of(words)) for name, words in _read()["scopes"].items())


@cache
def _scope_words() -> frozenset[str]:
    return frozenset(word for words in _read()["scopes"].values() for each in words for word in _words(each).split())


def _any_of(wordings: Sequence[str]) -> re.Pattern[str]:
    each = sorted({_words(wording) for wording in wordings}, key=lambda wording: (-len(wording), wording))
    return re.compile(
        "|".join(rf"(?<!\w){re.escape(words)}(?!\w)" if words.isascii() else re.escape(words) for words in each)
    )


def _type_in(words: str) -> str | None:
    """The document type that `words` name; of "Privacy and Cookie Policy" what is named first of all."""
    bare = _words(words)
    found = [
        (match.start(), place, name) for place, (name, each) in enumerate(_wordings()) if (match := each.search(bare))
    ]
    if not found:
        return None
    names = {name for *_, name in found}
    if {"Privacy Policy", "Trackers Policy"} <= names:
        return "Privacy Policy" if re.search(r"privacy|data protection|datenschutz", bare) else "Trackers Policy"
    if names == {"Privacy Policy", "Terms of Service"}:
        return min(found)[2]
    return min(found, key=lambda entry: entry[1])[2]


def _without_wordings(bare: str) -> str:
    for _, each in _wordings():
        bare = each.sub(" ", bare)
    return " ".join(bare.split())


def _scope_of(names: Sequence[str]) -> str:
    """The scopes that the words of `names` tell, in the order of the list, beside a document type's own words."""
    bare = " | ".join(_words(name) for name in names if _type_in(name) or is_document_type_name(name))
    found = [name for name, each in _scopes() if each.search(bare)]
    return "transfers" if "transfers" in found else " ".join(found)  # "EU-US Privacy Shield" is for no region


def _type_of_opening(document: Document) -> str:
    """The type that the opening speaks of most, a privacy policy where it does not tell."""
    if not document.blocks:
        return DEFAULT_TYPE
    start = document.blocks[0].start
    bare = _words(document.text[start : start + _OPENING_CHARS])
    counts = {name: len(each.findall(bare)) for name, each in _wordings() if name in (DEFAULT_TYPE, "Terms of Service")}
    return "Terms of Service" if counts["Terms of Service"] > 2 * counts[DEFAULT_TYPE] else DEFAULT_TYPE
