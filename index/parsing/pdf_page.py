"""A page of a PDF as words with their places, and the lines that they stand in."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any

_BOLD_NAME = re.compile(r"bold|black|heavy|semibold|demi|extrabd|[-,]bd\b|[-,]b\b", re.IGNORECASE)
_SYMBOL_NAME = re.compile(r"symbol|wingdings|webdings|dingbats", re.IGNORECASE)
_FORCE_BOLD, _FIXED_PITCH = 1 << 18, 1
_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
# Wider than the space between words of justified text mostly is; pieces that one line was split into are joined again
# where no column parts them.
_PIECE_GAP_EM = 1.3
# A bullet or number stands with the text behind it.
_MARK_GAP_EM = 4.5
_MARK = re.compile(
    r"[^\w\s$€£]|o|[\ue000-\uf8ff]|\(?(?:\d{1,2}(?:\.\d{1,2})*|[a-zA-Z]|[ivxIVX]{1,5})[.)]|\d{1,2}(?:\.\d{1,2})+"
)
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Word:
    """Letters without a space between them, of one font; `y` is the baseline, upwards from the foot of the page."""

    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool = False
    symbol: bool = False
    fixed_pitch: bool = False
    glued: bool = False


@dataclass(slots=True)
class Line:
    """Words on one baseline, in one column.

    Attributes:
        left, right: the edges of its column, as far as its lines reach.
        base: where the text of such columns begins all over the document: lists alone may fill a column.
        bullet_x: where a drawn bullet before it begins.
        cites: the marks of footnotes that were taken out of its words.
    """

    words: list[Word]
    page: int
    left: float = 0.0
    right: float = 0.0
    base: float = 0.0
    bullet_x: float | None = None
    cites: list[str] = field(default_factory=list)

    @property
    def x0(self) -> float:
        """Where it begins."""
        return self.words[0].x0

    @property
    def x1(self) -> float:
        """Where it ends."""
        return self.words[-1].x1

    @property
    def _main(self) -> list[Word]:
        largest = max(word.size for word in self.words)
        if min(word.size for word in self.words) == largest:
            return self.words
        return [word for word in self.words if word.size > 0.85 * largest]

    @property
    def y(self) -> float:
        """The baseline of most of its words."""
        return median(word.y for word in self._main)

    @property
    def size(self) -> float:
        """The size of most of its letters."""
        return max(self._main, key=lambda word: len(word.text)).size

    @property
    def bold(self) -> bool:
        """Whether all its words are."""
        return all(word.bold for word in self.words if re.search(r"\w", word.text))

    @property
    def text(self) -> str:
        """Its words."""
        return spelled(self.words)

    def is_raised(self, word: Word) -> bool:
        """Whether `word` is a small one that stands above the baseline, as the number of a footnote does."""
        return word.size < 0.87 * self.size and word.y > self.y + 0.12 * self.size


@dataclass(slots=True)
class Page:
    """One page.

    Attributes:
        rules: boxes of all that is drawn: lines, frames, shades.
        dots: boxes of drawn marks as small as a bullet.
    """

    number: int
    width: float
    height: float
    words: list[Word]
    rules: list[Box] = field(default_factory=list)
    dots: list[Box] = field(default_factory=list)


def pages(read: dict[str, Any]) -> list[Page]:
    """The pages of what `pdf_reader` wrote."""
    fonts: list[tuple[bool, bool, bool]] = []
    for name, flags in read["fonts"]:
        bold = bool(_BOLD_NAME.search(name)) or bool(flags & _FORCE_BOLD)
        fonts.append((bold, bool(_SYMBOL_NAME.search(name)), bool(flags & _FIXED_PITCH)))
    result = []
    for number, page in enumerate(read["pages"]):
        words = [
            Word(_letters(text), x0, x1, y, size, bold, symbol, fixed_pitch, bool(glued))
            for text, x0, x1, y, size, font, glued in page["words"]
            for bold, symbol, fixed_pitch in [fonts[font]]
            if size > 0.5
        ]
        rules, dots = ([(x0, y0, x1, y1) for x0, y0, x1, y1 in page[drawn]] for drawn in ("rules", "dots"))
        result.append(Page(number, page["width"], page["height"], words, rules, dots))
    return result


def _letters(text: str) -> str:
    r"""`text` with ligatures taken apart and soft hyphens left only at its end.

    >>> _letters("ﬁ\u00adnal"), _letters("geolo\u00ad")
    ('final', 'geolo\xad')
    """
    for ligature, letters in _LIGATURES.items():
        text = text.replace(ligature, letters)
    return text[:-1].replace("\u00ad", "") + text[-1:]


def spelled(words: Iterable[Word]) -> str:
    """The words of one line as text."""
    return "".join(word.text if word.glued else " " + word.text for word in words).strip()


def pieces(page: Page) -> list[Line]:
    """The lines of `page`, each split wherever a column could end, from top to bottom and left to right."""
    return [
        Line(piece, page.number)
        for row in _rows(page.words)
        for piece in _split(sorted(row, key=lambda word: (word.x0, word.x1)))
    ]


def _rows(words: list[Word]) -> list[list[Word]]:
    """`words` by baseline, from the top; small raised or lowered ones with the words that they stand beside."""
    rows: list[tuple[float, float, list[Word]]] = []
    raised, plain = _raised(words)
    for word in sorted(plain, key=lambda word: (-word.y, word.x0)):
        for baseline, size, row in reversed(rows[-6:]):
            if abs(baseline - word.y) <= 0.22 * min(size, word.size):
                row.append(word)
                break
        else:
            rows.append((word.y, word.size, [word]))
    merged: list[list[Word]] = []
    for position, (baseline, size, row) in enumerate(rows):
        home = None
        if sum(len(word.text) for word in row) <= 12:
            near = [other for other in rows[max(0, position - 3) : position + 4] if other[2] is not row]
            for other_baseline, other_size, other in near:
                beside = all(
                    any(abs(word.x0 - o.x1) < size or abs(o.x0 - word.x1) < size for o in other) for word in row
                )
                if size < 0.87 * other_size and -0.35 < (baseline - other_baseline) / other_size < 0.65 and beside:
                    home = other
        if home is None:
            merged.append(row)
        else:
            home.extend(row)
    for row in merged:
        row += [mark for word in row for mark in raised.get(id(word), ())]
    return merged


def _raised(words: list[Word]) -> tuple[dict[int, list[Word]], list[Word]]:
    """Small words right behind another one and above its baseline, by that word's id; and all the others."""
    raised: dict[int, list[Word]] = {}
    plain: list[Word] = []
    for word in words:
        before = plain[-1] if plain else None
        beside = before and -0.3 * before.size < word.x0 - before.x1 < 0.5 * before.size
        above = before and 0.1 * before.size < word.y - before.y < before.size
        if before and beside and above and word.size < 0.87 * before.size:
            raised.setdefault(id(before), []).append(word)
        else:
            plain.append(word)
    return raised, plain


def _split(row: list[Word]) -> Iterator[list[Word]]:
    piece = [row[0]]
    for before, word in pairwise(row):
        gap = (word.x0 - before.x1) / max(before.size, word.size)
        behind_mark = len(piece) == 1 and gap < _MARK_GAP_EM and _MARK.fullmatch(before.text)
        if gap > _PIECE_GAP_EM and not behind_mark:
            yield piece
            piece = []
        piece.append(word)
    yield piece
