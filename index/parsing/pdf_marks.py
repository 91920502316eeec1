"""What stands before the text of a list item or a numbered clause in a PDF: bullets, numbers, letters."""

import re
import unicodedata
from dataclasses import dataclass

from index.parsing.pdf_page import Line

_BULLETS = "•‣⁃∙◦●○◉◘■□▪▫◆◇♦▶►▸▷➢➤➔→⇒✓✔✗✘❖❑❒⮚★☆·¨"
_DASHES = "-–—*+~"
_ENUMERATOR = re.compile(
    r"\(?(?P<decimal>\d{1,3}(?:\.\d{1,3})+)[.)]?|\(?(?P<number>\d{1,3})[.)]|\(?(?P<letter>[a-zA-Z])[.)]"
    r"|\(?(?P<roman>[ivxlcIVXLC]{2,6})[.)]|(?:§|art\.|article|section|clause)(?P<section>)",
    re.IGNORECASE,
)
_GLUED_BULLET = re.compile(rf"[{_BULLETS}\ue000-\uf8ff](?=\w)")


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark: `x` is where it begins, `text_x` where the text behind it does.

    Attributes:
        text: as it is written; a bullet, whatever its glyph, is "•".
        depth: how many numbers a decimal one has ("4.2.1": 3); 0 of a bullet, else 1.
        words: how many words of the line it takes.
        certain: a bullet; a number or a dash may stand at the beginning of any line by chance.
    """

    text: str
    x: float
    text_x: float
    depth: int
    words: int
    certain: bool


def mark_of(line: Line) -> Mark | None:
    """The mark that `line` begins with, if it does."""
    first = line.words[0]
    if line.bullet_x is not None:
        return Mark("•", line.bullet_x, first.x0, 0, 0, certain=True)
    if len(line.words) < 2:
        return None
    second = line.words[1]
    if len(first.text) == 1 and _is_bullet(line):
        return Mark("•", first.x0, second.x0, 0, 1, certain=True)
    gap = second.x0 - first.x1
    if first.text in _DASHES and not second.glued:
        return Mark("•", first.x0, second.x0, 0, 1, certain=False)
    number = _ENUMERATOR.fullmatch(first.text)
    if number and number["section"] is None and not second.glued:
        depth = number["decimal"].count(".") + 1 if number["decimal"] else 1
        return Mark(first.text, first.x0, second.x0, depth, 1, certain=False)
    # "4  RETENTION", the number set apart
    if re.fullmatch(r"\d{1,2}", first.text) and not second.glued and (gap > 0.6 * line.size or line.bold):
        return Mark(first.text, first.x0, second.x0, 1, 1, certain=False)
    return None


def _is_bullet(line: Line) -> bool:
    first, second = line.words[0], line.words[1]
    code = first.text
    if first.symbol or code in _BULLETS or (unicodedata.category(code) in ("Co", "So", "Cn") and code not in "©®℗™°"):
        return True
    # Word's second level is an "o" in Courier.
    return code == "o" and (first.fixed_pitch or second.x0 - first.x1 > 0.6 * first.size)


def without_glued_bullet(line: Line) -> str:
    """The text of a line whose bullet no space parts from it, without the bullet; empty where there is none."""
    found = _GLUED_BULLET.match(line.text)
    return line.text[found.end() :] if found else ""
