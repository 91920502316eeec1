"""For the tests of MCP: the SDK's own client, and what it got."""

from collections.abc import Awaitable, Callable
from typing import Any

from mcp import Client, MCPError
from mcp_types import CallToolResult, ResourceLink, TextContent, TextResourceContents

from tests.event_loop import run_async


def with_client(server: Any, work: Callable[[Client], Awaitable[Any]], *, mode: str = "auto") -> Any:
    async def connected() -> Any:
        async with Client(server, mode=mode) as client:
            try:
                return await work(client)
            except MCPError as error:  # which would leave in a group of groups
                return error

    return run_async(connected)


def call(tool: str, **arguments: Any) -> Callable[[Client], Awaitable[CallToolResult]]:
    return lambda client: client.call_tool(tool, arguments)


def words(result: CallToolResult) -> str:
    first = result.content[0]
    assert isinstance(first, TextContent)
    return first.text


def links(result: CallToolResult) -> list[str]:
    return [each.uri for each in result.content if isinstance(each, ResourceLink)]


def text_of(contents: Any) -> str:
    (content,) = contents.contents
    assert isinstance(content, TextResourceContents)
    return content.text
