"""Word files become documents; hostile ones are named."""

import io
import zipfile
from pathlib import Path

import docx
import pytest
from docx.document import Document as WordDocument

from index.errors import PolicyError
from index.parsing.document import Document, Kind
from index.parsing.docx import parse_docx


def parsed(word: WordDocument) -> Document:
    data = io.BytesIO()
    word.save(data)
    return parse_docx(data.getvalue(), path="a.docx")


def policy() -> WordDocument:
    word = docx.Document()
    word.add_heading("Acme Privacy Policy", 1)
    word.add_paragraph("We keep your address for ten days.")
    word.add_heading("Sharing", 2)
    word.add_paragraph("We never share:")
    word.add_paragraph("Health", style="List Bullet")
    word.add_paragraph("your heart rate", style="List Bullet 2")
    table = word.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ("Data", "Kept for", "Logs", "90 days"), strict=True):
        cell.text = text
    word.sections[0].header.paragraphs[0].text = "Confidential header"
    word.sections[0].footer.paragraphs[0].text = "Page 1 of 1"
    return word


def words(document: Document, *kinds: Kind) -> list[str]:
    return [document.text[block.start : block.end] for block in document.blocks if not kinds or block.kind in kinds]


def test_headings_paragraphs_and_lists_come_back_in_order() -> None:
    document = parsed(policy())
    assert words(document, Kind.HEADING) == ["Acme Privacy Policy", "Sharing"]
    assert words(document, Kind.PARAGRAPH, Kind.ITEM) == [
        "We keep your address for ten days.",
        "We never share:",
        "Health",
        "your heart rate",
    ]
    assert "Confidential" not in document.text
    assert "Page 1" not in document.text


def test_a_nested_item_has_all_that_governs_it() -> None:
    document = parsed(policy())
    (item,) = [block for block in document.blocks if document.text[block.start : block.end] == "your heart rate"]
    assert [document.text[start:end] for start, end in item.lead_ins] == ["We never share:", "Health"]


def test_the_cells_of_a_table_are_read() -> None:
    document = parsed(policy())
    (row,) = [block for block in document.blocks if "Logs" in document.text[block.start : block.end]]
    assert [document.text[cell.start : cell.end] for cell in row.cells] == ["Logs", "90 days"]


def test_struck_out_and_hidden_words_are_left_out() -> None:
    word = policy()
    paragraph = word.add_paragraph("We keep it for a year.")
    paragraph.add_run(" We sell it.").font.strike = True
    paragraph.add_run(" We rent it.").font.hidden = True
    text = parsed(word).text
    assert "We keep it for a year." in text
    assert "sell" not in text
    assert "rent" not in text


def bomb() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"<w:document>" + b" " * 300_000_000)
        archive.writestr("[Content_Types].xml", b"<Types/>")
    return data.getvalue()


def entities() -> bytes:
    source, target = io.BytesIO(), io.BytesIO()
    policy().save(source)
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, "w") as hostile:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "word/document.xml":
                head, _, rest = content.partition(b"?>")
                content = head + b'?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + rest
            hostile.writestr(name, content)
    return target.getvalue()


def other_zip() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("../../climbs.txt", "x")
    return data.getvalue()


@pytest.mark.parametrize(
    "made", [bomb, entities, other_zip, lambda: b"PK\x03\x04fake"], ids=["bomb", "entities", "zip", "cut"]
)
def test_a_hostile_or_damaged_file_is_named(made: object, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"^a\.docx"):
        parse_docx(made(), path="a.docx")  # type: ignore[operator]
