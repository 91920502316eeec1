"""DOCX files: a policy as people write it in a word processor."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

from docx import Document as NewDocument
from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_TAB_ALIGNMENT, WD_TAB_LEADER
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part as PackagePart
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt, RGBColor
from docx.text.paragraph import Paragraph as DocxParagraph

from eval.formats.html_pages import Made
from eval.formats.text import Heading, Inline, Listing, Paragraph, Policy, Table, plain

_DELETED = "We keep drafts of this clause for nine years."
_FOOTNOTES_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"


@dataclass(frozen=True, slots=True)
class Layout:
    """How a writer lays a policy out.

    Attributes:
        headings: by style, as bold paragraphs, or by style with numbers that the word processor counts.
        listing: paragraphs of list styles ("List Bullet 2"), or numbering with levels.
        ruled: tables have lines, and their first row is marked as the head.
        contents: a table of contents with dotted leaders stands first.
        tracked: every tenth paragraph was inserted, and has a deleted sentence, with changes tracked.
    """

    headings: Literal["style", "bold", "numbered"] = "style"
    listing: Literal["style", "levels"] = "levels"
    ruled: bool = True
    contents: bool = False
    tracked: bool = False
    columns: int = 1
    justified: bool = False
    a4: bool = True
    landscape: bool = False
    font: str = "Calibri"
    size_pt: float = 11.0


def docx_file(policy: Policy, layout: Layout) -> Made:
    """`policy` as DOCX, with running header and footer."""
    return _Writer(policy, layout).made()


class _Writer:
    def __init__(self, policy: Policy, layout: Layout) -> None:
        self._policy, self._layout = policy, layout
        self._docx = NewDocument()
        self._made = Made()
        self._paragraphs = 0

    def made(self) -> Made:
        self._page()
        self._headers()
        if self._policy.notes:
            _add_footnotes(self._docx, self._policy.notes)
        for part in self._policy.parts:
            match part:
                case Heading():
                    self._heading(part)
                    if part.level == 1:
                        self._front()
                case Paragraph(inline):
                    self._paragraph(inline)
                case Listing():
                    self._list(part, depth=1)
                case Table():
                    self._table(part)
        stored = BytesIO()
        self._docx.save(stored)
        self._made.data = stored.getvalue()
        return self._made

    def _page(self) -> None:
        layout, section = self._layout, self._docx.sections[0]
        size = (Mm(210), Mm(297)) if layout.a4 else (Mm(215.9), Mm(279.4))
        if layout.landscape:
            section.orientation = WD_ORIENT.LANDSCAPE
            size = size[1], size[0]
        section.page_width, section.page_height = size
        section.left_margin = section.right_margin = Mm(18 if layout.columns > 1 else 25)
        columns = section._sectPr.find(qn("w:cols"))
        if layout.columns > 1 and columns is not None:
            columns.set(qn("w:num"), str(layout.columns))
            columns.set(qn("w:space"), "400")
        normal: Any = self._docx.styles["Normal"]
        normal.font.name, normal.font.size = layout.font, Pt(layout.size_pt)
        normal.paragraph_format.space_after = Pt(layout.size_pt * 0.6)
        if layout.justified:
            self._docx.settings.element.append(OxmlElement("w:autoHyphenation"))

    def _headers(self) -> None:
        section = self._docx.sections[0]
        header = f"{self._policy.company} – Legal Department – Controlled copy"
        section.header.paragraphs[0].text = header
        footer = section.footer.paragraphs[0]
        footer.text = "Uncontrolled when printed\tPage "
        _field(footer, "PAGE")
        footer.add_run(" of ")
        _field(footer, "NUMPAGES")
        self._made.furniture += [header, "Uncontrolled when printed", "Page 1 of", "Page 2 of", "Page 3 of"]

    def _front(self) -> None:
        self._docx.add_paragraph(f"Last updated: {self._policy.updated}")
        if not self._layout.contents:
            return
        self._docx.add_paragraph().add_run("Contents").bold = True
        width = self._docx.sections[0].page_width or Mm(210)
        for number, part in enumerate(self._policy.parts[1:]):
            if isinstance(part, Heading) and part.level == 2:
                line = self._docx.add_paragraph(f"{plain(part.inline)}\t{2 + number // 12}")
                tab = Mm(75) if self._layout.columns > 1 else width - Mm(55)
                line.paragraph_format.tab_stops.add_tab_stop(tab, WD_TAB_ALIGNMENT.RIGHT, WD_TAB_LEADER.DOTS)
                line.paragraph_format.space_after = Pt(0)
                self._made.contents.append(plain(part.inline))
        self._docx.add_page_break()  # type: ignore[no-untyped-call]

    def _heading(self, part: Heading) -> None:
        if self._layout.headings == "bold":
            paragraph = self._docx.add_paragraph()
            run = paragraph.add_run(plain(part.inline))
            run.bold = True
            if part.level == 1:
                run.font.size = Pt(self._layout.size_pt + 6)
            elif part.level > 2:
                run.italic = True
            return
        paragraph = self._docx.add_paragraph(plain(part.inline), style=f"Heading {part.level}")
        for run in paragraph.runs:
            run.font.color.rgb = RGBColor(0x1F, 0x2A, 0x44)
        if self._layout.headings == "numbered" and part.level > 1:
            _number(paragraph, _numbering(self._docx, "headings"), level=part.level - 2)

    def _paragraph(self, inline: Inline) -> None:
        paragraph = self._docx.add_paragraph()
        if self._layout.justified:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
        self._runs(paragraph, inline)
        self._paragraphs += 1
        if self._layout.tracked and self._paragraphs % 10 == 5:
            _track(paragraph)
            self._made.furniture.append(_DELETED)

    def _runs(self, paragraph: DocxParagraph, inline: Inline) -> None:
        for run in inline:
            if run.note is not None:
                paragraph._p.append(
                    parse_xml(
                        f'<w:r {nsdecls("w")}><w:rPr><w:vertAlign w:val="superscript"/></w:rPr>'
                        f'<w:footnoteReference w:id="{run.note}"/></w:r>'
                    )
                )
                continue
            written = paragraph.add_run(run.text)
            written.bold, written.italic, written.font.strike = run.bold or None, run.italic or None, run.struck or None
            if run.href:
                written.font.underline, written.font.color.rgb = True, RGBColor(0x05, 0x63, 0xC1)
                if run.href.startswith("http"):
                    _link(paragraph, written, run.href)

    def _list(self, listing: Listing, *, depth: int) -> None:
        numbering = _numbering(self._docx, "decimal" if listing.ordered else "bullet", fresh=True)
        for item in listing.items:
            if self._layout.listing == "style":
                name = "List Number" if listing.ordered else "List Bullet"
                paragraph = self._docx.add_paragraph(style=f"{name} {min(depth, 3)}" if depth > 1 else name)
            else:
                paragraph = self._docx.add_paragraph(style="List Paragraph")
                _number(paragraph, numbering, level=depth - 1)
            self._runs(paragraph, item.inline)
            for inline in item.more:
                further = self._docx.add_paragraph()
                further.paragraph_format.left_indent = Mm(12 * depth)
                self._runs(further, inline)
            for nested in item.lists:
                self._list(nested, depth=depth + 1)

    def _table(self, table: Table) -> None:
        written = self._docx.add_table(rows=1, cols=len(table.columns))
        if self._layout.ruled:
            written.style = "Table Grid"
            row = written.rows[0]._tr.get_or_add_trPr()
            row.append(OxmlElement("w:tblHeader"))
        for cell, name in zip(written.rows[0].cells, table.columns, strict=True):
            cell.paragraphs[0].add_run(name).bold = True
        for texts in table.rows:
            for cell, text in zip(written.add_row().cells, texts, strict=True):
                cell.paragraphs[0].text = text
        self._docx.add_paragraph()


def _field(paragraph: DocxParagraph, code: str) -> None:
    for kind in ("begin", "code", "end"):
        run = paragraph.add_run()
        if kind == "code":
            element = OxmlElement("w:instrText")
            element.text = code
        else:
            element = OxmlElement("w:fldChar")
            element.set(qn("w:fldCharType"), kind)
        run._r.append(element)


def _link(paragraph: DocxParagraph, run: Any, href: str) -> None:
    relation = paragraph.part.relate_to(href, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    link = OxmlElement("w:hyperlink")
    link.set(qn("r:id"), relation)
    run._r.addprevious(link)
    link.append(run._r)


def _track(paragraph: DocxParagraph) -> None:
    """The last run as inserted, and a deleted sentence behind it."""
    by = f'{nsdecls("w")} w:author="Counsel" w:date="2025-02-01T09:00:00Z"'
    runs = paragraph._p.findall(qn("w:r"))
    if runs:
        inserted = parse_xml(f'<w:ins {by} w:id="901"/>')
        runs[-1].addprevious(inserted)
        inserted.append(runs[-1])
    paragraph._p.append(
        parse_xml(f'<w:del {by} w:id="902"><w:r><w:delText xml:space="preserve"> {_DELETED}</w:delText></w:r></w:del>')
    )


def _number(paragraph: DocxParagraph, numbering: int, *, level: int) -> None:
    properties = paragraph._p.get_or_add_pPr().get_or_add_numPr()  # type: ignore[attr-defined]
    properties.get_or_add_ilvl().val = level
    properties.get_or_add_numId().val = numbering


def _levels(kind: str) -> Iterator[str]:
    for level in range(6):
        match kind:
            case "bullet":
                format_, text = "bullet", "•◦▪"[level % 3]
            case "decimal":
                format_, text = ("decimal", "lowerLetter", "lowerRoman")[level % 3], f"%{level + 1}."
            case _:
                format_, text = "decimal", ".".join(f"%{n}" for n in range(1, level + 2))
        indent = 0 if kind == "headings" else 720 * (level + 1)
        yield (
            f'<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="{format_}"/><w:lvlText w:val="{text}"/>'
            f'<w:lvlJc w:val="left"/><w:pPr><w:ind w:left="{indent or 432}" w:hanging="{360 if indent else 432}"/>'
            "</w:pPr></w:lvl>"
        )


def _numbering(docx: Any, kind: str, *, fresh: bool = False) -> int:
    """The id of a numbering of `kind`; a fresh one counts from one."""
    root = docx.part.numbering_part.element
    identifiers = {"bullet": 90, "decimal": 91, "headings": 92}
    identifier = str(identifiers[kind])
    numbers = root.findall(qn("w:num"))
    mine = [n for n in numbers if n.find(qn("w:abstractNumId")).get(qn("w:val")) == identifier]
    if not any(n.get(qn("w:abstractNumId")) == identifier for n in root.findall(qn("w:abstractNum"))):
        made = f'<w:abstractNum {nsdecls("w")} w:abstractNumId="{identifier}"><w:multiLevelType w:val="multilevel"/>'
        numbers[0].addprevious(parse_xml(f"{made}{''.join(_levels(kind))}</w:abstractNum>"))
    if mine and not fresh:
        return int(mine[0].get(qn("w:numId")))
    number = max(int(n.get(qn("w:numId"))) for n in numbers) + 1
    starts = "".join(
        f'<w:lvlOverride w:ilvl="{level}"><w:startOverride w:val="1"/></w:lvlOverride>' for level in range(6)
    )
    root.append(
        parse_xml(
            f'<w:num {nsdecls("w")} w:numId="{number}"><w:abstractNumId w:val="{identifier}"/>'
            f"{starts if fresh else ''}</w:num>"
        )
    )
    return number


def _add_footnotes(docx: Any, notes: tuple[str, ...]) -> None:
    """python-docx has no footnotes: the part, and the relation to it."""
    mark = '<w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:footnoteRef/></w:r>'
    separators = (
        '<w:footnote w:type="separator" w:id="-1"><w:p><w:r><w:separator/></w:r></w:p></w:footnote>'
        '<w:footnote w:type="continuationSeparator" w:id="0">'
        "<w:p><w:r><w:continuationSeparator/></w:r></w:p></w:footnote>"
    )
    body = "".join(
        f'<w:footnote w:id="{n}"><w:p>{mark}<w:r><w:t xml:space="preserve"> {note}</w:t></w:r></w:p></w:footnote>'
        for n, note in enumerate(notes, start=1)
    )
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    xml = f"{head}<w:footnotes {nsdecls('w')}>{separators}{body}</w:footnotes>"
    part = PackagePart(PackURI("/word/footnotes.xml"), _FOOTNOTES_TYPE, xml.encode(), docx.part.package)
    docx.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)
