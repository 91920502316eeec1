"""What changed in the companies' policies: `/v1/changes`, and as an Atom feed `/v1/changes.atom`."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BeforeValidator

from api.routes.work import Work
from api.wire import atom
from api.wire.changes import MAX_CHANGES_A_PAGE, ChangesResponse
from api.wire.openapi import CHANGES_PROBLEMS, NOT_MODIFIED
from api.wire.schemas import MAX_CURSOR_CHARS, MAX_NAME_CHARS, iso_day
from qa.changes import Period, changes_page
from qa.checklists.checklist import shipped_checklist
from qa.deadline import Deadline
from qa.flips import checked_page

# A version with a checklist costs two answers an item.
_LIMIT, _MOST_CHECKED = 20, 5
_Company = Annotated[str, Query(min_length=1, max_length=MAX_NAME_CHARS, description="its id, name, alias or domain")]
_Day = Annotated[date | None, BeforeValidator(iso_day)]


def changes(work: Work) -> APIRouter:
    """The routes of changes."""
    router = APIRouter(prefix="/v1", tags=["changes"])

    @router.get(
        "/changes",
        summary="What changed in the policies, version by version, the newest first",
        response_model=ChangesResponse,
        responses=NOT_MODIFIED | CHANGES_PROBLEMS,
    )
    async def listed(
        request: Request,
        *,
        company: Annotated[
            str | None, Query(max_length=MAX_NAME_CHARS, description="only this one's: its id, name, alias or domain")
        ] = None,
        since: Annotated[_Day, Query(description="only versions recorded on this day or later")] = None,
        until: Annotated[_Day, Query(description="only versions recorded on this day or earlier")] = None,
        type_: Annotated[
            str | None,
            Query(alias="type", max_length=MAX_NAME_CHARS, description="only documents of this type: Privacy Policy"),
        ] = None,
        technical: Annotated[
            bool, Query(description="list technical changes too, which are else only counted")
        ] = False,
        limit: Annotated[int, Query(ge=1, le=MAX_CHANGES_A_PAGE, description="how many versions at most")] = _LIMIT,
        after: Annotated[
            str, Query(max_length=MAX_CURSOR_CHARS, description="`next` of the page before; left out: the first page")
        ] = "",
        checklist: Annotated[
            str | None,
            Query(
                max_length=MAX_NAME_CHARS,
                description="the name of a checklist that ships: each version lists its questions that flipped; "
                f"{_MOST_CHECKED} versions a page at most, fewer where the time does not suffice",
            ),
        ] = None,
    ) -> Response:
        assistant = await work.assistant(request)
        index = assistant.index
        ids = [assistant.company(company).id] if company else sorted(index.companies)
        period, types = Period(since, until), (type_,) if type_ else ()

        def page() -> ChangesResponse:
            found = changes_page(index, ids, period=period, types=types, limit=limit, after=after)
            return ChangesResponse.of(found, index.manifest.version, technical=technical)

        if checklist is not None:
            questions = [item.question for item in shipped_checklist(checklist).items]

            def checked(deadline: Deadline) -> ChangesResponse:
                most = min(limit, _MOST_CHECKED)
                found = changes_page(index, ids, period=period, types=types, limit=most, after=after, deadline=deadline)
                checked, following = checked_page(assistant, found, questions, deadline=deadline)
                return ChangesResponse.of_checked(checked, following, index.manifest.version, technical=technical)

            return await work.in_time(request, checked)
        name = ("changes", company and ids, since, until, type_, technical, limit, after)
        return await work.record(request, assistant, name, page)

    @router.get(
        "/changes.atom",
        summary="What changed in a company's policies, as an Atom feed",
        response_class=Response,
        responses=NOT_MODIFIED
        | {200: {"content": {atom.MEDIA_TYPE: {"schema": {"type": "string"}}}, "description": "RFC 4287"}}
        | CHANGES_PROBLEMS,
    )
    async def feed(request: Request, company: _Company) -> Response:
        assistant = await work.assistant(request)
        index, found = assistant.index, assistant.company(company)

        def made() -> bytes:
            page = changes_page(index, [found.id], limit=atom.ENTRIES)
            built_at = datetime.fromisoformat(index.manifest.built_at)
            return atom.feed_of(found, page.versions, built_at=built_at)

        return await work.record(request, assistant, ("changes.atom", found.id), made, media_type=atom.MEDIA_TYPE)

    return router
