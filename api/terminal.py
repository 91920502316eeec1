"""Answers, hits and companies as a person reads them in a terminal. It does not know how they were found.

It prints the JSON objects of the contract, so terminal and HTTP never say different things.
"""

import re
import textwrap
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import ProgressColumn, Task
from rich.text import Text

from api.schemas import AskResponse, CompaniesResponse, PassageOut

# From this score on, of 1: a passage that scores higher is called so. As on the chat page.
_SCORE_WORDS = ((0.75, "strong"), (0.5, "good"), (0.25, "weak"), (0.0, "faint"))
_OTHER_PASSAGE_CHARS = 180
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def score_word(score: float) -> str:
    """`score` as a word.

    >>> score_word(0.87), score_word(0.02)
    ('strong', 'faint')
    """
    return next(word for lowest, word in _SCORE_WORDS if score >= lowest)


def print_answer(console: Console, answer: AskResponse, *, limited: bool = False) -> None:
    """Print `answer`: for each company what its policy says and where, then the other passages in short.

    `limited`: companies were given beside the question, so whom else it names is not covered, and that is said first.
    """
    if answer.standalone_question != answer.question:
        console.print(_text(f"Understood as: {answer.standalone_question}", style="dim"))
    if answer.outcome in ("out_of_scope", "no_version", "unsupported_language"):
        console.print(_text(answer.answer, style="bold yellow"))
    if limited and answer.unknown_companies:
        console.print(_text(answer.answer.splitlines()[0], style="bold yellow"))
    for unknown in () if limited else answer.unknown_companies:
        console.print(_text(f"No policy of {unknown.name} is in this index.", style="bold yellow"))
        if unknown.nearest:
            console.print(_text(f"Nearest names: {', '.join(unknown.nearest)}"))
    quoted = _best_by_company(answer.passages) if answer.outcome == "answered" else []
    for passage in quoted:
        _print_quote(console, passage)
    silent = [company.name for company in answer.companies if company.id not in {hit.company.id for hit in quoted}]
    if answer.outcome == "not_stated" and not silent:
        console.print(_text("None of the policies says.", style="bold yellow"))
    if answer.outcome in ("answered", "not_stated"):
        for name in dict.fromkeys(silent):
            console.print(_text(f"The policy of {name} does not say.", style="bold yellow"))
    others = [passage for passage in answer.passages if passage not in quoted]
    if others and answer.outcome != "out_of_scope":
        console.print(_text("\nOther passages:" if quoted else "\nNearest passages:", style="dim"))
        print_hits(console, others)


def print_hits(console: Console, hits: Iterable[PassageOut]) -> None:
    """Print `hits` in short, one after the other."""
    for hit in hits:
        title = f"{hit.company.name} · {_where(hit)} · {score_word(hit.score)} ({hit.score:.2f})"
        line = _indented(console, title, by=5, first=f"{hit.rank:>3}. ")
        line.stylize("bold", 5, 5 + len(hit.company.name))
        console.print(line)
        words = " ".join(segment.text for segment in hit.segments)
        short = words if len(words) <= _OTHER_PASSAGE_CHARS else words[:_OTHER_PASSAGE_CHARS].rsplit(" ", 1)[0] + " …"
        console.print(_indented(console, short, by=5))


def print_companies(console: Console, listed: CompaniesResponse) -> None:
    """Print everyone whose policies are in the index, with other names and policies."""
    for company in listed.companies:
        line = _text(company.name, style="bold")
        others = [name for name in (company.id, *company.aliases, *company.domains) if name != company.name]
        if others:
            line.append(_text(f" ({', '.join(dict.fromkeys(others))})", style="not bold dim"))
        console.print(line)
        for policy in company.policies:
            day = f", archived {policy.archived_on}" if policy.archived_on else ""
            console.print(_indented(console, f"{policy.title}{day}", by=2))


def _best_by_company(passages: Sequence[PassageOut]) -> list[PassageOut]:
    best: dict[str, PassageOut] = {}
    for passage in passages:
        if passage.evidence:
            best.setdefault(passage.company.id, passage)
    return list(best.values())


def _print_quote(console: Console, passage: PassageOut) -> None:
    console.print(_text(f"“{passage.quotation}”", style="bold"))
    console.print(
        _text(passage.company.name, style="bold green").append(_text(f" · {_where(passage)}", style="not bold default"))
    )
    url = passage.policy.source_url
    if url and urlsplit(url).scheme in ("http", "https"):
        console.print(_text(url, style="blue"), soft_wrap=True)


def _text(words: str, style: str = "") -> Text:
    """`words` without what a terminal would obey: a policy may hold escape sequences."""
    return Text(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", words), style=style)


def _indented(console: Console, words: str, *, by: int, first: str | None = None) -> Text:
    margin = " " * by
    wrapped = textwrap.wrap(
        words, max(console.width, 40), initial_indent=margin if first is None else first, subsequent_indent=margin
    )
    return _text("\n".join(wrapped))


def _where(passage: PassageOut) -> str:
    policy = passage.policy
    days = [f"archived {policy.archived_on}"] if policy.archived_on else []
    if policy.effective_on and policy.effective_on != policy.archived_on:
        days.append(f"effective {policy.effective_on}")
    day = ", ".join(days) or "undated"
    heading = f" · “{passage.heading}”" if passage.heading else ""
    return f"{passage.policy.title}{heading} · {day}"


class RateColumn(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        """See `ProgressColumn`; nothing until something is done."""
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")
