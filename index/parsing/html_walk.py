"""A walk over an HTML page that makes the parts of its text: what is read in one go, and what governs it."""

import re
from dataclasses import dataclass, field, replace

from lxml import etree

from index.parsing.document import Kind
from index.parsing.html_content import HEADINGS, Content, is_toggle
from index.parsing.html_inline import Inline, Line, Style, clean
from index.parsing.html_links import link_sort
from index.parsing.html_notes import Notes
from index.parsing.html_tables import is_data_table, row_units
from index.parsing.html_tree import Element, tag_of
from index.parsing.html_units import Lead, Unit, introduction, whole

_INLINE = frozenset(
    """a abbr acronym b bdi bdo big cite code data dfn em font i ins kbd label mark nobr output q samp small span
    strong sub sup time tt u var wbr ruby rb picture img""".split()
)
_BOLD = frozenset("b strong u".split())
_BOLD_STYLE = re.compile(r"font-weight\s*:\s*(?:bold|[6-9]00)", re.IGNORECASE)
_BOLD_CLASS = re.compile(r"(?:\A|[\s_-])(?:semi)?bold(?:\Z|[\s_-])", re.IGNORECASE)
_TITLE_CLASS = re.compile(
    r"(?:\A|[\s_-])(?:(?:title|heading|headline|question)(?:[_-]?(?P<level>[1-6]))?|h(?P<rank>[1-6]))(?:\Z|\s)",
    re.IGNORECASE,
)
_PRE_STYLE = re.compile(r"white-space\s*:\s*pre", re.IGNORECASE)
_BLOCK_STYLE = re.compile(r"display\s*:\s*(?:block|flex|grid|table)", re.IGNORECASE)
_BULLET = re.compile(r"(?:[•·▪◦●○‣➢✓✔\uf0b7\uf0a7]\s*|[–*§o-]\s+)(?=\S)")
_LETTERED = re.compile(r"(?:\((?P<both>[a-z]|[ivx]{1,5}|\d{1,2})\)|(?P<right>[a-z]|[ivx]{1,5}|\d{1,2})\))\s+(?=\S)")
_NUMBERED = re.compile(r"\d{1,2}\.\s+(?=\S)")
_MSO_MARK = re.compile(r"mso-list:\s*ignore", re.IGNORECASE)
_MSO_LEVEL = re.compile(r"mso-list:[^;]*level(\d)")
_ROMANS = ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
_MAX_LEVEL = 6
# A line of its own within a paragraph that ends a sentence this long is a paragraph.
_OWN_PARAGRAPH_CHARS = 60


@dataclass(slots=True, eq=False)
class _List:
    depth: int
    lead_ins: tuple[Lead, ...]
    ordered: str = ""
    number: int = 0
    last: "_Item | None" = None
    terms: list[Unit] = field(default_factory=list)
    terms_end: bool = False


@dataclass(slots=True, eq=False)
class _Item:
    depth: int
    lead_ins: tuple[Lead, ...]
    mark: str = ""
    own: Unit | None = None
    titled: bool = False
    terms: list[Unit] | None = None


@dataclass(frozen=True, slots=True)
class _Context:
    style: Style = field(default_factory=Style)
    heading: int = 0
    item: _Item | None = None
    listing: _List | None = None
    mso_level: int = 0


