"""The body of a Word file as HTML: headings, lists, tables, footnotes; without what is hidden or struck out."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lxml import html as lxml_html

from index.parsing.docx_styles import (
    Element,
    Numberings,
    Style,
    Styles,
    child,
    indent_of,
    is_on,
    is_unseen,
    local_name,
    number_of,
    numbering_of,
    value_of,
)
from index.parsing.html_tree import Element as HtmlElement

_WRAPPERS = frozenset("ins moveTo smartTag customXml sdtContent fldSimple dir bdo".split())
_DELETED = frozenset("del moveFrom".split())
_TYPES = {"lowerLetter": "a", "upperLetter": "A", "lowerRoman": "i", "upperRoman": "I"}
_CONTENTS = re.compile(r"(?:toc|contents)(?: \d| heading)\Z")
_INVALID = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a Word file that its text is in, as XML."""

    document: Element
    styles: Element | None
    numbering: Element | None
    notes: Mapping[str, Element | None]
    links: Mapping[str, str]


@dataclass(slots=True)
class _OpenList:
    depth: int
    indent: int
    identity: str
    element: HtmlElement
    last: HtmlElement | None = None

    def is_deeper(self, identity: str, depth: int, indent: int) -> bool:
        """Whether it is nested deeper than an item of the list `identity` at `depth`, set in so far."""
        return self.depth > depth if identity == self.identity else self.indent > indent


@dataclass(slots=True)
class _Target:
    """Where blocks are written, and the lists that are open there."""

    element: HtmlElement
    lists: list[_OpenList] = field(default_factory=list)


def body_html(parts: Parts) -> HtmlElement:
    """The text of a Word file as an HTML page."""
    return _Body(parts).page()


def _append_text(element: HtmlElement, text: str) -> None:
    text = _INVALID.sub("", text)
    if len(element):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text


def _add(parent: HtmlElement, tag: str, **attributes: str) -> HtmlElement:
    element = lxml_html.Element(tag, **attributes)
    parent.append(element)
    return element


