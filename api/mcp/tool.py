"""A tool: an endpoint of the contract, told to a model.

A result is the endpoint's JSON, words that begin with the answer, and a link for each thing that is quoted or found.
It does not know which tools there are.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from mcp_types import CallToolResult, ContentBlock, ResourceLink, TextContent, Tool, ToolAnnotations
from pydantic import BaseModel, ValidationError

from api.mcp.contract import Contract, Refused

_READS_ONLY = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)

_Json = dict[str, Any]
_Called = Callable[[Contract, _Json], Awaitable[CallToolResult]]


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


def result(words: str, links: list[ResourceLink], content: _Json) -> CallToolResult:
    """What a tool found: `words` for the model, `links` to what they quote, `content` as the contract has it."""
    blocks: list[ContentBlock] = [TextContent(text=words), *links]
    return CallToolResult(content=blocks, structured_content=content)


def tool_of(
    call: _Called, *, name: str, title: str, words: str, arguments: type[BaseModel], result: type[BaseModel]
) -> ToolOf:
    """The tool that `call` does, described to a model by `words` and the forms of its arguments and result."""
    tool = Tool(
        name=name,
        title=title,
        description=words,
        input_schema=arguments.model_json_schema(),
        output_schema=result.model_json_schema(mode="serialization"),
        annotations=_READS_ONLY,
    )
    return ToolOf(tool, call)
