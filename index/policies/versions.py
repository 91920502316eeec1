"""Dated versions of policies. It does not know passages."""

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import date

from index.parsing.document import Block, Document, Markup

_DOMAIN = re.compile(r"\A(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,24}\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Policy:
    """One dated version of one policy of one company.

    Versions of one company's one type, scope and language are a series: within it, and only there, a newer version
    replaces an older one.

    Attributes:
        id: stays the same when other files come and go; safe in an address.
        company_id: the `Company` that it belongs to.
        text: see `Document`; every offset counts its code points.
        body_start: where the text proper begins, behind a header line or front matter.
        path: from the folder that was given on, for people to find the file; no machine's folders.
        type: the document type, as Open Terms Archive calls it ("Privacy Policy").
        scope: whom or what it is for, where that is not everybody and everything ("children"); else empty.
        language: a BCP 47 tag of what it is written in.
        effective_on: the day that its text states.
        revision: the commit of an archive's history that it is from; else empty.
        order: of versions that were recorded on one day the later one has the larger; an archive's history tells.
        technical: a change of the archive's tools alone, not of the company's words.
        licence, attribution: under which terms the text may be passed on, and whom to name.
        blocks: see `Document`.
    """

    id: str
    company_id: str
    title: str
    archived_on: date | None
    source_url: str | None
    text: str
    body_start: int
    path: str
    type: str = "Privacy Policy"
    scope: str = ""
    language: str = "en"
    effective_on: date | None = None
    revision: str = ""
    order: int = 0
    technical: bool = False
    licence: str | None = None
    attribution: str | None = None
    markup: Markup = Markup.MARKDOWN
    blocks: tuple[Block, ...] = ()

    @property
    def series(self) -> tuple[str, str, str, str]:
        """What all versions of this policy have in common: company, type, scope, language."""
        return (self.company_id, self.type, self.scope, self.language)


def of_document(policy: Policy, document: Document) -> Policy:
    """`policy` with the text and the blocks of `document`."""
    return replace(policy, text=document.text, blocks=document.blocks, markup=document.markup)


def is_domain(name: str) -> bool:
    """Whether `name` is a host name as a browser takes it.

    >>> is_domain("mig.me"), is_domain("A Mighty Girl"), is_domain("St. Mary")
    (True, False, False)
    """
    return _DOMAIN.match(name) is not None


def slug(name: str) -> str:
    """`name` in lower-case ASCII letters, digits, dots and dashes.

    >>> slug("imgwg Communications"), slug("Café & Co."), slug("jivochat.com")
    ('imgwg-communications', 'cafe-co', 'jivochat.com')
    """
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    cleaned = re.sub(r"[^a-z0-9.]+", "-", ascii_name.lower()).strip("-.")
    return re.sub(r"\.{2,}", ".", cleaned) or "unnamed"
