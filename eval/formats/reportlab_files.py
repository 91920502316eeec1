"""PDF files drawn by reportlab, as invoicing and document systems do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import Any

from reportlab.lib import colors
from reportlab.lib.enums import TA_JUSTIFY, TA_LEFT
from reportlab.lib.pagesizes import A4, LETTER, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import (
    BaseDocTemplate,
    Frame,
    HRFlowable,
    ListFlowable,
    ListItem,
    PageBreak,
    PageTemplate,
    Spacer,
    TableStyle,
)
from reportlab.platypus import Paragraph as Flowed
from reportlab.platypus import Table as FlowedTable
from reportlab.platypus.tableofcontents import TableOfContents

from eval.formats.html_pages import Made
from eval.formats.text import Heading, Inline, Listing, Paragraph, Policy, Run, Table, plain


@dataclass(frozen=True, slots=True)
class Drawn:
    """How a page is drawn.

    Attributes:
        justified: with words broken at line ends.
        ruled: tables have lines; without, their head alone is bold.
        header: what runs at the head of each page.
        footer: what runs at its foot; `{}` is the page's number.
    """

    page: tuple[float, float]
    columns: int = 1
    font: str = "Helvetica"
    size_pt: float = 10
    justified: bool = False
    ruled: bool = True
    contents: bool = False
    header: str = ""
    footer: str = "{}"


DRAWN = {
    "lab_plain": Drawn(LETTER, header="Form PP-2 (Rev. 8) – Keep for your records"),
    "lab_columns": Drawn(
        A4,
        2,
        "Times-Roman",
        9,
        justified=True,
        header="Schedule C to the general conditions",
        footer="Page {} of the set",
    ),
    "lab_contents": Drawn(
        A4, size_pt=11, font="Times-Roman", contents=True, justified=True, header="Binder of notices", footer="– {} –"
    ),
    "lab_leaflet": Drawn(
        landscape(A4), 3, "Helvetica", 7.5, ruled=False, footer="Leaflet 0425/EN {}", header="Please read and keep safe"
    ),
}  # fmt: skip
_BOLD = {"Helvetica": "Helvetica-Bold", "Times-Roman": "Times-Bold"}


def drawn_pdf(policy: Policy, name: str) -> Made:
    """`policy` drawn as `name` of `DRAWN` says."""
    drawn = DRAWN[name]
    made = Made(furniture=[words for words in (drawn.header, drawn.footer.format(2)) if len(words) > 5])
    stored = BytesIO()
    document = _Document(stored, drawn, policy.title)
    story: list[Any] = []
    for part in policy.parts:
        story += _flowed(part, drawn)
        if isinstance(part, Heading) and part.level == 1:
            story += _front(policy, drawn, made)
    if policy.notes:
        story.append(HRFlowable(width="30%", hAlign="LEFT"))
        small = _style(drawn, size_pt=drawn.size_pt - 2)
        story += [Flowed(f"<super>{n}</super> {escape(note)}", small) for n, note in enumerate(policy.notes, start=1)]
    document.multiBuild(story) if drawn.contents else document.build(story)
    made.data = stored.getvalue()
    return made


class _Document(BaseDocTemplate):  # type: ignore[misc]
    def __init__(self, stored: BytesIO, drawn: Drawn, title: str) -> None:
        super().__init__(stored, pagesize=drawn.page, title=title, invariant=1)
        width, height = drawn.page
        margin, gap = 18 * mm, 8 * mm
        column = (width - 2 * margin - gap * (drawn.columns - 1)) / drawn.columns
        frames = [
            Frame(margin + n * (column + gap), margin, column, height - 2 * margin, 0, 0, 0, 0, id=f"column{n}")
            for n in range(drawn.columns)
        ]
        self.addPageTemplates([PageTemplate("page", frames, onPage=_running(drawn))])

    def afterFlowable(self, flowable: Any) -> None:  # noqa: N802 - reportlab's name
        style = getattr(getattr(flowable, "style", None), "name", "")
        if style == "heading2":
            self.notify("TOCEntry", (0, flowable.getPlainText(), self.page))


def _running(drawn: Drawn) -> Callable[[Any, Any], None]:
    def draw(canvas: Any, document: Any) -> None:
        width, height = drawn.page
        canvas.saveState()
        canvas.setFont(drawn.font, 7)
        canvas.drawString(18 * mm, height - 12 * mm, drawn.header)
        canvas.drawCentredString(width / 2, 9 * mm, drawn.footer.format(document.page))
        canvas.restoreState()

    return draw


def _style(drawn: Drawn, *, size_pt: float | None = None, name: str = "body") -> ParagraphStyle:
    size = size_pt or drawn.size_pt
    return ParagraphStyle(
        name,
        fontName=drawn.font,
        fontSize=size,
        leading=size * 1.3,
        spaceAfter=size * 0.6,
        alignment=TA_JUSTIFY if drawn.justified else TA_LEFT,
        hyphenationLang="en_US" if drawn.justified else None,
        embeddedHyphenation=1,
    )


def _heading_style(drawn: Drawn, level: int) -> ParagraphStyle:
    size = drawn.size_pt * {1: 2.0, 2: 1.35}.get(level, 1.1)
    return ParagraphStyle(
        f"heading{level}", fontName=_BOLD[drawn.font], fontSize=size, leading=size * 1.2,
        spaceBefore=size * 0.7, spaceAfter=size * 0.35, keepWithNext=1,
    )  # fmt: skip


def _front(policy: Policy, drawn: Drawn, made: Made) -> Iterator[Any]:
    yield Flowed(f"Version of {escape(policy.updated)}", _style(drawn))
    if drawn.contents:
        contents = TableOfContents(
            dotsMinLevel=0, levelStyles=[ParagraphStyle("contents", fontName=drawn.font, fontSize=10, leading=14)]
        )
        made.contents += [plain(p.inline) for p in policy.parts if isinstance(p, Heading) and p.level == 2]
        yield contents
        yield PageBreak()


def _flowed(part: Heading | Paragraph | Listing | Table, drawn: Drawn) -> Iterator[Any]:
    match part:
        case Heading(level, inline):
            yield Flowed(_marked(inline, bold=False), _heading_style(drawn, level))
        case Paragraph(inline):
            yield Flowed(_marked(inline), _style(drawn))
        case Listing():
            yield _list(part, drawn)
            yield Spacer(1, drawn.size_pt * 0.5)
        case Table():
            yield _table(part, drawn)
            yield Spacer(1, drawn.size_pt)


def _marked(inline: Inline, *, bold: bool = True) -> str:
    return "".join(_run(run, bold=bold) for run in inline)


def _run(run: Run, *, bold: bool) -> str:
    if run.note is not None:
        return f"<super>{run.note}</super>"
    html = escape(run.text, quote=False)
    if run.italic:
        html = f"<i>{html}</i>"
    if run.bold and bold:
        html = f"<b>{html}</b>"
    return f'<font color="#1144aa">{html}</font>' if run.href else html


def _list(listing: Listing, drawn: Drawn) -> Any:
    style = _style(drawn)
    items = []
    for item in listing.items:
        inside: list[Any] = [Flowed(_marked(inline), style) for inline in (item.inline, *item.more)]
        items.append(ListItem([*inside, *(_list(nested, drawn) for nested in item.lists)]))
    size = drawn.size_pt
    if listing.ordered:
        return ListFlowable(items, bulletType="1", bulletFormat="%s.", leftIndent=size * 1.8, bulletFontSize=size)
    return ListFlowable(items, bulletType="bullet", start="•", leftIndent=size * 1.5, bulletFontSize=size)


def _table(table: Table, drawn: Drawn) -> Any:
    body = _style(drawn, size_pt=drawn.size_pt - 0.5)
    cell = ParagraphStyle("cell", parent=body, alignment=TA_LEFT, spaceAfter=0, hyphenationLang=None)
    head = ParagraphStyle("head", parent=cell, fontName=_BOLD[drawn.font])
    rows = [[Flowed(escape(name), head) for name in table.columns]]
    rows += [[Flowed(escape(text), cell) for text in row] for row in table.rows]
    style = [("VALIGN", (0, 0), (-1, -1), "TOP")]
    if drawn.ruled:
        style.append(("GRID", (0, 0), (-1, -1), 0.5, colors.grey))  # type: ignore[arg-type]
    return FlowedTable(rows, repeatRows=1, style=TableStyle(style))
