"""How much of a request is read, and how long it may take: a body that is too large or too slow is refused while it
arrives, whatever its headers say.

It does not know what a body holds.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.wire.problems import BODY_TOO_LARGE, BODY_TOO_SLOW, problem


class BodyLimit:
    """Middleware: no more than `max_bytes` of a request's body, none later than `timeout_s`, reach the application."""

    def __init__(self, app: ASGIApp, *, max_bytes: int, timeout_s: float) -> None:
        self._app = app
        self._max_bytes, self._timeout_s = max_bytes, timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"")
        messages = None
        if not (declared.isdigit() and int(declared) > self._max_bytes):
            try:
                async with asyncio.timeout(self._timeout_s):
                    messages = await self._read(receive)
            except TimeoutError:
                detail = f"the body did not arrive within {self._timeout_s:g} s; send it again"
                await problem(BODY_TOO_SLOW, detail, headers={"Connection": "close"})(scope, receive, send)
                return
        if messages is None:
            detail = f"the body has more than the {self._max_bytes:,} bytes that are read; shorten it"
            await problem(BODY_TOO_LARGE, detail, headers={"Connection": "close"})(scope, receive, send)
            return
        waiting = iter(messages)

        async def replay() -> Message:
            message = next(waiting, None)
            return message if message is not None else await receive()

        await self._app(scope, replay, send)

    async def _read(self, receive: Receive) -> list[Message] | None:
        """The messages of the whole body, or None once there are too many bytes."""
        messages: list[Message] = []
        size = 0
        while True:
            message = await receive()
            messages.append(message)
            size += len(message.get("body", b""))
            if size > self._max_bytes:
                return None
            if not message.get("more_body", False):
                return messages
