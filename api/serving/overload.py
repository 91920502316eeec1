"""What is refused where no more questions may wait: where it can be, before anything is read, logged or looked up.

Refusing must cost next to nothing, or those who are answered pay for it: it is counted, and told in the log once a
second. A browser's page, which may read the refusal only with headers of its own, goes the long way.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.guard.security_headers import RAW_HEADERS
from api.observability.logs import log
from api.observability.metrics import Metrics
from api.observability.request_log import request_id_of
from api.serving.admission import Admission, Busy
from api.wire.problems import problem_of

_TELL_EVERY_S = 1.0
# While it refuses, the event loop turns at most forty times a second and then refuses all that have come: each of its
# turns takes the interpreter from the threads that answer. Decision 40.
_REST_S = 0.025


class FullQueue:
    """Middleware, the outermost: refuses at once what would find the queue full."""

    def __init__(
        self, app: ASGIApp, *, admission: Admission, metrics: Metrics, version: Callable[[], str | None]
    ) -> None:
        """`version`: the index version that serves now."""
        self._app, self._admission, self._metrics, self._version = app, admission, metrics, version
        self._refused, self._told_at, self._rested_at = 0, 0.0, 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http" and scope["path"].startswith("/v1/"):
            try:
                self._admission.check()
            except Busy as error:
                if not any(name == b"origin" for name, _ in scope["headers"]):
                    await self._refuse(error, scope, send)
                    return
        await self._app(scope, receive, send)

    async def _refuse(self, error: Busy, scope: Scope, send: Send) -> None:
        response = problem_of(error)
        headers = [*response.raw_headers, *RAW_HEADERS, (b"x-request-id", request_id_of(Headers(scope=scope)).encode())]
        version = self._version()
        if version:
            headers.append((b"x-index-version", version.encode()))
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})
        self._metrics.refused("busy")
        self._refused += 1
        now = time.monotonic()
        if now - self._rested_at >= _REST_S:
            time.sleep(_REST_S)
            self._rested_at = now = time.monotonic()
        if now - self._told_at >= _TELL_EVERY_S:
            log.warning("busy", refused=self._refused, retry_after_s=error.retry_after_s)
            self._refused, self._told_at = 0, now


class TakePlace:
    """Middleware, within what reads the body: a request that is read holds a place until its work is queued."""

    def __init__(self, app: ASGIApp, *, admission: Admission, metrics: Metrics) -> None:
        self._app, self._admission, self._metrics = app, admission, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        with ExitStack() as held:
            try:
                held.enter_context(self._admission.place())
            except Busy as error:
                self._metrics.refused("busy")
                await problem_of(error)(scope, receive, send)
                return
            await self._app(scope, receive, send)
