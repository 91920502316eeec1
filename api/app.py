"""The HTTP service: the endpoints of the public contract and the chat page. Built from arguments, nothing global.

It does not know how answers are found, nor what problems look like.
"""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.responses import Response

from api import mcp
from api.guard.access import Access, Cors, Rules
from api.guard.limits import BodyLimit
from api.guard.rates import open_rates
from api.guard.security_headers import SecurityHeaders
from api.observability.metrics import Metrics
from api.observability.request_log import RequestLog
from api.observability.traces import Traces
from api.routes.changes import changes
from api.routes.chat_completions import chat_completions
from api.routes.pages import chat
from api.routes.questions import questions
from api.routes.records import records
from api.routes.reference import reference
from api.routes.state import state
from api.routes.work import Work
from api.serving.admission import Admission
from api.serving.live import LiveAssistant, Opener
from api.serving.overload import FullQueue, TakePlace
from api.settings import Settings
from api.wire.chat_completions import OpenAIErrors
from api.wire.compression import Compression
from api.wire.head import HeadAsGet
from api.wire.openapi import describe
from api.wire.problems import UnexpectedErrors, tell_problems
from qa.assistant import Assistant

if TYPE_CHECKING:
    from api.mcp.server import Endpoint

_THREADS_A_CORE = 4
_API_VERSION = "1"
_LAST_SPANS_S = 2.0


def create_app(source: Assistant | Opener, settings: Settings, *, opened: Assistant | None = None) -> FastAPI:
    """The application that answers with an assistant, or with what `source` opens, now and whenever it changes.

    Args:
        opened: what `source` has opened already; None means that it is opened beside the running service.
    Raises:
        KeysError, BadSetting: the keys, the storage of rates or the traces of `settings` cannot be used.
    """
    metrics, traces = Metrics(), Traces(settings.traces)
    opener, opened = (None, source) if isinstance(source, Assistant) else (source, opened)
    live = LiveAssistant(opener, opened=opened, watch_s=settings.watch_s, metrics=metrics)
    admission = Admission(
        running=settings.max_running or _THREADS_A_CORE * max(1, (os.cpu_count() or 1) // settings.workers),
        waiting=settings.max_waiting,
        timeout_s=settings.answer_timeout_s,
        metrics=metrics,
    )
    rules = Rules.of(settings)
    rules.check_page_token(settings.page_token)
    rates = open_rates(settings.rate_storage)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as entered:
            if for_mcp is not None:
                await entered.enter_async_context(for_mcp.running())
            live.begin()
            yield
        live.end()
        await rates.end()
        metrics.end()
        await _ended(traces)

    app = FastAPI(
        title="askpolicy",
        version=_API_VERSION,
        description="Ask a question about companies' privacy policies; get the passage that answers it, "
        "with its company and date, and an honest word where the policy does not say.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        # The usual pages load scripts from elsewhere; `reference` has one of its own, and makes /openapi.json once.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # It would lead to wherever the request's Host says.
        redirect_slashes=False,
    )
    work = Work(
        live,
        admission,
        metrics,
        traces,
        log_questions=settings.log_questions,
        timeout_s=settings.answer_timeout_s,
    )
    app.include_router(questions(work))
    app.include_router(chat_completions(work))
    app.include_router(records(work))
    app.include_router(changes(work))
    app.include_router(state(live, metrics))
    app.include_router(chat(settings.page_token))
    for_mcp = _mcp_endpoint(app)
    app.include_router(reference(app))
    tell_problems(app)
    describe(app, with_keys=settings.keys is not None)
    # The last added is the outermost.
    app.add_middleware(HeadAsGet)
    app.add_middleware(TakePlace, admission=admission, metrics=metrics)
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes, timeout_s=settings.read_timeout_s)
    app.add_middleware(Access, rules=rules, rates=rates, metrics=metrics)
    app.add_middleware(UnexpectedErrors)
    app.add_middleware(OpenAIErrors)
    app.add_middleware(Cors, rules=rules)
    app.add_middleware(Compression)
    app.add_middleware(RequestLog, metrics=metrics, traces=traces, version=lambda: live.version)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(FullQueue, admission=admission, metrics=metrics, version=lambda: live.version)
    return app


def _mcp_endpoint(app: FastAPI) -> "Endpoint | None":
    """What answers at /mcp, behind all that stands before the other endpoints; None where its SDK is not installed."""
    if not mcp.is_installed():
        return None
    from api.mcp.server import Endpoint, server_of

    endpoint = Endpoint(server_of(app))

    @app.post("/mcp", include_in_schema=False)
    async def message() -> Response:
        return endpoint

    return endpoint


async def _ended(traces: Traces) -> None:
    """The last spans are sent, if their collector takes them soon: a stop waits for nobody else."""
    ending = threading.Thread(target=traces.end, daemon=True)
    ending.start()
    until = time.monotonic() + _LAST_SPANS_S
    while ending.is_alive() and time.monotonic() < until:
        await asyncio.sleep(0.01)
