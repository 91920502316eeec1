"""An answer told as it is found, as server-sent events: `companies`, `passages`, `answer`; `problem` where it fails.

It does not know how answers are found.
"""

from collections.abc import AsyncIterator

from fastapi.sse import format_sse_event
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from api.observability.logs import log
from api.wire.negotiation import accepts
from api.wire.problems import problem_of

MEDIA_TYPE = "text/event-stream"

Event = tuple[str, BaseModel]


def wants_events(accept: str) -> bool:
    """Whether a request's `Accept` asks for events rather than for JSON.

    >>> wants_events("text/event-stream"), wants_events("text/event-stream;q=0, */*"), wants_events("*/*")
    (True, False, False)
    """
    return accepts(accept, MEDIA_TYPE)


async def streamed(events: AsyncIterator[Event]) -> StreamingResponse:
    """The response that tells `events`; what goes wrong before the first of them is raised, as for any response."""
    first = await anext(events)

    async def told() -> AsyncIterator[bytes]:
        yield _bytes(first)
        try:
            async for event in events:
                yield _bytes(event)
        except Exception as error:  # noqa: BLE001 - the status is sent; the problem is told as an event
            log.exception("stream_failed")
            yield format_sse_event(event="problem", data_str=bytes(problem_of(error).body).decode())

    # a proxy that gathers the response would undo the streaming
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(told(), media_type=MEDIA_TYPE, headers=headers)


def _bytes(event: Event) -> bytes:
    name, data = event
    return format_sse_event(event=name, data_str=data.model_dump_json())
