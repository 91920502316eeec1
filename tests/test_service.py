"""A service that is left running: load, timeouts, streaming, new index versions, what can be seen of it.

Everything over a real server on loopback.
"""

import itertools
import json
import logging
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from api.app import create_app
from api.observability.logs import show_logs
from api.serving.sample import SAMPLE_POLICIES
from api.settings import BadSetting, Settings
from api.wire.schemas import AskResponse, CompaniesStep, PassagesStep
from api.wire.streaming import wants_events
from index.build import build
from index.manifest import published_version
from index.policy_index import PolicyIndex
from qa.answers import Answer
from qa.deadline import NO_DEADLINE, Deadline
from tests.api_support import ACQUISITION, FakeAssistant, Opens, client, problem, served, tiny_index
from tests.tiny import TinyEmbedder


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> FakeAssistant:
    return FakeAssistant(tiny_index(tmp_path_factory.mktemp("index")))


def ask(client: httpx.Client, question: str = ACQUISITION, **more: object) -> httpx.Response:
    return client.post("/v1/ask", json={"question": question, **more})


class Held(FakeAssistant):
    """Answers only once it is let go; a question with "quick" at once."""

    def __init__(self, index: PolicyIndex) -> None:
        super().__init__(index)
        self.inside, self.go = threading.Semaphore(0), threading.Event()

    def steps(self, question: str, **more: object):  # type: ignore[no-untyped-def, override]
        if "quick" not in question:
            self.inside.release()
            self.go.wait(10)
        yield from super().steps(question)


class SlowToFind(FakeAssistant):
    """Knows whom a question is about at once, and finds passages only once it is let go."""

    def __init__(self, index: PolicyIndex) -> None:
        super().__init__(index)
        self.go = threading.Event()

    def _judged(self, *given: object) -> tuple:
        self.go.wait(5)
        return super()._judged(*given)  # type: ignore[arg-type]


def until(is_so: Callable[[], bool], *, within_s: float = 5.0) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it is not so after {within_s:g} s")
        time.sleep(0.02)


# Load


def test_beyond_the_queue_a_question_is_refused_at_once_and_the_others_are_answered(assistant: FakeAssistant) -> None:
    held = Held(assistant.index)
    with client(held, max_running=1, max_waiting=2) as asking, ThreadPoolExecutor(3) as others:
        waiting = [others.submit(ask, asking) for _ in range(3)]
        assert held.inside.acquire(timeout=5)
        until_metric(asking, "askpolicy_waiting 2.0")
        refused = ask(asking)
        assert problem(refused) == (503, "/problems/busy")
        assert int(refused.headers["retry-after"]) >= 1
        assert asking.get("/healthz").status_code == 200
        held.go.set()
        assert [each.result().status_code for each in waiting] == [200, 200, 200]
        until_metric(asking, "askpolicy_waiting 0.0")
        assert 'askpolicy_refused_total{why="busy"} 1.0' in asking.get("/metrics").text


def until_metric(asking: httpx.Client, line: str) -> None:
    until(lambda: line in asking.get("/metrics").text, within_s=2.0)


def test_an_answer_that_takes_too_long_is_given_up_and_keeps_its_place(assistant: FakeAssistant) -> None:
    held = Held(assistant.index)
    with client(held, max_running=1, answer_timeout_s=0.3) as asking:
        late = ask(asking)
        assert problem(late) == (503, "/problems/took-too-long")
        assert problem(ask(asking, "quick")) == (503, "/problems/took-too-long")
        held.go.set()
        until_metric(asking, "askpolicy_running 0.0")
        assert ask(asking, "quick").status_code == 200


def test_a_question_whose_asker_has_left_the_queue_is_not_answered(assistant: FakeAssistant) -> None:
    held = Held(assistant.index)
    with client(held, max_running=1, max_waiting=5) as asking, ThreadPoolExecutor(1) as others:
        waiting = others.submit(ask, asking)
        assert held.inside.acquire(timeout=5)
        with pytest.raises(httpx.ReadTimeout):
            asking.post("/v1/ask", json={"question": "quick leaver"}, timeout=0.2)
        held.go.set()
        assert waiting.result().status_code == 200


