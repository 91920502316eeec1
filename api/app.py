"""The HTTP service: the endpoints of the public contract and the chat page. Built from arguments, nothing global.

It does not know how answers are found, nor what problems look like.
"""

import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse, Response

from api.limits import BodyLimit
from api.metrics import Metrics
from api.problems import (
    BODY_TOO_LARGE,
    INTERNAL,
    INVALID_REQUEST,
    KIND_OF_ERROR,
    NOT_JSON,
    NOT_READY,
    UNREADABLE_BODY,
    NotJson,
    NotReady,
    UnexpectedErrors,
    documented,
    tell_problems,
)
from api.schemas import (
    AskRequest,
    AskResponse,
    CompaniesResponse,
    PolicyResponse,
    ReadyResponse,
    SearchRequest,
    SearchResponse,
    StateResponse,
)
from api.security_headers import SecurityHeaders
from api.settings import Settings
from index import errors
from qa.assistant import Assistant

_THREADS_A_CORE = 4
log = logging.getLogger("askpolicy")

_WEB = Path(__file__).parent / "web"
_API_VERSION = "1"
_MOST_ID_CHARS = 500

_ANY = (
    (INTERNAL, "This is an error of the service and was logged; ask again in a while."),
    (NOT_READY, "The index and the model are being opened; ask again in a moment."),
)
_QUESTION_PROBLEMS = documented(
    (KIND_OF_ERROR[errors.BadQuestion], "the question has 3,000 characters, at most 2,000 are read; shorten it"),
    (KIND_OF_ERROR[errors.BadK], "k is 1000, expected 1 to 100"),
    (KIND_OF_ERROR[errors.UnknownCompany], "no company 'jivochta' in this index: did you mean JivoChat?"),
    (INVALID_REQUEST, "body.question: Field required. /openapi.json holds the schema"),
    (UNREADABLE_BODY, "There was an error parsing the body"),
    (BODY_TOO_LARGE, "the body has more than the 524,288 bytes that are read; shorten it"),
    (NOT_JSON, "Content-Type is 'text/plain', expected application/json; send the header with the body"),
    *_ANY,
)


class _Opening:
    """An assistant that is opened beside the service, so that the service can say that it is not ready yet."""

    def __init__(self, source: Assistant | Callable[[], Assistant]) -> None:
        self._opened = None if callable(source) else source
        self._open = source if callable(source) else None
        self._why_not = "The index and the model are being opened; ask again in a moment."

    def begin(self) -> None:
        """Open it, in a thread, where it is not open."""
        if self._opened is None:
            threading.Thread(target=self._run, name="opening", daemon=True).start()

    def assistant(self) -> Assistant:
        """The assistant.

        Raises:
            NotReady: it is being opened, or could not be.
        """
        if self._opened is None:
            raise NotReady(self._why_not)
        return self._opened

    def _run(self) -> None:
        if self._open is None:
            return
        try:
            self._opened = self._open()
        except Exception as error:
            log.exception("the index could not be opened")
            title = KIND_OF_ERROR[type(error)].title if type(error) in KIND_OF_ERROR else "It could not be opened"
            self._why_not = f"{title}; the log of the service says more."


def create_app(source: Assistant | Callable[[], Assistant], settings: Settings) -> FastAPI:
    """The application that answers with an assistant, or with the one that a function opens at startup."""
    opening = _Opening(source)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        opening.begin()
        # More would wait for the same cores, each with memory of its own.
        to_thread.current_default_thread_limiter().total_tokens = _THREADS_A_CORE * (os.cpu_count() or 1)
        yield

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
    metrics = Metrics()
    app.include_router(_questions(opening, metrics))
    app.include_router(_records(opening))
    app.include_router(_state(opening, metrics))
    app.include_router(_chat())
    tell_problems(app)
    # The last added is the outermost.
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    app.add_middleware(UnexpectedErrors)
    app.add_middleware(SecurityHeaders)
    return app


