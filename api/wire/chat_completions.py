"""OpenAI's wire format of a chat: what is read of a request, an answer as a completion or as its chunks, its errors.

Of a request this much is read: the last user message is the question, the user messages before it are the history.
What would change the meaning of an answer and cannot be done is refused; what does not matter here is ignored.
It does not know how answers are found.
"""

import json
import re
import uuid
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote

from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, FailFast, Field, model_validator
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.wire import problems
from api.wire.schemas import AskRequest, AskResponse, QuotationOut, Text, VerdictOut
from qa.assistant import MAX_HISTORY
from qa.question.understanding import MAX_QUESTION_CHARS

MODEL = "askpolicy"
_MOST_MESSAGES = 1_000
_MOST_PARTS = 100
_PATHS = re.compile(r"/v1/(chat/completions|models(/.*)?)")


class _Read(BaseModel):
    """Whatever else a client sends is ignored, as OpenAI's interface grows."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class ContentPart(_Read):
    """A piece of a message."""

    type: str
    text: Text = ""


class ChatMessage(_Read):
    """A message of the chat; only those of the user are read."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Annotated[list[ContentPart], Field(max_length=_MOST_PARTS)] | Text | None = None

    @property
    def text(self) -> str:
        """The words of the message."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""

    @model_validator(mode="after")
    def _is_text(self) -> Self:
        parts = self.content if self.role == "user" and isinstance(self.content, list) else []
        other = next((part.type for part in parts if part.type != "text"), None)
        if other is not None:
            raise ValueError(f"a content part is of type {other[:50]!r}; only text is read")
        return self


def _one(value: int | None) -> int | None:
    if value not in (None, 1):
        raise ValueError(f"n is {value}, expected 1: a question has one answer")
    return value


def _no_call(value: Any) -> Any:
    if value not in (None, "none", "auto"):
        raise ValueError("a call is required, and no tool is ever called here; leave it out, or set it to 'auto'")
    return value


def _only_text(value: list[str] | None) -> list[str] | None:
    if value is not None and set(value) != {"text"}:
        raise ValueError("expected ['text']: answers are text")
    return value


def _plain(value: dict[str, Any] | None) -> dict[str, Any] | None:
    if value is not None and value.get("type", "text") != "text":
        raise ValueError("expected {'type': 'text'}: an answer is made of quotes, and takes no other form")
    return value


class StreamOptions(_Read):
    """What a stream tells beside the answer."""

    include_usage: bool | None = None


class ChatRequest(_Read):
    """A chat whose last user message is a question."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": MODEL,
                    "messages": [{"role": "user", "content": "does JivoChat notify me on acquisition?"}],
                }
            ]
        }
    )

    model: Text
    messages: Annotated[list[ChatMessage], FailFast(), Field(min_length=1, max_length=_MOST_MESSAGES)]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: Annotated[int | None, AfterValidator(_one), Field(json_schema_extra={"enum": [1, None]})] = None
    tool_choice: Annotated[Any, AfterValidator(_no_call), Field(json_schema_extra={"enum": ["none", "auto", None]})] = (
        None
    )
    function_call: Annotated[
        Any, AfterValidator(_no_call), Field(json_schema_extra={"enum": ["none", "auto", None]})
    ] = None
    modalities: Annotated[list[str] | None, Field(max_length=2), AfterValidator(_only_text)] = None
    response_format: Annotated[dict[str, Any] | None, AfterValidator(_plain)] = None

    @model_validator(mode="after")
    def _asks(self) -> Self:
        if not any(message.role == "user" for message in self.messages):
            raise ValueError("there is no user message; the last one is the question")
        return self

    @property
    def asked(self) -> AskRequest:
        """The question and its history. What could not be answered before is no history: too long, or empty."""
        *earlier, question = [message.text for message in self.messages if message.role == "user"]
        history = [words for words in earlier if words.strip() and len(words) <= MAX_QUESTION_CHARS]
        return AskRequest(question=question, history=history[-MAX_HISTORY:])


class UrlCitation(BaseModel):
    """Where the words at `start_index:end_index` of the content (code points) are quoted from."""

    start_index: int
    end_index: int
    url: str
    title: str


class Annotation(BaseModel):
    """A citation of the content."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation


class CompletionMessage(BaseModel):
    """The answer."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    annotations: list[Annotation]


class Choice(BaseModel):
    """The one answer."""

    index: Literal[0] = 0
    message: CompletionMessage
    logprobs: None = None
    finish_reason: Literal["stop"] = "stop"