class Walk:
    """Reads a page from its start to its end, without recursion."""

    def __init__(self, content: Content, notes: Notes, *, address: str | None) -> None:
        self._content, self._notes, self._address = content, notes, address
        self._units: list[Unit] = []
        self._inline = Inline()
        self._stack = [_Context()]
        self._rank = 1
        self._closed: tuple[_List, int] | None = None
        self._lettered: list[str] = []
        self._led: tuple[Lead, ...] = ()
        self._held: tuple[list[str], tuple[Lead, ...], int] = ([], (), 0)
        self._number = 0
        self._mso_mark = ""

    def units(self, root: Element) -> list[Unit]:
        """The parts of `root` in reading order."""
        walker = etree.iterwalk(root, events=("start", "end"))
        for event, element in walker:
            if event == "end":
                self._end(element, is_root=element is root)
            elif self._start(element):
                self._inline.add(element.text, self._stack[-1].style)
            else:
                walker.skip_subtree()
        self._flush()
        return self._units

    def _start(self, element: Element) -> bool:
        """Enter `element`; whether what is in it is to be read."""
        outer = self._stack[-1]
        self._stack.append(outer)
        if element in self._content.skipped:
            return False
        if element in self._notes.cited:
            for note in self._notes.cited[element]:
                self._inline.cite(note)
            return False
        if element in self._notes.notes:
            self._flush()
            self._add_note(element)
            return False
        tag = tag_of(element)
        if tag == "br":
            self._inline.break_line()
            return False
        if tag == "a" and not len(element) and (element.get("href") or "").startswith("#") and _is_sign(element.text):
            return False
        if _MSO_MARK.search(element.get("style") or ""):
            self._mso_mark = clean("".join(element.itertext())).strip()
            return False
        context = replace(outer, style=self._style(element, tag, outer.style))
        if self._is_block(element, tag):
            self._flush()
            if tag == "table" and is_data_table(element, nested=self._tables(element) > 1):
                self._add_table(element)
                return False
            self._open_panel(element)
            context = self._entered(element, tag, context)
        self._stack[-1] = context
        return True

    def _end(self, element: Element, *, is_root: bool) -> None:
        tag = tag_of(element)
        if self._is_block(element, tag) and element not in self._content.skipped and element not in self._notes.cited:
            self._flush()
            self._left(tag)
        self._stack.pop()
        if not is_root:
            self._inline.add(element.tail, self._stack[-1].style)

    def _is_block(self, element: Element, tag: str) -> bool:
        if tag in ("br", ""):
            return False
        if tag in _INLINE:
            style = element.get("style")
            return style is not None and tag == "span" and _BLOCK_STYLE.search(style) is not None
        if ":" in tag:
            return False  # Word's smart tags
        # an element of the page's own making within a line
        return "-" not in tag or not ((element.tail or "").strip() or self._inline.ends_in_words())

    def _style(self, element: Element, tag: str, outer: Style) -> Style:
        style, names = element.get("style") or "", element.get("class") or ""
        bold = outer.bold or tag in _BOLD or bool(style and _BOLD_STYLE.search(style))
        bold = bold or bool(names and (_BOLD_CLASS.search(names) or self._is_titled(element, tag, names)))
        link = outer.link
        if tag == "a" and element.get("href") and not is_toggle(element):
            link = link_sort(element.get("href") or "", address=self._address)
        pre = outer.pre or tag == "pre" or bool(style and _PRE_STYLE.search(style))
        return outer if (bold, link, pre) == (outer.bold, outer.link, outer.pre) else Style(bold, link, pre)

    def _is_titled(self, element: Element, tag: str, names: str) -> bool:
        """Whether a short `div` or `p` is a title by its class, or by an anchor made of its words."""
        return tag in ("div", "p", "span") and self._is_short(element, 16) and _TITLE_CLASS.search(names) is not None

    def _titled_level(self, element: Element, tag: str) -> int:
        """The rank that a class gives a short `div` or `p`, or 0."""
        found = _TITLE_CLASS.search(element.get("class") or "") if tag in ("div", "p") else None
        return int(found["level"] or found["rank"] or 0) if found and self._is_short(element, 16) else 0

    def _tables(self, element: Element) -> int:
        stat = self._content.stats.get(element)
        return stat.tables if stat else 1

    def _entered(self, element: Element, tag: str, context: _Context) -> _Context:
        """The context within the block `element`."""
        role = element.get("role")
        titled = self._titled_level(element, tag)
        if tag in HEADINGS or role == "heading" or titled:
            given = str(titled or element.get("aria-level") or tag[1:])
            level = int(given) if given.isdecimal() and len(given) == 1 and given != "0" else _MAX_LEVEL
            return replace(context, heading=level)
        if context.heading:
            return context
        if tag == "summary" or (
            is_toggle(element) and not self._holds_heading(element) and self._is_short(element, 40)
        ):
            return replace(context, heading=min(self._rank + 1, _MAX_LEVEL))
        if tag in ("ul", "ol", "menu", "dir", "dl"):
            return replace(context, listing=self._opened(element, tag, context), item=None)
        if tag == "li":
            return self._in_item(element, context)
        if tag in ("dt", "dd") and context.listing:
            return replace(context, item=self._term(tag, context.listing))
        mso_level = _MSO_LEVEL.search(element.get("style") or "")
        return replace(context, mso_level=int(mso_level[1])) if mso_level else context

    def _is_short(self, element: Element, words: int) -> bool:
        stat = self._content.stats.get(element)
        return stat is not None and 0 < stat.words + stat.link_words <= words

    def _holds_heading(self, element: Element) -> bool:
        return any(tag_of(below) in HEADINGS for below in element.iter())

    def _opened(self, element: Element, tag: str, context: _Context) -> _List:
        outer = context.item or (context.listing.last if context.listing else None)
        depth = context.listing.depth + 1 if context.listing else 1
        last = self._units[-1] if self._units else None
        lead_ins = outer.lead_ins if outer else ()
        if outer and outer.own:
            lead_ins = (*lead_ins, whole(outer.own))
        start = element.get("start") or "1"
        number = int(start) - 1 if start.isdecimal() and len(start) < 6 else 0
        if outer is None and self._goes_on(number):
            lead_ins = self._closed[0].lead_ins if self._closed else ()
        elif last is not None and not (outer and last is outer.own) and (outer or last.kind is not Kind.ITEM):
            lead = introduction(last) if outer is None or outer.own is not None or last.kind is not Kind.ITEM else None
            lead_ins = (*lead_ins, lead) if lead else lead_ins
        ordered = (element.get("type") or "1") if tag == "ol" else ""
        return _List(depth, lead_ins, ordered, number)

    def _goes_on(self, number: int) -> bool:
        """Whether a list goes on with the one before: nothing is between, or it counts on and no heading is."""
        if self._closed is None:
            return False
        listing, at = self._closed
        counts_on = number > 0 and listing.number == number
        return at == len(self._units) or (counts_on and all(unit.kind is not Kind.HEADING for unit in self._units[at:]))

    def _in_item(self, element: Element, context: _Context) -> _Context:
        listing = context.listing or _List(1, ())
        value = element.get("value") or ""
        listing.number = int(value) if value.isdecimal() and len(value) < 6 else listing.number + 1
        mark = f"{_numeral(listing.number, listing.ordered)}. " if listing.ordered else "• "
        listing.last = _Item(listing.depth, listing.lead_ins, mark)
        return replace(context, listing=listing, item=listing.last)

    def _term(self, tag: str, listing: _List) -> _Item:
        if tag == "dt":
            if listing.terms_end:
                listing.terms, listing.terms_end = [], False
            return _Item(listing.depth, listing.lead_ins, terms=listing.terms)
        listing.terms_end = True
        return _Item(listing.depth + 1, (*listing.lead_ins, *map(whole, listing.terms)))

    def _left(self, tag: str) -> None:
        context = self._stack[-1]
        if tag in ("ul", "ol") and context.listing and context.listing.depth == 1:
            self._closed = (context.listing, len(self._units))

    def _open_panel(self, element: Element) -> None:
        """Set the label of the tab that shows `element` over it."""
        control = self._content.panels.get(element.get("id") or "")
        if control is None or self._stack[-1].heading:
            return
        text = self._read(control).text.replace("\n", " ")
        if text:
            self._add(Unit(Kind.HEADING, text, level=min(self._rank + 1, _MAX_LEVEL)))

    def _read(self, element: Element) -> Line:
        """All words of `element` as one, lines apart."""
        inline = Inline()
        styles = [Style()]
        walker = etree.iterwalk(element, events=("start", "end"))
        for event, inner in walker:
            tag = tag_of(inner)
            if event == "end":
                styles.pop()
                if tag not in _INLINE and tag != "br":
                    inline.break_line()
                if inner is not element:
                    inline.add(inner.tail, styles[-1])
                continue
            styles.append(self._style(inner, tag, styles[-1]))
            cited = self._notes.cited.get(inner, []) if inner is not element else []
            for note in cited:
                inline.cite(note)
            if tag not in _INLINE:
                inline.break_line()
            unread = inner is not element and (inner in self._content.skipped or inner in self._notes.backs)
            if cited or unread:
                walker.skip_subtree()
            else:
                inline.add(inner.text, styles[-1])
        joined = Line()
        for line in inline.take():
            if line.text or line.notes:
                joined.extend(line, between="\n" if line.text else "")
        return joined

    def _add_note(self, element: Element) -> None:
        line = self._read(element)
        text = re.sub(r"\A[\s\[\](),;^]*", "", line.text)
        if text:
            self._add(Unit(Kind.PARAGRAPH, text, note=self._notes.notes[element]))

    def _add_table(self, element: Element) -> None:
        item = self._stack[-2].item
        lead_ins = item.lead_ins if item else ()
        if item and item.own:
            lead_ins = (*lead_ins, whole(item.own))
        last = self._units[-1] if self._units else None
        if last is not None and not (item and last is item.own) and last.kind is not Kind.ITEM:
            lead = introduction(last)
            lead_ins = (*lead_ins, lead) if lead else lead_ins
        caption = next((child for child in element if tag_of(child) == "caption"), None)
        if caption is not None and caption not in self._content.skipped and self._read(caption).text:
            self._add(Unit(Kind.PARAGRAPH, self._read(caption).text.replace("\n", " ")))
            lead_ins = (*lead_ins, whole(self._units[-1]))
        for unit in row_units(element, read=self._read, lead_ins=lead_ins):
            self._add(unit)

    def _add(self, unit: Unit) -> None:
        if unit.kind is Kind.HEADING:
            self._led, self._lettered, self._held = (), [], ([], (), 0)
        self._units.append(unit)

    def _flush(self) -> None:
        context = self._stack[-1]
        lines = self._inline.take()
        if not any(line.text for line in lines):
            if self._units and lines and lines[0].notes:
                self._units[-1].notes += tuple(lines[0].notes)
            return
        if context.heading:
            joined = Line()
            for line in lines:
                joined.extend(line, between=" " if line.text else "")
            self._add_heading(joined, context)
            return
        for paragraph in _paragraphs(lines):
            self._add_paragraph(paragraph, context)

    def _add_heading(self, line: Line, context: _Context) -> None:
        if not context.style.bold and context.heading <= _MAX_LEVEL:
            self._rank = context.heading
        unit = Unit(Kind.HEADING, line.text.strip(), level=context.heading, notes=tuple(line.notes), links=_links(line))
        self._add(unit)
        if context.item:
            context.item.titled = True
            if context.item.terms is not None:
                context.item.terms.append(unit)

    def _add_paragraph(self, line: Line, context: _Context) -> None:
        unit = Unit(Kind.PARAGRAPH, line.text, notes=tuple(line.notes), bold=line.is_bold, links=_links(line))
        item = context.item
        if item is None:
            self._mark_out(unit, context)
        elif item.titled and item.terms is None:
            unit.lead_ins = item.lead_ins
        elif item.own is None:
            unit.kind, unit.level, unit.mark, unit.lead_ins = Kind.ITEM, item.depth, item.mark, item.lead_ins
            item.own = unit
            if item.terms is not None:
                item.terms.append(unit)
        else:
            governs = item.own.words <= 12 or introduction(item.own)
            unit.kind, unit.level = Kind.ITEM, item.depth + bool(governs)
            unit.lead_ins = (*item.lead_ins, whole(item.own)) if governs else item.lead_ins
        self._add(unit)

    def _mark_out(self, unit: Unit, context: _Context) -> None:
        """Make an item of a paragraph that begins with a list's mark."""
        last = self._units[-1] if self._units else None
        written, self._mso_mark = self._mso_mark, ""
        bullet = None if written else _BULLET.match(unit.text)
        number = _LETTERED.match(unit.text) or (_NUMBERED.match(unit.text) if self._may_count(unit, last) else None)
        if not (bullet or number or context.mso_level):
            if self._lettered:
                self._held = (self._lettered, self._led, self._number)
            self._led, self._lettered = (), []
            return
        mark = written or (bullet or number or [""])[0].strip()
        count = int(mark.strip("().")) if mark.strip("().").isdecimal() else 0
        if not self._lettered and count > 1 and count == self._held[2] + 1:
            self._lettered, self._led, self._number = self._held  # a paragraph came between two numbers
        elif not self._lettered:
            lead = introduction(last) if last is not None and last.kind is not Kind.ITEM else None
            self._led = (lead,) if lead else ()
        self._number = count or self._number
        sort = str(context.mso_level) if context.mso_level else _mark_sort(mark, self._lettered)
        if sort in self._lettered:
            del self._lettered[self._lettered.index(sort) + 1 :]
        else:
            self._lettered.append(sort)
        unit.kind, unit.level = Kind.ITEM, context.mso_level or len(self._lettered)
        above = next(
            (one for one in reversed(self._units) if one.kind is not Kind.ITEM or one.level < unit.level), None
        )
        nested = above is not None and above.kind is Kind.ITEM and unit.level > 1
        unit.lead_ins = (*above.lead_ins, whole(above)) if nested and above else self._led
        # A letter or a number that the page writes may be referred to: it is a word of the text.
        unit.mark = "• " if bullet or (written and not count) else f"{written} ".lstrip()
        unit.text = unit.text[bullet.end() :] if bullet else unit.text

    def _may_count(self, unit: Unit, last: Unit | None) -> bool:
        """Whether a number before a paragraph is a list's: something introduces it, or it goes on counting."""
        number = int(unit.text.partition(".")[0]) if _NUMBERED.match(unit.text) else 0
        return bool(self._led) or introduction(last) is not None or (number > 1 and number == self._held[2] + 1)


