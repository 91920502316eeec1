"""The formats of a table by name, and how each is written to a file of bytes. It does not know who asks for one."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, TextIO

from api.tables.table import Table
from api.tables.text_formats import write_csv, write_html, write_jsonl, write_markdown
from api.tables.workbook import write_xlsx

JSONL, XLSX = "jsonl", "xlsx"


@dataclass(frozen=True, slots=True)
class TableFormat:
    """A format that a table can be written in."""

    media_type: str
    write: Callable[[Table, BinaryIO], None]


def _text(write: Callable[[Table, TextIO], None]) -> Callable[[Table, BinaryIO], None]:
    def written(table: Table, file: BinaryIO) -> None:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        write(table, text)
        text.detach()  # else it would close the file

    return written


FORMATS = {
    "csv": TableFormat("text/csv; charset=utf-8", _text(write_csv)),
    "md": TableFormat("text/markdown; charset=utf-8", _text(write_markdown)),
    JSONL: TableFormat("application/jsonl", _text(write_jsonl)),
    "html": TableFormat("text/html; charset=utf-8", _text(write_html)),
    XLSX: TableFormat("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", write_xlsx),
}