class Endless(FakeAssistant):
    """Works on until its deadline stops it."""

    def __init__(self, index: PolicyIndex) -> None:
        super().__init__(index)
        self.began, self.ended = threading.Event(), threading.Event()

    def steps(self, question: str, *, deadline: Deadline = NO_DEADLINE, **more: object):  # type: ignore[no-untyped-def, override]
        if "quick" not in question:
            self.began.set()
            try:
                for _ in range(1_000):
                    deadline.check()
                    time.sleep(0.005)
            finally:
                self.ended.set()
        yield from super().steps(question)


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_work_for_a_client_that_has_left_ends(
    assistant: FakeAssistant, caplog: pytest.LogCaptureFixture, accept: str
) -> None:
    endless = Endless(assistant.index)
    body = json.dumps({"question": ACQUISITION}).encode()
    with caplog.at_level(logging.INFO), client(endless, max_running=1) as asking:
        with raw_connection(asking) as raw:
            raw.sendall(head(len(body), accept) + body)
            assert endless.began.wait(5)
        assert endless.ended.wait(1)
        until_metric(asking, "askpolicy_running 0.0")
        until_metric(asking, "askpolicy_clients_left_total 1.0")
        assert ask(asking, "quick").status_code == 200
        refusals = [line for line in asking.get("/metrics").text.splitlines() if line.startswith("askpolicy_refused_")]
        assert [line for line in refusals if not line.endswith(" 0.0") and "_created" not in line] == []


def test_a_client_that_asks_ahead_and_stays_is_answered(assistant: FakeAssistant) -> None:
    body = json.dumps({"question": ACQUISITION}).encode()
    with client(assistant) as asking, raw_connection(asking) as raw:
        raw.sendall((head(len(body)) + body) * 3)
        told = b""
        while told.count(b"HTTP/1.1 200 ") < 3:
            told += raw.recv(65_536)


def test_the_queue_holds_as_many_as_are_answered_in_time(assistant: FakeAssistant) -> None:
    held = Held(assistant.index)
    body = json.dumps({"question": ACQUISITION}).encode()
    # by the first guess of 20 ms each, a hundred are answered within two seconds
    with client(held, max_running=1, answer_timeout_s=2.0) as asking, ExitStack() as opened:
        asked = [opened.enter_context(raw_connection(asking)) for _ in range(150)]
        for raw in asked:
            raw.sendall(head(len(body)) + body)
        told = [until_told(raw, b'"index_version"') for raw in asked]
        held.go.set()
    refused = sum(b"/problems/busy" in each for each in told)
    assert sum(b"/problems/took-too-long" in each for each in told) == len(told) - refused
    assert 10 <= refused <= 60


# Connections that want to last for ever


@contextmanager
def raw_connection(asking: httpx.Client) -> Iterator[socket.socket]:
    address = urlsplit(str(asking.base_url))
    with socket.create_connection((address.hostname, address.port), timeout=15) as raw:
        yield raw


def all_of(raw: socket.socket) -> bytes:
    """What comes until the other side closes."""
    return b"".join(iter(lambda: raw.recv(4_000), b""))


def until_told(raw: socket.socket, end: bytes) -> bytes:
    told = b""
    while end not in told:
        told += raw.recv(65_536)
    return told


