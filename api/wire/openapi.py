"""What /openapi.json says beside the forms of requests and responses: problems, events, keys, headers.

It does not know the endpoints.
"""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from api.wire import problems
from api.wire.problems import KIND_OF_ERROR, MEDIA_TYPE, ProblemKind, body_of
from index import errors

MOST_ID_CHARS = 500

Responses = dict[int | str, dict[str, Any]]


def documented(*kinds_and_details: tuple[ProblemKind, str]) -> Responses:
    """What OpenAPI says of these problems: for each status its schema, and an example of each kind."""
    responses: Responses = {}
    for kind, detail in kinds_and_details:
        content = responses.setdefault(
            kind.status,
            {
                "description": HTTPStatus(kind.status).phrase,
                "content": {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA, "examples": {}}},
            },
        )
        example = {"summary": kind.title, "value": body_of(kind, detail)}
        content["content"][MEDIA_TYPE]["examples"][kind.slug] = example
    return responses


PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457. `type` is stable; `detail` says what was got, what was expected and what to do.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "index_version": {"type": "string", "description": "the index version that was asked, where one was"},
        "name": {"type": "string", "description": "with /problems/unknown-company: the company as given"},
        "nearest": {
            "type": "array",
            "items": {"type": "string"},
            "description": "with /problems/unknown-company: names in the index that are spelt most like it",
        },
        "errors": {
            "type": "array",
            "description": "with /problems/invalid-request: each place that differs from the schema",
            "items": {
                "type": "object",
                "required": ["at", "message"],
                "properties": {"at": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}

_ANY = (
    (problems.INTERNAL, "This is an error of the service and was logged; ask again in a while."),
    (problems.NOT_READY, "The index and the model are being opened; ask again in a moment."),
)
_ASKING = (
    *_ANY,
    (problems.BUSY, "as many questions wait as may; ask again in 1 s"),
    (problems.TOOK_TOO_LONG, "there was no answer within 8 s; ask again in 1 s"),
    (problems.STOPPING, "the service is being stopped; ask again in a moment"),
    (problems.TOO_MANY_REQUESTS, "this address has 120 per 1 minute; ask again in 12 s"),
    (problems.FOREIGN_HOST, "Host is 'elsewhere.example', expected localhost"),
    (problems.BODY_TOO_SLOW, "the body did not arrive within 10 s; send it again"),
    (problems.BODY_TOO_LARGE, "the body has more than the 524,288 bytes that are read; shorten it"),
    (problems.FOREIGN_ORIGIN, "this widget token is for pages of https://shop.example; it came without an Origin"),
    (problems.KEY_SCOPE, "this key is for ask, search, and not for the endpoint policies"),
)
_TOO_LONG = (
    problems.INVALID_REQUEST,
    f"path.policy_id: String should have at most {MOST_ID_CHARS} characters. /openapi.json holds the schema",
)
_UNKNOWN_POLICY = "no policy 'jivochat' in this index: GET /v1/companies lists them"
_WITHOUT_KEY = (
    (problems.KEY_EXPIRED, "this key expired at 2027-01-31 12:00 UTC; ask whoever runs the service for another"),
    (problems.KEY_MISSING, "send the header Authorization: Bearer KEY"),
    (problems.KEY_UNKNOWN, "the header Authorization holds no key that is known here"),
)

STATE_PROBLEMS = documented(*_ANY)
_BAD_PAGE = "query.limit: Input should be less than or equal to 1000. /openapi.json holds the schema"
RECORD_PROBLEMS = documented((problems.INVALID_REQUEST, _BAD_PAGE), *_ASKING)
CHANGES_PROBLEMS = documented(
    (KIND_OF_ERROR[errors.UnknownCompany], "no company 'jivochta' in this index: did you mean JivoChat?"),
    (KIND_OF_ERROR[errors.BadChecklist], "no checklist 'gpdr': did you mean gdpr?"),
    (problems.INVALID_REQUEST, _BAD_PAGE),
    *_ASKING,
)
POLICY_PROBLEMS = documented((KIND_OF_ERROR[errors.UnknownPolicy], _UNKNOWN_POLICY), _TOO_LONG, *_ASKING)
QUESTION_PROBLEMS = documented(
    (KIND_OF_ERROR[errors.BadQuestion], "the question has 3,000 characters, at most 2,000 are read; shorten it"),
    (KIND_OF_ERROR[errors.BadK], "k is 1000, expected 1 to 100"),
    (KIND_OF_ERROR[errors.UnknownCompany], "no company 'jivochta' in this index: did you mean JivoChat?"),
    (problems.INVALID_REQUEST, "body.question: Field required. /openapi.json holds the schema"),
    (problems.UNREADABLE_BODY, "There was an error parsing the body"),
    (problems.NOT_JSON, "Content-Type is 'text/plain', expected application/json; send the header with the body"),
    *_ASKING,
)
COMPARE_PROBLEMS = documented(
    (KIND_OF_ERROR[errors.BadQuestion], "there is nothing to ask: give `questions` or a `checklist`"),
    (KIND_OF_ERROR[errors.BadChecklist], "no checklist 'gpdr': did you mean gdpr?"),
    (KIND_OF_ERROR[errors.BadPage], "after is 'x', expected `next` of the page before, or none for the first page"),
    (problems.INVALID_REQUEST, "body.as_of: expected a day such as 2015-03-20. /openapi.json holds the schema"),
    (problems.UNREADABLE_BODY, "There was an error parsing the body"),
    (problems.NOT_JSON, "Content-Type is 'text/plain', expected application/json; send the header with the body"),
    *_ASKING,
)

NOT_MODIFIED: Responses = {
    304: {"description": "The client has it already: its `If-None-Match` names the `ETag` of what would be sent"}
}
EVENTS: Responses = {
    200: {
        "description": "The answer; with `Accept: text/event-stream` as events, each told as soon as it is known: "
        "`companies` (CompaniesStep), `passages` (PassagesStep, none where the company is unknown), then `answer` "
        "(AskResponse) or `problem` (Problem).",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
COMPARISON_EVENTS: Responses = {
    200: {
        "description": "The cells; with `Accept: text/event-stream` as events, each told as soon as it is known: "
        "`comparison` (ComparisonStep), a `cell` (CellOut) for each pair, then `end` (ComparisonEnd) or `problem` "
        "(Problem).",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
_HEADERS = {
    "X-Request-ID": "what this request is called in the log; one that the request brings is kept",
    "X-Index-Version": "the index version that answered",
}


def describe(app: FastAPI, *, with_keys: bool) -> None:
    """Let the schema of `app` tell the headers of every response, and the API keys where there are any."""
    made_by_framework = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = made_by_framework()
            for path, operations in schema["paths"].items():
                for operation in operations.values():
                    asks_for_key = path.startswith("/v1/") or path == "/metrics"
                    _describe(operation, with_keys=with_keys and asks_for_key)
            if with_keys:
                schema.setdefault("components", {})["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]


def _describe(operation: dict[str, Any], *, with_keys: bool) -> None:
    if with_keys:
        operation["security"] = [{"key": []}]
        if "4XX" not in operation["responses"]:
            operation["responses"] |= {str(status): told for status, told in documented(*_WITHOUT_KEY).items()}
    for response in operation["responses"].values():
        response["headers"] = {
            name: {"description": words, "schema": {"type": "string"}} for name, words in _HEADERS.items()
        }
