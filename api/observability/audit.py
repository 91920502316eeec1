"""The audit log: who asked what kind of thing, when, and what came of it. It does not know how that is found.

A line a request that the guard let in, and a line for each that it refused to a secret key, by its name. Whom nobody
knows leaves none: strangers must not be able to push out what others asked. The numbers are no question.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.guard.endpoints import METRICS, endpoint_of
from api.observability.audit_file import AuditFile

_MOST_PATH_CHARS = 500


@dataclass(slots=True)
class Asked:
    """What a request asks and gets, as far as it is known by now.

    Attributes:
        kind: of the question, see `qa.question.query.QuestionKind`.
        companies: ids of those that it is about.
        verdicts: yes, no, depends or None by company id.
        answer: the text of the answer.
    """

    question: str | None = None
    kind: str | None = None
    companies: Sequence[str] = ()
    verdicts: Mapping[str, str | None] = field(default_factory=dict)
    answer: str | None = None


class Audit:
    """Middleware, within `RequestLog`: writes the line once the response is sent, or given up."""

    def __init__(self, app: ASGIApp, *, file: AuditFile, questions: bool, addresses: bool) -> None:
        """`questions`, `addresses`: whether the words of questions and the addresses of people are written, too."""
        self._app, self._file, self._questions, self._addresses = app, file, questions, addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        endpoint = endpoint_of(scope["path"]) if scope["type"] == "http" else None
        if endpoint is None or endpoint == METRICS:
            await self._app(scope, receive, send)
            return
        status: int | None = None
        began = time.perf_counter()

        async def noting_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting_send)
        finally:
            if scope["state"].get("is_audited"):
                took_ms = round(1_000 * (time.perf_counter() - began), 1)
                self._file.write(self._entry(scope, endpoint) | {"status": status, "took_ms": took_ms})

    def _entry(self, scope: Scope, endpoint: str) -> dict[str, Any]:
        state = scope["state"]
        asked: Asked = state["asked"]
        entry = {
            "event": "request",
            "request_id": state["request_id"],
            "key": state.get("key"),
            "endpoint": endpoint,
            "method": scope["method"],
            "path": scope["path"][:_MOST_PATH_CHARS],
            "kind": asked.kind,
            "companies": [*asked.companies],
            "outcome": state.get("outcome"),
            "verdicts": dict(asked.verdicts),
            "answer_sha256": hashlib.sha256(asked.answer.encode()).hexdigest() if asked.answer is not None else None,
            "index_version": state.get("index_version"),
        }
        if self._questions:
            entry["question"] = asked.question
        if self._addresses:
            entry["address"] = (scope.get("client") or (None,))[0]
        return entry
