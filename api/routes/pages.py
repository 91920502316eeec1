"""The pages, their styles and modules, and the widget that any page may embed. It does not know what they ask."""

import html
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from api.wire.representation import Representation

_WEB = Path(__file__).parents[1] / "web"
# Where a page's script looks for the token.
_TAGS = {"<askpolicy-chat": "token", "<askpolicy-policy": "token", "<main data-page": "data-token"}
_FRESH = {"Cache-Control": "no-cache"}
# A part's name tells its content: another content has another name.
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
# Any page may load the widget: it holds nothing of anybody's, and asks only where the service lets it.
_FOR_ALL = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
_SMALLEST = 9


def chat(token: str | None) -> APIRouter:
    """The routes of the pages; `token` is the widget token that they ask with."""
    router = APIRouter(include_in_schema=False)
    chat_page = _file("index.html", "text/html", token=token)
    policy_page = _file("policy.html", "text/html", token=token)
    comparison_page = _file("compare.html", "text/html", token=token)
    timeline_page = _file("timeline.html", "text/html", token=token)
    styles = {name: _file(name, "text/css") for name in ("page.css", "tables.css")}
    modules = {path.name: _file(f"modules/{path.name}", "text/javascript") for path in _WEB.glob("modules/*.js")}
    widget_script = _file("bundle/widget.js", "text/javascript")
    parts = {
        path.name: _file(f"bundle/widget/{path.name}", "text/javascript") for path in _WEB.glob("bundle/widget/*.js")
    }

    @router.get("/")
    async def page(request: Request) -> Response:
        return chat_page.response(request.headers, _FRESH)

    # The page finds out itself what there is of it, as a widget on another site would have to.
    @router.get("/policies/{policy_id}")
    async def policy(request: Request) -> Response:
        return policy_page.response(request.headers, _FRESH)

    @router.get("/compare")
    async def compare(request: Request) -> Response:
        return comparison_page.response(request.headers, _FRESH)

    @router.get("/timeline")
    async def timeline(request: Request) -> Response:
        return timeline_page.response(request.headers, _FRESH)

    @router.get("/page.css")
    async def style(request: Request) -> Response:
        return styles["page.css"].response(request.headers, _FRESH)

    @router.get("/tables.css")
    async def tables_style(request: Request) -> Response:
        return styles["tables.css"].response(request.headers, _FRESH)

    @router.get("/modules/{name}")
    async def module(name: str, request: Request) -> Response:
        if name not in modules:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return modules[name].response(request.headers, _FRESH)

    @router.get("/widget.js")
    async def widget(request: Request) -> Response:
        return widget_script.response(request.headers, _FRESH | _FOR_ALL)

    @router.get("/widget/{name}")
    async def part(name: str, request: Request) -> Response:
        if name not in parts:
            raise HTTPException(404, f"There is no part {name[:100]!r} of the widget; load widget.js anew")
        return parts[name].response(request.headers, _FOR_EVER | _FOR_ALL)

    return router


def _file(name: str, media_type: str, *, token: str | None = None) -> Representation:
    content = (_WEB / name).read_text(encoding="utf-8")
    if token:
        for tag, attribute in _TAGS.items():
            content = content.replace(tag, f'{tag} {attribute}="{html.escape(token)}"')
    return Representation.of(content.encode(), media_type=f"{media_type}; charset=utf-8", level=_SMALLEST)
