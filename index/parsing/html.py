"""HTML pages as documents: the text of a policy without what a site puts around it."""

from lxml import etree

from index.errors import EmptyPolicy
from index.parsing.document import Block, Cell, Document, Kind, Metadata, Span
from index.parsing.html_content import Content, content_of
from index.parsing.html_head import metadata_of
from index.parsing.html_notes import notes_of
from index.parsing.html_tree import NO_TEXT, Element, decode, parse_tree, tag_of
from index.parsing.html_units import Lead, Unit, finished
from index.parsing.html_walk import Walk

_BETWEEN = "\n\n"


def parse_html(data: bytes, *, path: str) -> Document:
    """The document that the page `data` is; see `Parser`."""
    text = decode(data, path=path)
    root = parse_tree(text, path=path)
    etree.strip_tags(root, etree.Comment, etree.ProcessingInstruction)
    metadata = metadata_of(root, text, first_heading=None)
    units = units_of(root, content_of(root, address=metadata.address), address=metadata.address)
    heading = next((unit.text for unit in units if unit.kind is Kind.HEADING), None)
    return document_of(units, metadata_of(root, text, first_heading=heading), empty=NO_TEXT.format(path=path))


def units_of(root: Element, content: Content, *, address: str | None, page: bool = True) -> list[Unit]:
    """The parts of the text `root`, which is at `address`; of a site's `page` there may be links around it."""
    notes = notes_of([element for element in root.iter() if element in content.stats and tag_of(element)])
    return finished(Walk(content, notes, address=address).units(root), page=page)


def document_of(units: list[Unit], metadata: Metadata, *, empty: str) -> Document:
    """`units` written one after another, and a block for each.

    Raises:
        EmptyPolicy: none of them holds a word; `empty` is the message.
    """
    cited = {note for unit in units for note in unit.notes}
    pieces: list[str] = []
    places: dict[int, int] = {}
    at = 0
    for unit in units:
        places[id(unit)] = at + len(unit.mark)
        pieces.append(unit.mark + unit.text)
        at += len(pieces[-1]) + len(_BETWEEN)
    notes: dict[str | None, Span] = {unit.note: _span(unit, places) for unit in units if unit.note is not None}
    blocks = tuple(
        _block(unit, places, notes)
        for unit in units
        if unit.is_block and unit.text and (unit.note is None or unit.note not in cited)
    )
    text = _BETWEEN.join(pieces)
    if not any(map(str.isalpha, text)):
        raise EmptyPolicy(empty)
    return Document(text, blocks, metadata=metadata)


def _span(unit: Unit, places: dict[int, int]) -> Span:
    return places[id(unit)], places[id(unit)] + len(unit.text)


def _lead_span(lead: Lead, places: dict[int, int]) -> Span | None:
    """Where a lead-in stands; None if it is in no part of the text any more."""
    start = places.get(id(lead.unit))
    return None if start is None else (start + lead.start, start + lead.end)


def _block(unit: Unit, places: dict[int, int], notes: dict[str | None, Span]) -> Block:
    start, end = _span(unit, places)
    lead_ins = [_lead_span(lead, places) for lead in unit.lead_ins]
    cells = [
        Cell(start + first, start + last, _lead_span(column, places) if column else None)
        for first, last, column in unit.cells
    ]
    return Block(
        unit.kind,
        unit.level,
        start,
        end,
        lead_ins=tuple(span for span in lead_ins if span),
        cells=tuple(cells),
        notes=tuple(notes[note] for note in unit.notes if note in notes),
    )
