"""The chat page, its style, and the widget that any page may embed. It does not know the endpoints that they ask."""

import html
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.wire.representation import Representation

_WEB = Path(__file__).parents[1] / "web"
_TAGS = ("<askpolicy-chat", "<askpolicy-policy")
_FRESH = {"Cache-Control": "no-cache"}
# Any page may load the widget: it holds nothing of anybody's, and asks only where the service lets it.
_FOR_ALL = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
_SMALLEST = 9


def chat(token: str | None) -> APIRouter:
    """The routes of the pages; `token` is the widget token that they ask with."""
    router = APIRouter(include_in_schema=False)
    chat_page = _file("index.html", "text/html", token=token)
    policy_page = _file("policy.html", "text/html", token=token)
    page_style = _file("page.css", "text/css")
    widget_script = _file("widget.js", "text/javascript")

    @router.get("/")
    async def page(request: Request) -> Response:
        return chat_page.response(request.headers, _FRESH)

    # The page finds out itself what there is of it, as a widget on another site would have to.
    @router.get("/policies/{policy_id}")
    async def policy(request: Request) -> Response:
        return policy_page.response(request.headers, _FRESH)

    @router.get("/page.css")
    async def style(request: Request) -> Response:
        return page_style.response(request.headers, _FRESH)

    @router.get("/widget.js")
    async def widget(request: Request) -> Response:
        return widget_script.response(request.headers, _FRESH | _FOR_ALL)

    return router


def _file(name: str, media_type: str, *, token: str | None = None) -> Representation:
    content = (_WEB / name).read_text(encoding="utf-8")
    if token:
        for tag in _TAGS:
            content = content.replace(tag, f'{tag} token="{html.escape(token)}"')
    return Representation.of(content.encode(), media_type=f"{media_type}; charset=utf-8", level=_SMALLEST)
