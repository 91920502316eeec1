"""The tools that look over many policies: companies by questions, and what changed over time."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from mcp_types import CallToolResult, ResourceLink
from pydantic import BaseModel, ConfigDict, Field

from api.mcp.contract import Contract
from api.mcp.resources import link
from api.mcp.tool import result, tool_of
from api.tables.table import word
from api.wire.changes import ChangesResponse
from api.wire.comparison import CellOut, CompareRequest, CompareResponse
from api.wire.schemas import MAX_CURSOR_CHARS, MAX_NAME_CHARS, AsOf, Text

_MOST_VERSIONS = 20
_KINDS = ("reworded", "added", "removed", "moved", "technical")

_Json = dict[str, Any]


class ChangesArguments(BaseModel):
    """Whose changes are wanted, of which days."""

    model_config = ConfigDict(extra="forbid", strict=True)

    company: Text | None = Field(
        default=None, max_length=MAX_NAME_CHARS, description="only this one's: its id, name, alias or domain"
    )
    since: AsOf = Field(default=None, description="only versions recorded on this day or later: 2024-01-01")
    until: AsOf = Field(default=None, description="only versions recorded on this day or earlier")
    type: Text | None = Field(
        default=None, max_length=MAX_NAME_CHARS, description="only documents of this type: Privacy Policy"
    )
    limit: int = Field(default=5, ge=1, le=_MOST_VERSIONS, description="how many versions at most")
    after: Text | None = Field(default=None, max_length=MAX_CURSOR_CHARS, description="`next` of the page before")


async def _compare_companies(contract: Contract, arguments: _Json) -> CallToolResult:
    compared = await contract.post("/v1/compare", arguments)
    told = [f"{item['id']}: {item['question']}" for item in compared["items"]]
    links: list[ResourceLink] = []
    for name, cells in _by_company(compared["cells"]):
        told += ["", f"{name}:"]
        for cell in cells:
            quoted = [
                link(cell["company"], quotation["policy"], passage=quotation, words=quotation["text"])
                for quotation in cell["quotations"]
            ]
            links += quoted
            told.append(f"- {cell['question_id']}: {_said(cell)}")
            told += [f"  - “{each.description}” {each.title}: {each.uri}" for each in quoted]
    if compared["next"] is not None:
        told.append(f"\nCall compare_companies with after {compared['next']!r} for the next companies.")
    return result("\n".join(told), links, compared)


async def _list_changes(contract: Contract, arguments: _Json) -> CallToolResult:
    asked = ChangesArguments.model_validate(arguments)
    given = asked.model_dump(exclude_none=True)
    params = {name: value.isoformat() if isinstance(value, date) else value for name, value in given.items()}
    page = await contract.get("/v1/changes", params)
    told: list[str] = []
    links: list[ResourceLink] = []
    for change in page["changes"]:
        told += ["", f"{change['company']['name']}, {change['after']['title']}, {change['day']}: {_counts(change)}"]
        for kind, side, changed in _sides(change):
            cited = link(change["company"], change[side], passage=changed, words=_words(changed))
            links.append(cited)
            told.append(f"- {kind}, {side}: “{cited.description}” {cited.title}: {cited.uri}")
    if page["next"] is not None:
        told.append(f"\nCall list_changes with after {page['next']!r} for older versions.")
    return result("\n".join(told).strip() or "Nothing changed, as far as the index knows.", links, page)


def _by_company(cells: Iterable[_Json]) -> Iterator[tuple[str, list[_Json]]]:
    """Each company's name with its cells, in order."""
    rows: dict[str, tuple[str, list[_Json]]] = {}
    for cell in cells:
        company = cell["company"]
        rows.setdefault(company["id"] or company["name"], (company["name"], []))[1].append(cell)
    yield from rows.values()


def _said(cell: _Json) -> str:
    said = word(CellOut.model_validate(cell))
    return f"{said}. {cell['note']}" if cell["note"] else said


def _counts(change: _Json) -> str:
    if change["before"] is None:
        return "first version"
    counts = change["counts"]
    return ", ".join(f"{counts[kind]} {kind}" for kind in _KINDS if counts[kind])


def _sides(change: _Json) -> Iterator[tuple[str, str, _Json]]:
    """Each text that changed: what kind of change, `before` or `after`, and where it stands."""
    for passage in change["passages"]:
        for side in ("before", "after"):
            if passage[side] is not None:
                yield passage["kind"], side, passage[side]


def _words(changed: _Json) -> str:
    return " ".join(part["text"] for part in changed["segments"])


OVERVIEWS = (
    tool_of(
        _compare_companies,
        name="compare_companies",
        title="Compare companies",
        words="Put the same questions, or a checklist (ccpa, consumer, gdpr, vendor-risk), to many companies: for each "
        "pair yes, no, it depends, what the policy says, or that it does not say, with quotes; in pages of whole "
        "companies. Use it rather than ask for more than three companies or questions.",
        arguments=CompareRequest,
        result=CompareResponse,
    ),
    tool_of(
        _list_changes,
        name="list_changes",
        title="List what changed",
        words="List what changed in companies' policies, version by version, the newest first: each passage that was "
        "added, removed, reworded or moved, before and after; in pages.",
        arguments=ChangesArguments,
        result=ChangesResponse,
    ),
)
