"""Runs of inline HTML as lines of plain words, with how much of each is bold or a link."""

import re
from dataclasses import dataclass, field

INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_SPACE = re.compile(r"[ \t\n\r\f\v\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_PRE_SPACE = re.compile(r"[ \t\r\f\v\u00a0]+")
# Numeric references of windows-1252 that its authors took for Unicode's ("&#146;").
_CP1252 = {code: bytes([code]).decode("windows-1252", errors="ignore") or None for code in range(0x80, 0xA0)}


@dataclass(frozen=True, slots=True)
class Style:
    """How a piece of text is marked.

    Attributes:
        link: "" for no link, else "anchor" (of the same page), "site" or "web" (another site's, mail, telephone).
    """

    bold: bool = False
    link: str = ""
    pre: bool = False


@dataclass(slots=True)
class Line:
    """A line of words, the letters in it, and how many of them are bold or in links of each sort."""

    text: str = ""
    letters: int = 0
    bold: int = 0
    links: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def is_bold(self) -> bool:
        """Whether all its words are bold."""
        return self.letters > 0 and self.bold == self.letters

    def is_link(self, *sorts: str) -> bool:
        """Whether all its words are links of `sorts`."""
        return self.letters > 0 and sum(self.links.get(sort, 0) for sort in sorts) >= self.letters

    def extend(self, other: "Line", *, between: str) -> None:
        """Append `other`."""
        self.text = f"{self.text}{between}{other.text}" if self.text else other.text
        self.letters += other.letters
        self.bold += other.bold
        for sort, letters in other.links.items():
            self.links[sort] = self.links.get(sort, 0) + letters
        self.notes += other.notes


def clean(text: str, *, pre: bool = False) -> str:
    r"""`text` with plain spaces and without what nobody sees; its line ends are kept if `pre`.

    >>> clean("your\u00a0data\n is\u00ad\u200b safe")
    'your data is safe'
    """
    visible = INVISIBLE.sub("", text).translate(_CP1252)
    return _PRE_SPACE.sub(" ", visible) if pre else _SPACE.sub(" ", visible)


class Inline:
    """Takes text and line breaks one after another, and gives lines."""

    def __init__(self) -> None:
        self._pieces: list[tuple[str, Style]] = []
        self.notes: list[tuple[int, str]] = []

    def add(self, text: str | None, style: Style) -> None:
        """Append `text` as it stands in the page."""
        if text:
            cleaned = clean(text, pre=style.pre)
            if cleaned:
                self._pieces.append((cleaned, style))

    def break_line(self) -> None:
        """Append a line break."""
        self._pieces.append(("\n", Style(pre=True)))

    def cite(self, note: str) -> None:
        """Append a footnote's mark."""
        self.notes.append((len(self._pieces), note))

    def ends_in_words(self) -> bool:
        """Whether the text ends within a line, so that what follows goes on with it."""
        return bool(self._pieces) and not self._pieces[-1][0].isspace()

    def take(self) -> list[Line]:
        """The lines so far, blank ones as empty lines; what follows begins anew."""
        lines = [_Gathered()]
        notes = dict.fromkeys((position for position, _ in self.notes))
        for position, (text, style) in enumerate([*self._pieces, ("", Style())]):
            if position in notes:
                lines[-1].notes += [note for place, note in self.notes if place == position]
            for number, part in enumerate(text.split("\n")):
                if number:
                    lines.append(_Gathered())
                lines[-1].add(part, style)
        self._pieces, self.notes = [], []
        return [line.line() for line in lines]


class _Gathered:
    def __init__(self) -> None:
        self.notes: list[str] = []
        self._parts: list[str] = []
        self._line = Line()

    def add(self, text: str, style: Style) -> None:
        self._parts.append(text)
        letters = sum(map(str.isalnum, text))
        self._line.letters += letters
        self._line.bold += letters * style.bold
        if style.link:
            self._line.links[style.link] = self._line.links.get(style.link, 0) + letters

    def line(self) -> Line:
        self._line.text = _SPACE.sub(" ", "".join(self._parts)).strip()
        self._line.notes = self.notes
        return self._line
