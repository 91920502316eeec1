"""What is in the index: `/v1/companies`, `/v1/policies/{id}` and `/v1/policies/{id}/text`."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi import Path as PathParameter
from fastapi.responses import Response
from pydantic import StringConstraints

from api.routes.work import Work
from api.wire.openapi import MOST_ID_CHARS, NOT_MODIFIED, POLICY_PROBLEMS, RECORD_PROBLEMS
from api.wire.schemas import (
    MAX_COMPANIES_A_PAGE,
    MAX_CURSOR_CHARS,
    MAX_NAME_CHARS,
    MAX_TEXT_CHARS,
    CompaniesResponse,
    PolicyResponse,
    PolicyTextResponse,
)
from qa.assistant import Assistant

_MOST_SPANS = 20
_PolicyId = Annotated[
    str, PathParameter(max_length=MOST_ID_CHARS, examples=["jivochat.com--privacy-policy--2015-03-20"])
]
_Place = Annotated[int, Query(ge=0, le=999_999_999)]


def records(work: Work) -> APIRouter:
    """The routes of companies and policies."""
    router = APIRouter(prefix="/v1", tags=["records"])

    @router.get(
        "/companies",
        summary="Everyone whose policies are in the index",
        response_model=CompaniesResponse,
        responses=NOT_MODIFIED | RECORD_PROBLEMS,
    )
    async def companies(
        request: Request,
        limit: Annotated[
            int, Query(ge=1, le=MAX_COMPANIES_A_PAGE, description="how many companies at most")
        ] = MAX_COMPANIES_A_PAGE,
        after: Annotated[
            str, Query(max_length=MAX_CURSOR_CHARS, description="`next` of the page before; left out: the first page")
        ] = "",
        q: Annotated[
            str,
            Query(
                max_length=MAX_NAME_CHARS,
                description="only companies whose id, name, alias or domain holds this, in any case; who is called "
                "exactly so comes first",
            ),
        ] = "",
    ) -> Response:
        assistant = await work.assistant(request)
        return await work.record(
            request,
            assistant,
            ("companies", limit, after, q),
            lambda: CompaniesResponse.page(assistant.index, limit=limit, after=after, q=q),
        )

    @router.get(
        "/policies/{policy_id}",
        summary="A policy in full",
        response_model=PolicyResponse,
        responses=NOT_MODIFIED | POLICY_PROBLEMS,
    )
    async def policy(
        policy_id: _PolicyId,
        request: Request,
        evidence: Annotated[
            list[Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}-[0-9]{1,9}$")]],
            Query(max_length=_MOST_SPANS, description="spans START-END whose words `blocks` is to set apart"),
        ] = [],  # noqa: B006 - FastAPI copies it
    ) -> Response:
        assistant = await work.assistant(request)
        assistant.index.check_policy(policy_id)
        request.state.asked.companies = [assistant.index.policies.places[policy_id].policy.company_id]
        spans = sorted({(int(start), int(end)) for start, _, end in (span.partition("-") for span in evidence)})
        return await work.record(
            request,
            assistant,
            ("policy", policy_id, spans),
            lambda: PolicyResponse.whole(assistant.index, policy_id, evidence=spans),
        )

    @router.get(
        "/policies/{policy_id}/text",
        summary=f"The words of a policy, all or a part, {MAX_TEXT_CHARS:,} characters at once",
        response_model=PolicyTextResponse,
        responses=POLICY_PROBLEMS,
    )
    async def text(policy_id: _PolicyId, request: Request, start: _Place = 0, end: _Place | None = None) -> Response:
        def part(assistant: Assistant) -> PolicyTextResponse:
            found = assistant.index.policy(policy_id)
            company = assistant.index.companies[found.company_id]
            version = assistant.index.manifest.version
            request.state.asked.companies = [company.id]
            return PolicyTextResponse.of(found, company, start=start, end=end, index_version=version)

        return await work.respond(request, part)

    return router
