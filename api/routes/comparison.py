"""What stands around a comparison: the checklists that ship, and its table as a file."""

import io
from functools import cache
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from api.routes.work import Work
from api.tables.formats import FORMATS
from api.tables.workbook import NoWorkbooks
from api.wire.checklists import ChecklistsResponse
from api.wire.openapi import NOT_MODIFIED, RECORD_PROBLEMS, documented
from api.wire.problems import BAD_TABLE, NO_WORKBOOKS, problem
from api.wire.representation import Representation
from api.wire.tables import BadTable, table_in

TABLES = "/v1/compare/table"
MAX_TABLE_BYTES = 6_000_000
"""Some 2,000 cells; whoever wants more takes `askpolicy compare`."""

_NO_WORKBOOKS = "whoever runs the service installs askpolicy[tables]; take csv until then"
_FRESH = {"Cache-Control": "no-cache"}
_BODY = {
    "requestBody": {
        "required": True,
        "description": "the data of the `comparison` event and of every `cell` event, each on a line",
        "content": {"application/jsonl": {"schema": {"type": "string"}}},
    }
}
_TABLE = {
    200: {
        "description": "The table as a file",
        "content": {form.media_type.partition(";")[0]: {"schema": {"type": "string"}} for form in FORMATS.values()},
    }
}
_TABLE_PROBLEMS = documented(
    (BAD_TABLE, "line 3: outcome: Field required; expected the data of a `cell` event"),
    (NO_WORKBOOKS, _NO_WORKBOOKS),
)


def comparison(work: Work) -> APIRouter:
    """The routes beside `/v1/compare`."""
    router = APIRouter(prefix="/v1", tags=["questions"])

    @cache
    def made() -> Representation:
        return Representation.of(ChecklistsResponse.shipped().model_dump_json().encode(), media_type="application/json")

    @router.get(
        "/checklists",
        summary="The checklists that ship, with their questions",
        response_model=ChecklistsResponse,
        responses=NOT_MODIFIED | RECORD_PROBLEMS,
    )
    async def checklists(request: Request) -> Response:
        representation = await run_in_threadpool(made)
        return representation.response(request.headers, _FRESH)

    @router.post(
        "/compare/table",
        summary="Write a table that was compared as CSV, XLSX, JSON lines, Markdown or HTML",
        response_class=Response,
        responses=_TABLE | RECORD_PROBLEMS | _TABLE_PROBLEMS,
        openapi_extra=_BODY,
    )
    async def table(
        request: Request,
        format_: Annotated[Literal["csv", "md", "jsonl", "html", "xlsx"], Query(alias="format")],
        title: Annotated[str, Query(max_length=200, description="what the table is called")] = "Comparison",
    ) -> Response:
        body = await request.body()
        try:
            written = await work.run(request, lambda _: _written(body, title, format_))
        except BadTable as error:
            return problem(BAD_TABLE, str(error))
        except NoWorkbooks:
            return problem(NO_WORKBOOKS, _NO_WORKBOOKS)
        headers = {"Content-Disposition": f'attachment; filename="comparison.{format_}"'}
        return Response(written, media_type=FORMATS[format_].media_type, headers=headers)

    return router


def _written(lines: bytes, title: str, name: str) -> bytes:
    file = io.BytesIO()
    FORMATS[name].write(table_in(lines, title=title), file)
    return file.getvalue()
