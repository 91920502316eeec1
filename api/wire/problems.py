"""What goes wrong, as a client is told: problem+json (RFC 9457), one kind a `type`. It does not know the endpoints.

Every error of `index.errors` has its kind in one table. What a person's request caused is told in full; what the
service caused is told without its insides, which go to the log.
"""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.administration import jobs
from api.observability.logs import log
from api.serving.admission import Busy, TookTooLong
from index import errors

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """One `type` of problem; `slug` and `status` never change once published."""

    slug: str
    status: int
    title: str

    @property
    def type(self) -> str:
        """The URI reference that names this kind."""
        return f"/problems/{self.slug}"


class NotReady(Exception):
    """The index and the model are still being opened, or could not be opened."""


INVALID_REQUEST = ProblemKind("invalid-request", 422, "The request is not of the expected form")
NOT_FOUND = ProblemKind("not-found", 404, "There is nothing at this address")
METHOD_NOT_ALLOWED = ProblemKind("method-not-allowed", 405, "This address does not take this method")
BODY_TOO_LARGE = ProblemKind("body-too-large", 413, "The request's body is too large")
NOT_JSON = ProblemKind("not-json", 415, "The request's body is not declared as JSON")
UNREADABLE_BODY = ProblemKind("unreadable-body", 400, "The request's body could not be read")
NOT_READY = ProblemKind("not-ready", 503, "The service is not ready to answer")
BODY_TOO_SLOW = ProblemKind("body-too-slow", 408, "The request's body did not arrive in time")
NOT_HTTP = ProblemKind("not-http", 400, "This is no HTTP request")
KEY_MISSING = ProblemKind("key-missing", 401, "The service asks for an API key")
KEY_UNKNOWN = ProblemKind("key-unknown", 401, "The API key is not known")
KEY_EXPIRED = ProblemKind("key-expired", 401, "The API key has expired")
KEY_SCOPE = ProblemKind("key-scope", 403, "The API key is not for this")
WIDGET_TOKEN = ProblemKind("widget-token", 403, "A widget token may not do this")
FOREIGN_ORIGIN = ProblemKind("foreign-origin", 403, "Pages of this origin may not ask here")
FOREIGN_HOST = ProblemKind("foreign-host", 421, "The service does not go by this name")
TOO_MANY_REQUESTS = ProblemKind("too-many-requests", 429, "Too many requests in a short time")
BUSY = ProblemKind("busy", 503, "Too many questions wait already")
TOO_MANY_CONNECTIONS = ProblemKind("too-many-connections", 503, "Too many connections are open")
TOOK_TOO_LONG = ProblemKind("took-too-long", 503, "The answer took too long")
STOPPING = ProblemKind("stopping", 503, "The service is being stopped")
HEAD_TOO_LARGE = ProblemKind("head-too-large", 431, "The request's head is too large")
UNSUPPORTED_DOCUMENT = ProblemKind("unsupported-document", 415, "Documents of this format are not read")
TOO_MANY_JOBS = ProblemKind("too-many-jobs", 503, "Too many uploads wait already")
NO_SPACE = ProblemKind("no-space", 507, "There is no space for the document")
BAD_TABLE = ProblemKind("bad-table", 422, "The lines are no table")
NO_WORKBOOKS = ProblemKind("no-workbooks", 501, "The service cannot write workbooks")
INTERNAL = ProblemKind("internal", 500, "Something went wrong inside the service")

_INDEX_UNAVAILABLE = ProblemKind("index-unavailable", 503, "The index cannot be used")

KIND_OF_ERROR: dict[type[Exception], ProblemKind] = {
    errors.BadQuestion: ProblemKind("bad-question", 422, "The question cannot be read"),
    errors.BadK: ProblemKind("bad-k", 422, "k is out of range"),
    errors.BadChecklist: ProblemKind("bad-checklist", 422, "No such checklist"),
    errors.BadPage: ProblemKind("bad-page", 422, "No page begins there"),
    errors.UnknownCompany: ProblemKind("unknown-company", 422, "No such company is in the index"),
    errors.UnknownPolicy: ProblemKind("unknown-policy", 404, "No such policy is in the index"),
    errors.IndexMissing: ProblemKind("index-missing", 503, "There is no index"),
    errors.IndexCorrupt: ProblemKind("index-corrupt", 503, "The index is damaged"),
    errors.ModelMismatch: ProblemKind("model-mismatch", 503, "The index was built with another model"),
    errors.IndexOutdated: ProblemKind("index-outdated", 503, "The index was built by another release"),
    errors.IndexBusy: ProblemKind("index-busy", 503, "The index is being written"),
    errors.IndexFolderError: _INDEX_UNAVAILABLE,
    errors.PolicyError: _INDEX_UNAVAILABLE,
    errors.CompaniesFileError: _INDEX_UNAVAILABLE,
    errors.NothingToIndex: _INDEX_UNAVAILABLE,
    errors.ModelError: ProblemKind("model-unavailable", 503, "The embedding model cannot be used"),
    jobs.UnusableDocument: ProblemKind("unusable-document", 422, "The document cannot become a policy"),
    jobs.NotUploaded: ProblemKind("not-uploaded", 409, "The policy was not uploaded here"),
    jobs.UnknownJob: ProblemKind("unknown-job", 404, "There is no such job"),
    jobs.TooManyJobs: TOO_MANY_JOBS,
    errors.AskPolicyError: INTERNAL,
    NotReady: NOT_READY,
    Busy: BUSY,
    TookTooLong: TOOK_TOO_LONG,
}

