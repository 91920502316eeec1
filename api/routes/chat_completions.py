"""Questions as OpenAI's clients ask them: `/v1/chat/completions` and `/v1/models`."""

import time
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from api.routes.questions import json_only
from api.routes.work import Work
from api.wire.chat_completions import (
    MODEL,
    ChatCompletion,
    ChatRequest,
    ErrorResponse,
    ModelOut,
    ModelsResponse,
    unknown_model,
)
from api.wire.streaming import MEDIA_TYPE as EVENTS
from qa.assistant import Assistant

_ERRORS: dict[int | str, dict[str, Any]] = {statuses: {"model": ErrorResponse} for statuses in ("4XX", "5XX")}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer; with `stream` as chunks, each a `data:` line, `[DONE]` the last",
        "content": {EVENTS: {}},
    }
}


def chat_completions(work: Work) -> APIRouter:
    """The routes of OpenAI's interface."""
    router = APIRouter(prefix="/v1", tags=["OpenAI's interface"], responses=_ERRORS)

    @router.post(
        "/chat/completions",
        summary="Answer the last user message of a chat",
        response_model=ChatCompletion,
        responses=_STREAM,
        dependencies=[Depends(json_only)],
    )
    async def complete(chat: ChatRequest, request: Request) -> Response:
        if chat.model != MODEL:
            return unknown_model(chat.model)
        asked, pages, created = chat.asked, str(request.base_url), int(time.time())
        answered = work.answering(request, asked)

        def completed(assistant: Assistant) -> str:
            completion = ChatCompletion.of(answered(assistant), asked=asked, created=created, pages=pages)
            if not chat.stream:
                return completion.model_dump_json()
            with_usage = bool(chat.stream_options and chat.stream_options.include_usage)
            return "".join(completion.events(with_usage=with_usage))

        # an answer is found at once, so that whatever goes wrong still has a status of its own
        body = await work.run(request, completed)
        return Response(body, media_type=EVENTS if chat.stream else "application/json")

    @router.get("/models", summary="The models that a chat may name", response_model=ModelsResponse)
    async def models(request: Request) -> Response:
        return await work.respond(request, lambda assistant: ModelsResponse(data=[_model(assistant)]))

    @router.get("/models/{model}", summary="A model", response_model=ModelOut)
    async def model(model: str, request: Request) -> Response:
        return await work.respond(request, _model) if model == MODEL else unknown_model(model)

    return router


def _model(assistant: Assistant) -> ModelOut:
    return ModelOut(created=int(datetime.fromisoformat(assistant.index.manifest.built_at).timestamp()))
