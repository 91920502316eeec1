"""The words of a PDF with their places, read by PDFium in a process of its own: `pdf_reader.py < x.pdf > x.json`.

It imports nothing of this project. PDFium is not thread-safe, and a hostile file may crash it, fill the memory or keep
it busy for ever; here it takes nobody with it.
"""

import ctypes
import json
import re
import sys
import zlib
from base64 import a85decode
from contextlib import suppress
from typing import Any

import pypdfium2.raw as pdfium

MAX_PAGES = 2_000
MAX_CHARS = 6_000_000
MAX_OBJECTS_PER_PAGE = 200_000
MAX_MEMORY_BYTES = 3 * 2**30
# Which error of FPDF_GetLastError asks for a password; 5 is a handler of rights that nobody but its maker knows.
_LOCKED = {4: "password", 5: "security"}
_SPACES = " \t\r\n\x0b\x0c\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u3000"
# PDFium writes U+0002 or U+FFFE for a hyphen at the end of a line.
_HYPHENS = {"\x02": "-", "\ufffe": "-"}
_WORD_GAP_EM = 0.3
_STREAM = re.compile(rb"<<(?P<entries>(?:[^<>]|<<(?:[^<>]|<[^<>]*>)*>>|<[^<>]*>){0,4000})>>\s*stream\r?\n")
_MAX_INFLATED_BYTES = 2**31


class Refused(Exception):
    """Why the file cannot be read: a word that the reader's caller knows, and its details."""


def read(data: bytes) -> dict[str, Any]:
    """The pages of `data` as JSON can hold them; raises `Refused`."""
    pdfium.FPDF_InitLibrary()
    document = pdfium.FPDF_LoadMemDocument64(data, len(data), None)
    if not document:
        raise Refused(_LOCKED.get(pdfium.FPDF_GetLastError(), "damaged"))
    count = pdfium.FPDF_GetPageCount(document)
    if count > MAX_PAGES:
        raise Refused("pages", count)
    if not count:
        raise Refused("damaged")
    if not re.search(rb"%%EOF\s*\Z", data[-2048:].rstrip(b"\0")) and b"%%EOF" not in data[-1024:]:
        raise Refused("cut short")
    if pdfium.FPDF_GetSecurityHandlerRevision(document) == -1:  # streams that are encrypted cannot be inflated here
        _check_streams(data)
    pages: list[dict[str, Any]] = []
    fonts: dict[tuple[str, int], int] = {}
    chars = 0
    for number in range(count):
        page = pdfium.FPDF_LoadPage(document, number)
        if not page:
            raise Refused("page lost", number + 1)
        pages.append(_Page(page, fonts).read())
        pdfium.FPDF_ClosePage(page)
        chars += sum(len(word[0]) for word in pages[-1]["words"])
        if chars > MAX_CHARS:
            raise Refused("chars", MAX_CHARS)
    return {
        "pages": pages,
        "fonts": list(fonts),
        "title": _text(lambda buffer, size: pdfium.FPDF_GetMetaText(document, b"Title", buffer, size)),
        "language": _text(lambda buffer, size: pdfium.FPDFCatalog_GetLanguage(document, buffer, size)),
    }