class _Body:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._styles = Styles.of(parts.styles)
        self._numberings = Numberings.of(parts.numbering)
        self._counts: dict[tuple[str, int], int] = {}
        self._cited: dict[tuple[str, str], None] = {}
        self._boxes: list[Element] = []
        self._bookmarks: list[str] = []
        names = (self._styles.get(value_of(child(each, "pPr", "pStyle"))).name for each in self._paragraphs())
        self._titled = "title" in names

    def _paragraphs(self) -> Iterator[Element]:
        return (each for each in self._parts.document.iter() if local_name(each) == "p")

    def page(self) -> HtmlElement:
        root = lxml_html.Element("html")
        target = _Target(_add(root, "body"))
        self._write(child(self._parts.document, "body"), target)
        # a note may cite another
        written = 0
        while written < len(self._cited):
            sort, identity = list(self._cited)[written]
            written += 1
            notes = self._parts.notes.get(sort)
            for note in notes if notes is not None else ():
                if local_name(note) == sort and value_of(note, "id") == identity:
                    self._write(note, _Target(_add(target.element, "div", id=f"{sort}-{identity}")))
        return root

    def _write(self, container: Element | None, target: _Target) -> None:
        """Write the blocks in `container`; libxml2 allows 256 levels, so that this may call itself."""
        for each in container if container is not None else ():
            name = local_name(each)
            if name == "p":
                self._write_paragraph(each, target)
            elif name == "tbl":
                target.lists.clear()
                self._write_table(each, target.element)
            elif name == "sdt":
                gallery = child(each, "sdtPr", "docPartObj", "docPartGallery")
                if value_of(gallery) != "Table of Contents":
                    self._write(child(each, "sdtContent"), target)
            elif name == "bookmarkStart":
                self._bookmarks.append(_INVALID.sub("", value_of(each, "name") or ""))
            elif name in _WRAPPERS:
                self._write(each, target)
            elif name == "AlternateContent":
                self._write(_chosen(each), target)

    def _write_paragraph(self, paragraph: Element, target: _Target) -> None:
        properties = child(paragraph, "pPr")
        style = self._styles.get(value_of(child(properties, "pStyle")))
        outer, self._boxes = self._boxes, []
        element = self._place(properties, style, target)
        for name in self._bookmarks:
            _add(element, "a", id=name)
        self._bookmarks = []
        in_contents = _CONTENTS.match(style.name) or _is_contents_entry(paragraph)
        self._write_runs(paragraph, _add(element, "a", href="#") if in_contents else element, style)
        boxes, self._boxes = self._boxes, outer
        if not "".join(element.itertext()).strip() and not any(each.get("id") or each.get("role") for each in element):
            self._withdraw(element, target)
        for box in boxes:
            self._write(box, _Target(_add(target.element, "div")))

    def _withdraw(self, element: HtmlElement, target: _Target) -> None:
        """Take an empty paragraph out again."""
        parent = element.getparent()
        if parent is None:
            return
        parent.remove(element)
        if element.tag == "li" and target.lists:
            target.lists[-1].last = parent[-1] if len(parent) else None
            if not len(parent) and parent.getparent() is not None:
                parent.getparent().remove(parent)
                target.lists.pop()

    def _place(self, properties: Element | None, style: Style, target: _Target) -> HtmlElement:
        """A new element for a paragraph: heading, list item, or paragraph."""
        given = child(properties, "outlineLvl")
        outline = number_of(given, 9) if given is not None else style.outline
        if style.name == "title" or (outline is not None and outline < 9):
            target.lists.clear()
            rank = 1 if style.name == "title" else (outline or 0) + 1 + self._titled
            return _add(target.element, f"h{min(rank, 6)}")
        own = numbering_of(child(properties, "numPr"))
        numbering = own or style.numbering
        direct = indent_of(properties)
        if numbering is not None and numbering[0] != "0":
            given = child(properties, "numPr", "ilvl")
            depth = min(number_of(given) if given is not None else numbering[1], 8)
            listed = self._numberings.get(numbering[0], depth)[2]
            indents = (direct, *((listed, style.indent) if own else (style.indent, listed)), 360 * (depth + 1))
            return self._item(numbering[0], depth, next(each for each in indents if each is not None), target)
        if target.lists and (direct or 0) > 0 and target.lists[-1].last is not None:
            return _add(target.lists[-1].last, "p")  # goes on with the item above
        target.lists.clear()
        return _add(target.element, "p")

    def _item(self, identity: str, depth: int, indent: int, target: _Target) -> HtmlElement:
        kind, first, _ = self._numberings.get(identity, depth)
        count = self._counts.get((identity, depth), first - 1) + 1
        self._counts[identity, depth] = count
        for deeper in [key for key in self._counts if key[0] == identity and key[1] > depth]:
            del self._counts[deeper]
        while target.lists and target.lists[-1].is_deeper(identity, depth, indent):
            target.lists.pop()
        top = target.lists[-1] if target.lists else None
        same = top is not None and (top.depth == depth if top.identity == identity else top.indent == indent)
        if top is None or not same or (top.identity != identity and len(target.lists) == 1):
            if same:
                target.lists.pop()
                top = None
            parent = top.last if top is not None and top.last is not None else target.element
            if kind in ("bullet", "none"):
                element = _add(parent, "ul")
            else:
                element = _add(parent, "ol", type=_TYPES.get(kind, "1"), start=str(count))
            target.lists.append(_OpenList(depth, indent, identity, element))
        item = _add(target.lists[-1].element, "li")
        target.lists[-1].last = item
        return item

    def _write_runs(self, container: Iterable[Element], target: HtmlElement, style: Style) -> None:
        for each in container:
            name = local_name(each)
            if name == "r":
                self._write_run(each, target, style)
            elif name == "hyperlink":
                anchor = value_of(each, "anchor")
                href = f"#{anchor}" if anchor else self._parts.links.get(value_of(each, "id") or "", "")
                self._write_runs(each, _add(target, "a", href=_INVALID.sub("", href)), style)
            elif name == "bookmarkStart":
                _add(target, "a", id=_INVALID.sub("", value_of(each, "name") or ""))
            elif name in _WRAPPERS or name == "sdt":
                self._write_runs(each, target, style)
            elif name == "AlternateContent":
                self._write_runs(_chosen(each) or (), target, style)

    def _write_run(self, run: Element, target: HtmlElement, paragraph: Style) -> None:
        marks = child(run, "rPr")
        style = self._styles.get(value_of(child(marks, "rStyle")))
        unseen = is_unseen(marks)
        if unseen or (unseen is None and (style.hidden or paragraph.hidden)):
            return
        bold = is_on(child(marks, "b"))
        if bold or (bold is None and (style.bold or paragraph.bold)):
            target = _add(target, "b")
        if value_of(child(marks, "vertAlign")) == "superscript" and child(run, "t") is not None:
            target = _add(target, "sup")
        self._write_words(run, target)

    def _write_words(self, run: Iterable[Element], target: HtmlElement) -> None:
        for each in run:
            name = local_name(each)
            if name == "t":
                _append_text(target, each.text or "")
            elif name in ("tab", "ptab"):
                _append_text(target, " ")
            elif name in ("br", "cr"):
                _add(target, "br")
            elif name == "noBreakHyphen":
                _append_text(target, "-")
            elif name in ("footnoteReference", "endnoteReference"):
                self._cite(name.removesuffix("Reference"), value_of(each, "id") or "", target)
            elif name in ("drawing", "pict", "object"):
                self._boxes += [
                    box for box in each.iter() if local_name(box) == "txbxContent" and not _is_inner(box, each)
                ]
            elif name == "AlternateContent":
                self._write_words(_chosen(each) or (), target)

    def _cite(self, sort: str, identity: str, target: HtmlElement) -> None:
        self._cited.setdefault((sort, identity))
        mark = _add(_add(target, "sup"), "a", href=f"#{sort}-{identity}", role="doc-noteref")
        mark.text = str(len(self._cited))

    def _write_table(self, table: Element, parent: HtmlElement) -> None:
        element = _add(parent, "table")
        head, body = _add(element, "thead"), _add(element, "tbody")
        look = child(table, "tblPr", "tblLook")
        first_row = value_of(look, "firstRow") in ("1", "true") or number_of_hex(value_of(look)) & 0x20 > 0
        styled = first_row and self._styles.get(value_of(child(table, "tblPr", "tblStyle"))).header_row
        merged: dict[int, HtmlElement] = {}
        for position, row in enumerate(_rows(table)):
            properties = child(row, "trPr")
            if child(properties, "del") is not None:
                continue
            heads = is_on(child(properties, "tblHeader")) is True or (styled and position == 0)
            in_head = heads and not len(body)
            written = _add(head if in_head else body, "tr")
            self._write_cells(row, written, "th" if in_head else "td", merged)

    def _write_cells(self, row: Element, written: HtmlElement, tag: str, merged: dict[int, HtmlElement]) -> None:
        place = number_of(child(row, "trPr", "gridBefore"))
        for _ in range(min(place, 60)):
            _add(written, tag)
        for cell in _cells(row):
            properties = child(cell, "tcPr")
            span = max(1, number_of(child(properties, "gridSpan"), 1))
            merge = child(properties, "vMerge")
            if merge is not None and value_of(merge) != "restart" and place in merged:
                merged[place].set("rowspan", str(int(merged[place].get("rowspan") or "1") + 1))
            else:
                element = _add(written, tag, **({"colspan": str(span)} if span > 1 else {}))
                if merge is not None:
                    merged[place] = element
                else:
                    merged.pop(place, None)
                self._write(cell, _Target(element))
            place += span


