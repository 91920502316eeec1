"""Policies that are uploaded and removed: `/v1/admin/policies` and `/v1/admin/jobs/{id}`."""

import errno
from datetime import date
from typing import Annotated, Self

from fastapi import APIRouter, Query, Request
from fastapi import Path as PathParameter
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.administration.jobs import Job, Kind, NotUploaded, State, TooManyJobs, UnknownJob, UnusableDocument
from api.administration.service import Administration
from api.observability.logs import log
from api.wire.openapi import MOST_ID_CHARS, RECORD_PROBLEMS, documented
from api.wire.problems import KIND_OF_ERROR, NO_SPACE, TOO_MANY_JOBS, UNSUPPORTED_DOCUMENT, problem
from index.errors import UnknownPolicy
from index.sources.files import MAX_BYTES
from index.sources.sidecar import Sidecar

UPLOADS = "/v1/admin/policies"
MAX_UPLOAD_BYTES = MAX_BYTES
_ENDINGS = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "application/pdf": ".pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "text/markdown": ".md",
    "text/plain": ".txt",
}
_RETRY_AFTER_S = 30

_Line = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
_Address = Annotated[str, StringConstraints(pattern=r"^(?i:https?)://[^\s/?#@]+([/?#]\S*)?$", max_length=1_000)]
_JobId = Annotated[str, PathParameter(max_length=MOST_ID_CHARS)]
_PolicyId = Annotated[str, PathParameter(max_length=MOST_ID_CHARS)]


class JobResponse(BaseModel):
    """An upload or a removal, and how far it is; it is polled until `state` is `done` or `failed`."""

    model_config = ConfigDict(extra="forbid")

    id: str
    kind: Kind
    state: State
    stage: str | None = Field(description="what is done now: read, split or embed")
    done: int = Field(description="how much of the stage is done")
    total: int
    policy_id: str | None = Field(description="the policy that was added, or is to be removed")
    index_version: str | None = Field(description="the first index version that has what this did")
    error: str | None = Field(description="why it failed; nothing was changed then")
    created_at: str
    finished_at: str | None

    @classmethod
    def of(cls, job: Job) -> Self:
        """What is told of `job`."""
        return cls(**{name: getattr(job, name) for name in cls.model_fields})


_BODY = {
    "requestBody": {
        "required": True,
        "content": {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in _ENDINGS},
    }
}
_UPLOAD_PROBLEMS = documented(
    (UNSUPPORTED_DOCUMENT, "Content-Type is 'image/png', expected one of text/html, application/pdf"),
    (
        KIND_OF_ERROR[UnusableDocument],
        "neither its text nor its title tells whose policy it is; name the company with company=",
    ),
    (TOO_MANY_JOBS, "1,000 uploads and removals wait already; upload it again in a while"),
    (NO_SPACE, "the service has no space for the document; whoever runs it frees some"),
)
_REMOVAL_PROBLEMS = documented(
    (KIND_OF_ERROR[UnknownPolicy], "no policy 'acme' in this index: GET /v1/companies lists them"),
    (KIND_OF_ERROR[NotUploaded], "'acme' was not uploaded: its document lies in a folder that the index was built of"),
)


def administration(uploads: Administration) -> APIRouter:
    """The routes of whoever may change what is in the index."""
    router = APIRouter(prefix="/v1/admin", tags=["administration"], responses=RECORD_PROBLEMS)

    @router.post(
        "/policies",
        summary="Upload a policy's document, a new one or another for the same day",
        status_code=202,
        response_model=JobResponse,
        responses=_UPLOAD_PROBLEMS,
        openapi_extra=_BODY,
    )
    async def upload(
        request: Request,
        *,
        company: Annotated[_Line | None, Query(description="whose it is, by id, domain or name; else found")] = None,
        type: Annotated[_Line | None, Query(description='such as "Privacy Policy"; else found')] = None,  # noqa: A002
        title: Annotated[_Line | None, Query(description="else found")] = None,
        date: Annotated[date | None, Query(description="the day of this version; else found, or today in UTC")] = None,
        source_url: Annotated[_Address | None, Query(description="where it is published; else found")] = None,
    ) -> Response:
        content_type = request.headers.get("content-type", "")
        ending = _ENDINGS.get(content_type.partition(";")[0].strip().lower())
        if ending is None:
            detail = f"Content-Type is {content_type[:100]!r}, expected one of {', '.join(_ENDINGS)}"
            return problem(UNSUPPORTED_DOCUMENT, detail)
        sidecar = Sidecar(company=company, document_type=type, title=title, address=source_url, archived_on=date)
        try:
            return _accepted(await uploads.upload(await request.body(), ending, sidecar))
        except TooManyJobs as error:
            return problem(TOO_MANY_JOBS, str(error), headers={"Retry-After": str(_RETRY_AFTER_S)})
        except OSError as error:
            return _unwritable(error)

    # not async: the list of an index's files is read in a thread
    @router.delete(
        "/policies/{policy_id}",
        summary="Remove a policy that was uploaded",
        status_code=202,
        response_model=JobResponse,
        responses=_REMOVAL_PROBLEMS,
    )
    def remove(policy_id: _PolicyId) -> Response:
        try:
            return _accepted(uploads.remove(policy_id))
        except OSError as error:
            return _unwritable(error)

    @router.get(
        "/jobs/{job_id}",
        summary="How far an upload or a removal is",
        response_model=JobResponse,
        responses=documented((KIND_OF_ERROR[UnknownJob], "no job '20260101T000000000000-00000000'")),
    )
    def job(job_id: _JobId) -> Response:
        return _told(uploads.jobs.get(job_id), 200, {"Cache-Control": "no-store"})

    return router


def _accepted(job: Job) -> Response:
    return _told(job, 202, {"Location": f"/v1/admin/jobs/{job.id}"})


def _told(job: Job, status: int, headers: dict[str, str]) -> Response:
    return JSONResponse(JobResponse.of(job).model_dump(mode="json"), status, headers)


def _unwritable(error: OSError) -> Response:
    log.error("upload_not_kept", why=str(error))
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    why = "has no space for it; whoever runs it frees some" if full else "cannot write where uploads are kept"
    return problem(NO_SPACE, f"the service {why}; nothing was changed")
