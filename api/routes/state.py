"""How the service is: `/healthz`, `/readyz` and `/metrics`."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from api.observability.metrics import Metrics
from api.serving.live import LiveAssistant
from api.wire.openapi import STATE_PROBLEMS
from api.wire.schemas import ReadyResponse, StateResponse


def state(live: LiveAssistant, metrics: Metrics) -> APIRouter:
    """The routes for whoever runs the service."""
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
