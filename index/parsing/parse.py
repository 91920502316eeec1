"""Which parser reads a file: chosen by its content, and by its ending only where the content does not say."""

import re
from pathlib import PurePath

from index.errors import NotText
from index.parsing.document import Document

# Raised where documents come out otherwise.
PARSER_VERSION = 1
_PDF, _ZIP, _OLE, _RTF = b"%PDF-", b"PK", b"\xd0\xcf\x11\xe0", b"{\\rtf"
_HTML_ENDINGS = (".html", ".htm", ".xhtml", ".mhtml", ".shtml", ".aspx", ".php")
# How far into a file its kind must show: PDF readers look at 1,024 bytes, pages may open with long comments.
_PDF_HEAD_BYTES, _HTML_HEAD_BYTES = 1_024, 4_096
_OPENS_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?(?:-->|\Z)\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)
_BLOCK_TAG = re.compile(rb"<(?:p|div|li|td|h[1-6]|section|article)\b[^<>]*>", re.I)
_LEAST_BLOCK_TAGS = 3


def parse(data: bytes, *, path: str) -> Document:
    """The document that `data` is: HTML, PDF, DOCX, Markdown or plain text.

    Raises:
        PolicyError: it cannot be read as what it is, or is of no format that is read; the message names `path` and
            says what to do.
    """
    if _PDF in data[:_PDF_HEAD_BYTES]:
        from index.parsing.pdf import parse_pdf

        return parse_pdf(data, path=path)
    if data.startswith(_ZIP):
        from index.parsing.docx import parse_docx

        return parse_docx(data, path=path)
    for magic, what in ((_OLE, "an old or an encrypted Word file"), (_RTF, "RTF")):
        if data.startswith(magic):
            raise NotText(f"{path}: {what}, which is not read; save it as DOCX, PDF or text")
    if is_html(data, path=path):
        from index.parsing.html import parse_html

        return parse_html(data, path=path)
    from index.parsing.markdown import parse_markdown

    return parse_markdown(data, path=path)


def is_html(data: bytes, *, path: str) -> bool:
    """Whether `data` is a page: it opens like one, or is called one, or is made of a page's tags.

    >>> is_html(b"<!-- saved --><!DOCTYPE html><p>We", path="a.md"), is_html(b"# A <b>bold</b> policy", path="a.md")
    (True, False)
    """
    head = data[:_HTML_HEAD_BYTES].removeprefix(b"\xef\xbb\xbf")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.decode("utf-16", errors="ignore").encode()
    if _OPENS_HTML.match(head):
        return True
    if PurePath(path).suffix.lower() in _HTML_ENDINGS:
        return True
    return head.lstrip().startswith(b"<") and len(_BLOCK_TAG.findall(head)) >= _LEAST_BLOCK_TAGS
