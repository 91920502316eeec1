"""For the tests of `api`: a tiny index of the sample, an assistant with a mind of its own, a real server."""

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from api.app import create_app
from api.serving.live import Opener
from api.serving.sample import SAMPLE_POLICIES
from api.serving.server import server_of
from api.settings import Settings
from index.build import build
from index.errors import UnknownCompany
from index.policies.companies import Company
from index.policies.passages import Passage
from index.policy_index import PolicyIndex
from qa.answers import Answer, CompanyVerdict, Evidence, ExtractiveAnswerer, Hit, Outcome, Verdict
from qa.assistant import Assistant, Ranking, checked_k
from qa.comparison import Comparison
from qa.deadline import NO_DEADLINE, Deadline
from qa.question.mentions import Matched, UnknownName
from qa.question.query import Query, QuestionKind
from qa.question.understanding import checked_question
from tests.tiny import TinyEmbedder

ACQUISITION = "does JivoChat notify me on acquisition?"
NOT_OBLIGATED = "We are not obligated to notify Web site users of any such transaction."


def tiny_index(folder: Path) -> PolicyIndex:
    """The sample policies, indexed in `folder` with the tiny embedder."""
    build([SAMPLE_POLICIES], folder, embedder=TinyEmbedder())
    return PolicyIndex.open(folder, embedder=TinyEmbedder())


class FakeAssistant(Assistant):
    """Answers by rules that a test can read, from the real passages of a real index.

    A question with "acquisition" or "sold" is answered by each company that it names (by every company with such a
    passage where it names none); "download" is not stated; "Facebook" and "Jivochta" are unknown; "weather" is out
    of scope; "explode" is an error of the program, "then burst" one after the first step. A question that begins with
    "and" takes the last one before it in.
    """

    def __init__(self, index: PolicyIndex) -> None:
        self.index = index
        self.asked: list[dict[str, object]] = []

    def steps(
        self,
        question: str,
        *,
        companies: Sequence[str] = (),
        history: Sequence[str] = (),
        k: int = 5,
        as_of: date | None = None,
        offset: int = 0,
        deadline: Deadline = NO_DEADLINE,
    ) -> Iterator[Query | tuple[Hit, ...] | Answer]:
        self.asked.append(
            {"question": question, "companies": [*companies], "history": [*history], "k": k, "as_of": as_of}
        )
        yield from self._steps(question, companies, history, k)

    def ask(
        self,
        question: str,
        *,
        companies: Sequence[str] = (),
        history: Sequence[str] = (),
        k: int = 5,
        as_of: date | None = None,
        offset: int = 0,
        deadline: Deadline = NO_DEADLINE,
    ) -> Answer:
        *_, answer = self._steps(question, companies, history, k)
        assert isinstance(answer, Answer)
        return answer

    def _steps(
        self, question: str, companies: Sequence[str], history: Sequence[str], k: int
    ) -> Iterator[Query | tuple[Hit, ...] | Answer]:
        tidy, k = checked_question(question), checked_k(k)
        if "explode" in tidy:
            raise RuntimeError("a secret of the inside")
        standalone = f"{history[-1]} {tidy}" if history and tidy.lower().startswith("and") else tidy
        named = [self._given(name) for name in companies] or self._named(standalone)
        unknown = tuple(
            UnknownName(name, nearest, 0, 0)
            for name, nearest in (("Facebook", ()), ("Jivochta", ("JivoChat",)))
            if name in standalone
        )
        matched = tuple(Matched(company, words, 0, 0) for company, words in named)
        query = Query(question, standalone, standalone, standalone, QuestionKind.YES_NO, matched, unknown)
        yield query
        if "then burst" in tidy:
            raise RuntimeError("a secret of the inside")
        outcome, hits = self._judged(standalone, named, k)
        if unknown and not named:
            outcome, hits = Outcome.UNKNOWN_COMPANY, []
        yield tuple(hits)
        verdicts = self._verdicts(outcome, named, hits)
        text = ExtractiveAnswerer().answer(query, outcome, verdicts, ())
        version = self.index.manifest.version
        yield Answer(question, standalone, outcome, text, matched, unknown, tuple(hits), version, verdicts)

    def search(
        self,
        question: str,
        *,
        companies: Sequence[str] = (),
        k: int = 5,
        as_of: date | None = None,
        deadline: Deadline = NO_DEADLINE,
    ) -> Ranking:
        named = [self._given(name) for name in companies] or self._named(checked_question(question))
        matched = tuple(Matched(company, words, 0, 0) for company, words in named)
        query = Query(question, question, question, question, QuestionKind.FACT, matched)
        return Ranking(query, tuple(self._judged("sold", named, checked_k(k))[1]))

    def company(self, name: str) -> Company:
        return self._given(name)[0]

    def compare(
        self,
        questions: Sequence[str],
        *,
        companies: Sequence[str] = (),
        as_of: date | None = None,
        deadline: Deadline = NO_DEADLINE,
    ) -> Comparison:
        if any("explode" in question for question in questions):
            raise RuntimeError("a secret of the inside")
        real = Assistant(self.index, TinyEmbedder())
        return real.compare(questions, companies=companies, as_of=as_of, deadline=deadline)

    def _judged(self, question: str, named: Sequence[tuple[Company, str]], k: int) -> tuple[Outcome, list[Hit]]:
        if "weather" in question:
            return Outcome.OUT_OF_SCOPE, []
        owners = {company.id for company, _ in named} or set(self.index.companies)
        mine = [passage for passage in self.index.passages if self.index.company_of(passage).id in owners]
        answering = [hit for hit in map(self._hit, mine) if hit.evidence]
        if answering and ("acquisition" in question or "sold" in question):
            others = [hit for hit in map(self._hit, mine) if not hit.evidence]
            return Outcome.ANSWERED, [*answering, *others][:k]
        return Outcome.NOT_STATED, [self._hit(passage) for passage in mine if "sale" not in passage.text][:k]

    def _verdicts(
        self, outcome: Outcome, named: Sequence[tuple[Company, str]], hits: Sequence[Hit]
    ) -> tuple[CompanyVerdict, ...]:
        """JivoChat says no; others that answer say something; the rest are silent."""
        if outcome not in (Outcome.ANSWERED, Outcome.NOT_STATED):
            return ()
        asked = [company for company, _ in named] or list(self.index.companies.values())
        found = []
        for company in asked:
            quote = next((hit.quotation for hit in hits if hit.company.id == company.id and hit.evidence), None)
            verdict = Verdict.NO if quote and company.id == "jivochat.com" else None
            said = Outcome.ANSWERED if quote else Outcome.NOT_STATED
            found.append(CompanyVerdict(company, said, verdict, 0.87 if quote else 0.12, (quote,) if quote else ()))
        return tuple(found)

    def _hit(self, passage: Passage) -> Hit:
        policy = self.index.policy(passage.policy_id)
        wanted = NOT_OBLIGATED if policy.company_id == "jivochat.com" else "change of control"
        evidence = tuple(
            Evidence(start, end, policy.text[start:end])
            for start, end in passage.sentences
            if wanted in policy.text[start:end]
        )
        return Hit(passage, policy, self.index.company_of(passage), 0.87 if evidence else 0.12, evidence)

    def _named(self, question: str) -> list[tuple[Company, str]]:
        return [
            (company, company.name)
            for company in self.index.companies.values()
            if company.name.lower() in question.lower()
        ]

    def _given(self, name: str) -> tuple[Company, str]:
        for company in self.index.companies.values():
            if name in (company.id, *company.names):
                return company, name
        raise UnknownCompany(name, ["JivoChat"] if name.lower().startswith("jivo") else [])


