"""The HTTP service: the endpoints of the public contract and the chat page. Built from arguments, nothing global.

It does not know how answers are found, nor what problems look like.
"""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.responses import Response

from api import mcp
from api.administration.service import Administration
from api.guard.access import Access, Cors, Rules
from api.guard.limits import BodyLimit
from api.guard.rates import Rates, open_rates
from api.guard.security_headers import SecurityHeaders
from api.observability.audit import Audit
from api.observability.audit_file import AuditFile
from api.observability.metrics import Metrics
from api.observability.request_log import RequestLog
from api.observability.traces import Traces
from api.routes.administration import MAX_UPLOAD_BYTES, UPLOADS, administration
from api.routes.changes import changes
from api.routes.chat_completions import chat_completions
from api.routes.comparison import MAX_TABLE_BYTES, TABLES, comparison
from api.routes.pages import chat
from api.routes.questions import questions
from api.routes.records import records
from api.routes.reference import reference
from api.routes.state import state
from api.routes.suggestions import suggestions
from api.routes.work import Work
from api.serving.admission import Admission
from api.serving.disconnects import StopWhenClientLeaves
from api.serving.live import LiveAssistant, Opener
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
        KeysError, BadSetting: the keys, the storage of rates, the audit log or the traces of `settings` cannot be used.
    """
    parts = _Parts.of(source, settings, opened)
    app = FastAPI(
        title="askpolicy",
        version=_API_VERSION,
        description="Ask a question about companies' privacy policies; get the passage that answers it, "
        "with its company and date, and an honest word where the policy does not say.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=parts.lifespan,
        # The usual pages load scripts from elsewhere; `reference` has one of its own, and makes /openapi.json once.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # It would lead to wherever the request's Host says.
        redirect_slashes=False,
    )
    app.state.metrics = parts.metrics
    work = Work(
        parts.live,
        Admission(
            running=settings.max_running or _THREADS_A_CORE * max(1, (os.cpu_count() or 1) // settings.workers),
            waiting=settings.max_waiting,
            timeout_s=settings.answer_timeout_s,
            metrics=parts.metrics,
        ),
        parts.metrics,
        parts.traces,
        log_questions=settings.log_questions,
        timeout_s=settings.answer_timeout_s,
    )
    app.include_router(questions(work))
    app.include_router(chat_completions(work))
    app.include_router(comparison(work))
    app.include_router(records(work))
    if parts.uploads:
        app.include_router(administration(parts.uploads))
    app.include_router(state(parts.live, parts.metrics))
    app.include_router(changes(work))
    app.include_router(suggestions(work))
    app.include_router(chat(settings.page_token))
    parts.mcp = _mcp_endpoint(app)
    app.include_router(reference(app))
    tell_problems(app)
    describe(app, with_keys=settings.keys is not None)
    _add_middlewares(app, settings, parts)
    return app


@dataclass(slots=True)
class _Parts:
    """What an application is made of beside its routes, and what begins and ends with it."""

    live: LiveAssistant
    metrics: Metrics
    traces: Traces
    rules: Rules
    rates: Rates
    audit_file: AuditFile | None
    uploads: Administration | None
    mcp: "Endpoint | None" = None

    @classmethod
    def of(cls, source: Assistant | Opener, settings: Settings, opened: Assistant | None) -> "_Parts":
        metrics, traces = Metrics(), Traces(settings.traces)
        opener, opened = (None, source) if isinstance(source, Assistant) else (source, opened)
        rules = Rules.of(settings)
        rules.check_page_token(settings.page_token)
        return cls(
            live=LiveAssistant(opener, opened=opened, watch_s=settings.watch_s, metrics=metrics),
            metrics=metrics,
            traces=traces,
            rules=rules,
            rates=open_rates(settings.rate_storage),
            audit_file=_audit_file(settings, metrics),
            uploads=Administration(settings) if settings.uploads is not None else None,
        )

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as entered:
            if self.mcp is not None:
                await entered.enter_async_context(self.mcp.running())
            self.live.begin()
            if self.uploads:
                await entered.enter_async_context(self.uploads.running())
            yield
        self.live.end()
        await self.rates.end()
        self.metrics.end()
        if self.audit_file:
            self.audit_file.end()
        await _ended(self.traces)


def _add_middlewares(app: FastAPI, settings: Settings, parts: _Parts) -> None:
    """What every request passes; the last added is the outermost."""
    metrics = parts.metrics
    app.add_middleware(HeadAsGet)
    app.add_middleware(StopWhenClientLeaves, metrics=metrics)
    larger = {TABLES: MAX_TABLE_BYTES} | ({UPLOADS: MAX_UPLOAD_BYTES} if parts.uploads else {})
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes, timeout_s=settings.read_timeout_s, larger=larger)
    app.add_middleware(Access, rules=parts.rules, rates=parts.rates, metrics=metrics)
    app.add_middleware(UnexpectedErrors)
    app.add_middleware(OpenAIErrors)
    app.add_middleware(Cors, rules=parts.rules)
    app.add_middleware(Compression)
    if parts.audit_file:
        app.add_middleware(
            Audit, file=parts.audit_file, questions=settings.audit_questions, addresses=settings.audit_addresses
        )
    app.add_middleware(RequestLog, metrics=metrics, traces=parts.traces, version=lambda: parts.live.version)
    app.add_middleware(SecurityHeaders)


def _audit_file(settings: Settings, metrics: Metrics) -> AuditFile | None:
    if settings.audit_log is None:
        return None
    return AuditFile(
        settings.audit_log, max_bytes=settings.audit_max_bytes, files=settings.audit_files, metrics=metrics
    )


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
