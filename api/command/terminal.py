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

from api.wire.schemas import AskResponse, CompaniesResponse, PassageOut, PolicyOut, VerdictOut
from qa.answers import BEGINNINGS, Verdict

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
    _print_answered(console, answer)
    if not answer.calibrated:
        console.print(_text("Scores are no probabilities: they are not calibrated for this model.", style="dim"))
    if answer.next_offset is not None:
        more = "More companies: " if answer.counts else "More companies were not asked: "
        console.print(
            _text(f"{more}--offset {answer.next_offset} {'tells' if answer.counts else 'asks'} the next.", style="dim")
        )
    if answer.outcome != "out_of_scope" and answer.passages:
        console.print(_text("\nPassages:" if answer.outcome == "answered" else "\nNearest passages:", style="dim"))
        print_hits(console, answer.passages)


def _print_answered(console: Console, answer: AskResponse) -> None:
    """What changed and when, or the numbers and what each company's policies say."""
    if answer.history:
        for line in answer.answer.splitlines():
            is_quote = line.startswith(("Before (", "After (", "“"))
            console.print(_text(line, style="" if is_quote else "bold magenta"))
        return
    if answer.counts:
        console.print(_text(answer.answer.splitlines()[0], style="bold magenta"))
    for part in answer.parts:
        console.print(_text(part.question, style="dim"))
        _print_verdicts(console, part.verdicts)
    if not answer.parts:
        _print_verdicts(console, answer.verdicts)


def print_hits(console: Console, hits: Iterable[PassageOut]) -> None:
    """Print `hits` in short, one after the other."""
    for hit in hits:
        title = f"{hit.company.name} · {_where(hit.policy, hit.heading)} · {score_word(hit.score)} ({hit.score:.2f})"
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


_NOT_ASKED = {
    "no_version": "no version of its policy is as old as that day",
    "unsupported_language": "its policy is in a language that is not read",
}


def _print_verdicts(console: Console, verdicts: Sequence[VerdictOut]) -> None:
    """Print what each company's policies say, then the companies whose policies do not say."""
    for said in verdicts:
        if said.outcome == "answered":
            console.print(_text(BEGINNINGS[Verdict(said.verdict) if said.verdict else None], style="bold magenta"))
        elif said.outcome == "unclear":
            console.print(_text(f"The policy of {said.company.name} may not say. The closest is:", style="bold yellow"))
        elif said.outcome in _NOT_ASKED:
            console.print(_text(f"{said.company.name}: {_NOT_ASKED[said.outcome]}.", style="bold yellow"))
        for quotation in said.quotations:
            console.print(_text(f"“{quotation.text}”", style="bold"))
            _print_source(console, quotation.policy, said.company.name, quotation.heading)
    for said in verdicts:
        if said.outcome == "not_stated":
            console.print(_text(f"The policy of {said.company.name} does not say.", style="bold yellow"))


def _print_source(console: Console, policy: PolicyOut, company: str, heading: str | None) -> None:
    """Whose words these are, from when, and where to read them."""
    line = _text(company, style="bold green")
    console.print(line.append(_text(f" · {_where(policy, heading)}", style="not bold default")))
    if policy.source_url and urlsplit(policy.source_url).scheme in ("http", "https"):
        console.print(_text(policy.source_url, style="blue"), soft_wrap=True)


def _text(words: str, style: str = "") -> Text:
    """`words` without what a terminal would obey: a policy may hold escape sequences."""
    return Text(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", words), style=style)


def _indented(console: Console, words: str, *, by: int, first: str | None = None) -> Text:
    margin = " " * by
    wrapped = textwrap.wrap(
        words, max(console.width, 40), initial_indent=margin if first is None else first, subsequent_indent=margin
    )
    return _text("\n".join(wrapped))


def _where(policy: PolicyOut, heading: str | None) -> str:
    days = [f"archived {policy.archived_on}"] if policy.archived_on else []
    if policy.effective_on and policy.effective_on != policy.archived_on:
        days.append(f"effective {policy.effective_on}")
    day = ", ".join(days) or "undated"
    return f"{policy.title}{f' · “{heading}”' if heading else ''} · {day}"


class RateColumn(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        """See `ProgressColumn`; nothing until something is done."""
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")
