"""The tools: ask, search, list the companies, read a policy. Each is an endpoint of the contract, told to a model.

A result is the endpoint's JSON, words that begin with the answer, and a link for each thing that is quoted or found.
It does not know how answers are found, nor the protocol's messages.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mcp_types import CallToolResult, ContentBlock, ResourceLink, TextContent, Tool, ToolAnnotations
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.mcp.contract import Contract, Refused, companies_page, policy_text
from api.mcp.resources import link, uri_of
from api.wire.schemas import AskRequest, AskResponse, CompanyEntry, PolicyTextResponse, SearchRequest, SearchResponse

_READS_ONLY = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)

_Json = dict[str, Any]
_Called = Callable[[Contract, _Json], Awaitable[CallToolResult]]


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


@dataclass(frozen=True, slots=True)
class ToolOf:
    """A tool and what calling it does."""

    tool: Tool
    call: _Called

    async def called(self, contract: Contract, arguments: _Json) -> CallToolResult:
        """The result for `arguments`; what is wrong with them is told in it, for the model to mend."""
        known = self.tool.input_schema["properties"]
        # before all else: each unknown member would make an error of its own
        unknown = next((name for name in arguments if name not in known), None)
        try:
            if unknown is not None:
                raise Refused(f"there is no argument {unknown[:100]!r}, expected {', '.join(known)}")
            return await self.call(contract, arguments)
        except Refused as error:
            return CallToolResult(content=[TextContent(text=str(error))], is_error=True)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
            return CallToolResult(content=[TextContent(text=wrong)], is_error=True)


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
    return _result("\n".join(lines), links, answer)


async def _search(contract: Contract, arguments: _Json) -> CallToolResult:
    found = await contract.post("/v1/search", arguments)
    links = _links(found["hits"])
    told = [
        f"{hit['rank']}. {each.title} (score {hit['score']:.2f}): {each.uri}\n{each.description}"
        for hit, each in zip(found["hits"], links, strict=True)
    ]
    told += [f"No policy of {unknown['name']} is in this index." for unknown in found["unknown_companies"]]
    return _result("\n\n".join(told) or "No passage was found.", links, found)


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
    return _result("\n".join(told) or "There are no companies.", [], page)


async def _read_policy(contract: Contract, arguments: _Json) -> CallToolResult:
    asked = ReadArguments.model_validate(arguments)
    page = await policy_text(contract, asked.policy_id, {"start": asked.start, "end": asked.start + asked.max_chars})
    told = [page["text"]]
    if page["next_start"] is not None:
        total = page["total_chars"]
        told.append(f"[{page['start']}-{page['end']} of {total} characters; call read_policy with start {page['end']}]")
    return _result("\n\n".join(told), [], page)


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


def _result(words: str, links: list[ResourceLink], content: _Json) -> CallToolResult:
    blocks: list[ContentBlock] = [TextContent(text=words), *links]
    return CallToolResult(content=blocks, structured_content=content)


def _tool(
    call: _Called, *, name: str, title: str, words: str, arguments: type[BaseModel], result: type[BaseModel]
) -> ToolOf:
    tool = Tool(
        name=name,
        title=title,
        description=words,
        input_schema=arguments.model_json_schema(),
        output_schema=result.model_json_schema(mode="serialization"),
        annotations=_READS_ONLY,
    )
    return ToolOf(tool, call)


TOOLS = (
    _tool(
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
    _tool(
        _search,
        name="search",
        title="Search privacy policies",
        words="List the passages nearest to a question, best first, without judging whether they answer it.",
        arguments=SearchRequest,
        result=SearchResponse,
    ),
    _tool(
        _list_companies,
        name="list_companies",
        title="List the companies",
        words="List the companies whose policies can be asked, by name, with their policies; in pages.",
        arguments=CompaniesArguments,
        result=CompaniesPage,
    ),
    _tool(
        _read_policy,
        name="read_policy",
        title="Read a policy",
        words="Read the text of a policy as it stands in it; a long one in pages.",
        arguments=ReadArguments,
        result=PolicyTextResponse,
    ),
)
