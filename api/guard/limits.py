"""How much of a request is read, and how long it may take: a body that is too large or too slow is refused while it
arrives, whatever its headers say, and JSON of too many values before it is parsed.

It does not know what a body means.
"""

import asyncio
import re
from collections.abc import Mapping
from itertools import islice

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.wire.problems import BODY_TOO_LARGE, BODY_TOO_SLOW, INVALID_REQUEST, problem

# The fullest question has 214. 520 kB can hold 175,000 empty lists, which take 0.1 s to parse, or 65,000 unknown
# members, whose errors take 0.15 s to build: the event loop would do nothing else.
MAX_JSON_TOKENS = 2_000
# A string to its end, if it has one, or what begins an object, a list or a further value. No quantifier gives back what
# it has matched, so that time is linear in the bytes. A zero ends a string: in UTF-16, which Python also reads, a
# byte that looks like a quote would hide the brackets behind it.
_JSON_TOKEN = re.compile(rb'"(?:[^"\\\0]++|\\[^\0])*+"?|[\[{,]')

# Of what is larger; a slow line sends 20 MB in 100 s.
_LEAST_BYTES_A_SECOND = 200_000


def has_few_values(body: bytes) -> bool:
    """Whether `body`, as JSON, has at most `MAX_JSON_TOKENS` strings, commas and opening brackets.

    >>> has_few_values(b'{"question": "one, two [three]"}'), has_few_values(b"[" * 3_000), has_few_values(b'"' * 9_999)
    (True, False, False)
    """
    return sum(1 for _ in islice(_JSON_TOKEN.finditer(body), MAX_JSON_TOKENS + 1)) <= MAX_JSON_TOKENS


class BodyLimit:
    """Middleware: no more than `max_bytes` of a request's body, none later than `timeout_s`, reach the application.

    Of JSON no more than `MAX_JSON_TOKENS` do. `larger` says of which paths more is read, for longer, and of any number
    of values: what answers there parses beside the event loop.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, timeout_s: float, larger: Mapping[str, int]) -> None:
        self._app = app
        self._max_bytes, self._timeout_s, self._larger = max_bytes, timeout_s, larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        declared = headers.get(b"content-length", b"")
        messages = None
        is_larger = scope["path"] in self._larger
        max_bytes, timeout_s = self._larger.get(scope["path"], self._max_bytes), self._timeout_s
        if is_larger:
            timeout_s = max(timeout_s, max_bytes / _LEAST_BYTES_A_SECOND)
        if not (declared.isdigit() and int(declared) > max_bytes):
            try:
                async with asyncio.timeout(timeout_s):
                    messages = await _read(receive, max_bytes)
            except TimeoutError:
                detail = f"the body did not arrive within {timeout_s:g} s; send it again"
                await problem(BODY_TOO_SLOW, detail, headers={"Connection": "close"})(scope, receive, send)
                return
        if messages is None:
            detail = f"the body has more than the {max_bytes:,} bytes that are read; shorten it"
            await problem(BODY_TOO_LARGE, detail, headers={"Connection": "close"})(scope, receive, send)
            return
        is_json = b"json" in headers.get(b"content-type", b"").lower()
        if is_json and not is_larger and not has_few_values(b"".join(message.get("body", b"") for message in messages)):
            detail = f"the body has more than {MAX_JSON_TOKENS:,} values; send fewer. /openapi.json holds the schema"
            await problem(INVALID_REQUEST, detail)(scope, receive, send)
            return
        waiting = iter(messages)

        async def replay() -> Message:
            message = next(waiting, None)
            return message if message is not None else await receive()

        await self._app(scope, replay, send)


async def _read(receive: Receive, max_bytes: int) -> list[Message] | None:
    """The messages of the whole body, or None once there are too many bytes."""
    messages: list[Message] = []
    size = 0
    while True:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        if size > max_bytes:
            return None
        if not message.get("more_body", False):
            return messages