def head(length: int, accept: str = "*/*") -> bytes:
    return (
        "POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Accept: {accept}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def send_slowly(raw: socket.socket, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        raw.sendall(piece)
        time.sleep(0.03)


@pytest.mark.parametrize("sent", [b"", b"POST /v1/ask HT", b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\n"])
def test_a_head_that_does_not_arrive_closes_the_connection(assistant: FakeAssistant, sent: bytes) -> None:
    with client(assistant, read_timeout_s=0.3) as asking, raw_connection(asking) as raw:
        raw.sendall(sent)
        assert raw.recv(1_000) == b""


def test_a_head_that_comes_by_drops_closes_the_connection(assistant: FakeAssistant) -> None:
    with client(assistant, read_timeout_s=0.3) as asking, raw_connection(asking) as raw:
        began = time.monotonic()
        drops = (bytes([letter]) for letter in b"POST /v1/ask HTTP/1.1\r\nX-Long: " + b"x" * 300)
        with pytest.raises(OSError, match=r"reset|[Bb]roken"):
            send_slowly(raw, drops)
        assert time.monotonic() - began < 5


def test_a_body_that_does_not_arrive_is_a_problem(assistant: FakeAssistant) -> None:
    with client(assistant, read_timeout_s=0.3) as asking, raw_connection(asking) as raw:
        raw.sendall(head(100) + b'{"question":')
        told = all_of(raw)
        assert told.startswith(b"HTTP/1.1 408 ")
        assert b"/problems/body-too-slow" in told


def test_a_reader_that_does_not_read_is_let_go(assistant: FakeAssistant) -> None:
    with client(assistant, read_timeout_s=0.3) as asking, raw_connection(asking) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_024)
        # a whole policy: a few of them fill what the system keeps for a connection
        policy_id = next(iter(assistant.index.policies))
        request = f"GET /v1/policies/{policy_id} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        with pytest.raises(OSError, match=r"reset|[Bb]roken"):
            send_slowly(raw, itertools.repeat(request * 100, 200))


def test_more_connections_than_may_be_are_told_so(assistant: FakeAssistant) -> None:
    with client(assistant, max_connections=2) as asking:
        assert asking.get("/healthz").status_code == 200
        with raw_connection(asking) as first, raw_connection(asking) as second:
            told = all_of(first if select_readable(first) else second)
            assert told.startswith(b"HTTP/1.1 503 ")
            assert b"/problems/too-many-connections" in told
            assert b"2 connections are open, the limit" in told
        until_metric(asking, 'askpolicy_connections_closed_total{why="too-many-connections"} 1.0')


def select_readable(raw: socket.socket) -> bool:
    raw.settimeout(0.5)
    try:
        return bool(raw.recv(1, socket.MSG_PEEK))
    except TimeoutError:
        return False


def test_what_is_no_http_is_a_problem(assistant: FakeAssistant) -> None:
    with client(assistant) as asking, raw_connection(asking) as raw:
        raw.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        told = all_of(raw)
        assert told.startswith(b"HTTP/1.1 400 ")
        assert b"/problems/not-http" in told


@pytest.mark.parametrize("piece", [b"x" * 1_000, b"\r\nX-More: y"])
def test_a_head_without_end_is_a_problem(assistant: FakeAssistant, piece: bytes) -> None:
    with client(assistant) as asking, raw_connection(asking) as raw:
        raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: ")
        with suppress(OSError):  # it may be closed before all is sent
            raw.sendall(piece * (600_000 // len(piece)))
        assert raw.recv(20).startswith(b"HTTP/1.1 431 ")


def test_a_large_body_that_comes_in_one_piece_with_its_head_is_read(assistant: FakeAssistant) -> None:
    body = json.dumps({"question": ACQUISITION, "history": ["sold? " * 300] * 50}).encode()
    assert len(body) > 80_000
    with client(assistant) as asking, raw_connection(asking) as raw:
        for _ in range(3):
            raw.sendall(head(len(body)) + body)
            assert raw.recv(65_536).startswith(b"HTTP/1.1 200 ")
            time.sleep(0.1)
            raw.settimeout(0.2)
            with suppress(TimeoutError):
                while raw.recv(65_536):
                    pass
            raw.settimeout(5)


def test_a_head_behind_a_large_body_in_one_piece_is_read(assistant: FakeAssistant) -> None:
    body = json.dumps({"question": ACQUISITION, "history": ["sold? " * 320] * 50}).encode()
    assert len(body) > 90_000
    with client(assistant) as asking, raw_connection(asking) as raw:
        raw.sendall(head(len(body)) + body + head(len(body))[:-2] + b"X-More: 1\r\n")
        time.sleep(0.2)
        raw.sendall(b"\r\n" + body)
        told = b""
        while told.count(b"HTTP/1.1 200 ") < 2:
            told += raw.recv(65_536)
            assert b" 431 " not in told


class Large(FakeAssistant):
    """Answers with some megabytes: more than the system keeps for a connection."""

    def steps(self, question: str, **more: object):  # type: ignore[no-untyped-def, override]
        for step in super().steps(question):
            yield replace(step, text="x" * 8_000_000) if isinstance(step, Answer) else step


def test_a_slow_reader_that_goes_on_reading_gets_all_of_it(assistant: FakeAssistant) -> None:
    body = json.dumps({"question": ACQUISITION}).encode()
    with client(Large(assistant.index), read_timeout_s=1.0) as asking, raw_connection(asking) as raw:
        raw.sendall(head(len(body)) + body)
        told = raw.recv(65_536)
        beginning, _, _ = told.partition(b"\r\n\r\n")
        length = len(beginning) + 4 + int(re.search(rb"content-length: (\d+)", beginning, re.IGNORECASE)[1])
        # for four times as long as a reader may stop, it takes a little at a time
        for _ in range(40):
            told += raw.recv(50_000)
            time.sleep(0.1)
        while len(told) < length:
            told += raw.recv(8_000_000)
        assert length > 8_000_000


def test_a_reader_that_stops_sees_an_error_and_no_end(
    assistant: FakeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    body = json.dumps({"question": ACQUISITION}).encode()
    with client(Large(assistant.index), read_timeout_s=0.3) as asking, raw_connection(asking) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        raw.sendall(head(len(body)) + body)
        until_metric(asking, 'askpolicy_connections_closed_total{why="reader-stalled"} 1.0')
        with pytest.raises(ConnectionResetError):
            all_of(raw)


def test_a_reader_that_leaves_little_unread_is_let_go_too(assistant: FakeAssistant) -> None:
    with client(assistant, read_timeout_s=0.5, keep_alive_s=1) as asking, ExitStack() as opened:
        for _ in range(3):
            raw = opened.enter_context(socket.socket())
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_024)
            raw.connect((asking.base_url.host, asking.base_url.port))
            path = b"/v1/policies/jivochat.com--privacy-policy--2015-03-20"
            raw.sendall((b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n") * 3)
        time.sleep(2.5)
        # whether or not the system took it all, nobody is held for ever
        until_metric(asking, "askpolicy_running 0.0")


def test_a_service_that_stops_tells_whom_it_cannot_wait_for(assistant: FakeAssistant) -> None:
    held = Held(assistant.index)
    settings = Settings(stop_timeout_s=1)
    with ThreadPoolExecutor(1) as others:
        with served(create_app(held, settings), settings) as address:
            waiting = others.submit(httpx.post, f"{address}/v1/ask", json={"question": ACQUISITION}, timeout=10)
            assert held.inside.acquire(timeout=5)
        assert problem(waiting.result()) == (503, "/problems/stopping")
        held.go.set()


# Streaming


def events(response: httpx.Response) -> list[tuple[str, dict]]:
    assert response.headers["content-type"].startswith("text/event-stream")
    found = re.findall(r"event: (\w+)\ndata: (.*)\n\n", response.text)
    return [(name, json.loads(data)) for name, data in found]


def stream(asking: httpx.Client, question: str = ACQUISITION, **more: object) -> httpx.Response:
    return asking.post("/v1/ask", json={"question": question, **more}, headers={"Accept": "text/event-stream"})


def test_a_streamed_answer_tells_companies_then_passages_then_the_same_answer(assistant: FakeAssistant) -> None:
    with client(assistant) as asking:
        told, whole = events(stream(asking)), ask(asking).json()
    assert [name for name, _ in told] == ["companies", "passages", "answer"]
    CompaniesStep.model_validate(told[0][1])
    PassagesStep.model_validate(told[1][1])
    assert AskResponse.model_validate_json(json.dumps(told[2][1])).outcome == "answered"
    assert {**told[2][1], "took_ms": 0} == {**whole, "took_ms": 0}
    assert (told[0][1]["companies"], told[1][1]["passages"]) == (whole["companies"], whole["passages"])


def test_the_companies_come_before_the_passages_are_found(assistant: FakeAssistant) -> None:
    slow = SlowToFind(assistant.index)
    with client(slow) as asking:
        asked = {"question": ACQUISITION}
        with asking.stream("POST", "/v1/ask", json=asked, headers={"Accept": "text/event-stream"}) as response:
            pieces = response.iter_text()
            assert next(pieces).startswith("event: companies\n")
            slow.go.set()
            assert "event: answer\n" in "".join(pieces)


def test_what_is_wrong_with_a_question_is_told_before_the_stream_begins(assistant: FakeAssistant) -> None:
    with client(assistant) as asking:
        assert problem(stream(asking, "")) == (422, "/problems/bad-question")
        assert problem(stream(asking, companies=["nobody"])) == (422, "/problems/unknown-company")
        assert problem(stream(asking, "explode")) == (500, "/problems/internal")


def test_what_goes_wrong_within_the_stream_is_its_last_event(assistant: FakeAssistant) -> None:
    with client(assistant) as asking:
        told = events(stream(asking, "answer, then burst"))
    assert [name for name, _ in told] == ["companies", "problem"]
    assert (told[1][1]["type"], "secret" in json.dumps(told)) == ("/problems/internal", False)


def test_a_stream_that_takes_too_long_ends_with_a_problem(assistant: FakeAssistant) -> None:
    slow = SlowToFind(assistant.index)
    with client(slow, answer_timeout_s=0.3) as asking:
        told = events(stream(asking))
        slow.go.set()
    assert [name for name, _ in told] == ["companies", "problem"]
    assert told[1][1]["type"] == "/problems/took-too-long"


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("text/event-stream", True),
        ("application/json, text/event-stream;q=0.5", True),
        ("TEXT/EVENT-STREAM; charset=utf-8", True),
        ("text/event-stream;q=0.0", False),
        ("*/*", False),
        ("", False),
        (",;,", False),
    ],
)
def test_events_are_for_those_who_ask_for_them(accept: str, wanted: bool) -> None:
    assert wants_events(accept) == wanted


# New index versions


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An index of one policy, and beside it the policies to be added."""
    policies = tmp_path / "policies"
    policies.mkdir()
    shutil.copy(SAMPLE_POLICIES / "004_442ca016cb6ce53e.txt", policies)
    build([policies], tmp_path / "index", embedder=TinyEmbedder())
    return tmp_path


def publish(folder: Path, number: int) -> str:
    """Publish a version with one more policy; its name."""
    text = f"# Company{number} Privacy Policy\n\nWe tell company{number} of a change of control.\n"
    (folder / "policies" / f"company{number}.md").write_text(text, encoding="utf-8")
    build([folder / "policies"], folder / "index", embedder=TinyEmbedder())
    return published_version(folder / "index")


def opener(folder: Path) -> Opens:
    index = folder / "index"
    return Opens(
        lambda: FakeAssistant(PolicyIndex.open(index, embedder=TinyEmbedder())), lambda: published_version(index)
    )


def until_version(asking: httpx.Client, version: str) -> None:
    until(lambda: asking.get("/readyz").headers.get("x-index-version") == version)


def test_a_new_version_serves_without_a_restart(folder: Path) -> None:
    with client(opener(folder), watch_s=0.1) as asking:
        until_version(asking, published_version(folder / "index"))
        version = publish(folder, 1)
        until_version(asking, version)
        assert "Company1" in asking.get("/v1/companies").text
        assert "askpolicy_index_opened_total 2.0" in asking.get("/metrics").text


def test_every_response_names_the_version_that_answered(folder: Path) -> None:
    version = published_version(folder / "index")
    with client(opener(folder), watch_s=0.1) as asking:
        until_version(asking, version)
        responses = [
            ask(asking),
            ask(asking, ""),
            stream(asking),
            asking.post("/v1/search", json={"question": "sold"}),
            asking.get("/v1/companies"),
            asking.get("/v1/policies/nobody"),
            asking.get("/metrics"),
        ]
        assert [response.headers["x-index-version"] for response in responses] == [version] * len(responses)
        assert responses[0].json()["index_version"] == version


def damage(folder: Path) -> str:
    """Publish a version and overwrite the middle of one of its files; its name."""
    version = publish(folder, 9)
    where = folder / "index" / "versions" / version
    text = next(path for path in where.rglob("lines.bin") if path.stat().st_nlink == 1)
    content = bytearray(text.read_bytes())
    content[len(content) // 2] ^= 1
    text.write_bytes(content)
    return version


def test_a_broken_version_is_refused_and_told_and_the_old_one_serves_on(folder: Path) -> None:
    before = published_version(folder / "index")
    with client(opener(folder), watch_s=0.1) as asking:
        until_version(asking, before)
        broken = damage(folder)
        until(lambda: asking.get("/readyz").json()["refused"] is not None)
        state = asking.get("/readyz").json()
        assert (state["index_version"], state["refused"]) == (
            before,
            {"version": broken, "why": "The index is damaged"},
        )
        assert (ask(asking).status_code, ask(asking).headers["x-index-version"]) == (200, before)
        assert "askpolicy_index_refused_total 1.0" in asking.get("/metrics").text
        mended = publish(folder, 10)
        until_version(asking, mended)
        assert asking.get("/readyz").json()["refused"] is None


@pytest.mark.parametrize("pointer", [b"", b"nonsense", None])
def test_a_pointer_that_is_torn_leaves_the_old_version_serving(folder: Path, pointer: bytes | None) -> None:
    current = folder / "index" / "CURRENT"
    with client(opener(folder), watch_s=0.1) as asking:
        until_version(asking, published_version(folder / "index"))
        if pointer is None:
            current.unlink()
        else:
            current.write_bytes(pointer)
        until(lambda: (asking.get("/readyz").json()["refused"] or {}).get("version") == "unknown")
        assert ask(asking).status_code == 200


def test_an_index_that_is_built_later_is_found(folder: Path) -> None:
    shutil.move(folder / "index", folder / "away")
    with client(opener(folder), watch_s=0.1) as asking:
        until(lambda: "There is no index" in asking.get("/readyz").text)
        assert problem(ask(asking)) == (503, "/problems/not-ready")
        shutil.move(folder / "away", folder / "index")
        until(lambda: asking.get("/readyz").status_code == 200)
        assert ask(asking).status_code == 200


def test_publications_under_load_fail_no_request_and_mix_no_versions(folder: Path) -> None:
    ended = threading.Event()
    told: list[tuple[int, str, str, set[str]]] = []

    def keep_asking(address: str) -> None:
        with httpx.Client(base_url=address, timeout=10) as asking:
            while not ended.is_set() and len(told) < 5_000:
                response = asking.post("/v1/ask", json={"question": "what if it is sold?", "k": 100})
                answer = response.json()
                header = response.headers["x-index-version"]
                named = {passage["company"]["name"] for passage in answer.get("passages", [])}
                told.append((response.status_code, header, answer.get("index_version", ""), named))

    published: list[str] = [published_version(folder / "index")]
    held: dict[str, set[str]] = {}
    with client(opener(folder), watch_s=0.1) as asking:
        until_version(asking, published[0])
        askers = [threading.Thread(target=keep_asking, args=(str(asking.base_url),)) for _ in range(3)]
        for asker in askers:
            asker.start()
        for number in range(8):
            published.append(publish(folder, number))
            until_version(asking, published[-1])
        until(lambda: told[-1][1] == published[-1])
        ended.set()
        for asker in askers:
            asker.join(20)
    held = {version: {"JivoChat"} | {f"Company{n}" for n in range(place)} for place, version in enumerate(published)}
    assert {status for status, *_ in told} == {200}
    assert {header for _, header, *_ in told} >= {published[0], published[-1]}
    assert [one for one in told if one[1] != one[2] or one[3] != held[one[1]]] == []


# What can be seen of it


def test_a_request_keeps_the_id_that_it_brings_and_gets_one_otherwise(assistant: FakeAssistant) -> None:
    with client(assistant) as asking:
        ids = [
            asking.get("/healthz", headers={"X-Request-ID": given}).headers["x-request-id"]
            for given in ("order-66:7", "two words", "x" * 65)
        ]
    assert ids[0] == "order-66:7"
    assert all(re.fullmatch(r"[0-9a-f]{32}", made) for made in ids[1:])


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], list[str]]]:
    """Reads what is logged; the log is as it was afterwards."""
    root, ours = logging.getLogger(), logging.getLogger("askpolicy")
    before = (root.handlers, root.level, ours.level)

    def read() -> list[str]:
        return capsys.readouterr().err.splitlines()

    yield read
    root.handlers = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


@pytest.mark.parametrize("log_questions", [False, True])
def test_a_line_a_request_without_the_question_unless_it_is_asked_for(
    assistant: FakeAssistant, lines: Callable[[], list[str]], log_questions: bool
) -> None:
    settings = Settings(log_format="json", log_questions=log_questions)
    show_logs(settings)
    with client(assistant, log_format="json", log_questions=log_questions) as asking:
        request_id = ask(asking).headers["x-request-id"]
    logged = lines()
    line = json.loads(logged[-1])
    assert (line["event"], line["path"], line["status"], line["outcome"], line["request_id"]) == (
        "request",
        "/v1/ask",
        200,
        "answered",
        request_id,
    )
    assert (ACQUISITION in "".join(logged)) == log_questions


def test_an_error_of_the_program_is_logged_with_the_id_of_its_request(
    assistant: FakeAssistant, lines: Callable[[], list[str]]
) -> None:
    show_logs(Settings(log_format="json"))
    with client(assistant) as asking:
        request_id = ask(asking, "explode").headers["x-request-id"]
    found = [json.loads(line) for line in lines()]
    error = next(line for line in found if line["event"] == "unexpected_error")
    assert (error["request_id"], "a secret of the inside" in error["exception"]) == (request_id, True)


def test_nothing_in_a_text_line_is_obeyed_by_a_terminal(
    assistant: FakeAssistant, lines: Callable[[], list[str]]
) -> None:
    show_logs(Settings(log_questions=True))
    with client(assistant, log_questions=True) as asking:
        ask(asking, "sold \x1b[31m\u202e?")
        asking.get("/%1b%5b31m%0aforged")
    logged = lines()
    assert not re.search("[\x1b\u202e]", "".join(logged))
    assert len(logged) == 2


def test_the_numbers_tell_stages_routes_version_and_age(assistant: FakeAssistant) -> None:
    with client(assistant) as asking:
        ask(asking)
        asking.get("/v1/policies/one")
        asking.get("/v1/policies/two")
        asking.get("/some/where/else")
        text = asking.get("/metrics").text
    version = assistant.index.manifest.version
    for line in (
        'askpolicy_stage_seconds_count{stage="wait"} 1.0',
        'askpolicy_http_requests_total{route="/v1/policies/{policy_id}",status="404"} 2.0',
        'askpolicy_http_requests_total{route="nowhere",status="404"} 1.0',
        f'askpolicy_index_info{{model="tiny",version="{version}"}} 1.0',
    ):
        assert line in text
    assert 0 <= float(re.findall(r"^askpolicy_index_age_seconds (\S+)", text, re.M)[0]) < 3_600


def test_the_stages_of_a_real_answer_are_told(assistant: FakeAssistant, embedder: object) -> None:
    from qa.assistant import Assistant
    from qa.stages import recorded

    real = Assistant(assistant.index, TinyEmbedder())
    with recorded() as recording:
        real.ask(ACQUISITION)
    assert {"understand", "embed", "compare", "quote"} <= set(recording.total_ms)


class Collector:
    """An OpenTelemetry collector: keeps what is sent to it."""

    def __init__(self) -> None:
        collector = self
        self.received: list[bytes] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.received.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def test_traces_go_to_the_collector_with_the_stages_and_without_the_question(assistant: FakeAssistant) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    from qa.assistant import Assistant

    collector = Collector()
    real = Assistant(assistant.index, TinyEmbedder())
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    with client(real, traces=f"http://127.0.0.1:{collector.server.server_port}") as asking:
        headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
        asking.post("/v1/ask", json={"question": ACQUISITION}, headers=headers)
    collector.server.shutdown()
    collector.server.server_close()
    spans = [
        span
        for body in collector.received
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    request = next(span for span in spans if span.name == "POST /v1/ask")
    assert {span.trace_id.hex() for span in spans} == {trace}
    assert {"embed", "compare"} <= {span.name for span in spans if span.parent_span_id == request.span_id}
    assert b"acquisition" not in b"".join(collector.received)


def test_traces_without_their_library_are_told_at_start(
    assistant: FakeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(BadSetting, match=r"pip install 'askpolicy\[traces\]'"):
        create_app(assistant, Settings(traces="http://localhost:4318"))
