"""Which kind of document a body is, by its content type and its first bytes: the ending of its file's name."""

import re
import zipfile
from io import BytesIO

from index.errors import FetchFailed, FetchRefused

_HTML, _PDF, _DOCX, _MARKDOWN, _TEXT = ".html", ".pdf", ".docx", ".md", ".txt"

_ENDINGS = {
    "text/html": _HTML,
    "application/xhtml+xml": _HTML,
    "application/pdf": _PDF,
    "application/x-pdf": _PDF,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": _DOCX,
    "text/markdown": _MARKDOWN,
    "text/x-markdown": _MARKDOWN,
    "text/plain": _TEXT,
}
# They tell nothing: what the body is, its bytes and its address tell.
_VAGUE = ("", "application/octet-stream", "binary/octet-stream", "application/zip", "application/xml", "text/xml")
_HTML_START = re.compile(rb"\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
_BOMS = (b"\xff\xfe", b"\xfe\xff")
_SNIFFED_BYTES = 2_048


def checked_type(content_type: str) -> None:
    """Return if a body of this `content_type` may be a policy.

    Raises:
        FetchRefused: it cannot: an image, a script.
    """
    essence = _essence(content_type)
    if essence not in _ENDINGS and essence not in _VAGUE:
        raise FetchRefused(f"its content type is {essence}; expected HTML, PDF, DOCX, Markdown or plain text")


def ending(body: bytes, *, content_type: str, path: str) -> str:
    """`.html`, `.pdf`, `.docx`, `.md` or `.txt`: what `body` is, whatever its server calls it.

    Args:
        path: of its address, which tells Markdown from other plain text.
    Raises:
        FetchRefused: it is none of these.
        FetchFailed: it is empty.
    """
    if not body.strip():
        raise FetchFailed("the body is empty")
    head, stated = body[:_SNIFFED_BYTES], _ENDINGS.get(_essence(content_type))
    if b"%PDF-" in head[:1_024]:
        return _PDF
    if _is_docx(body):
        return _DOCX
    if stated in (_PDF, _DOCX) or head.startswith(b"PK\3\4") or (b"\0" in head and not head.startswith(_BOMS)):
        raise FetchRefused(
            f"its bytes are not what its content type {_essence(content_type) or '(none)'} says, nor any document; "
            f"expected HTML, PDF, DOCX, Markdown or plain text"
        )
    if _HTML_START.match(head.removeprefix(b"\xef\xbb\xbf")):
        return _HTML
    if stated == _HTML or _essence(content_type).endswith("xml"):
        return _html_or_refused(stated)
    return _MARKDOWN if stated == _MARKDOWN or path.lower().endswith((".md", ".markdown")) else _TEXT


def _html_or_refused(stated: str | None) -> str:
    if stated is None:
        raise FetchRefused("it is XML and no HTML; expected HTML, PDF, DOCX, Markdown or plain text")
    return stated


def _essence(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _is_docx(body: bytes) -> bool:
    if not body.startswith(b"PK\3\4"):
        return False
    try:
        with zipfile.ZipFile(BytesIO(body)) as parts:  # reads the directory alone
            return "word/document.xml" in parts.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError):
        return False
