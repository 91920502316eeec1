"""What stands before a text: YAML front matter, and the header line of archived samples.

Four of the five sample policies open with a line that names a domain, the day of the snapshot and its address; other
corpora put a company's name there, and some files have no such line at all.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from markdown_it.helpers import parseLinkDestination

from index.language.dates import parse_day
from index.parsing.document import Metadata

_FRONT = re.compile(
    r"\A\ufeff?---[ \t]*\r?\n(?P<yaml>.{0,20000}?)^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE
)
_YAML_LINE = re.compile(r"[\w.-]+[ \t]*:(?:[ \t]|$)|[ \t]+\S|#|-[ \t]|$")
_FIELDS = {
    "title": ("title",),
    "company": ("company", "service", "organisation", "organization"),
    "document_type": ("document_type", "type"),
    "language": ("language", "lang"),
    "archived_on": ("archived_on", "archived", "fetched_at", "fetch_date", "snapshot_date"),
    "effective_on": ("effective_on", "effective_date", "effective"),
    "address": ("address", "source_url", "canonical_url", "source", "url"),
    "licence": ("licence", "license"),
    "attribution": ("attribution",),
}
_HEADER = re.compile(
    r"\s*>?\s*\*?The following text is extracted and transformed from the (?P<named>[^\n]{1,300}?) "
    r"that was archived on (?P<day>[^\n]{4,40}?)\.(?=\s*[*\n]|\s*\Z|\s+[^\d\s])(?P<rest>[^\n]*)(?:\n|\Z)",
    re.IGNORECASE,
)
_KIND = re.compile(
    r"(?P<company>.{1,200}?) "
    r"(?P<kind>(?:(?:privacy|acceptable|children['’]s|community|developer|"
    r"vulnerability|law|cookies?|trackers?|tracking|data|security|"
    r"use|protection|processing|content|community|conduct|retention|disclosure|enforcement|advertising|copyright|"
    r"refund|health|biometric) )+"
    r"(?:polic(?:y|ies)|notice|statement|guidelines|rules|standards|addendum|agreement|charter|terms)|"
    r"terms(?: of (?:use|service)| and conditions)?)",
    re.IGNORECASE,
)
# What may stand between a link's address and its closing parenthesis: a title.
_LINK_END = re.compile(r"""\s*(?:"[^"]*"|'[^']*'|\([^()]*\))?\s*\)""")
_HEADER_CHARS = 3_000


def read_front_matter(text: str) -> tuple[Metadata, int]:
    """What stands before the text proper, and where that begins."""
    metadata, start = _front_matter(text)
    header = _HEADER.match(text[start : start + _HEADER_CHARS])
    if header is None:
        return metadata, start
    kind = _KIND.fullmatch(header["named"].strip())
    return replace(
        metadata,
        company=metadata.company or (kind["company"] if kind else header["named"]).strip(),
        document_type=metadata.document_type or (kind["kind"] if kind else None),
        archived_on=metadata.archived_on or parse_day(header["day"]),
        address=metadata.address or _linked_address(header["rest"][:_HEADER_CHARS]),
    ), start + header.end()


def _linked_address(line: str) -> str | None:
    """The address of the first link in `line`, where it is one that a page may link to: `javascript:` is none.

    >>> _linked_address("See the [original](https://example.com/Acme_(company)) for more.")
    'https://example.com/Acme_(company)'
    """
    for opening in re.finditer(r"\]\(", line):
        found = parseLinkDestination(line, opening.end(), len(line))
        if found.ok and _LINK_END.match(line, found.pos):
            return web_address(found.str)
        # no link to CommonMark, such as one whose parentheses do not balance
        address, closed, _ = line[opening.end() :].partition(")")
        if closed and not re.search(r"\s", address):
            return web_address(address)
    return None


def _front_matter(text: str) -> tuple[Metadata, int]:
    start = 1 if text.startswith("\ufeff") else 0
    found = _FRONT.match(text)
    if not found or not all(_YAML_LINE.match(line) for line in found["yaml"].splitlines()):
        return Metadata(), start
    import yaml

    try:
        fields = yaml.safe_load(found["yaml"])
    except (yaml.YAMLError, RecursionError, ValueError):
        return Metadata(), start
    return _metadata(fields if isinstance(fields, Mapping) else {}), found.end()


def _metadata(fields: Mapping[object, object]) -> Metadata:
    given = {str(key).lower().replace("-", "_"): value for key, value in fields.items()}
    values = {name: next((given[key] for key in keys if given.get(key)), None) for name, keys in _FIELDS.items()}
    words = {name: str(value).strip()[:300] for name, value in values.items() if isinstance(value, str | int)}
    return Metadata(
        title=words.get("title"),
        company=words.get("company"),
        company_is_given="company" in words,
        document_type=words.get("document_type"),
        language=words.get("language"),
        archived_on=_day(values["archived_on"]),
        address=web_address(words.get("address")),
        effective_on=_day(values["effective_on"]),
        licence=words.get("licence"),
        attribution=words.get("attribution"),
    )


def _day(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else parse_day(value) if isinstance(value, str) else None


def web_address(url: str | None) -> str | None:
    """`url` where it is one that a page may link to: a file may say anything, `javascript:` too."""
    if url and re.fullmatch(r"https?://[^\s/]+\.\S+", url, re.IGNORECASE):
        return url
    return None
