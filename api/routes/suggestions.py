"""What may be asked: `/v1/suggestions`."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import StringConstraints

from api.routes.work import Work
from api.wire.openapi import CHANGES_PROBLEMS, NOT_MODIFIED
from api.wire.schemas import MAX_NAME_CHARS
from api.wire.suggestions import SuggestionsResponse
from qa.deadline import Deadline
from qa.suggestions import suggested

_MAX_COMPANIES = 50
# Longer than an answer may take: a few dozen questions are asked, once for an index version.
_DEADLINE_S = 120.0


def suggestions(work: Work) -> APIRouter:
    """The route of suggestions."""
    router = APIRouter(prefix="/v1", tags=["questions"])

    @router.get(
        "/suggestions",
        summary="Questions that the index answers well",
        response_model=SuggestionsResponse,
        responses=NOT_MODIFIED | CHANGES_PROBLEMS,
    )
    async def listed(
        request: Request,
        company: Annotated[
            list[Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_CHARS)]],
            Query(max_length=_MAX_COMPANIES, description="only about these: ids, names, aliases or domains"),
        ] = [],  # noqa: B006 - FastAPI copies it
    ) -> Response:
        assistant = await work.assistant(request)
        index = assistant.index
        ids = sorted({assistant.company(name).id for name in company} or index.companies)
        chosen = [index.companies[each] for each in ids]

        def made() -> SuggestionsResponse:
            found = suggested(assistant, chosen, deadline=Deadline.after(_DEADLINE_S))
            return SuggestionsResponse.of(found, index.manifest.version)

        return await work.record(request, assistant, ("suggestions", company and ids), made, asks=True)

    return router
