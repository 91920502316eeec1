"""What the styles and numberings of a Word file make of a paragraph: heading, list item, bold, hidden."""

import re
from dataclasses import dataclass, field

from lxml import etree

Element = etree._Element

_HEADING = re.compile(r"heading ([1-9])\Z")
_OFF = ("0", "false", "off", "none")
_MAX_BASES = 20


def local_name(element: Element | None) -> str:
    """The element's name without its namespace, of which Word files have two; empty for comments."""
    return str(element.tag).rpartition("}")[2] if element is not None and isinstance(element.tag, str) else ""


def value_of(element: Element | None, name: str = "val") -> str | None:
    """The attribute of `element` with that local name."""
    if element is None:
        return None
    return next((str(value) for key, value in element.attrib.items() if str(key).rpartition("}")[2] == name), None)


def child(element: Element | None, *path: str) -> Element | None:
    """The first descendant of `element` along `path`."""
    for name in path:
        element = next((each for each in element if local_name(each) == name), None) if element is not None else None
    return element


def is_on(element: Element | None) -> bool | None:
    """Whether a switch such as `<w:b/>` is on; None where it is not set."""
    return None if element is None else (value_of(element) or "1").lower() not in _OFF


def number_of(element: Element | None, default: int = 0) -> int:
    """The number that `element` gives, or `default`."""
    given = value_of(element) or ""
    return int(given) if given.isdecimal() and len(given) < 10 else default


@dataclass(frozen=True, slots=True)
class Style:
    """What a style says, those that it is based on included.

    Attributes:
        outline: 0 for a heading of the first rank.
        numbering: id of the list and depth in it.
        indent: from the margin, in twentieths of a point; None where it says nothing of that.
        header_row: whether it sets the first row of a table apart.
    """

    name: str = ""
    outline: int | None = None
    numbering: tuple[str, int] | None = None
    indent: int | None = None
    bold: bool = False
    hidden: bool = False
    header_row: bool = False


@dataclass(slots=True)
class Styles:
    """The styles of a file."""

    elements: dict[str, Element] = field(default_factory=dict)
    found: dict[str, Style] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Element | None) -> "Styles":
        """The styles in the part `root`."""
        styles = [each for each in root if local_name(each) == "style"] if root is not None else []
        return cls({value_of(each, "styleId") or "": each for each in styles})

    def get(self, identity: str | None) -> Style:
        """The style of that id."""
        if identity is None or identity not in self.elements:
            return Style()
        if identity not in self.found:
            self.found[identity] = self._resolved(identity)
        return self.found[identity]

    def _resolved(self, identity: str) -> Style:
        style, at = Style(), identity
        for _ in range(_MAX_BASES):
            element = self.elements.get(at)
            if element is None:
                break
            style = _merged(style, element)
            at = value_of(child(element, "basedOn")) or ""
        return style


def _merged(style: Style, element: Element) -> Style:
    """`style` with what `element`, which it is based on, adds."""
    name = (value_of(child(element, "name")) or "").lower()
    heading = _HEADING.match(name)
    outline = style.outline
    if outline is None:
        given = child(element, "pPr", "outlineLvl")
        outline = number_of(given, 9) if given is not None else int(heading[1]) - 1 if heading else None
    marks = child(element, "rPr")
    first_row = next(
        (each for each in element if local_name(each) == "tblStylePr" and value_of(each, "type") == "firstRow"), None
    )
    return Style(
        name=style.name or name,
        outline=outline,
        numbering=style.numbering or numbering_of(child(element, "pPr", "numPr")),
        indent=style.indent if style.indent is not None else indent_of(child(element, "pPr")),
        bold=style.bold or bool(is_on(child(marks, "b"))),
        hidden=style.hidden or is_unseen(marks) is True,
        header_row=style.header_row or is_on(child(first_row, "rPr", "b")) is True,
    )


def is_unseen(marks: Element | None) -> bool | None:
    """Whether a run's properties hide it or strike it through; None if they say nothing of that."""
    switches = [is_on(child(marks, name)) for name in ("vanish", "strike", "dstrike")]
    return True if True in switches else False if False in switches else None


def indent_of(properties: Element | None) -> int | None:
    """How far a paragraph's properties set it in, in twentieths of a point."""
    indent = child(properties, "ind")
    given = value_of(indent, "left") or value_of(indent, "start")
    return int(given) if given and given.lstrip("-").isdecimal() and len(given) < 10 else None


def numbering_of(properties: Element | None) -> tuple[str, int] | None:
    """The list that a paragraph's properties put it in, and how deep."""
    identity = value_of(child(properties, "numId"))
    return None if identity is None else (identity, min(number_of(child(properties, "ilvl")), 8))


@dataclass(slots=True)
class Numberings:
    """The lists of a file: how each level of each is numbered, from which number on, and how far it is set in."""

    formats: dict[tuple[str, int], tuple[str, int, int | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Element | None) -> "Numberings":
        """The lists in the part `root`."""
        found = cls()
        if root is None:
            return found
        abstract = {value_of(each, "abstractNumId"): each for each in root if local_name(each) == "abstractNum"}
        for each in root:
            identity = value_of(each, "numId")
            if local_name(each) != "num" or identity is None:
                continue
            base = abstract.get(value_of(child(each, "abstractNumId")))
            overrides = [child(one, "lvl") for one in each if local_name(one) == "lvlOverride"]
            for level in [*(base if base is not None else ()), *overrides]:
                if level is not None and local_name(level) == "lvl":
                    depth = int(value_of(level, "ilvl") or "0") if (value_of(level, "ilvl") or "").isdecimal() else 0
                    kind = value_of(child(level, "numFmt")) or "decimal"
                    found.formats[identity, depth] = (
                        kind,
                        number_of(child(level, "start"), 1),
                        indent_of(child(level, "pPr")),
                    )
        return found

    def get(self, identity: str, depth: int) -> tuple[str, int, int | None]:
        """The format of a list's level ("bullet", "decimal"), the number of its first item, and its indent."""
        return self.formats.get((identity, depth), ("bullet", 1, None))
