"""Lines of a PDF put together: paragraphs, items and headings, each the lines that it stands on."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from index.parsing.pdf_layout import Element
from index.parsing.pdf_marks import Mark, mark_of
from index.parsing.pdf_page import Line
from index.parsing.pdf_tables import Table

# Baselines stand exactly in a PDF: paragraphs set apart by 3 pt at 11 on 13.
_GAP, _GAP_OF_RAISED = 1.18, 1.45
_MOST_OF_A_LINE = 0.7
_SENTENCE_END = re.compile(r"[.!?:;…][\"”’')\]]*\Z")
_LIST_GOES_ON = re.compile(r"(?:[.:;,!?][\"”’')\]]*|\b(?:and|or))\Z")


@dataclass(slots=True)
class Paragraph:
    """Lines that belong together, and the mark before them."""

    lines: list[Line]
    mark: Mark | None = None
    # How far below the line above it begins, in leadings; 9 where a column begins.
    gap: float = 9.0

    @property
    def first(self) -> Line:
        """The first line."""
        return self.lines[0]

    @property
    def last(self) -> Line:
        """The last line."""
        return self.lines[-1]

    @property
    def text_x(self) -> float:
        """Where its lines begin, behind the mark."""
        return self.mark.text_x if self.mark else min(line.x0 for line in self.lines[:3])

    @property
    def edge(self) -> float:
        """Where its lines begin in the column that it goes on in."""
        last = self.last
        if (last.page, last.left) != (self.first.page, self.first.left):
            return min(line.x0 for line in self.lines if (line.page, line.left) == (last.page, last.left))
        if self.mark is None and len(self.lines) > 1:
            return min(line.x0 for line in self.lines[1:])
        return self.text_x

    @property
    def x(self) -> float:
        """Where it begins, with its mark."""
        return self.mark.x if self.mark else self.first.x0

    @property
    def inset(self) -> float:
        """How far from its column's edge it begins, with its mark."""
        return self.x - self.first.base

    @property
    def bold(self) -> bool:
        """Whether all its words are."""
        return all(line.bold for line in self.lines)

    @property
    def size(self) -> float:
        """The size of its letters."""
        return self.first.size

    def texts(self) -> list[str]:
        """The text of each line, without the mark."""
        first = self.first
        if self.mark and self.mark.words:
            first = Line(first.words[self.mark.words :], first.page)
        return [first.text, *(line.text for line in self.lines[1:])]


@dataclass(slots=True)
class Flow:
    """What holds of the lines of a whole document: the size of its text, and how far apart lines of each size stand."""

    body_size: float
    leadings: dict[float, float] = field(default_factory=dict)

    @classmethod
    def of(cls, lines: Iterable[Line]) -> "Flow":
        """The measures of `lines`, which are in reading order."""
        chars: Counter[float] = Counter()
        drops: defaultdict[float, Counter[float]] = defaultdict(Counter)
        before: Line | None = None
        for line in lines:
            chars[line.size] += len(line.text)
            if before and _in_one_column(before, line) and before.size == line.size:
                drop = round(before.y - line.y, 1)
                if drop < 2.2 * line.size:
                    drops[line.size][drop] += 1
            before = line
        body = chars.most_common(1)[0][0] if chars else 10.0
        return cls(body, {size: _leading(counts) for size, counts in drops.items() if counts})

    def leading(self, size: float) -> float:
        """How far apart lines of `size` stand within a paragraph."""
        as_body = size * self.leadings.get(self.body_size, 1.2 * self.body_size) / self.body_size
        # Headings of one line that follow each other say nothing of how far the lines of one stand apart.
        return min(self.leadings.get(size, as_body), max(1.1 * as_body, 1.25 * size))


def _leading(drops: Counter[float]) -> float:
    """The smallest of the distances that are common; paragraphs' own distances are larger."""
    total = sum(drops.values())
    common = [drop for drop in drops if sum(drops[near] for near in drops if abs(near - drop) < 0.35) >= 0.15 * total]
    return min(common or [drops.most_common(1)[0][0]])


def _in_one_column(above: Line, below: Line) -> bool:
    same = above.page == below.page and above.left == below.left and above.right == below.right
    return same and above.y > below.y


