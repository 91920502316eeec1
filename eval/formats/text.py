"""A policy as its parts, read from Markdown: what every format is made of and what the truth is taken from."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode


@dataclass(frozen=True, slots=True)
class Run:
    """Words of one look. `note` is the number of the footnote that stands behind them, `struck` words do not hold."""

    text: str
    bold: bool = False
    italic: bool = False
    href: str | None = None
    struck: bool = False
    note: int | None = None


Inline = tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """`level` 1 is the title's."""

    level: int
    inline: Inline


@dataclass(frozen=True, slots=True)
class Paragraph:
    """`question` is set where this is its short answer."""

    inline: Inline
    question: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """An item, its further paragraphs and the lists that are nested in it."""

    inline: Inline
    more: tuple[Inline, ...] = ()
    lists: tuple["Listing", ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """A list. It is governed by the sentence before it if that ends in a colon."""

    ordered: bool
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The names of the columns, and the rows under them."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Part = Heading | Paragraph | Listing | Table


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole text; `notes[n - 1]` is footnote n."""

    company: str
    title: str
    updated: str
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()


def plain(inline: Inline) -> str:
    """The words that hold.

    >>> plain((Run("We sell "), Run("never", struck=True), Run("nothing.")))
    'We sell nothing.'
    """
    return " ".join("".join(run.text for run in inline if not run.struck).split())


def read_policy(markdown: str, *, company: str) -> Policy:
    """The policy that a file of the corpus holds, without its header line, table of contents and pictures."""
    tree = SyntaxTreeNode(MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown))
    parts = [part for node in tree.children for part in _parts(node)]
    parts = list(_without_noise(parts))
    title = f"{company} Privacy Policy"
    if parts and isinstance(parts[0], Heading) and "privacy" in plain(parts[0].inline).lower():
        title = plain(parts[0].inline)
        parts = parts[1:]
    return Policy(company, title, "", (Heading(1, (Run(title),)), *_levelled(parts)))


def words_of(policy: Policy) -> int:
    """How many words its parts have."""
    return sum(len(words.split()) for part in policy.parts for words in all_words(part))


def all_words(part: Part) -> Iterator[str]:
    """The plain words of everything in `part`, in order."""
    match part:
        case Heading() | Paragraph():
            yield plain(part.inline)
        case Listing():
            for item in part.items:
                yield plain(item.inline)
                yield from map(plain, item.more)
                for nested in item.lists:
                    yield from all_words(nested)
        case Table():
            yield from part.columns
            for row in part.rows:
                yield from row


def _parts(node: SyntaxTreeNode) -> Iterator[Part]:
    match node.type:
        case "heading":
            inline = _joined(_lines(node.children[0]))
            if plain(inline):
                yield Heading(int(node.tag[1]), tuple(replace(run, bold=False) for run in inline))
        case "paragraph":
            for line in _lines(node.children[0]):
                yield Paragraph(line)
        case "bullet_list" | "ordered_list":
            if (listing := _listing(node)) is not None:
                yield listing
        case "table":
            if (table := _table(node)) is not None:
                yield table


def _listing(node: SyntaxTreeNode) -> Listing | None:
    items = []
    for child in node.children:
        lines = [line for part in child.children if part.type == "paragraph" for line in _lines(part.children[0])]
        lists = [_listing(part) for part in child.children if part.type in {"bullet_list", "ordered_list"}]
        if lines:
            items.append(Item(lines[0], tuple(lines[1:]), tuple(listing for listing in lists if listing is not None)))
    return Listing(node.type == "ordered_list", tuple(items)) if items else None


def _table(node: SyntaxTreeNode) -> Table | None:
    rows = [
        tuple(plain(_joined(_lines(cell.children[0]))) if cell.children else "" for cell in row.children)
        for part in node.children
        for row in part.children
    ]
    if len(rows) < 2 or not all(rows[0]) or any(not any(row) for row in rows):
        return None
    return Table(rows[0], tuple(rows[1:]))


def _lines(node: SyntaxTreeNode) -> list[Inline]:
    lines: list[list[Run]] = [[]]
    for run in _runs(node, Run("")):
        if run.text == "\n":
            lines.append([])
        else:
            lines[-1].append(run)
    return [tidy for line in lines if (tidy := _tidy(line)) and re.search(r"\w", plain(tidy))]


def _joined(lines: Sequence[Inline]) -> Inline:
    return tuple(run for n, line in enumerate(lines) for run in ((Run(" "), *line) if n else line))


def _runs(node: SyntaxTreeNode, look: Run) -> Iterator[Run]:
    for child in node.children:
        match child.type:
            case "text" | "code_inline":
                yield replace(look, text=_clean(child.content))
            case "softbreak":
                yield replace(look, text=" ")
            case "hardbreak":
                yield Run("\n")
            case "strong":
                yield from _runs(child, replace(look, bold=True))
            case "em":
                yield from _runs(child, replace(look, italic=True))
            case "link":
                yield from _runs(child, replace(look, href=str(child.attrs.get("href", "")) or None))


def _clean(text: str) -> str:
    text = "".join(char for char in text if unicodedata.category(char) not in {"Cf", "Co", "Cn"})
    return re.sub(r"\s+", " ", text)


def _tidy(line: Sequence[Run]) -> Inline:
    """Runs of one look joined, without white space at the ends or twice."""
    runs: list[Run] = []
    for run in line:
        text = run.text.lstrip() if not runs or runs[-1].text.endswith(" ") else run.text
        if not text:
            continue
        if runs and replace(runs[-1], text="") == replace(run, text=""):
            runs[-1] = replace(runs[-1], text=runs[-1].text + text)
        else:
            runs.append(replace(run, text=text))
    while runs and not runs[-1].text.rstrip():
        runs.pop()
    if runs:
        runs[-1] = replace(runs[-1], text=runs[-1].text.rstrip())
    return tuple(runs)


def _without_noise(parts: Sequence[Part]) -> Iterator[Part]:
    """Without what a page around the text left in it: lines and lists of links alone, single words."""
    seen: set[str] = set()
    for n, part in enumerate(parts):
        before_list = n + 1 < len(parts) and isinstance(parts[n + 1], Listing)
        match part:
            case Paragraph(inline):
                words = plain(inline)
                links_only = all(run.href or not run.text.strip(" .|•·-–") for run in inline)
                if (
                    links_only
                    or words in seen
                    or re.match(r"(?i)back to (the )?top|last (updated|modified)|.*(\.\.\.|…)$", words)
                ):
                    continue
                seen.add(words)
                bold = all(run.bold or not re.search(r"\w", run.text) for run in inline)
                if bold and len(words.split()) <= 12 and not words.endswith((".", ";", ",")) and not before_list:
                    yield Heading(7, tuple(replace(run, bold=False) for run in inline))
                elif len(words.split()) >= 4 or words.endswith((".", ":", "?", "!")):
                    yield part
            case Listing(_, items):
                if not all(run.href or not run.text.strip() for item in items for run in item.inline):
                    yield part
            case _:
                yield part


def _levelled(parts: Sequence[Part]) -> Iterator[Part]:
    """Levels without gaps, from 2 on; a heading with nothing under it goes."""
    levels = sorted({part.level for part in parts if isinstance(part, Heading)})
    for n, part in enumerate(parts):
        if not isinstance(part, Heading):
            yield part
        elif n + 1 < len(parts) and not (isinstance(after := parts[n + 1], Heading) and after.level <= part.level):
            yield replace(part, level=2 + levels.index(part.level))