_KIND_OF_STATUS = {
    kind.status: kind for kind in (UNREADABLE_BODY, NOT_FOUND, METHOD_NOT_ALLOWED, BODY_TOO_LARGE, NOT_JSON, NOT_READY)
}
_RETRY_AFTER_S = 2
# Of a request that differs from the schema so many places are told, each with so much of its members' names.
_MOST_ERRORS = 20
_MOST_STEP_CHARS = 60


class NotJson(HTTPException):
    """A body whose `Content-Type` is not JSON."""

    def __init__(self, content_type: str) -> None:
        got = f"Content-Type is {content_type[:100]!r}" if content_type else "there is no Content-Type"
        super().__init__(NOT_JSON.status, f"{got}, expected application/json; send the header with the body")


def kind_of(error: Exception) -> ProblemKind:
    """The kind of `error`: that of its class, or of the nearest class above that the table has."""
    return next((KIND_OF_ERROR[cls] for cls in type(error).__mro__ if cls in KIND_OF_ERROR), INTERNAL)


def body_of(kind: ProblemKind, detail: str) -> dict[str, object]:
    """What every problem says."""
    return {"type": kind.type, "title": kind.title, "status": kind.status, "detail": detail}


def problem(kind: ProblemKind, detail: str, *, headers: dict[str, str] | None = None, **more: object) -> JSONResponse:
    """The response that tells of a problem; `more` are members of its own kind, such as `nearest`."""
    content = body_of(kind, detail) | more
    return JSONResponse(content, kind.status, headers, media_type=MEDIA_TYPE)


def problem_of(error: Exception, **more: Any) -> JSONResponse:
    """The response for `error`, with `more` members; one that is the service's fault keeps its message to itself."""
    kind = kind_of(error)
    if isinstance(error, NotReady):
        return problem(kind, str(error), headers={"Retry-After": str(_RETRY_AFTER_S)}, **more)
    if isinstance(error, Busy | TookTooLong):
        return problem(kind, str(error), headers={"Retry-After": str(error.retry_after_s)}, **more)
    if kind.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return problem(kind, "The request was fine, the service is not; its log says why.", **more)
    if isinstance(error, errors.UnknownCompany):
        return problem(kind, str(error), name=error.name, nearest=error.nearest, **more)
    return problem(kind, str(error), **more)


def tell_problems(app: FastAPI) -> None:
    """Let every error of `app` leave as problem+json."""
    app.add_exception_handler(errors.AskPolicyError, _told)
    for kind in (NotReady, Busy, TookTooLong):
        app.add_exception_handler(kind, _told)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)


def _told(request: Request, error: Exception) -> JSONResponse:
    # that too many wait is no news after the first: the numbers and the line of the request tell it
    if kind_of(error).status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, Busy):
        log.error("request_failed", method=request.method, path=request.url.path, why=str(error))
    asked = getattr(request.state, "index_version", None)
    return problem_of(error, **({"index_version": asked} if asked else {}))


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    """Where the request differs from the schema; what was sent is not repeated, but for the beginnings of names."""
    if not isinstance(error, RequestValidationError):
        raise TypeError(f"expected a RequestValidationError, got {error!r}")
    found = [
        {"at": ".".join(_shortened(str(step)) for step in entry["loc"]), "message": str(entry["msg"])}
        for entry in error.errors()[:_MOST_ERRORS]
    ]
    detail = "; ".join(f"{entry['at']}: {entry['message']}" for entry in found)
    return problem(INVALID_REQUEST, f"{detail}. /openapi.json holds the schema", errors=found)


def _shortened(step: str) -> str:
    return step if len(step) <= _MOST_STEP_CHARS else f"{step[:_MOST_STEP_CHARS]}…"


def _refused(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise TypeError(f"expected an HTTPException, got {error!r}")
    kind = _KIND_OF_STATUS.get(error.status_code)
    headers = dict(error.headers or {})
    if kind is None:
        title = HTTPStatus(error.status_code).phrase
        kind = ProblemKind(title.lower().replace(" ", "-"), error.status_code, title)
    if kind is NOT_FOUND:
        return problem(kind, f"{request.url.path[:200]!r} is no address of this service; /openapi.json lists them")
    if kind is METHOD_NOT_ALLOWED:
        # HEAD is answered wherever GET is (`api.wire.head`)
        allowed = headers.get("Allow", "another method").replace("GET", "GET, HEAD")
        return problem(kind, f"{request.method[:20]} is not taken here; use {allowed}", headers={"Allow": allowed})
    return problem(kind, str(error.detail), headers=headers)


class UnexpectedErrors:
    """Middleware: what nothing else caught is logged in full and told as a problem without its insides."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        started = False

        async def noting_send(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noting_send)
        except asyncio.CancelledError:
            # the service stops, and waits no longer
            if not started and scope["type"] == "http":
                headers = {"Retry-After": str(_RETRY_AFTER_S)}
                detail = "the service is being stopped; ask again in a moment"
                await problem(STOPPING, detail, headers=headers)(scope, receive, send)
            raise
        except Exception:
            log.exception("unexpected_error", path=scope.get("path"))
            if started or scope["type"] != "http":
                raise
            response = problem(INTERNAL, "This is an error of the service and was logged; ask again in a while.")
            await response(scope, receive, send)
