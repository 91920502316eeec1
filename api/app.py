"""The HTTP service: the endpoints of the public contract and the chat page. Built from arguments, nothing global.

It does not know how answers are found, nor what problems look like.
"""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi import Path as PathParameter
from fastapi.responses import Response
from pydantic import BaseModel, StringConstraints

from api.access import Access, Cors, Rules, open_storage
from api.admission import Admission
from api.limits import BodyLimit
from api.live import LiveAssistant, Opener
from api.metrics import Metrics
from api.openapi import (
    EVENTS,
    MOST_ID_CHARS,
    POLICY_PROBLEMS,
    QUESTION_PROBLEMS,
    RECORD_PROBLEMS,
    STATE_PROBLEMS,
    describe,
)
from api.overload import FullQueue, TakePlace
from api.problems import NotJson, UnexpectedErrors, tell_problems
from api.request_log import RequestLog
from api.schemas import (
    AskRequest,
    AskResponse,
    CompaniesResponse,
    CompaniesStep,
    PassagesStep,
    PolicyResponse,
    ReadyResponse,
    SearchRequest,
    SearchResponse,
    StateResponse,
)
from api.security_headers import SecurityHeaders
from api.settings import Settings
from api.streaming import Event, streamed, wants_events
from api.traces import Traces
from api.web_files import chat
from qa.answers import Answer
from qa.assistant import Assistant
from qa.deadline import Deadline
from qa.question import query as understood
from qa.stages import recorded

_THREADS_A_CORE = 4
_API_VERSION = "1"
_MOST_SPANS = 20
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
    storage = open_storage(settings.rate_storage)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        live.begin()
        yield
        live.end()
        metrics.end()
        await _ended(traces)

    app = FastAPI(
        title="askpolicy",
        version=_API_VERSION,
        description="Ask a question about companies' privacy policies; get the passage that answers it, "
        "with its company and date, and an honest word where the policy does not say.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        # The usual pages load scripts from elsewhere; /openapi.json is all that a tool needs.
        docs_url=None,
        redoc_url=None,
    )
    work = _Work(
        live,
        admission,
        metrics,
        traces,
        log_questions=settings.log_questions,
        timeout_s=settings.answer_timeout_s,
    )
    app.include_router(_questions(work))
    app.include_router(_records(work))
    app.include_router(_state(live, metrics))
    app.include_router(chat(settings.page_token))
    tell_problems(app)
    describe(app, with_keys=settings.keys is not None)
    # The last added is the outermost.
    app.add_middleware(TakePlace, admission=admission, metrics=metrics)
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes, timeout_s=settings.read_timeout_s)
    app.add_middleware(Access, rules=rules, storage=storage, metrics=metrics)
    app.add_middleware(UnexpectedErrors)
    app.add_middleware(Cors, rules=rules)
    app.add_middleware(RequestLog, metrics=metrics, traces=traces, version=lambda: live.version)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(FullQueue, admission=admission, metrics=metrics, version=lambda: live.version)
    return app


async def _ended(traces: Traces) -> None:
    """The last spans are sent, if their collector takes them soon: a stop waits for nobody else."""
    ending = threading.Thread(target=traces.end, daemon=True)
    ending.start()
    until = time.monotonic() + _LAST_SPANS_S
    while ending.is_alive() and time.monotonic() < until:
        await asyncio.sleep(0.01)