def paragraphs(elements: Sequence[Element], flow: Flow) -> list[Paragraph | Table]:
    """The lines of `elements` put together, tables between them."""
    result: list[Paragraph | Table] = []
    for element in elements:
        above = result[-1] if result else None
        if isinstance(element, Table):
            result.append(element)
            continue
        open_paragraph = above if isinstance(above, Paragraph) else None
        parting = _parting(open_paragraph, element, flow) if open_paragraph else None
        mark = mark_of(element)
        if mark and not mark.certain and open_paragraph and not _may_begin_item(open_paragraph, element, mark, flow):
            mark = None
        if open_paragraph and mark is None and not parting:
            open_paragraph.lines.append(element)
        else:
            gap = 9.0
            if open_paragraph and _in_one_column(open_paragraph.last, element):
                gap = (open_paragraph.last.y - element.y) / flow.leading(element.size)
            result.append(Paragraph([element], mark, gap))
    return result


def _may_begin_item(above: Paragraph, line: Line, mark: Mark, flow: Flow) -> bool:
    """Whether a number or a dash at the beginning of `line` is a mark, and not a part of a sentence that goes on."""
    last = above.last
    if not _in_one_column(last, line):
        return bool(_LIST_GOES_ON.search(last.text)) or bool(above.mark) or line.bold or line.size != last.size
    gap = last.y - line.y > _GAP * flow.leading(line.size)
    moved = abs(line.x0 - above.edge) > 0.5 * line.size
    sibling = above.mark is not None and abs(above.mark.x - mark.x) < 0.5 * line.size
    return gap or (moved and sibling) or _is_forced(last, line) or bool(_LIST_GOES_ON.search(last.text) and moved)


def _is_forced(above: Line, below: Line) -> bool:
    """Whether the line was ended on purpose: the first word of the next one would have had room in it."""
    first = below.words[0]
    end = first.x1
    for word in below.words[1:]:
        if not word.glued:
            break
        end = word.x1
    return above.x1 + 0.25 * above.size + end - first.x0 < above.right - 0.8 * above.size


def _parting(above: Paragraph, line: Line, flow: Flow) -> bool:
    """Whether a new paragraph begins with `line`."""
    last = above.last
    if abs(last.size - line.size) > 0.07 * max(last.size, line.size):
        return True
    if not _in_one_column(last, line):
        return not _goes_on_elsewhere(above, line)
    drop = last.y - line.y
    leading = flow.leading(line.size)
    # A raised mark may lift its line off the one above.
    if drop > (_GAP_OF_RAISED if line.cites else _GAP) * leading + 0.3:
        return True
    forced = _is_forced(last, line)
    if above.bold != line.bold and (forced or (above.bold and len(above.lines) > 1)):
        return True
    if _is_centred(last) and _is_centred(line) and above.mark is None:
        return forced and bool(_SENTENCE_END.search(last.text))
    if _is_indented(above, line):
        return True
    if above.mark and line.x0 < above.edge - 0.7 * line.size:
        return forced or bool(_SENTENCE_END.search(last.text))
    return forced and (bool(_SENTENCE_END.search(last.text)) or (drop > 1.08 * leading and not line.cites))


def _is_indented(above: Paragraph, line: Line) -> bool:
    """Whether `line` begins farther right than the paragraph above it goes on: the first line of a new one."""
    if len(above.lines) == 1 and above.mark is None:
        # A hanging indent: the text of the paragraph's own first line reaches the edge.
        hangs = not _SENTENCE_END.search(above.last.text) and not _is_forced(above.last, line)
        return line.x0 > above.first.x0 + 0.7 * line.size and not hangs
    return line.x0 > above.edge + 0.7 * line.size


def _is_centred(line: Line) -> bool:
    middle = (line.left + line.right) / 2
    inset = line.x0 - line.left
    return abs((line.x0 + line.x1) / 2 - middle) < 2 and inset > 1.5 * line.size


def _goes_on_elsewhere(above: Paragraph, line: Line) -> bool:
    """Whether the paragraph at the foot of a column or page goes on with `line` at the top of the next."""
    last = above.last
    if above.bold != line.bold and (above.bold or line.bold) and not line.text[:1].islower():
        return False
    if above.mark is None and above.bold and len(above.lines) == 1 and not line.text[:1].islower():
        return False
    if line.text[:1].islower():
        return not _SENTENCE_END.search(last.text) or last.text.endswith((";", ":")) is False
    ended = _SENTENCE_END.search(last.text)
    reaches = last.x1 - last.left > _MOST_OF_A_LINE * (last.right - last.left)
    return not ended and (reaches or line.text[:1].isdigit())