def number_of_hex(given: str | None) -> int:
    """The bits that a hexadecimal attribute sets.

    >>> number_of_hex("04A0"), number_of_hex("x")
    (1184, 0)
    """
    try:
        return int(given or "0", 16)
    except ValueError:
        return 0


def _chosen(alternatives: Element) -> Element | None:
    """What to read of the ways in which a part is given: the first, if it has words, or else that of old programs."""
    found = [each for each in alternatives if local_name(each) in ("Choice", "Fallback")]
    worded = [each for each in found if any(local_name(below) in ("t", "txbxContent") for below in each.iter())]
    return next(iter(worded or found), None)


def _is_inner(box: Element, outer: Element) -> bool:
    """Whether a text box is in another, or in the second way to show the same one."""
    for ancestor in box.iterancestors():
        if ancestor is outer:
            return False
        if local_name(ancestor) in ("txbxContent", "Fallback"):
            return True
    return False


def _is_contents_entry(paragraph: Element) -> bool:
    """Whether a paragraph is a title, dots and the number of a page."""
    tabs = child(paragraph, "pPr", "tabs")
    dotted = tabs is not None and any(value_of(tab, "leader") in ("dot", "hyphen", "underscore") for tab in tabs)
    return dotted and "".join(each.text or "" for each in paragraph.iter() if local_name(each) == "t")[-1:].isdecimal()


def _rows(table: Element) -> Iterator[Element]:
    return _within(table, "tr")


def _cells(row: Element) -> Iterator[Element]:
    return _within(row, "tc")


def _within(container: Element, name: str) -> Iterator[Element]:
    """The elements of that name in `container`, those that revisions and controls wrap included."""
    for each in container:
        found = local_name(each)
        if found == name:
            yield each
        elif found in _WRAPPERS or found == "sdt":
            yield from _within(each, name)
