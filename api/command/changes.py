"""What changed, as text for a terminal, as Markdown or as JSON lines. It does not know how it is found."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import click
from rich.console import Console
from rich.text import Text

from api.wire.changes import StretchOut, VersionChangeOut
from api.wire.schemas import PolicyOut
from index.policies.versions import Policy
from qa.changes import VersionChange
from qa.flips import Flip

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#~|])")
_STYLES = {"added": "bold green", "removed": "bold red", "reworded": "bold yellow", "moved": "bold", "technical": "dim"}


FlipsOf = Callable[[VersionChange], Sequence[Flip] | None]


def print_changes(
    console: Console,
    changes: Iterable[VersionChange],
    *,
    form: str,
    technical: bool,
    flips_of: FlipsOf = lambda _: None,
) -> bool:
    """Print each of `changes` as soon as it is found; whether there was any.

    Args:
        form: "text", "json" (an object a line, as the HTTP service lists them) or "md".
        technical: with technical changes, which are else only counted.
        flips_of: the questions whose verdicts flipped with a version; None where none was asked.
    """
    found = False
    for changed in changes:
        found = True
        told = VersionChangeOut.of(changed, technical=technical, flips=flips_of(changed))
        if form == "json":
            click.echo(json.dumps(told.model_dump(mode="json"), ensure_ascii=False))
        elif form == "md":
            click.echo("\n".join(_markdown(told, changed.in_words)))
        else:
            for line in _text(told, changed.in_words):
                console.print(line, soft_wrap=True)
    return found


def print_gone(console: Console, gone: Iterable[Policy], *, form: str) -> None:
    """Print which policies are not there any longer."""
    for policy in gone:
        words = f"{policy.company_id}, {policy.title}: gone"
        if form == "json":
            click.echo(json.dumps({"gone": PolicyOut.of(policy).model_dump(mode="json")}, ensure_ascii=False))
        elif form == "md":
            click.echo(f"## {_escaped(words)}\n")
        else:
            console.print(_shown(words, style="bold red"), soft_wrap=True)


def _title(told: VersionChangeOut) -> str:
    since = f" (before: {told.before.archived_on or told.before.effective_on})" if told.before else ""
    return f"{told.day} {told.company.name}, {told.after.title}{since}"


def _text(told: VersionChangeOut, counts: str) -> Iterator[Text]:
    line = _shown(_title(told), style="bold")
    yield line.append(_shown(f": {counts}", style="not bold default"))
    for passage in told.passages:
        place = passage.after or passage.before
        heading = f" under “{place.heading}”" if place and place.heading else ""
        yield _shown(f"  {passage.kind}{heading}", style=_STYLES[passage.kind])
        if passage.before and passage.kind != "moved":
            yield _shown("  - ").append(_words(passage.before, "red strike", whole=not passage.after))
        if passage.after:
            yield _shown("  + " if passage.kind != "moved" else "    ").append(
                _words(passage.after, "green bold", whole=not passage.before)
            )
    for flip in told.flips or ():
        yield _shown(f"  flipped: {flip.question} {flip.before.verdict} → {flip.after.verdict}", style="bold magenta")
        for sign, said in (("-", flip.before), ("+", flip.after)):
            yield from (_shown(f"  {sign} “{quotation.text}”") for quotation in said.quotations)


def _words(stretch: StretchOut, style: str, *, whole: bool) -> Text:
    words = Text(" ")
    pieces = [_shown(one.text, style=style if one.changed and not whole else "") for one in stretch.segments]
    return words.join(pieces)


def _markdown(told: VersionChangeOut, counts: str) -> Iterator[str]:
    yield f"## {_escaped(_title(told))}\n\n{counts}\n"
    for passage in told.passages:
        place = passage.after or passage.before
        heading = f" under “{_escaped(place.heading)}”" if place and place.heading else ""
        yield f"**{passage.kind}**{heading}\n"
        if passage.before and passage.kind != "moved":
            yield f"> − {_marked(passage.before, '~~', whole=not passage.after)}\n"
        if passage.after:
            sign = "+ " if passage.kind != "moved" else ""
            yield f"> {sign}{_marked(passage.after, '**', whole=not passage.before)}\n"
    for flip in told.flips or ():
        yield f"**flipped**: {_escaped(flip.question)} {flip.before.verdict} → {flip.after.verdict}\n"
        for sign, said in (("−", flip.before), ("+", flip.after)):
            yield from (f"> {sign} {_escaped(quotation.text)}\n" for quotation in said.quotations)


def _marked(stretch: StretchOut, mark: str, *, whole: bool) -> str:
    """The words of a passage for Markdown, those that changed within `mark`."""
    return " ".join(
        f"{mark}{_escaped(one.text)}{mark}" if one.changed and not whole else _escaped(one.text)
        for one in stretch.segments
    )


def _escaped(words: str) -> str:
    return _MARKDOWN.sub(r"\\\1", _CONTROL.sub("\N{REPLACEMENT CHARACTER}", words))


def _shown(words: str, style: str = "") -> Text:
    """`words` without what a terminal would obey: a policy may hold escape sequences."""
    return Text(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", words), style=style)