def _text(fill: Any) -> str:
    size = fill(None, 0)
    if not 2 < size < 10_000:
        return ""
    buffer = (ctypes.c_ushort * (size // 2))()
    fill(buffer, size)
    return bytes(buffer)[:-2].decode("utf-16-le", "replace")


def _check_streams(data: bytes) -> None:
    """Raise `Refused` where a compressed stream is broken: PDFium would read up to there and say nothing."""
    inflated = 0
    for stream in _STREAM.finditer(data):
        filters = re.search(rb"/Filter\s*(\[[^\]]*\]|/\w+)", stream["entries"])
        names = re.findall(rb"/(\w+)", filters[1]) if filters else []
        end = data.find(b"endstream", stream.end())
        if end < 0:
            raise Refused("stream", stream.start())
        packed = data[stream.end() : end]
        if names[:1] in ([b"ASCII85Decode"], [b"A85"]):
            try:
                packed = a85decode(packed.strip().removeprefix(b"<~").removesuffix(b"~>"))
            except ValueError:
                raise Refused("stream", stream.start()) from None
            names = names[1:]
        if names[:1] in ([b"FlateDecode"], [b"Fl"]):
            inflated += _inflated_bytes(packed, stream.start())
            if inflated > _MAX_INFLATED_BYTES:
                raise Refused("bomb", _MAX_INFLATED_BYTES)


def _inflated_bytes(packed: bytes, position: int) -> int:
    """How much `packed` inflates to; its checksum is compared where the writer did not leave it out."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    size, checksum, rest = 0, 1, packed[2:]
    try:
        while not inflater.eof and rest and size <= _MAX_INFLATED_BYTES:
            piece = inflater.decompress(rest, 2**20)
            size, checksum, rest = size + len(piece), zlib.adler32(piece, checksum), inflater.unconsumed_tail
    except zlib.error:
        raise Refused("stream", position) from None
    kept = inflater.unused_data[:4]
    wrong = len(kept) == 4 and int.from_bytes(kept) != checksum
    if size <= _MAX_INFLATED_BYTES and (not inflater.eof or wrong):
        raise Refused("stream", position)
    return size


class _Page:
    """One open page; places are told from its lower left corner as it is seen, in points."""

    def __init__(self, page: Any, fonts: dict[tuple[str, int], int]) -> None:
        self._page = page
        self._fonts = fonts
        box = pdfium.FS_RECTF()
        pdfium.FPDF_GetPageBoundingBox(page, box)
        self._box = box
        self._turns = pdfium.FPDFPage_GetRotation(page) % 4
        self.width, self.height = box.right - box.left, box.top - box.bottom
        if self._turns % 2:
            self.width, self.height = self.height, self.width

    def read(self) -> dict[str, Any]:
        words, unreadable = self._words()
        rules, dots, image_area, paths = self._drawn()
        return {
            "width": self.width,
            "height": self.height,
            "words": words,
            "unreadable": unreadable,
            "rules": rules,
            "dots": dots,
            "image_share": image_area / max(1.0, self.width * self.height),
            "paths": paths,
        }

    def _seen(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the file's own system stands on the page as it is seen."""
        x, y = x - self._box.left, y - self._box.bottom
        if self._turns == 1:
            return y, self.height - x
        if self._turns == 2:
            return self.width - x, self.height - y
        if self._turns == 3:
            return self.width - y, x
        return x, y

    def _words(self) -> tuple[list[list[Any]], int]:
        textpage = pdfium.FPDFText_LoadPage(self._page)
        words: list[list[Any]] = []
        unreadable, spaced, last, look = 0, True, None, (0.0, 0, True)
        word_object: Any = None
        origin_x, origin_y, box = ctypes.c_double(), ctypes.c_double(), pdfium.FS_RECTF()
        count = min(pdfium.FPDFText_CountChars(textpage), MAX_CHARS)
        for index in range(count):
            char = chr(pdfium.FPDFText_GetUnicode(textpage, index))
            char = _HYPHENS.get(char, char)
            if char in _SPACES:
                spaced = True
                continue
            text_object = ctypes.cast(pdfium.FPDFText_GetTextObject(textpage, index), ctypes.c_void_p).value
            if text_object != last:
                look, last = self._look(textpage, index), text_object
            size, font, upright = look
            pdfium.FPDFText_GetCharOrigin(textpage, index, origin_x, origin_y)
            pdfium.FPDFText_GetLooseCharBox(textpage, index, box)
            x, y = self._seen(origin_x.value, origin_y.value)
            corners = self._seen(box.left, box.bottom), self._seen(box.right, box.top)
            x0, x1 = sorted(corner[0] for corner in corners)
            if not upright or not (-1 <= x <= self.width + 1 and -1 <= y <= self.height + 1):
                spaced = True
                continue
            if pdfium.FPDFText_HasUnicodeMapError(textpage, index) == 1 or char in ("\0", "\ufffd"):
                unreadable += 1
            if ord(char) < 32 or char in "\u200b\u200c\u2060\ufeff":
                continue
            word = words[-1] if words else None
            same = word is not None and word[4] == size and word[5] == font and abs(word[3] - y) < 0.1 * size
            if word and same and char == word[7] and abs(x - word[8]) < 0.15 * size and text_object != word_object:
                continue  # drawn twice to look bold
            near = word is not None and -0.6 * size < x0 - word[2] < _WORD_GAP_EM * max(size, word[4])
            if word and same and x == word[8] and text_object == word_object:
                near, spaced = True, False  # a ligature's further letters have its own place
            word_object = text_object
            if word and same and near and not spaced:
                word[0] += char
                word[2], word[7], word[8] = x1, char, x
            else:
                glued = int(not spaced and near and word is not None and abs(word[3] - y) < word[4])
                words.append([char, x0, x1, y, size, font, glued, char, x])
            spaced = False
        pdfium.FPDFText_ClosePage(textpage)
        return [
            [word[0], *(round(number, 2) for number in word[1:4]), word[4], word[5], word[6]] for word in words
        ], unreadable

    def _look(self, textpage: Any, index: int) -> tuple[float, int, bool]:
        """The size in points, the font's number and whether it is written from left to right."""
        matrix, flags = pdfium.FS_MATRIX(), ctypes.c_int()
        pdfium.FPDFText_GetMatrix(textpage, index, matrix)
        along = [(matrix.a, matrix.b), (matrix.b, -matrix.a), (-matrix.a, -matrix.b), (-matrix.b, matrix.a)][
            self._turns
        ]
        size = pdfium.FPDFText_GetFontSize(textpage, index) * (matrix.c**2 + matrix.d**2) ** 0.5
        name = ctypes.create_string_buffer(256)
        pdfium.FPDFText_GetFontInfo(textpage, index, name, 255, flags)
        stroked = pdfium.FPDFTextObj_GetTextRenderMode(pdfium.FPDFText_GetTextObject(textpage, index)) == 2
        font = (name.value.decode("utf-8", "replace") + ("#bold" if stroked else ""), flags.value)
        number = self._fonts.setdefault(font, len(self._fonts))
        return round(size, 1), number, along[0] > 0 and abs(along[1]) < 0.05 * along[0]

    def _drawn(self) -> tuple[list[list[float]], list[list[float]], float, int]:
        """Lines and edges of boxes, marks as small as a bullet, the area under pictures, the number of paths."""
        rules: list[list[float]] = []
        dots: list[list[float]] = []
        image_area, paths = 0.0, 0
        edges = [ctypes.c_float() for _ in range(4)]
        for index in range(min(pdfium.FPDFPage_CountObjects(self._page), MAX_OBJECTS_PER_PAGE)):
            drawn = pdfium.FPDFPage_GetObject(self._page, index)
            kind = pdfium.FPDFPageObj_GetType(drawn)
            if kind not in (pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM):
                continue
            if not pdfium.FPDFPageObj_GetBounds(drawn, *edges):
                continue
            left, bottom, right, top = (edge.value for edge in edges)
            (xa, ya), (xb, yb) = self._seen(left, bottom), self._seen(right, top)
            place = [round(number, 2) for number in (min(xa, xb), min(ya, yb), max(xa, xb), max(ya, yb))]
            width, height = place[2] - place[0], place[3] - place[1]
            small = 1.2 < width < 9 and 1.2 < height < 9 and 0.5 < width / height < 2
            if small:
                dots.append(place)
            elif kind == pdfium.FPDF_PAGEOBJ_PATH:
                rules.append(place)
            if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
                image_area += max(0.0, min(self.width, place[2]) - max(0.0, place[0])) * max(
                    0.0, min(self.height, place[3]) - max(0.0, place[1])
                )
            paths += kind != pdfium.FPDF_PAGEOBJ_IMAGE
        return rules, dots, image_area, paths


def main() -> None:
    """Read a PDF from standard input, write JSON to standard output."""
    with suppress(ImportError, ValueError, OSError):  # Windows has no such limits, but a deadline
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        result = read(sys.stdin.buffer.read())
    except Refused as refused:
        result = {"refused": refused.args[0], "detail": refused.args[1] if len(refused.args) > 1 else None}
    except MemoryError:
        result = {"refused": "memory", "detail": MAX_MEMORY_BYTES}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
