"""Tables as an XLSX workbook, written by XlsxWriter: the companies by the questions, and every cell with its evidence.

Every text is written as one, so that none is a formula, whatever a policy begins with.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, BinaryIO

from api.tables.table import COLUMNS, Table, Value, values, word
from index.errors import AskPolicyError

_MOST_CHARS = 32_767  # what a cell of a workbook holds
_WIDTHS = {"quote": 80, "question": 40, "silence_means": 40, "source": 30, "link": 30, "company": 24, "heading": 24}


class NoWorkbooks(AskPolicyError):
    """The library that writes workbooks is not installed."""


def check_installed() -> None:
    """Nothing, where workbooks can be written: better known before hours of work than after.

    Raises:
        NoWorkbooks: XlsxWriter is not installed.
    """
    if find_spec("xlsxwriter") is None:
        raise NoWorkbooks("XLSX needs XlsxWriter: run `pip install 'askpolicy[tables]'`, or take --format csv")


def write_xlsx(table: Table, file: BinaryIO) -> None:
    """The sheets "Table", "Cells" and "Questions"; raises as `check_installed`."""
    check_installed()
    import xlsxwriter

    # a link that is not followed by itself needs no warning, and a number in a policy's text stays text
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(file, options) as workbook:
        # shown as text even once somebody edits the cell
        text = workbook.add_format({"quote_prefix": True, "text_wrap": True, "valign": "top"})
        bold = workbook.add_format({"quote_prefix": True, "bold": True, "text_wrap": True, "valign": "top"})
        sheet = workbook.add_worksheet("Table")
        sheet.freeze_panes(1, 1)
        sheet.set_column(0, 0, 24)
        sheet.set_column(1, max(1, len(table.items)), 18)
        _write_row(sheet, 0, ["Company", *(item.question for item in table.items)], bold)
        for number, company in enumerate(table.companies, start=1):
            _write_row(sheet, number, [company.name, *map(word, table.of_company(company))], text)
        sheet = workbook.add_worksheet("Cells")
        sheet.freeze_panes(1, 0)
        for column, name in enumerate(COLUMNS):
            sheet.set_column(column, column, _WIDTHS.get(name, 14))
        _write_row(sheet, 0, list(COLUMNS), bold)
        last = 0
        for last, (cell, item) in enumerate(table, start=1):
            _write_row(sheet, last, list(values(cell, item).values()), text)
        sheet.autofilter(0, 0, last, len(COLUMNS) - 1)
        sheet = workbook.add_worksheet("Questions")
        sheet.set_column(0, 4, 40)
        _write_row(sheet, 0, ["id", "question", "answers", "silence means", "source"], bold)
        for number, asked in enumerate(table.items, start=1):
            row = [asked.id, asked.question, ", ".join(asked.answers), asked.silence, asked.source]
            _write_row(sheet, number, row, text)


def _write_row(sheet: Any, row: int, cells: Sequence[Value], form: Any) -> None:
    for column, value in enumerate(cells):
        if isinstance(value, str):
            whole = value if len(value) <= _MOST_CHARS else value[: _MOST_CHARS - 1] + "…"
            sheet.write_string(row, column, whole, form)
        elif value is not None:
            sheet.write_number(row, column, value)
