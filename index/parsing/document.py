"""What a parser makes of a file's bytes: a text, its blocks, and what the file says of itself.

Every offset in the project counts code points of `Document.text`. A document is parsed once; nothing guesses structure
again from the text. It does not know companies or passages.
"""

from dataclasses import dataclass, field
from datetime import date
from enum import Enum, StrEnum
from typing import Protocol

Span = tuple[int, int]


class Kind(Enum):
    """What a block is."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    ITEM = "item"
    ROW = "row"


class Markup(StrEnum):
    """How the words of a text are marked up; `index.parsing.markup.plain` takes the marks out."""

    MARKDOWN = "markdown"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table row, and where the name of its column stands, if the table gives one.

    An empty cell has `start == end`; a cell of the header row is its own column.
    """

    start: int
    end: int
    column: Span | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A run of `text[start:end]` without the marks that make it a block.

    Attributes:
        level: a heading's rank (1 is the highest) or an item's depth (a deeper one is nested in the one before); 0
            elsewhere.
        lead_ins: what governs it, outermost first: the sentence that introduces its list ("We never collect:"), the
            items that it is nested in, the question that a short answer ("No.") answers. Without it the block may say
            the opposite of what the policy says.
        cells: of a row, in order.
        notes: the footnotes that it cites, wherever they stand; a note itself is no block.
    """

    kind: Kind
    level: int
    start: int
    end: int
    lead_ins: tuple[Span, ...] = ()
    cells: tuple[Cell, ...] = ()
    notes: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file says of itself outside its text: header line, front matter, `<head>`, document properties.

    Attributes:
        title: as the file gives it beside the text; the first heading is not repeated here.
        company: who the file says the document is of.
        company_is_given: whether a person or a tool said so in front matter or a sidecar; a header line is less sure.
        document_type: as the file names it ("cookie notice").
        language: a BCP 47 tag, as declared.
        archived_on: the day that somebody fetched it.
        address: where it was published, or its snapshot; always http or https.
        effective_on: the day from which it holds, where the file gives it beside the text.
        site_name: the site that published it, as its `<head>` names it.
        licence, attribution: under which terms the text may be passed on, and whom to name.
    """

    title: str | None = None
    company: str | None = None
    company_is_given: bool = False
    document_type: str | None = None
    language: str | None = None
    archived_on: date | None = None
    address: str | None = None
    effective_on: date | None = None
    site_name: str | None = None
    licence: str | None = None
    attribution: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file.

    Attributes:
        blocks: in reading order; none is empty and no two overlap. What is no part of the policy (front matter,
            comments, navigation, a table of contents, running headers) is in no block.
    """

    text: str
    blocks: tuple[Block, ...]
    markup: Markup = Markup.NONE
    metadata: Metadata = field(default=Metadata())


class Parser(Protocol):
    """The seam: a function that makes a document of a file's bytes."""

    def __call__(self, data: bytes, *, path: str) -> Document:
        """The document that `data` is; `path` is for messages alone.

        Raises:
            PolicyError: it cannot be read as what it claims to be, or holds no text; the message names `path` and
                says what to do.
        """
        ...