def _json_only(request: Request) -> None:
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise NotJson(content_type)


def _questions(opening: _Opening, metrics: Metrics) -> APIRouter:
    router = APIRouter(
        prefix="/v1", tags=["questions"], dependencies=[Depends(_json_only)], responses=_QUESTION_PROBLEMS
    )

    @router.post("/ask", summary="Answer a question with the passages that say so")
    def ask(asked: AskRequest) -> AskResponse:
        began = time.perf_counter()
        answer = opening.assistant().ask(
            asked.question, companies=asked.companies, history=asked.history, k=asked.k, as_of=asked.as_of
        )
        took_s = time.perf_counter() - began
        metrics.answered(answer.outcome.value, took_s=took_s)
        return AskResponse.of(answer, took_ms=1_000 * took_s)

    @router.post("/search", summary="The nearest passages, without an outcome")
    def search(asked: SearchRequest) -> SearchResponse:
        began = time.perf_counter()
        hits = opening.assistant().search(asked.question, companies=asked.companies, k=asked.k, as_of=asked.as_of)
        metrics.searched(took_s=time.perf_counter() - began)
        return SearchResponse.of(hits)

    return router


def _records(opening: _Opening) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["records"])

    @router.get("/companies", summary="Everyone whose policies are in the index", responses=documented(*_ANY))
    def companies() -> CompaniesResponse:
        return CompaniesResponse.of(opening.assistant().index)

    unknown = (
        KIND_OF_ERROR[errors.UnknownPolicy],
        "no policy 'jivochat' in this index: GET /v1/companies lists them",
    )
    too_long = (
        INVALID_REQUEST,
        f"path.policy_id: String should have at most {_MOST_ID_CHARS} characters. /openapi.json holds the schema",
    )

    @router.get("/policies/{policy_id}", summary="A policy in full", responses=documented(unknown, too_long, *_ANY))
    def policy(
        policy_id: Annotated[
            str, PathParameter(max_length=_MOST_ID_CHARS, examples=["jivochat.com--privacy-policy--2015-03-20"])
        ],
    ) -> PolicyResponse:
        index = opening.assistant().index
        found = index.policy(policy_id)
        return PolicyResponse.of_policy(found, index.companies[found.company_id])

    return router


def _state(opening: _Opening, metrics: Metrics) -> APIRouter:
    router = APIRouter(tags=["state"])

    @router.get("/healthz", summary="Whether the service is alive")
    def healthz() -> StateResponse:
        return StateResponse(status="ok")

    @router.get("/readyz", summary="Whether index and model are ready", responses=documented(*_ANY))
    def readyz() -> ReadyResponse:
        manifest = opening.assistant().index.manifest
        return ReadyResponse(status="ok", index_version=manifest.version, model=manifest.model)

    numbers: dict[int | str, dict[str, Any]] = {
        200: {"description": "Prometheus text", "content": {"text/plain": {"schema": {"type": "string"}}}}
    }

    @router.get("/metrics", summary="Numbers for Prometheus", response_class=Response, responses=numbers)
    def exposition() -> Response:
        return Response(metrics.exposition(), media_type=metrics.media_type)

    return router


def _chat() -> APIRouter:
    """The page, its style, and the widget that any page may embed."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def page() -> FileResponse:
        return _file("index.html", "text/html; charset=utf-8")

    @router.get("/page.css")
    def style() -> FileResponse:
        return _file("page.css", "text/css; charset=utf-8")

    @router.get("/widget.js")
    def widget() -> FileResponse:
        return _file(
            "widget.js", "text/javascript; charset=utf-8", headers={"Cross-Origin-Resource-Policy": "cross-origin"}
        )

    return router


def _file(name: str, media_type: str, *, headers: dict[str, str] | None = None) -> FileResponse:
    return FileResponse(_WEB / name, media_type=media_type, headers={"Cache-Control": "no-cache", **(headers or {})})