class _Work:
    """Does what a request asks for in a thread of the admission, with one assistant from its beginning to its end."""

    def __init__(
        self,
        live: LiveAssistant,
        admission: Admission,
        metrics: Metrics,
        traces: Traces,
        *,
        log_questions: bool,
        timeout_s: float,
    ) -> None:
        self._live, self._admission, self._metrics, self._traces = live, admission, metrics, traces
        self._log_questions, self._timeout_s = log_questions, timeout_s

    async def respond(self, request: Request, work: Callable[[Assistant], BaseModel]) -> Response:
        """What `work` makes of the assistant that serves now, as JSON."""
        assistant = self._assistant(request)
        body = await self._admission.run(lambda: work(assistant).model_dump_json())
        return Response(body, media_type="application/json")

    async def ask(self, request: Request, asked: AskRequest) -> Response:
        """The answer, as JSON or as events."""
        self._note(request, asked.question)
        deadline = Deadline.after(self._timeout_s)
        if not wants_events(request.headers.get("accept", "")):
            return await self.respond(request, lambda assistant: self._answer(request, assistant, asked, deadline))
        assistant = self._assistant(request)
        return await streamed(self._admission.iterate(lambda: self._events(request, assistant, asked, deadline)))

    async def search(self, request: Request, asked: SearchRequest) -> Response:
        """The hits, as JSON."""
        self._note(request, asked.question)
        deadline = Deadline.after(self._timeout_s)

        def work(assistant: Assistant) -> SearchResponse:
            with self._measured(request) as took_s:
                ranking = assistant.search(
                    asked.question, companies=asked.companies, k=asked.k, as_of=asked.as_of, deadline=deadline
                )
            self._metrics.searched(took_s=took_s())
            return SearchResponse.of(ranking, assistant.index.manifest.version)

        return await self.respond(request, work)

    def _assistant(self, request: Request) -> Assistant:
        """The assistant for this request alone; the response names its version."""
        assistant = self._live.assistant()
        request.state.index_version = assistant.index.manifest.version
        return assistant

    def _note(self, request: Request, question: str) -> None:
        if self._log_questions:
            request.state.question = question

    def _answer(self, request: Request, assistant: Assistant, asked: AskRequest, deadline: Deadline) -> AskResponse:
        with self._measured(request) as took_s:
            answer = assistant.ask(asked.question, **_options(asked), deadline=deadline)
        return self._counted(request, answer, took_s())

    def _events(self, request: Request, assistant: Assistant, asked: AskRequest, deadline: Deadline) -> Iterator[Event]:
        with self._measured(request) as took_s:
            for step in assistant.steps(asked.question, **_options(asked), deadline=deadline):
                if isinstance(step, understood.Query):
                    yield "companies", CompaniesStep.of(step, assistant.index.manifest.version)
                elif isinstance(step, Answer):
                    yield "answer", self._counted(request, step, took_s())
                else:
                    yield "passages", PassagesStep.of(step)

    def _counted(self, request: Request, answer: Answer, took_s: float) -> AskResponse:
        request.state.outcome = answer.outcome.value
        self._metrics.answered(answer.outcome.value, took_s=took_s)
        return AskResponse.of(answer, took_ms=1_000 * took_s)

    @contextmanager
    def _measured(self, request: Request) -> Iterator[Callable[[], float]]:
        """Seconds since the block began; its stages go to the numbers and the traces."""
        began = time.perf_counter()
        with recorded() as recording:
            yield lambda: time.perf_counter() - began
        self._metrics.staged(recording.total_ms)
        self._traces.stages(request.state.span, recording.stages)


def _options(asked: AskRequest) -> dict[str, Any]:
    """What `Assistant.ask` and `steps` take beside the question."""
    return {
        "companies": asked.companies,
        "history": asked.history,
        "k": asked.k,
        "as_of": asked.as_of,
        "offset": asked.offset,
    }


# async, or it would be called in a thread of its own
async def _json_only(request: Request) -> None:
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise NotJson(content_type)


def _questions(work: _Work) -> APIRouter:
    router = APIRouter(
        prefix="/v1", tags=["questions"], dependencies=[Depends(_json_only)], responses=QUESTION_PROBLEMS
    )

    @router.post(
        "/ask",
        summary="Answer a question with the passages that say so",
        response_model=AskResponse,
        responses=EVENTS,
    )
    async def ask(asked: AskRequest, request: Request) -> Response:
        return await work.ask(request, asked)

    @router.post("/search", summary="The nearest passages, without an outcome", response_model=SearchResponse)
    async def search(asked: SearchRequest, request: Request) -> Response:
        return await work.search(request, asked)

    return router


def _records(work: _Work) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["records"])

    @router.get(
        "/companies",
        summary="Everyone whose policies are in the index",
        response_model=CompaniesResponse,
        responses=RECORD_PROBLEMS,
    )
    async def companies(request: Request) -> Response:
        return await work.respond(request, lambda assistant: CompaniesResponse.of(assistant.index))

    @router.get(
        "/policies/{policy_id}",
        summary="A policy in full",
        response_model=PolicyResponse,
        responses=POLICY_PROBLEMS,
    )
    async def policy(
        policy_id: Annotated[
            str, PathParameter(max_length=MOST_ID_CHARS, examples=["jivochat.com--privacy-policy--2015-03-20"])
        ],
        request: Request,
        evidence: Annotated[
            list[Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}-[0-9]{1,9}$")]],
            Query(max_length=_MOST_SPANS, description="spans START-END whose words `blocks` is to set apart"),
        ] = [],  # noqa: B006 - FastAPI copies it
    ) -> Response:
        def whole(assistant: Assistant) -> PolicyResponse:
            found = assistant.index.policy(policy_id)
            spans = [(int(start), int(end)) for start, _, end in (span.partition("-") for span in evidence)]
            return PolicyResponse.of_policy(found, assistant.index.companies[found.company_id], evidence=spans)

        return await work.respond(request, whole)

    return router


def _state(live: LiveAssistant, metrics: Metrics) -> APIRouter:
    router = APIRouter(tags=["state"])

    @router.get("/healthz", summary="Whether the service is alive")
    async def healthz() -> StateResponse:
        return StateResponse(status="ok")

    @router.get("/readyz", summary="Whether index and model are ready", responses=STATE_PROBLEMS)
    async def readyz() -> ReadyResponse:
        return ReadyResponse.of(live.assistant().index.manifest, refused=live.refused)

    numbers: dict[int | str, dict[str, Any]] = {
        200: {"description": "Prometheus text", "content": {"text/plain": {"schema": {"type": "string"}}}}
    }

    @router.get("/metrics", summary="Numbers for Prometheus", response_class=Response, responses=numbers)
    def exposition() -> Response:
        return Response(metrics.exposition(), media_type=metrics.media_type)

    return router