def _is_sign(text: str | None) -> bool:
    """Whether a link says nothing, as the "¶" and "#" do that mark a heading's address."""
    return text is not None and not any(map(str.isalnum, text))


def _links(line: Line) -> frozenset[str]:
    return frozenset(line.links) if line.is_link(*line.links) else frozenset()


def _mark_sort(mark: str, seen: list[str]) -> str:
    """What sort of mark it is: bullets of one shape, letters, Roman numerals, numbers."""
    inner = mark.strip("().")
    if inner.isdigit():
        return "1"
    if not inner.isalpha() or mark == "o":
        return mark
    # "i" goes on from "h" where letters came before, and begins Roman numerals where not
    roman = set(inner) <= set("ivx")
    return "i" if roman and (len(inner) > 1 or "a" not in seen or seen[-1] == "i" or inner == "i") else "a"


def _numeral(number: int, kind: str) -> str:
    """`number` as a list of `kind` writes it.

    >>> _numeral(4, "i"), _numeral(3, "A"), _numeral(12, "1")
    ('iv', 'C', '12')
    """
    if kind in ("i", "I") and 0 < number < 40:
        written = ""
        for value, letters in _ROMANS:
            while number >= value:
                written, number = written + letters, number - value
        return written.upper() if kind == "I" else written
    if kind in ("a", "A") and 0 < number <= 26:
        return chr(ord(kind) + number - 1)
    return str(number)


def _paragraphs(lines: list[Line]) -> list[Line]:
    """Lines as paragraphs: apart at blank lines, bold titles, marks of lists, and where a long one ends a sentence."""
    found: list[Line] = []
    joins = False
    for line in lines:
        if not line.text:
            joins = False
            if line.notes and found:
                found[-1].notes += line.notes
            continue
        last = found[-1] if found else None
        own = (
            last is None
            or line.is_bold != last.is_bold
            or _BULLET.match(line.text) is not None
            or _BULLET.match(last.text) is not None
            or _LETTERED.match(line.text) is not None
            or (_NUMBERED.match(line.text) is not None)
            or last.text.endswith((":", "?"))
            or (len(last.text) >= _OWN_PARAGRAPH_CHARS and last.text[-1] in ".!")
        )
        if joins and not own and last is not None:
            last.extend(line, between="\n")
        else:
            found.append(line)
        joins = True
    return found
