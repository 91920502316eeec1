"""The work behind a request: done in a thread of the admission, with one assistant from its beginning to its end."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel

from api.observability.metrics import Metrics
from api.observability.traces import Traces
from api.serving.admission import Admission, TookTooLong
from api.serving.live import LiveAssistant
from api.serving.records import Aside, Records
from api.serving.scoped import ScopedAssistants
from api.wire.comparison import CompareRequest, compared, gathered
from api.wire.representation import not_modified, tag_of
from api.wire.schemas import (
    AskRequest,
    AskResponse,
    CompaniesStep,
    PassagesStep,
    SearchRequest,
    SearchResponse,
)
from api.wire.streaming import Event, streamed, wants_events
from qa.answers import Answer, Hit
from qa.assistant import Assistant
from qa.deadline import Deadline
from qa.question import query as understood
from qa.stages import recorded

T = TypeVar("T")

# A newer version may be published at any moment, so that a copy is kept and asked about, which costs one 304.
_RECORD_HEADERS = {"Cache-Control": "no-cache", "Vary": "Authorization"}
# What takes longer than an answer may is asked for again after so long.
_ASKED_SOON_S = 3


class Work:
    """Does what a request asks for in a thread of the admission, with one assistant from its beginning to its end."""

    def __init__(
        self,
        live: LiveAssistant,
        admission: Admission,
        metrics: Metrics,
        traces: Traces,
        *,
        log_questions: bool,
        timeout_s: float,
    ) -> None:
        self._live, self._admission, self._metrics, self._traces = live, admission, metrics, traces
        self._log_questions, self._timeout_s = log_questions, timeout_s
        self._scoped = ScopedAssistants()
        self._records = Records(admission, timeout_s=timeout_s)
        self._asked_records = Records(Aside("records"), timeout_s=timeout_s)
        self._release = version("askpolicy")

    async def run(self, request: Request, work: Callable[[Assistant], T]) -> T:
        """What `work` makes of the assistant for this request."""
        assistant = await self.assistant(request)
        return await self._admission.run(lambda: work(assistant))

    async def respond(self, request: Request, work: Callable[[Assistant], BaseModel]) -> Response:
        """What `work` makes of the assistant for this request, as JSON."""
        body = await self.run(request, lambda assistant: work(assistant).model_dump_json())
        return Response(body, media_type="application/json")

    def answering(self, request: Request, asked: AskRequest) -> Callable[[Assistant], AskResponse]:
        """What `run` is to do for an answer; its time begins now."""
        self._note(request, asked.question)
        deadline = self._deadline(request)
        return lambda assistant: self._answer(request, assistant, asked, deadline)

    async def record(
        self,
        request: Request,
        assistant: Assistant,
        name: tuple[object, ...],
        make: Callable[[], BaseModel | bytes],
        *,
        media_type: str = "application/json",
        asks: bool = False,
    ) -> Response:
        """What `make` returns, a model as JSON; 304 where the client has it.

        Args:
            name: what tells it from every other record of the index; what `make` returns depends on nothing else.
            asks: whether `make` asks questions, and takes as long. It goes on when a request gives up, and the next
                one finds what it made.
        """
        index = assistant.index
        companies = index.restricted_to
        # what a key may not see of a version makes another record of it
        whose = None if companies is None else sorted(companies)
        tag = tag_of(self._release, index.manifest.version, whose, *name)
        unchanged = not_modified(request.headers, tag, _RECORD_HEADERS)
        if unchanged is not None:
            return unchanged
        if asks:
            try:
                async with asyncio.timeout(self._timeout_s):
                    record = await self._asked_records.get(tag, make, media_type=media_type)
            except TimeoutError as error:
                raise TookTooLong(self._timeout_s, retry_after_s=_ASKED_SOON_S) from error
        else:
            record = await self._records.get(tag, make, media_type=media_type)
        return record.response(request.headers, _RECORD_HEADERS)

    async def in_time(self, request: Request, make: Callable[[Deadline], BaseModel]) -> Response:
        """What `make` returns by its deadline, as JSON, for this request alone: nothing of it is kept."""
        deadline = self._deadline(request)
        body = await self._admission.run(lambda: make(deadline).model_dump_json())
        return Response(body, media_type="application/json")

    async def ask(self, request: Request, asked: AskRequest) -> Response:
        """The answer, as JSON or as events."""
        if not wants_events(request.headers.get("accept", "")):
            return await self.respond(request, self.answering(request, asked))
        self._note(request, asked.question)
        deadline = self._deadline(request)
        assistant = await self.assistant(request)
        return await streamed(self._admission.iterate(lambda: self._events(request, assistant, asked, deadline)))

    async def compare(self, request: Request, asked: CompareRequest) -> Response:
        """A page of cells, as JSON or as events."""
        self._note(request, asked.checklist or "; ".join(asked.questions))
        deadline = self._deadline(request)

        def steps(assistant: Assistant) -> Iterator[Event]:
            with self._measured(request) as took_s:
                yield from compared(assistant, asked, deadline=deadline, took_s=took_s)

        if not wants_events(request.headers.get("accept", "")):
            return await self.respond(request, lambda assistant: gathered(steps(assistant)))
        assistant = await self.assistant(request)
        return await streamed(self._admission.iterate(lambda: steps(assistant)))

    async def search(self, request: Request, asked: SearchRequest) -> Response:
        """The hits, as JSON."""
        self._note(request, asked.question)
        deadline = self._deadline(request)

        def work(assistant: Assistant) -> SearchResponse:
            with self._measured(request) as took_s:
                ranking = assistant.search(
                    asked.question, companies=asked.companies, k=asked.k, as_of=asked.as_of, deadline=deadline
                )
            _note_query(request, ranking.query)
            self._metrics.searched(took_s=took_s())
            return SearchResponse.of(ranking, assistant.index.manifest.version)

        return await self.respond(request, work)

    async def assistant(self, request: Request) -> Assistant:
        """The assistant for this request alone, of its key's companies alone; the response names its version.

        Every endpoint that tells of an index gets it here. A request whose companies nobody has set is an error.
        """
        companies = request.state.companies
        assistant = self._live.assistant()
        request.state.index_version = assistant.index.manifest.version
        return await self._scoped.of(assistant, companies)

    def _deadline(self, request: Request) -> Deadline:
        """By when the answer must be there; it is cancelled when the client leaves."""
        deadline = Deadline.after(self._timeout_s)
        request.state.deadline = deadline
        return deadline

    def _note(self, request: Request, question: str) -> None:
        request.state.asked.question = question
        if self._log_questions:
            request.state.question = question

    def _answer(self, request: Request, assistant: Assistant, asked: AskRequest, deadline: Deadline) -> AskResponse:
        *_, answer = self._steps(request, assistant, asked, deadline)
        if not isinstance(answer, AskResponse):
            raise TypeError(f"the last step is an answer, got {answer!r}")
        return answer

    def _events(self, request: Request, assistant: Assistant, asked: AskRequest, deadline: Deadline) -> Iterator[Event]:
        version = assistant.index.manifest.version
        for step in self._steps(request, assistant, asked, deadline):
            if isinstance(step, understood.Query):
                yield "companies", CompaniesStep.of(step, version)
            elif isinstance(step, AskResponse):
                yield "answer", step
            else:
                yield "passages", PassagesStep.of(step, version)

    def _steps(
        self, request: Request, assistant: Assistant, asked: AskRequest, deadline: Deadline
    ) -> Iterator[understood.Query | tuple[Hit, ...] | AskResponse]:
        """What the assistant finds out, measured, counted and noted."""
        with self._measured(request) as took_s:
            for step in assistant.steps(asked.question, **_options(asked), deadline=deadline):
                if isinstance(step, understood.Query):
                    _note_query(request, step)
                yield self._counted(request, step, took_s()) if isinstance(step, Answer) else step

    def _counted(self, request: Request, answer: Answer, took_s: float) -> AskResponse:
        request.state.outcome = answer.outcome.value
        asked = request.state.asked
        asked.verdicts = {each.company.id: each.verdict.value if each.verdict else None for each in answer.verdicts}
        asked.companies, asked.answer = asked.companies or [*asked.verdicts], answer.text
        self._metrics.answered(answer.outcome.value, took_s=took_s)
        return AskResponse.of(answer, took_ms=1_000 * took_s)

    @contextmanager
    def _measured(self, request: Request) -> Iterator[Callable[[], float]]:
        """Seconds since the block began; its stages go to the numbers and the traces."""
        began = time.perf_counter()
        with recorded() as recording:
            yield lambda: time.perf_counter() - began
        self._metrics.staged(recording.total_ms)
        self._traces.stages(request.state.span, recording.stages)


def _note_query(request: Request, query: understood.Query) -> None:
    request.state.asked.kind = query.kind.value
    request.state.asked.companies = [company.id for company in query.companies]


def _options(asked: AskRequest) -> dict[str, Any]:
    """What `Assistant.ask` and `steps` take beside the question."""
    return {
        "companies": asked.companies,
        "history": asked.history,
        "k": asked.k,
        "as_of": asked.as_of,
        "offset": asked.offset,
    }
