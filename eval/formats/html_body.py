"""A policy's parts as HTML, in the ways in which sites write them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from html import escape

import pyphen

from eval.formats.text import Heading, Inline, Item, Listing, Paragraph, Part, Policy, Run, Table, plain

_HYPHENS = pyphen.Pyphen(lang="en_US")
_SOFT_HYPHEN = "\u00ad"
_NBSP = "\u00a0"


@dataclass(frozen=True, slots=True)
class Style:
    """How a site's editor writes paragraphs, headings, lists and tables.

    Attributes:
        paragraph: `p`, `div`, `br` (two line breaks), `span` (a `<p>` of styled spans) or `word` (saved from a word
            processor).
        heading: `h`, `div` (a class tells), `bold` (a bold paragraph) or `font`.
        listing: `list`, `word` (paragraphs with a bullet and a margin).
        table: `head` (`<th>` in a `<thead>`), `first-row` (`<td>` alone, the first row bold) or `scoped`.
        nbsp: every how many spaces one is not broken; 0: none.
        soft_hyphens: words of eight letters and more may be broken.
        hidden_words: links tell screen readers that they open a window.
        anchors: a sign beside each heading links to it.
        top_links: a link to the top stands at the end of each section.
        first_level: what the title is: 1 is `<h1>`.
    """

    paragraph: str = "p"
    heading: str = "h"
    listing: str = "list"
    table: str = "head"
    nbsp: int = 0
    soft_hyphens: bool = False
    hidden_words: bool = False
    anchors: bool = False
    top_links: bool = False
    first_level: int = 1


def slug(text: str) -> str:
    """An anchor's name.

    >>> slug("1. What we collect?")
    '1-what-we-collect'
    """
    return re.sub(r"\W+", "-", text.lower()).strip("-")


def body_html(policy: Policy, style: Style) -> str:
    """All parts, and the footnotes under them."""
    return "\n".join([*(part_html(part, style) for part in policy.parts), notes_html(policy)])


def notes_html(policy: Policy) -> str:
    """The footnotes under a text, each with a way back; nothing if there are none."""
    if not policy.notes:
        return ""
    notes = "".join(
        f'<li id="fn{n}"><p>{escape(note)} <a href="#fnref{n}" class="footnote-backref">↩</a></p></li>'
        for n, note in enumerate(policy.notes, start=1)
    )
    return f'<hr class="footnotes-sep"><section class="footnotes"><ol class="footnotes-list">{notes}</ol></section>'


def part_html(part: Part, style: Style) -> str:
    """One part."""
    match part:
        case Heading():
            return _heading(part, style)
        case Paragraph(inline):
            return _paragraph(inline_html(inline, style), style)
        case Listing():
            return _word_list(part, style, depth=1) if style.listing == "word" else _list(part, style)
        case Table():
            return _table(part, style)


def inline_html(inline: Inline, style: Style) -> str:
    """Runs with their marks; a site's own links stay without effect."""
    return "".join(_run(run, style) for run in inline)


def sections(policy: Policy) -> list[tuple[Heading, list[Part]]]:
    """The policy by its headings of level 2; what stands before the first is under the title."""
    found: list[tuple[Heading, list[Part]]] = []
    for part in policy.parts:
        if isinstance(part, Heading) and part.level <= 2:
            found.append((part, []))
        else:
            found[-1][1].append(part)
    return found


def _run(run: Run, style: Style) -> str:
    if run.note is not None:
        return f'<sup class="footnote-ref"><a href="#fn{run.note}" id="fnref{run.note}">[{run.note}]</a></sup>'
    html = escape(_spaced(_hyphenated(run.text) if style.soft_hyphens else run.text, style.nbsp), quote=False)
    html = html.replace(_NBSP, "&nbsp;").replace(_SOFT_HYPHEN, "&shy;")
    if run.struck:
        html = f"<s>{html}</s>"
    if run.italic:
        html = f"<em>{html}</em>"
    if run.bold:
        html = f"<b>{html}</b>" if style.paragraph in {"br", "word"} else f"<strong>{html}</strong>"
    if run.href:
        hidden = '<span class="sr-only"> (opens in a new window)</span>' if style.hidden_words else ""
        html = f'<a href="{escape(run.href)}" target="_blank" rel="noopener">{html}{hidden}</a>'
    return html


def _spaced(text: str, every: int) -> str:
    if not every:
        return text
    words = text.split(" ")
    return "".join(
        word + ("" if n == len(words) - 1 else _NBSP if n % every == every - 1 else " ") for n, word in enumerate(words)
    )


def _hyphenated(text: str) -> str:
    return re.sub(r"\b[a-z]{8,}\b", lambda word: _HYPHENS.inserted(word[0], hyphen=_SOFT_HYPHEN), text)


