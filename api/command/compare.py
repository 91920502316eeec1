"""What `askpolicy compare` does: asks, keeps a journal, and writes the table whole or not at all.

It does not know the command's options.
"""

import csv
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from api.command.journal import Journal
from api.tables import formats
from api.tables.formats import JSONL, XLSX
from api.tables.table import Table
from api.tables.text_formats import print_table
from api.tables.workbook import check_installed
from api.wire.comparison import CellOut, ComparedCompanyOut, ItemOut
from index.errors import AskPolicyError, BadQuestion
from index.whole_file import whole_file
from qa.checklists.checklist import Item, open_checklist
from qa.question.understanding import checked_question

if TYPE_CHECKING:
    from qa.assistant import Assistant
    from qa.comparison import Comparison

TABLE = "table"
FORMATS = (TABLE, *formats.FORMATS)

Tell = Callable[[int, int], None]
"""Cells that are known, and all of them."""


class NeedsFile(AskPolicyError):
    """A format that no terminal shows, or a run to be resumed, without a file."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is compared, and how it is written.

    Attributes:
        companies: none means all of the index.
        out: None means standard output.
        resume: take over what a run that was stopped had found.
    """

    title: str
    items: tuple[Item, ...]
    companies: tuple[str, ...]
    as_of: date | None
    form: str
    out: Path | None
    resume: bool

    def __post_init__(self) -> None:
        if self.out is None and (self.form == XLSX or self.resume):
            raise NeedsFile(f"{'--resume' if self.resume else '--format xlsx'} needs a file: give --out FILE")
        if self.form == XLSX:
            check_installed()
        if self.out is not None and not self.out.parent.is_dir():
            raise NeedsFile(f"{self.out.parent}: no such folder; make it, or give another --out")


def items_of(questions: Sequence[str], checklist: str | None) -> tuple[str, tuple[Item, ...]]:
    """A title, and what is asked: the items of the checklist, then `questions`.

    Raises:
        BadChecklist, BadQuestion: the checklist, or one of `questions`; or there is nothing to ask.
    """
    opened = open_checklist(checklist) if checklist else None
    given = opened.items if opened else ()
    asked = dict.fromkeys(map(checked_question, questions))
    items = (*given, *(Item(f"q{number}", question) for number, question in enumerate(asked, start=1)))
    if not items:
        raise BadQuestion("there is nothing to ask: give QUESTIONS, --questions FILE or --checklist NAME")
    ids = [item.id for item in items]
    if len(set(ids)) < len(ids):
        raise BadQuestion(
            "the checklist calls an item like a question that was given beside it (q1, q2 ...); rename it"
        )
    return (opened.title if opened else "Comparison"), items


def names_in(lists: Iterable[str]) -> list[str]:
    """The names in lists by commas; one that holds a comma stands in double quotes.

    >>> names_in(['JivoChat, "Acme, Inc."', "mig.me"])
    ['JivoChat', 'Acme, Inc.', 'mig.me']
    """
    return [name.strip() for row in csv.reader(lists, skipinitialspace=True) for name in row if name.strip()]


def compare(assistant: "Assistant", wanted: Wanted, *, tell: Tell) -> None:
    """Ask, and write the table.

    Raises:
        BadQuestion: as `Assistant.compare`.
        JournalError: see `Journal`.
        NoWorkbooks: see `write_xlsx`.
    """
    comparison = assistant.compare(
        [item.question for item in wanted.items], companies=wanted.companies, as_of=wanted.as_of
    )
    if wanted.out is None and wanted.form == JSONL:
        for cell in _told(comparison, wanted, {}, tell):
            sys.stdout.write(cell.model_dump_json() + "\n")
            sys.stdout.flush()
        return
    if wanted.out is None:
        found = {cell.key: cell for cell in _told(comparison, wanted, {}, tell)}
        _print(_table(assistant, comparison, wanted, found), wanted.form)
        return
    with Journal(wanted.out, _run(assistant, comparison, wanted), resume=wanted.resume) as journal:
        for cell in _told(comparison, wanted, journal.cells, tell):
            journal.add(cell)
        table = _table(assistant, comparison, wanted, journal.cells)
        with whole_file(wanted.out) as file:
            _write(table, wanted.form, file)
        journal.delete()


def _told(
    comparison: "Comparison", wanted: Wanted, known: dict[tuple[str, str], CellOut], tell: Tell
) -> Iterator[CellOut]:
    """The cells that are not `known`, as they are found."""
    places = {item.id: place for place, item in enumerate(wanted.items)}
    done = {(company, places[item]) for company, item in known}
    count = len(done)
    tell(count, len(comparison))
    for cell in comparison.cells(done=done):
        yield CellOut.of(cell, wanted.items[cell.question])
        count += 1
        tell(count, len(comparison))


def _run(assistant: "Assistant", comparison: "Comparison", wanted: Wanted) -> dict[str, object]:
    """What makes the cells: with any of it other, they might be other."""
    return {
        "index_version": comparison.index_version,
        "questions": [[item.id, item.question] for item in wanted.items],
        "companies": [row.id for row in comparison.rows],
        "as_of": wanted.as_of.isoformat() if wanted.as_of else None,
        "models_and_thresholds": assistant.made_by,
    }


def _table(
    assistant: "Assistant", comparison: "Comparison", wanted: Wanted, cells: dict[tuple[str, str], CellOut]
) -> Table:
    return Table(
        wanted.title,
        tuple(map(ItemOut.of, wanted.items)),
        tuple(map(ComparedCompanyOut.of, comparison.rows)),
        cells,
        wanted.as_of,
        comparison.index_version,
        assistant.calibrated,
    )


def _print(table: Table, form: str) -> None:
    if form == TABLE:
        from rich.console import Console

        print_table(Console(highlight=False, markup=False, emoji=False), table)
        return
    printed = io.BytesIO()
    formats.FORMATS[form].write(table, printed)
    sys.stdout.write(printed.getvalue().decode())
    sys.stdout.flush()


def _write(table: Table, form: str, file: BinaryIO) -> None:
    if form != TABLE:
        formats.FORMATS[form].write(table, file)
        return
    from rich.console import Console

    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    print_table(Console(file=text, width=200, highlight=False, markup=False, emoji=False), table)
    text.detach()  # else it would close the file
