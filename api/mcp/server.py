"""The MCP server over an application of ours: on stdio, and as an endpoint of that application.

The SDK's low-level server, since its other one drops arguments that it does not know, and configures logging for all.
It does not know what the tools do.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import anyio
from mcp.server import Server, ServerRequestContext
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.mcp import resources
from api.mcp.contract import Contract
from api.mcp.tools import TOOLS

_INSTRUCTIONS = (
    "Answers are quotes from companies' privacy policies, with company, policy and day; nothing is invented. Where the "
    "outcome is not_stated, the policy does not say: do not guess. Cite the policy and its day with what you quote."
)

_Context = ServerRequestContext[Any, Any]


def server_of(app: ASGIApp) -> Server[Any]:
    """The MCP server whose tools and resources ask the contract of `app`."""
    tools = {each.tool.name: each for each in TOOLS}

    async def list_tools(_: _Context, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[each.tool for each in TOOLS])

    async def call_tool(context: _Context, called: CallToolRequestParams) -> CallToolResult:
        found = tools.get(called.name)
        if found is None:
            message = f"there is no tool {called.name[:100]!r}, expected {', '.join(tools)}"
            raise MCPError(code=INVALID_PARAMS, message=message)
        return await found.called(Contract(app, context.request), called.arguments or {})

    async def list_resources(context: _Context, page: PaginatedRequestParams | None) -> ListResourcesResult:
        return await resources.listed(Contract(app, context.request), page.cursor if page else None)

    async def list_templates(_: _Context, __: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
        return ListResourceTemplatesResult(resource_templates=[resources.TEMPLATE])

    async def read_resource(context: _Context, wanted: ReadResourceRequestParams) -> ReadResourceResult:
        return await resources.read(Contract(app, context.request), wanted.uri)

    return Server(
        "askpolicy",
        title="askpolicy",
        version=version("askpolicy"),
        instructions=_INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
    )


class Endpoint(Response):
    """The response to whatever message a request brings: streamable HTTP without sessions, so any worker answers it."""

    def __init__(self, server: Server[Any]) -> None:
        super().__init__()
        self._server = server
        self._manager: StreamableHTTPSessionManager | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Answer while the block lasts."""
        self._manager = StreamableHTTPSessionManager(self._server, stateless=True, json_response=True)
        async with self._manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI; what is asked is given up when its client leaves."""
        if self._manager is None:
            raise RuntimeError("the endpoint answers only while it is running")
        body = await Request(scope, receive).body()

        async def replay() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async with anyio.create_task_group() as both:

            async def watch() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                both.cancel_scope.cancel()

            both.start_soon(watch)
            await self._manager.handle_request(scope, replay, send)
            both.cancel_scope.cancel()


def run_on_stdio(app: Starlette) -> None:
    """Answer on standard input and output, with the lifespan of `app`, until the input ends."""

    async def run() -> None:
        server = server_of(app)
        async with app.router.lifespan_context(app), stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    anyio.run(run)
