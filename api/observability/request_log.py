"""Each request seen from outside: its id, its index version, its line in the log, its numbers, its span.

It does not know what a request asks for.
"""

import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from opentelemetry.trace import Span
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.observability.audit import Asked
from api.observability.logs import log
from api.observability.metrics import Metrics
from api.observability.traces import Traces

_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_NOWHERE = "nowhere"
_LOGGED = ("key", "outcome", "index_version", "question", "client_left")


class RequestLog:
    """Middleware: outermost but for headers that are always the same."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, traces: Traces, version: Callable[[], str | None]) -> None:
        """`version`: the index version that serves now, for responses that no index was asked for."""
        self._app, self._metrics, self._traces, self._version = app, metrics, traces, version

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _request_id_of(headers)
        state: dict[str, Any] = scope.setdefault("state", {})
        began = time.perf_counter()
        status: int | None = None

        async def noting_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                told = MutableHeaders(scope=message)
                told["X-Request-ID"] = request_id
                version = state.get("index_version") or self._version()
                if version:
                    told["X-Index-Version"] = version
            await send(message)

        with (
            structlog.contextvars.bound_contextvars(request_id=request_id),
            self._traces.request(scope["method"], headers) as span,
        ):
            state |= {"span": span, "request_id": request_id, "asked": Asked()}
            try:
                await self._app(scope, receive, noting_send)
            finally:
                took_s = time.perf_counter() - began
                self._tell(scope, status, took_s)
                _describe(span, scope, status, request_id)

    def _tell(self, scope: Scope, status: int | None, took_s: float) -> None:
        state, route = scope["state"], _route(scope)
        self._metrics.responded(route, status or 0, took_s=took_s)
        more = {
            name: state[name]
            for name in ("key", "outcome", "index_version", "question", "client_left")
            if state.get(name)
        }
        # as it was sent, percent signs and all: a path may hold anything
        path = scope.get("raw_path", b"").decode("ascii", "replace")[:500]
        log.info("request", method=scope["method"], path=path, status=status, took_ms=round(1_000 * took_s, 1), **more)


def _request_id_of(headers: Headers) -> str:
    """What a request is called: as it says itself, where that is fit for a log."""
    given = headers.get("x-request-id", "")
    return given if _ID.fullmatch(given) else uuid.uuid4().hex


def _route(scope: Scope) -> str:
    """The template of the route, so that numbers are by a handful of names."""
    return str(getattr(scope.get("route"), "path", _NOWHERE))


def _describe(span: Span, scope: Scope, status: int | None, request_id: str) -> None:
    if not span.is_recording():
        return
    route = _route(scope)
    span.update_name(f"{scope['method']} {route}")
    attributes = {
        "http.request.method": scope["method"],
        "http.route": route,
        "http.response.status_code": status,
        "askpolicy.request_id": request_id,
        "askpolicy.outcome": scope["state"].get("outcome"),
        "askpolicy.index_version": scope["state"].get("index_version"),
    }
    span.set_attributes({name: value for name, value in attributes.items() if value is not None})
