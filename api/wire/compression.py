"""Compression of what is made for one request alone; what stays the same is kept compressed (`representation`)."""

from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api.wire.negotiation import accepts

_MIN_BYTES = 1_000
# zlib's own middle: an answer of 14 kB in 0.1 ms, to a hundredth more than level 9 makes of it in twice the time.
_LEVEL = 6
# More than this is compressed in a thread: it takes longer than a millisecond.
_THREAD_FROM_BYTES = 32_768


class Compression(GZipMiddleware):
    """Middleware: Starlette's, for clients that accept it. Starlette takes `gzip;q=0` for a yes.

    Event streams are never compressed: an event would wait in the compressor for those behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app, _MIN_BYTES, _LEVEL, _THREAD_FROM_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http" and accepts(Headers(scope=scope).get("accept-encoding", ""), "gzip"):
            await super().__call__(scope, receive, send)
        else:
            await self.app(scope, receive, send)
