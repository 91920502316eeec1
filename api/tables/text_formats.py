"""Tables as text: CSV, JSON lines, Markdown and HTML; and for the terminal."""

import csv
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from api.tables.table import COLUMNS, Table, safe, values, web_link, word

if TYPE_CHECKING:
    from jinja2 import Template
    from rich.console import Console

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_MOST_WIDE_QUESTIONS = 8


def write_csv(table: Table, file: TextIO) -> None:
    """A row for each cell, with the columns of `COLUMNS`; RFC 4180, and nothing in it is a formula."""
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for cell, item in table:
        writer.writerow({name: safe(value) for name, value in values(cell, item).items()})


def write_jsonl(table: Table, file: TextIO) -> None:
    """A `CellOut` a line."""
    for cell, _ in table:
        file.write(cell.model_dump_json() + "\n")


def write_markdown(table: Table, file: TextIO) -> None:
    """The questions, the companies by the questions' ids, and below it what is quoted."""
    file.write(f"# {_escaped(table.title)}\n\n{_escaped(_from(table))}\n\n")
    for item in table.items:
        source = f" ({_escaped(item.source)})" if item.source else ""
        file.write(f"* **{_escaped(item.id)}**: {_escaped(item.question)}{source}\n")
    file.write("\n| | " + " | ".join(_escaped(item.id) for item in table.items) + " |\n")
    file.write("| --- |" + " --- |" * len(table.items) + "\n")
    for company in table.companies:
        words = " | ".join(word(cell) for cell in table.of_company(company))
        file.write(f"| {_escaped(company.name)} | {words} |\n")
    file.write("\n## Evidence\n")
    for cell, item in table:
        row = values(cell, item)
        file.write(f"\n**{_escaped(cell.company.name)}, {_escaped(item.id)}: {word(cell)}** ({cell.probability:.2f})\n")
        if cell.note or row["silence_means"]:
            file.write(f"\n{_escaped(str(cell.note or row['silence_means']))}\n")
        for quotation in cell.quotations:
            link = web_link(quotation.policy.source_url)
            source = f" [source](<{link.replace('<', '%3C').replace('>', '%3E')}>)" if link else ""
            where = ", ".join(filter(None, (quotation.policy.title, quotation.heading, _day(quotation.policy))))
            file.write(f"\n> {_escaped(quotation.text)}\n>\n> {_escaped(where)}{source}\n")


def write_html(table: Table, file: TextIO) -> None:
    """One page that needs nothing else: the table, and behind each cell its evidence."""
    file.write(
        _page().render(table=table, word=word, values=values, web_link=web_link, day=_day, made_from=_from(table))
    )


def print_table(console: "Console", table: Table) -> None:
    """The companies by the questions' ids where these are few, else the other way round; the questions below."""
    from rich.table import Table as Grid
    from rich.text import Text

    wide = len(table.items) <= _MOST_WIDE_QUESTIONS or len(table.items) <= len(table.companies)
    names, ids = [company.name for company in table.companies], [item.id for item in table.items]
    words = [[_printed(word(cell)) for cell in table.of_company(company)] for company in table.companies]
    if not wide:
        names, ids, words = ids, names, [list(column) for column in zip(*words, strict=True)]
    grid = Grid("", *map(_printed, ids))
    for name, row in zip(names, words, strict=True):
        grid.add_row(Text(_printed(name)), *map(Text, row))
    console.print(grid)
    for item in table.items:
        console.print(Text(f"{item.id}: {_printed(item.question)}"))
    for company in table.companies:
        if company.id is None:
            note = table.of_company(company)[0].note or ""
            console.print(Text(_printed(note), style="bold yellow"))


def _from(table: Table) -> str:
    day = f"as of {table.as_of.isoformat()}" if table.as_of else "latest versions"
    fitted = "" if table.calibrated else "; probabilities are not calibrated for this model"
    size = f"{len(table.companies):,} companies, {len(table.items):,} questions"
    return f"{size}, {day}, index {table.index_version}{fitted}"


def _day(policy: object) -> str | None:
    archived, effective = getattr(policy, "archived_on", None), getattr(policy, "effective_on", None)
    days = [f"archived {archived.isoformat()}"] if archived else []
    days += [f"effective {effective.isoformat()}"] if effective and effective != archived else []
    return ", ".join(days) or "undated"


def _escaped(words: str) -> str:
    r"""`words` on one line, without what Markdown would obey.

    >>> _escaped("a | b\n<script>")
    'a \\| b \\<script\\>'
    """
    return _MARKDOWN.sub(r"\\\1", " ".join(words.split()))


def _printed(words: str) -> str:
    """`words` without what a terminal would obey."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", words)


@cache
def _page() -> "Template":
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(Path(__file__).with_name("page.html.jinja").read_text(encoding="utf-8"))
