"""Questions: `/v1/ask`, `/v1/compare` and `/v1/search`."""

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from api.routes.work import Work
from api.wire.comparison import CompareRequest, CompareResponse
from api.wire.openapi import COMPARE_PROBLEMS, COMPARISON_EVENTS, EVENTS, QUESTION_PROBLEMS
from api.wire.problems import NotJson
from api.wire.schemas import AskRequest, AskResponse, SearchRequest, SearchResponse


def questions(work: Work) -> APIRouter:
    """The routes that answer questions."""
    router = APIRouter(prefix="/v1", tags=["questions"], dependencies=[Depends(json_only)], responses=QUESTION_PROBLEMS)

    @router.post(
        "/ask",
        summary="Answer a question with the passages that say so",
        response_model=AskResponse,
        responses=EVENTS,
    )
    async def ask(asked: AskRequest, request: Request) -> Response:
        return await work.ask(request, asked)

    @router.post(
        "/compare",
        summary="Put questions, or a checklist, to many companies",
        response_model=CompareResponse,
        responses=COMPARE_PROBLEMS | COMPARISON_EVENTS,
    )
    async def compare(asked: CompareRequest, request: Request) -> Response:
        return await work.compare(request, asked)

    @router.post("/search", summary="The nearest passages, without an outcome", response_model=SearchResponse)
    async def search(asked: SearchRequest, request: Request) -> Response:
        return await work.search(request, asked)

    return router


# async, or it would be called in a thread of its own
async def json_only(request: Request) -> None:
    """Nothing, if the body is declared as JSON; raises `NotJson`."""
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise NotJson(content_type)