def _heading(part: Heading, style: Style) -> str:
    html = inline_html(part.inline, replace(style, soft_hyphens=False, hidden_words=False))
    name = slug(plain(part.inline))
    level = min(6, part.level + style.first_level - 1)
    top = '<p class="top"><a href="#top">Back to top ↑</a></p>\n' if style.top_links and part.level == 2 else ""
    match style.heading:
        case "h":
            anchor = f'<a class="headerlink" href="#{name}" title="Link to this heading">¶</a>' if style.anchors else ""
            return f'{top}<h{level} id="{name}">{html}{anchor}</h{level}>'
        case "div":
            return f'{top}<div class="t-{level} text-heading-{level}" id="{name}">{html}</div>'
        case "bold":
            return f"{top}<p><strong>{html}</strong></p>"
        case "font":
            size = {1: 5, 2: 4}.get(part.level, 3)
            return f'{top}<a name="{name}"></a><font size="{size}" color="#003366"><b>{html}</b></font><br><br>'
    raise ValueError(style.heading)


def _paragraph(html: str, style: Style) -> str:
    templates = {
        "p": "<p>{}</p>",
        "div": '<div class="css-1x9fk2">{}</div>',
        "br": "{}<br><br>",
        "span": '<p style="margin-bottom:0"><span style="font-weight: 400;">{}</span></p>',
        "word": '<p class=MsoNormal style="margin-bottom:8.0pt">'
        '<span lang=EN-US style="font-size:11.0pt">{}<o:p></o:p></span></p>',
    }
    return templates[style.paragraph].format(html)


def _list(listing: Listing, style: Style) -> str:
    tag = "ol" if listing.ordered else "ul"
    items = "\n".join(f"<li>{_item(item, style)}</li>" for item in listing.items)
    return f"<{tag}>\n{items}\n</{tag}>"


def _item(item: Item, style: Style) -> str:
    html = inline_html(item.inline, style)
    if style.paragraph == "span":
        html = f'<span style="font-weight: 400;">{html}</span>'
    elif item.more:
        html = f"<p>{html}</p>"
    more = "".join(f"<p>{inline_html(inline, style)}</p>" for inline in item.more)
    return html + more + "".join(_list(nested, style) for nested in item.lists)


def _word_list(listing: Listing, style: Style, *, depth: int) -> str:
    return "\n".join(_word_items(listing, style, depth=depth))


def _word_items(listing: Listing, style: Style, *, depth: int) -> Iterator[str]:
    for number, item in enumerate(listing.items, start=1):
        mark = f"{number}." if listing.ordered else "·" if depth == 1 else "o"
        gap = f'<span style="font:7.0pt &quot;Times New Roman&quot;">{"&nbsp;" * 6} </span>'
        html = inline_html(item.inline, style)
        yield (
            f'<p class=MsoListParagraph style="margin-left:{depth * 36}pt;text-indent:-18.0pt;'
            f'mso-list:l0 level{depth} lfo1"><![if !supportLists]><span style="font-family:Symbol">'
            f'<span style="mso-list:Ignore">{mark}{gap}</span></span>'
            f"<![endif]><span lang=EN-US>{html}<o:p></o:p></span></p>"
        )
        for inline in item.more:
            yield f'<p class=MsoNormal style="margin-left:{depth * 36}pt">{inline_html(inline, style)}<o:p></o:p></p>'
        for nested in item.lists:
            yield from _word_items(nested, style, depth=depth + 1)


def _table(table: Table, style: Style) -> str:
    cell: Callable[[str], str] = lambda text: inline_html((Run(text),), replace(style, soft_hyphens=False))  # noqa: E731
    match style.table:
        case "head":
            head = "".join(f"<th>{cell(name)}</th>" for name in table.columns)
            body = "".join("<tr>" + "".join(f"<td>{cell(text)}</td>" for text in row) + "</tr>\n" for row in table.rows)
            return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>"
        case "first-row":
            head = "".join(f"<td bgcolor=#dddddd><b>{cell(name)}</b></td>" for name in table.columns)
            body = "".join(
                "<tr>" + "".join(f"<td valign=top>{cell(text) or '&nbsp;'}</td>" for text in row) + "</tr>\n"
                for row in table.rows
            )
            return f'<table border="1" cellpadding="3" cellspacing="0"><tr>{head}</tr>\n{body}</table>'
        case "scoped":
            head = "".join(f'<th scope="col"><p>{cell(name)}</p></th>' for name in table.columns)
            body = "".join(
                f'<tr><th scope="row"><p>{cell(row[0])}</p></th>'
                + "".join(f"<td><p>{cell(text)}</p></td>" for text in row[1:])
                + "</tr>\n"
                for row in table.rows
            )
            return f'<div class="table-wrap"><table><tr>{head}</tr>\n{body}</table></div>'
    raise ValueError(style.table)
