"""The service's own HTTP contract, asked within the process.

Keys, scopes, limits, admission, deadlines, numbers and logs so hold for MCP as they do for everybody, by the same code.
It does not know MCP.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx
import structlog
from starlette.requests import Request
from starlette.types import ASGIApp

_FORWARDED = frozenset((b"authorization", b"host", b"origin", b"sec-fetch-site", b"traceparent"))


class Refused(Exception):
    """The service answered with a problem; the message is for whoever called the tool."""

    def __init__(self, message: str, *, status: int = HTTPStatus.UNPROCESSABLE_ENTITY) -> None:
        super().__init__(message)
        self.is_callers_mistake = status in (HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)


@dataclass(frozen=True, slots=True)
class Contract:
    """What the application `app` answers to one caller.

    Attributes:
        caller: the HTTP request that brought the message of MCP, as whose sender the contract is asked; None on stdio,
            where it is asked by this machine.
    """

    app: ASGIApp
    caller: Request | None = None

    async def get(self, path: str, params: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """The JSON at `path`.

        Raises:
            Refused: there is a problem instead.
        """
        return await self._asked("GET", path, params=params)

    async def post(self, path: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """What the endpoint at `path` answers to `content`.

        Raises:
            Refused: there is a problem instead.
        """
        return await self._asked("POST", path, json=content)

    async def _asked(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        headers, scheme, address = [], "http", ("127.0.0.1", 0)
        if self.caller is not None:
            headers = [(name, value) for name, value in self.caller.scope["headers"] if name in _FORWARDED]
            scheme, address = self.caller.scope["scheme"], self.caller.scope.get("client") or address
        request_id = structlog.contextvars.get_contextvars().get("request_id")
        if request_id is not None:
            headers.append((b"x-request-id", request_id.encode()))
        transport = httpx.ASGITransport(self.app, client=address)
        # the application has its own timeout, which also ends the work
        async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://localhost", timeout=None) as client:  # noqa: S113
            response = await client.request(method, path, headers=headers, **content)
        body: dict[str, Any] = response.json()
        if response.is_error:
            raise Refused(f"{body['title']}: {body['detail']}", status=response.status_code)
        return body


async def policy_text(contract: Contract, policy_id: str, span: dict[str, Any]) -> dict[str, Any]:
    """What stands at `span`, `start` and `end`, of a policy; raises `Refused`."""
    return await contract.get(f"/v1/policies/{quote(policy_id, safe='')}/text", span)


async def companies_page(contract: Contract, *, limit: int, after: str | None) -> dict[str, Any]:
    """The `limit` companies after the one whose id is `after`, by name, and the id that `next` page begins after.

    Raises:
        Refused: there is no such company.
    """
    listed = await contract.get("/v1/companies")
    companies = listed["companies"]
    ids = [company["id"] for company in companies]
    if after is not None and after not in ids:
        raise Refused(f"after is {after[:200]!r}, which is no company's id here; begin without it")
    begin = ids.index(after) + 1 if after is not None else 0
    page = companies[begin : begin + limit]
    return {"companies": page, "next": page[-1]["id"] if begin + limit < len(companies) else None}