class Opens:
    """An `api.serving.live.Opener` of functions."""

    def __init__(self, opens: Callable[[], Assistant], newest: Callable[[], str] = lambda: "unknown") -> None:
        self.open, self.newest = opens, newest


@contextmanager
def served(app: FastAPI, settings: Settings | None = None) -> Iterator[str]:
    """The address of `app` behind the real server on a free port of loopback."""
    # with its number, or each answer waits for 40 ms: asyncio sets TCP_NODELAY only then
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        server = server_of(app, settings or Settings(), listener)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 10
        while not server.started:
            if time.monotonic() > deadline:
                raise TimeoutError("the server did not start within 10 s")
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
            server.config.listener.close()


@contextmanager
def client(source: Assistant | Opener, **settings: object) -> Iterator[httpx.Client]:
    """Who asks a service of `source`, over a real server, under `settings`."""
    made = Settings(**settings)  # type: ignore[arg-type]
    with served(create_app(source, made), made) as address, httpx.Client(base_url=address, timeout=10) as client:
        yield client


def bearer(secret: str, **headers: str) -> dict[str, str]:
    """The headers of a request with a key."""
    return {"Authorization": f"Bearer {secret}", **headers}


def asked(asking: httpx.Client, secret: str, question: str, path: str = "/v1/ask", **more: Any) -> httpx.Response:
    """The response to a question that is asked with a key."""
    headers = bearer(secret, Accept=more.pop("accept", "application/json"))
    return asking.post(path, json={"question": question, **more}, headers=headers)


def problem(response: httpx.Response) -> tuple[int, str]:
    """Status and type of a problem."""
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["type"]


@contextmanager
def serving(
    *flags: str, program: Sequence[str] = ("-m", "api.command.cli", "serve"), **environment: str
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of `askpolicy serve`, or of another program that serves as it does, and its process."""
    command = [sys.executable, *program, "--port", "0", *flags]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.findall(r"http://\S+:\d+", line)
            assert found, line + (process.stderr.read() if process.stderr else "")
            yield found[0], process
        finally:
            process.terminate()
            try:
                process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


class ForeignPage:
    """Somebody else's page: its address, and what stands there."""

    def __init__(self, address: str) -> None:
        self.address, self.content = address, ""


@contextmanager
def foreign_page(headers: Mapping[str, str] | None = None) -> Iterator[ForeignPage]:
    """A page on another origin, on a server of its own; its content may be set once its address is known."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(page.content.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        page = ForeignPage(f"http://localhost:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield page
        server.shutdown()
