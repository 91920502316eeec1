"""The chat page, its style, and the widget that any page may embed. It does not know the endpoints that they ask."""

import html
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response

_WEB = Path(__file__).parents[1] / "web"
_TAGS = ("<askpolicy-chat", "<askpolicy-policy")
_FRESH = {"Cache-Control": "no-cache"}
# Any page may load the widget: it holds nothing of anybody's, and asks only where the service lets it.
_FOR_ALL = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}


def chat(token: str | None) -> APIRouter:
    """The routes of the pages; `token` is the widget token that they ask with."""
    router = APIRouter(include_in_schema=False)
    chat_page, policy_page = (_page(name, token) for name in ("index.html", "policy.html"))

    @router.get("/")
    async def page() -> Response:
        return HTMLResponse(chat_page, headers=_FRESH)

    # The page finds out itself what there is of it, as a widget on another site would have to.
    @router.get("/policies/{policy_id}")
    async def policy() -> Response:
        return HTMLResponse(policy_page, headers=_FRESH)

    @router.get("/page.css")
    async def style() -> Response:
        return FileResponse(_WEB / "page.css", media_type="text/css; charset=utf-8", headers=_FRESH)

    @router.get("/widget.js")
    async def widget() -> Response:
        return FileResponse(_WEB / "widget.js", media_type="text/javascript; charset=utf-8", headers=_FRESH | _FOR_ALL)

    return router


def _page(name: str, token: str | None) -> str:
    content = (_WEB / name).read_text(encoding="utf-8")
    if token:
        for tag in _TAGS:
            content = content.replace(tag, f'{tag} token="{html.escape(token)}"')
    return content
