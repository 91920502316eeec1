"""PDF files become documents: their text in reading order, without what stands on every page."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from index.errors import DamagedPolicy, EmptyPolicy, LockedPolicy, NotText, PolicyError, ScannedPolicy
from index.parsing import pdf_reader
from index.parsing.document import Block, Cell, Document, Metadata, Span
from index.parsing.pdf_blocks import CELLS_BETWEEN, Part, parts
from index.parsing.pdf_furniture import without_contents_lines, without_furniture
from index.parsing.pdf_hyphens import Joiner
from index.parsing.pdf_layout import reading_order, set_bases
from index.parsing.pdf_notes import Note, take_notes
from index.parsing.pdf_page import Line, pages, pieces
from index.parsing.pdf_paragraphs import Flow, paragraphs
from index.parsing.structure import governed, without_contents

# PDFium reads 100 pages a second; what takes longer than this is made to.
READ_TIMEOUT_S = 120.0
_SCAN_IMAGE_SHARE, _DRAWN_TEXT_PATHS, _MAX_SCAN_CHARS = 0.5, 300, 20
_MAX_UNREADABLE_SHARE = 0.1
_NO_TITLE = re.compile(
    r"microsoft (?:word|powerpoint|office)|(?:untitled|document|doc|print|slide|presentation|title)\W*\d*$|about:blank"
    r"|[\w.-]*://|.*\.(?:docx?|pdf|indd|odt|rtf|html?|pages|pptx?|txt|tex|md|dotx?|qxd)$|\W*$",
    re.IGNORECASE,
)
_INDENT = "    "


def parse_pdf(data: bytes, *, path: str) -> Document:
    """The document that a PDF is: plain words, one line a block.

    Raises:
        LockedPolicy: it opens with a password alone.
        ScannedPolicy: pages of it are pictures without a text layer.
        DamagedPolicy: it is damaged or too large, or made to keep a reader busy.
        NotText, EmptyPolicy: it is no PDF, or has no words.
    """
    read = _read(data, path)
    _check_text_layer(read, path)
    found = pages(read)
    lines = [(page, pieces(page)) for page in found]
    body_size = Flow.of(chain.from_iterable(lines for _, lines in lines)).body_size
    kept = without_furniture(lines, body_size=body_size)
    ordered = [reading_order(page, pieces) for page, pieces in zip(found, kept, strict=True)]
    ordered = [without_contents_lines(elements) for elements in ordered]
    ordered, notes = take_notes(ordered, body_size=body_size)
    elements = list(chain.from_iterable(ordered))
    text_lines = [element for element in elements if isinstance(element, Line)]
    set_bases(text_lines)
    joiner = Joiner([line.text for line in text_lines])
    flow = Flow.of(text_lines)
    text, blocks = _placed(parts(paragraphs(elements, flow), flow, joiner), notes, joiner)
    if not blocks:
        raise EmptyPolicy(f"{path}: no page of the PDF has words; index the policy's own text")
    metadata = Metadata(title=_title(read["title"]), language=read["language"].strip() or None)
    return Document(text, tuple(without_contents(text, governed(text, blocks))), metadata=metadata)


def _read(data: bytes, path: str) -> Any:
    """What `pdf_reader` makes of `data`, in a process that a hostile file can only kill."""
    if b"%PDF-" not in data[:1024]:
        raise NotText(f"{path}: no PDF (it does not begin with %PDF-); check what the file is")
    command = [sys.executable, "-I", str(Path(pdf_reader.__file__))]
    try:
        reader = subprocess.run(command, input=data, capture_output=True, timeout=READ_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise DamagedPolicy(
            f"{path}: the PDF was not read within {READ_TIMEOUT_S:.0f} s; print it to a new PDF, or index its text"
        ) from None
    if reader.returncode:
        raise DamagedPolicy(
            f"{path}: the PDF makes its reader fail (exit status {reader.returncode}); print it to a new PDF"
        )
    read = json.loads(reader.stdout)
    if "refused" in read:
        raise _refusal(read["refused"], read["detail"], path)
    return read


def _refusal(reason: str, detail: Any, path: str) -> PolicyError:
    if reason in ("password", "security"):
        return LockedPolicy(
            f"{path}: the PDF opens with a password only; save it without one, for example "
            "`qpdf --decrypt --password=... IN OUT`"
        )
    said = {
        "damaged": "the PDF is damaged: no page can be found in it",
        "cut short": "the PDF is cut short: its end (%%EOF) is missing",
        "page lost": f"the PDF is damaged: page {detail} is missing",
        "stream": f"the PDF is damaged: what is packed at byte {detail} cannot be unpacked",
        "bomb": f"the PDF unpacks to more than {detail} bytes",
        "memory": f"the PDF takes more than {detail} bytes of memory",
        "pages": f"the PDF has {detail} pages; at most {pdf_reader.MAX_PAGES} are read",
        "chars": f"the PDF has more than {detail} characters",
    }[reason]
    return DamagedPolicy(f"{path}: {said}; fetch it again, or index its text")


def _check_text_layer(read: Any, path: str) -> None:
    """Raise where words are pictures: never index half of a policy as if it were all."""
    scans, chars, unreadable = [], 0, 0
    for number, page in enumerate(read["pages"], start=1):
        count = sum(len(word[0]) for word in page["words"])
        chars, unreadable = chars + count, unreadable + page["unreadable"]
        drawn = page["image_share"] >= _SCAN_IMAGE_SHARE or page["paths"] >= _DRAWN_TEXT_PATHS
        if count <= _MAX_SCAN_CHARS and drawn:
            scans.append(number)
    if scans and (not chars or len(scans) == len(read["pages"])):
        raise ScannedPolicy(
            f"{path}: the PDF has no text layer: it is a scan; run OCR, for example `ocrmypdf IN OUT`, and index that"
        )
    if scans:
        raise ScannedPolicy(
            f"{path}: {_listed(scans)} of {len(read['pages'])} of the PDF has no text layer: a scan; run OCR, for "
            "example `ocrmypdf --skip-text IN OUT`, and index that"
        )
    if unreadable > _MAX_UNREADABLE_SHARE * chars:
        raise ScannedPolicy(
            f"{path}: the PDF does not say which letters its fonts draw; run OCR, for example "
            "`ocrmypdf --force-ocr IN OUT`, and index that"
        )


def _listed(numbers: Sequence[int]) -> str:
    """Page numbers for people.

    >>> _listed([2]), _listed([2, 3])
    ('page 2', 'pages 2, 3')
    """
    shown = ", ".join(map(str, numbers[:10])) + (", …" if len(numbers) > 10 else "")
    return f"page {shown}" if len(numbers) == 1 else f"pages {shown}"


def _title(title: str) -> str | None:
    """The title that the file gives, where it is one and not the name of a file.

    >>> _title("Microsoft Word - policy.doc"), _title("untitled"), _title("Acme Privacy Policy")
    (None, None, 'Acme Privacy Policy')
    """
    words = " ".join(title.split())
    return None if len(words) < 3 or _NO_TITLE.match(words) else words


def _placed(made: Sequence[Part], notes: Sequence[Note], joiner: Joiner) -> tuple[str, list[Block]]:
    """The text that the parts make, the notes under what cites them, and the blocks in it."""
    waiting = {(note.page, note.mark): note for note in notes}
    anywhere = {note.mark: note for note in notes}
    written: dict[int, Span] = {}
    pieces: list[str] = []
    length = 0
    names: dict[int, list[Span]] = {}
    placed: list[Block] = []

    def write(before: str, words: str) -> Span:
        nonlocal length
        pieces.append(f"{before}{words}\n\n")
        start = length + len(before)
        length += len(pieces[-1])
        return start, start + len(words)

    for part in made:
        if not part.text.strip(" |"):
            continue
        before = _INDENT * part.indent + (f"{part.mark} " if part.mark else "")
        span = write(before, part.text)
        cells = _cell_spans(part, span[0])
        names[id(part)] = cells
        cited = []
        for page, mark in part.cites:
            note = waiting.get((page, mark)) or anywhere[mark]
            if id(note) not in written:
                written[id(note)] = write(f"{mark} ", joiner.joined([line.text for line in note.lines]))
            cited.append(written[id(note)])
        if part.is_block:
            columns = names.get(id(part.columns), []) if part.columns else []
            named = [
                Cell(*cell, column=columns[n] if n < len(columns) and columns[n][0] < columns[n][1] else None)
                for n, cell in enumerate(cells)
            ]
            placed.append(Block(part.kind, part.level, *span, cells=tuple(named), notes=tuple(cited)))
    return "".join(pieces), placed


def _cell_spans(part: Part, start: int) -> list[Span]:
    spans = []
    for cell in part.cells:
        spans.append((start, start + len(cell)))
        start += len(cell) + len(CELLS_BETWEEN)
    return spans


__all__ = ["parse_pdf"]
