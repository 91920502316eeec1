"""The chat page, its style, and the widget that any page may embed. It does not know the endpoints that they ask."""

import html
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response

_WEB = Path(__file__).parent / "web"
_TAG = "<askpolicy-chat>"
_FRESH = {"Cache-Control": "no-cache"}


def chat(token: str | None) -> APIRouter:
    """The routes of the page; `token` is the widget token that it asks with."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def page() -> Response:
        tag = f'<askpolicy-chat token="{html.escape(token)}">' if token else _TAG
        return HTMLResponse((_WEB / "index.html").read_text(encoding="utf-8").replace(_TAG, tag), headers=_FRESH)

    @router.get("/page.css")
    async def style() -> Response:
        return FileResponse(_WEB / "page.css", media_type="text/css; charset=utf-8", headers=_FRESH)

    @router.get("/widget.js")
    async def widget() -> Response:
        headers = _FRESH | {"Cross-Origin-Resource-Policy": "cross-origin"}
        return FileResponse(_WEB / "widget.js", media_type="text/javascript; charset=utf-8", headers=headers)

    return router
