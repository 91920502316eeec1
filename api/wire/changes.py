"""What changed, as JSON: versions of policies with their paragraphs before and after. It does not know HTTP."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from api.wire.schemas import CompanyOut, PolicyOut, VerdictOut
from index.parsing.document import Markup, Span
from index.parsing.markup import plain
from index.policies.changes import Change, ChangeKind, Stretch
from qa.changes import ChangesPage, VersionChange
from qa.flips import CheckedChange, Flip

MAX_CHANGES_A_PAGE = 50
_COMPANY = {"id": "spotify", "name": "Spotify"}
_EXAMPLE: dict[str, Any] = {
    "changes": [],
    "next": None,
    "index_version": "20261124T101500000000-0f1e2d3c",
}


class WordsOut(BaseModel):
    """A piece of a text for people to read, without marks; `changed`: the other version has it otherwise."""

    text: str
    changed: bool


class StretchOut(BaseModel):
    """Paragraphs of one version: `text` is what stands at `start:end` (code points) of its text."""

    heading: str | None = Field(description="the innermost heading above it")
    start: int
    end: int
    text: str = Field(description="verbatim, with the marks of the file")
    segments: list[WordsOut] = Field(description="the same words for display, without marks, changed ones apart")

    @classmethod
    def of(cls, stretch: Stretch, markup: Markup) -> Self:
        """`stretch` of a text that is marked up so, as JSON."""
        return cls(
            heading=stretch.heading[-1] if stretch.heading else None,
            start=stretch.start,
            end=stretch.end,
            text=stretch.text,
            segments=[WordsOut(text=words, changed=changed) for words, changed in segments(stretch, markup)],
        )


class PassageChangeOut(BaseModel):
    """What became of a passage; `before` is null where it was added, `after` where it was removed."""

    kind: Literal["added", "removed", "reworded", "moved", "technical"]
    before: StretchOut | None
    after: StretchOut | None

    @classmethod
    def of(cls, change: Change, before: Markup, after: Markup) -> Self:
        """`change` between texts that are marked up so, as JSON."""
        return cls(
            kind=change.kind.value,
            before=StretchOut.of(change.before, before) if change.before else None,
            after=StretchOut.of(change.after, after) if change.after else None,
        )


class ChangeCountsOut(BaseModel):
    """How many passages changed, by kind."""

    added: int
    removed: int
    reworded: int
    moved: int
    technical: int = Field(description="changes of form alone, and all that the archive's own tools changed")


class FlipOut(BaseModel):
    """A question that the newer version answers otherwise; both answers quote what says so."""

    question: str
    before: VerdictOut
    after: VerdictOut

    @classmethod
    def of(cls, flip: Flip) -> Self:
        """`flip` as JSON."""
        return cls(question=flip.question, before=VerdictOut.of(flip.before), after=VerdictOut.of(flip.after))


class VersionChangeOut(BaseModel):
    """What changed with a version of a policy."""

    company: CompanyOut
    day: date = Field(description="the day that the newer version was recorded, else the one that it states")
    before: PolicyOut | None = Field(description="the version before; null: this is the first")
    after: PolicyOut
    counts: ChangeCountsOut
    passages: list[PassageChangeOut] = Field(
        description="each passage that changed, once, as the newer version has them"
    )
    flips: list[FlipOut] | None = Field(
        default=None,
        description="with a `checklist`: its questions that this version answers otherwise than the one before; "
        "null where none is given, or where the models are not calibrated",
    )

    @classmethod
    def of(cls, changed: VersionChange, *, technical: bool, flips: Sequence[Flip] | None = None) -> Self:
        """`changed` as JSON; `technical`: with its technical changes, which are else only counted."""
        before, after = changed.before, changed.after
        return cls(
            company=CompanyOut(id=changed.company.id, name=changed.company.name),
            day=changed.day,
            before=PolicyOut.of(before) if before else None,
            after=PolicyOut.of(after),
            counts=ChangeCountsOut(**{kind.value: changed.count(kind) for kind in ChangeKind}),
            passages=[
                PassageChangeOut.of(change, before.markup if before else after.markup, after.markup)
                for change in changed.changes
                if technical or change.kind is not ChangeKind.TECHNICAL
            ],
            flips=None if flips is None else [FlipOut.of(flip) for flip in flips],
        )


class ChangesResponse(BaseModel):
    """What changed in the companies' policies, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    changes: list[VersionChangeOut]
    next: str | None = Field(
        description="the `after` that lists those behind them; null: there are no more. A page may hold fewer than "
        "`limit` and yet have a next one"
    )
    index_version: str

    @classmethod
    def of(cls, page: ChangesPage, index_version: str, *, technical: bool = False) -> Self:
        """`page` as JSON; `technical`: with technical changes, which are else only counted."""
        return cls(
            changes=[VersionChangeOut.of(changed, technical=technical) for changed in page.versions],
            next=page.next,
            index_version=index_version,
        )

    @classmethod
    def of_checked(
        cls, found: Sequence[CheckedChange], following: str | None, index_version: str, *, technical: bool
    ) -> Self:
        """The versions `found` with what flipped, as JSON; `following`: the cursor behind them."""
        return cls(
            changes=[VersionChangeOut.of(each.changed, technical=technical, flips=each.flips) for each in found],
            next=following,
            index_version=index_version,
        )


def segments(stretch: Stretch, markup: Markup) -> list[tuple[str, bool]]:
    """The words of `stretch` for people, in pieces: (words, whether they changed)."""
    pieces = ((plain(stretch.text[slice(*span)], markup), changed) for span, changed in _pieces(stretch))
    return [(words, changed) for words, changed in pieces if words]


def _pieces(stretch: Stretch) -> Iterator[tuple[Span, bool]]:
    position = 0
    for start, end in _shifted(stretch.changed, by=-stretch.start):
        yield (position, start), False
        yield (start, end), True
        position = end
    yield (position, len(stretch.text)), False


def _shifted(spans: Sequence[Span], *, by: int) -> Iterator[Span]:
    return ((start + by, end + by) for start, end in spans)
