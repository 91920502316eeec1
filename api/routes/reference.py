"""The reference of the API: `/openapi.json`, and the same for people at `/docs`."""

import json
from functools import cache

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response

from api.wire.reference_page import reference_page
from api.wire.representation import Representation

_FRESH = {"Cache-Control": "no-cache"}


def reference(app: FastAPI) -> APIRouter:
    """The routes that tell what `app` offers, each made when it is first asked for."""
    router = APIRouter(include_in_schema=False)

    @cache
    def schema_made() -> Representation:
        return Representation.of(json.dumps(app.openapi()).encode(), media_type="application/json")

    @cache
    def page_made() -> Representation:
        return Representation.of(reference_page(app.openapi()).encode(), media_type="text/html; charset=utf-8")

    # not async: what takes a tenth of a second to make is made in a thread
    @router.get("/openapi.json")
    def schema(request: Request) -> Response:
        return schema_made().response(request.headers, _FRESH)

    @router.get("/docs")
    def page(request: Request) -> Response:
        return page_made().response(request.headers, _FRESH)

    return router
