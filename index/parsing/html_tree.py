"""HTML as a tree: bytes decoded as a browser would, then parsed in time that grows with their number."""

import codecs
import re
from typing import TypeAlias

from lxml import etree
from lxml import html as lxml_html

from index.errors import DamagedPolicy, EmptyPolicy, NotText

Element: TypeAlias = lxml_html.HtmlElement

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_DECLARED = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{2,40})", re.IGNORECASE)
_DECLARED_WITHIN_BYTES = 4096
# A page of text has a few bytes that are no characters where it was cut or glued together, never this share of them.
_MAX_BAD_SHARE = 0.05
_ASCII = bytes(range(0x80))
_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1f]")
_MAX_CONTROL_SHARE = 0.01
# libxml2 leaves out what is nested deeper than 2,048; browsers stop at 512.
_TOO_DEEP = re.compile("depth", re.IGNORECASE)
NO_TEXT = (
    "{path}: holds no text (a page that a script fills?); open it in a browser, save it once the policy shows, "
    "and give that file"
)


def decode(data: bytes, *, path: str) -> str:
    """`data` as text: by its byte order mark, its `<meta charset>`, as UTF-8 or else as windows-1252.

    Raises:
        NotText: it is binary.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    text = _decoded(data)
    sample = text[:100_000]
    if len(_CONTROLS.findall(sample)) > _MAX_CONTROL_SHARE * len(sample):
        raise NotText(f"{path}: binary, where HTML was expected; save the page as HTML and give that file")
    return text


def _decoded(data: bytes) -> str:
    declared = _DECLARED.search(data[:_DECLARED_WITHIN_BYTES])
    for encoding in (_codec(declared[1].decode("ascii")) if declared else None, "utf-8"):
        if encoding is None:
            continue
        text = data.decode(encoding, errors="replace")
        foreign = len(data.translate(None, _ASCII))
        if text.count("\ufffd") <= _MAX_BAD_SHARE * foreign:
            return text
    return data.decode("windows-1252", errors="replace")


def _codec(name: str) -> str | None:
    """Python's name of the encoding that a page calls `name`, as browsers take it; None if it is unknown.

    >>> _codec("ISO-8859-1"), _codec("utf8"), _codec("UTF-16"), _codec("none")
    ('windows-1252', 'utf-8', 'utf-8', None)
    """
    try:
        found = codecs.lookup(name)
    except LookupError:
        return None
    if found.name in ("iso8859-1", "ascii"):
        return "windows-1252"
    if found.name.startswith("utf-16"):
        return "utf-8"  # it could not have been read to here
    # "hex" and "zip" are codecs as well, of bytes
    return found.name if getattr(found, "_is_text_encoding", True) else None


def parse_tree(text: str, *, path: str) -> Element:
    """The root element of the page that `text` is.

    Raises:
        DamagedPolicy: it is nested deeper than any page.
        EmptyPolicy: it has no element.
    """
    # libxml2 grows its tree without recursion; surrogates that a decoder let through have no UTF-8
    data = text.replace("\0", "").encode("utf-8", errors="replace")
    parser = lxml_html.HTMLParser(encoding="utf-8", huge_tree=True)
    try:
        root = lxml_html.document_fromstring(data, parser=parser)
    except etree.ParserError as error:
        raise EmptyPolicy(NO_TEXT.format(path=path)) from error
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" and _TOO_DEEP.search(entry.message) for entry in parser.error_log):
        raise DamagedPolicy(
            f"{path}: elements nested more than the 2,000 deep that are read; save the page again from a browser"
        )
    return root


def tag_of(element: Element) -> str:
    """The element's name in lower case; empty for comments and processing instructions."""
    return element.tag.lower() if isinstance(element.tag, str) else ""