class Usage(BaseModel):
    """Words and marks, which stand in for tokens: no model writes here, and nothing is paid for by the token."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(BaseModel):
    """An answer as OpenAI's clients read it."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str = MODEL
    system_fingerprint: str = Field(description="the index version that answered")
    choices: list[Choice]
    usage: Usage

    @classmethod
    def of(cls, answer: AskResponse, *, asked: AskRequest, created: int, pages: str) -> Self:
        """`answer` to `asked`; `pages` is the address of this service, where policies without a source are read."""
        read, told = (_tokens([asked.question, *asked.history]), _tokens([answer.answer]))
        return cls(
            id=f"chatcmpl-{uuid.uuid4().hex}",
            created=created,
            system_fingerprint=answer.index_version,
            choices=[Choice(message=CompletionMessage(content=answer.answer, annotations=_citations(answer, pages)))],
            usage=Usage(prompt_tokens=read, completion_tokens=told, total_tokens=read + told),
        )

    def events(self, *, with_usage: bool) -> Iterator[str]:
        """The same as a stream: the content line by line, its citations with the last of it."""
        whole = self.model_dump(mode="json")
        message = whole["choices"][0]["message"]
        head = {name: whole[name] for name in ("id", "created", "model", "system_fingerprint")}
        head["object"] = "chat.completion.chunk"

        def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> str:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
            return _event(head | {"choices": [choice]} | ({"usage": None} if with_usage else {}))

        yield chunk({"role": "assistant", "content": "", "refusal": None})
        for line in message["content"].splitlines(keepends=True):
            yield chunk({"content": line})
        yield chunk({"annotations": message["annotations"]})
        yield chunk({}, "stop")
        if with_usage:
            yield _event(head | {"choices": [], "usage": whole["usage"]})
        yield "data: [DONE]\n\n"


class ModelOut(BaseModel):
    """A model that `model` may name."""

    id: str = MODEL
    object: Literal["model"] = "model"
    created: int = Field(description="when the index that answers was built")
    owned_by: str = "askpolicy"


class ModelsResponse(BaseModel):
    """All models: there is one."""

    object: Literal["list"] = "list"
    data: list[ModelOut]


class ErrorBody(BaseModel):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorResponse(BaseModel):
    """An error in OpenAI's form."""

    error: ErrorBody


UNKNOWN_MODEL = problems.ProblemKind("model_not_found", 404, "No such model")
# What OpenAI's clients tell errors apart by; the others have the names of our problems.
_CODES = {
    problems.KEY_MISSING.type: "invalid_api_key",
    problems.KEY_UNKNOWN.type: "invalid_api_key",
    problems.KEY_EXPIRED.type: "invalid_api_key",
    problems.TOO_MANY_REQUESTS.type: "rate_limit_exceeded",
}


def unknown_model(name: str) -> JSONResponse:
    """The response to a request for a model that is not listed."""
    detail = f"the model {name[:100]!r} does not exist, expected {MODEL!r}; GET /v1/models lists it"
    return problems.problem(UNKNOWN_MODEL, detail, errors=[{"at": "body.model", "message": detail}])


class OpenAIErrors:
    """Middleware: problems at the addresses of OpenAI's interface leave as errors in its form."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http" or not _PATHS.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        body = b""

        async def translating_send(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                if Headers(raw=message["headers"]).get("content-type") == problems.MEDIA_TYPE:
                    start = message
                    return
            elif start is not None:
                body += message.get("body", b"")
                if message.get("more_body", False):
                    return
                status, error = _translated(json.loads(body))
                response = JSONResponse(error.model_dump(), status)
                headers = MutableHeaders(raw=list(start["headers"]))
                headers["content-type"], headers["content-length"] = "application/json", str(len(response.body))
                await send({"type": "http.response.start", "status": status, "headers": headers.raw})
                await send({"type": "http.response.body", "body": response.body})
                return
            await send(message)

        await self._app(scope, receive, translating_send)


def _translated(problem: dict[str, Any]) -> tuple[int, ErrorResponse]:
    """The status and the body that OpenAI's interface has for a problem."""
    status = 400 if problem["status"] == 422 else problem["status"]
    kind = "server_error" if status >= 500 else "invalid_request_error"
    places = [wrong["at"].partition(".")[2] or None for wrong in problem.get("errors", [])]
    code = _CODES.get(problem["type"], problem["type"].removeprefix("/problems/"))
    message = f"{problem['title']}: {problem['detail']}"
    return status, ErrorResponse(
        error=ErrorBody(message=message, type=kind, param=places[0] if places else None, code=code)
    )


def _event(content: dict[str, Any]) -> str:
    return f"data: {json.dumps(content, ensure_ascii=False)}\n\n"


def _tokens(texts: Sequence[str]) -> int:
    return sum(len(re.findall(r"\w+|[^\w\s]", text)) for text in texts)


def _citations(answer: AskResponse, pages: str) -> list[Annotation]:
    """Each quotation that stands in the answer, in its order there, with where it is from."""
    verdicts = [verdict for part in answer.parts for verdict in part.verdicts] if answer.parts else answer.verdicts
    found = []
    for verdict in verdicts:
        for quotation in verdict.quotations:
            # as the answer attributes it: two companies may say the same, word for word
            start = answer.answer.find(f"“{quotation.text}” — {verdict.company.name}, {quotation.policy.title}")
            if start >= 0:
                span = start, start + len(quotation.text) + 2
                found.append(_citation(span, verdict, quotation, pages))
    return sorted(found, key=lambda each: each.url_citation.start_index)


def _citation(span: tuple[int, int], verdict: VerdictOut, quotation: QuotationOut, pages: str) -> Annotation:
    policy = quotation.policy
    evidence = "".join(f"&evidence={each.start}-{each.end}" for each in quotation.spans)
    page = f"{pages}policies/{quote(policy.id, safe='')}?passage={quotation.start}-{quotation.end}{evidence}"
    day = policy.archived_on or policy.effective_on
    title = ", ".join([verdict.company.name, policy.title, *([day.isoformat()] if day else [])])
    return Annotation(
        url_citation=UrlCitation(start_index=span[0], end_index=span[1], url=policy.source_url or page, title=title)
    )
