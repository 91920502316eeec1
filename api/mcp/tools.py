"""The tools: ask, search, compare, list changes and companies, read a policy.

Each is an endpoint of the contract. It does not know how answers are found, nor the protocol's messages.
"""

from collections.abc import Mapping
from typing import Any

from mcp_types import CallToolResult, ResourceLink
from pydantic import BaseModel, ConfigDict, Field

from api.mcp.contract import Contract, companies_page, policy_text
from api.mcp.overviews import OVERVIEWS
from api.mcp.resources import link, uri_of
from api.mcp.tool import result, tool_of
from api.wire.schemas import AskRequest, AskResponse, CompanyEntry, PolicyTextResponse, SearchRequest, SearchResponse

_Json = dict[str, Any]


class CompaniesArguments(BaseModel):
    """Which page of the companies is wanted."""

    model_config = ConfigDict(extra="forbid", strict=True)

    limit: int = Field(default=50, ge=1, le=200, description="how many companies at most")
    after: str | None = Field(default=None, description="`next` of the page before")


class CompaniesPage(BaseModel):
    """Companies by name, each with its policies."""

    companies: list[CompanyEntry]
    next: str | None = Field(description="`after` of the page that follows; null on the last")


class ReadArguments(BaseModel):
    """Which part of which policy is wanted."""

    model_config = ConfigDict(extra="forbid", strict=True)

    policy_id: str = Field(description="`policy.id` of a passage, or of list_companies")
    start: int = Field(default=0, ge=0, description="the first character, counted in code points as passages' offsets")
    max_chars: int = Field(default=10_000, ge=1, le=100_000, description="how many characters at most")


async def _ask(contract: Contract, arguments: _Json) -> CallToolResult:
    answer = await contract.post("/v1/ask", arguments)
    quoted = [
        link(verdict["company"], quotation["policy"], passage=quotation, words=quotation["text"])
        for verdict in _verdicts(answer)
        for quotation in verdict["quotations"]
    ]
    quoted = _changed(answer) or quoted
    links, heading = (quoted, "Sources") if quoted else (_links(answer["passages"]), "Nearest passages")
    lines = [answer["answer"]]
    if answer["next_offset"] is not None:
        lines.append(f"Call ask with offset {answer['next_offset']} to ask the next companies.")
    if links:
        lines += ["", f"{heading}:", *(f"- {each.title}: {each.uri}" for each in links)]
    return result("\n".join(lines), links, answer)


async def _search(contract: Contract, arguments: _Json) -> CallToolResult:
    found = await contract.post("/v1/search", arguments)
    links = _links(found["hits"])
    told = [
        f"{hit['rank']}. {each.title} (score {hit['score']:.2f}): {each.uri}\n{each.description}"
        for hit, each in zip(found["hits"], links, strict=True)
    ]
    told += [f"No policy of {unknown['name']} is in this index." for unknown in found["unknown_companies"]]
    return result("\n\n".join(told) or "No passage was found.", links, found)


async def _list_companies(contract: Contract, arguments: _Json) -> CallToolResult:
    asked = CompaniesArguments.model_validate(arguments)
    page = await companies_page(contract, limit=asked.limit, after=asked.after)
    told = []
    for company in page["companies"]:
        told.append(f"{company['name']} ({company['id']})")
        told += [
            f"- {policy['title']}, {policy['archived_on'] or 'undated'}: {uri_of(policy['id'])}"
            for policy in company["policies"]
        ]
    if page["next"] is not None:
        told.append(f"Call list_companies with after {page['next']!r} for the next companies.")
    return result("\n".join(told) or "There are no companies.", [], page)


async def _read_policy(contract: Contract, arguments: _Json) -> CallToolResult:
    asked = ReadArguments.model_validate(arguments)
    page = await policy_text(contract, asked.policy_id, {"start": asked.start, "end": asked.start + asked.max_chars})
    told = [page["text"]]
    if page["next_start"] is not None:
        total = page["total_chars"]
        told.append(f"[{page['start']}-{page['end']} of {total} characters; call read_policy with start {page['end']}]")
    return result("\n\n".join(told), [], page)


def _verdicts(answer: Mapping[str, Any]) -> list[_Json]:
    """The verdicts that the answer quotes: those of its parts, where it has parts."""
    parts = answer["parts"]
    return [verdict for part in parts for verdict in part["verdicts"]] if parts else answer["verdicts"]


def _changed(answer: Mapping[str, Any]) -> list[ResourceLink]:
    """What changed, before and after, where the question asks for that: of each company what matters most."""
    history = answer["history"]
    return [
        link(company["company"], quotation["policy"], passage=quotation, words=quotation["text"])
        for company in (history["companies"] if history else [])
        for change in company["changes"][:1]
        for passage in change["passages"][:1]
        for quotation in (passage["before"], passage["after"])
        if quotation
    ]


def _links(passages: list[_Json]) -> list[ResourceLink]:
    return [
        link(each["company"], each["policy"], passage=each, words=" ".join(part["text"] for part in each["segments"]))
        for each in passages
    ]


TOOLS = (
    tool_of(
        _ask,
        name="ask",
        title="Ask what privacy policies say",
        words="Answer a question about companies' privacy policies: yes, no, it depends or what the policy says, "
        "quoted word for word with company, policy and day; or an honest word that the policy does not say. It also "
        "tells since when something is so and what changed, with the words before and after, where older versions are "
        "held. Name the companies in the question or in `companies`; give earlier questions of the chat in `history`.",
        arguments=AskRequest,
        result=AskResponse,
    ),
    tool_of(
        _search,
        name="search",
        title="Search privacy policies",
        words="List the passages nearest to a question, best first, without judging whether they answer it.",
        arguments=SearchRequest,
        result=SearchResponse,
    ),
    *OVERVIEWS,
    tool_of(
        _list_companies,
        name="list_companies",
        title="List the companies",
        words="List the companies whose policies can be asked, by name, with their policies; in pages.",
        arguments=CompaniesArguments,
        result=CompaniesPage,
    ),
    tool_of(
        _read_policy,
        name="read_policy",
        title="Read a policy",
        words="Read the text of a policy as it stands in it; a long one in pages.",
        arguments=ReadArguments,
        result=PolicyTextResponse,
    ),
)
