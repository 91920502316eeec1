"""Policies as resources, `askpolicy://policies/ID?start=0&end=500`; offsets count code points.

It does not know the tools.
"""

import re
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    ListResourcesResult,
    ReadResourceResult,
    Resource,
    ResourceLink,
    ResourceTemplate,
    TextResourceContents,
)

from api.mcp.contract import Contract, Refused, companies_page, policy_text

_PREFIX = "askpolicy://policies/"
_MEDIA_TYPE = "text/plain"
_COMPANIES_A_PAGE = 100

TEMPLATE = ResourceTemplate(
    uri_template=_PREFIX + "{id}{?start,end}",
    name="policy",
    title="The text of a policy",
    description="The words of a dated version of a policy as they stand in it, or those at start:end (code points). "
    "Of a longer text than 100,000 characters so much is read at once; `next` of `_meta` is the URI of the rest.",
    mime_type=_MEDIA_TYPE,
)


def uri_of(policy_id: str, start: int | None = None, end: int | None = None) -> str:
    """Where the text of a policy is read, or what stands at `start:end` of it.

    >>> uri_of("jivochat.com--privacy-policy--2015-03-20", 8515, 9262)
    'askpolicy://policies/jivochat.com--privacy-policy--2015-03-20?start=8515&end=9262'
    """
    span = {name: place for name, place in (("start", start), ("end", end)) if place is not None}
    return _PREFIX + quote(policy_id, safe="") + (f"?{urlencode(span)}" if span else "")


def link(company: dict[str, Any], policy: dict[str, Any], *, passage: dict[str, Any], words: str) -> ResourceLink:
    """The link to a passage (anything with `start`, `end` and `heading`) of a policy, described by `words` of it."""
    return ResourceLink(
        uri=uri_of(policy["id"], passage["start"], passage["end"]),
        name=policy["id"],
        title=", ".join(_names(company, policy, passage["heading"])),
        description=words,
        mime_type=_MEDIA_TYPE,
    )


async def listed(contract: Contract, cursor: str | None) -> ListResourcesResult:
    """A page of all policies, by company; `cursor` is the company after which it begins.

    Raises:
        MCPError: there is no such company, or the service refuses.
    """
    try:
        page = await companies_page(contract, limit=_COMPANIES_A_PAGE, after=cursor)
    except Refused as error:
        raise _told(error) from error
    resources = [
        Resource(
            uri=uri_of(policy["id"]),
            name=policy["id"],
            title=", ".join(_names(company, policy, None)),
            mime_type=_MEDIA_TYPE,
        )
        for company in page["companies"]
        for policy in company["policies"]
    ]
    return ListResourcesResult(resources=resources, next_cursor=page["next"])


async def read(contract: Contract, uri: str) -> ReadResourceResult:
    """The text at `uri`.

    Raises:
        MCPError: there is none such, or it may not be read.
    """
    found = re.fullmatch(re.escape(_PREFIX) + r"([^/?#]+)(?:\?([^#]*))?", uri)
    try:
        if found is None:
            raise Refused(f"there is no resource {uri[:200]!r}, expected {TEMPLATE.uri_template}")
        span = {name: place for name, place in parse_qsl(found[2] or "") if name in ("start", "end")}
        policy_id = unquote(found[1])
        page = await policy_text(contract, policy_id, span)
    except Refused as error:
        raise _told(error) from error
    following, wanted = page["next_start"], int(span.get("end", page["total_chars"]))
    contents = TextResourceContents(
        uri=uri,
        mime_type=_MEDIA_TYPE,
        text=page["text"],
        _meta={name: page[name] for name in ("start", "end", "total_chars", "index_version")}
        | ({"next": uri_of(policy_id, following)} if following is not None and following < wanted else {}),
    )
    return ReadResourceResult(contents=[contents])


def _names(company: dict[str, Any], policy: dict[str, Any], heading: str | None) -> list[str]:
    day = policy["archived_on"] or policy["effective_on"]
    return [company["name"], policy["title"], *([f"“{heading}”"] if heading else []), *([day] if day else [])]


def _told(error: Refused) -> MCPError:
    return MCPError(code=INVALID_PARAMS if error.is_callers_mistake else INTERNAL_ERROR, message=str(error))
