"""What is done for a client that has left: nothing more. It does not know what was asked."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.observability.metrics import Metrics


class StopWhenClientLeaves:
    """Middleware, within what reads the body: drops a request's work once its connection is closed.

    Work that waits is taken out of the queue, and what is under way ends at its deadline's next check: the deadline is
    what the request's state holds as `deadline`. The log says `client_left` instead of a status.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received: list[Message] = [await receive()]
        while received[-1].get("more_body", False):
            received.append(await receive())
        left = asyncio.ensure_future(_disconnect(receive))

        async def replay() -> Message:
            return received.pop(0) if received else await asyncio.shield(left)

        answering = asyncio.ensure_future(self._app(scope, replay, send))
        try:
            await asyncio.wait((answering, left), return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                answering.result()
            else:
                self._drop(scope)
        finally:
            answering.cancel()
            left.cancel()
            # without their errors: what was cancelled has nothing to tell
            await asyncio.wait((answering, left))

    def _drop(self, scope: Scope) -> None:
        scope["state"]["client_left"] = True
        deadline = scope["state"].get("deadline")
        if deadline is not None:
            deadline.cancel()
        self._metrics.left()


async def _disconnect(receive: Receive) -> Message:
    """The message that the client has gone, once it comes."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return message
