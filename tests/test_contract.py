"""The contract as HTTP, over a real server: bodies, ETags, compression, pages, HEAD, and the reference."""

import asyncio
import gzip
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser
from pydantic import BaseModel

from api.app import create_app
from api.guard.keys import add_key
from api.guard.limits import has_few_values
from api.observability.metrics import Metrics
from api.serving.admission import Admission
from api.serving.records import Records
from api.settings import Settings
from api.wire.schemas import AskRequest, CompaniesResponse, CompanyEntry
from index.errors import UnknownPolicy
from index.policies.companies import Company
from index.policies.versions import Policy
from index.policy_index import PolicyIndex
from tests.api_support import ACQUISITION, FakeAssistant, client, problem, served, tiny_index
from tests.event_loop import run_async
from tests.tiny import TinyEmbedder

WEB = Path(__file__).parent.parent / "api" / "web"
POLICY = "/v1/policies/jivochat.com--privacy-policy--2015-03-20"
KEPT_PATHS = ("/", "/policies/x", "/page.css", "/widget.js", "/docs", "/openapi.json", "/v1/companies", POLICY)
GET_PATHS = (*KEPT_PATHS, "/healthz", "/readyz", "/v1/policies/nobody", "/nowhere")
PLAIN = {"Accept-Encoding": "identity"}
JSON = {"Content-Type": "application/json"}
FULLEST_BODY = Settings().max_body_bytes


class WatchedIndex(PolicyIndex):
    """An index that notes whose texts are read, and when."""

    notes: list[str]

    def policy(self, policy_id: str) -> Policy:
        self.notes.append(f"begin {policy_id}")
        time.sleep(0.01)  # so that those that may run beside it do
        found = super().policy(policy_id)
        self.notes.append(f"end {policy_id}")
        return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    tiny_index(folder)
    return folder


@pytest.fixture(scope="module")
def assistant(folder: Path) -> FakeAssistant:
    return FakeAssistant(PolicyIndex.open(folder, embedder=TinyEmbedder()))


@pytest.fixture(scope="module")
def asking(assistant: FakeAssistant) -> Iterator[httpx.Client]:
    with client(assistant) as asking:
        yield asking


@pytest.fixture
def watched(folder: Path) -> FakeAssistant:
    index = WatchedIndex.open(folder, embedder=TinyEmbedder())
    index.notes = []  # type: ignore[attr-defined]
    return FakeAssistant(index)


def raw(asking: httpx.Client, request: str) -> bytes:
    """Everything that the server sends until it closes."""
    address = urlsplit(str(asking.base_url))
    with socket.create_connection((address.hostname, address.port), timeout=5) as connected:
        connected.sendall(request.encode())
        return b"".join(iter(lambda: connected.recv(65_536), b""))


# Bodies


def members(count: int) -> str:
    return "{" + ",".join(f'"{number:x}":1' for number in range(count)) + "}"


@pytest.mark.parametrize(
    "body",
    [
        members(45_000),
        '{"question":[' + "[]," * 170_000 + "[]]}",
        '{"question":[' + "{}," * 170_000 + "{}]}",
        '{"question":[' + f"{'[' * 100}{']' * 100}," * 2_500 + "[]]}",
        '{"question":"a","companies":[' + "1," * 250_000 + "1]}",
        "[" * 500_000,
        '"' * 500_000,
        "," * 500_000,
    ],
    ids=["members", "lists", "objects", "nested", "numbers", "deep", "quotes", "commas"],
)
def test_a_body_of_very_many_values_is_refused_before_it_is_parsed(asking: httpx.Client, body: str) -> None:
    assert len(body) <= FULLEST_BODY
    response = asking.post("/v1/ask", content=body, headers=JSON)
    assert problem(response) == (422, "/problems/invalid-request")
    assert response.json()["detail"].startswith("the body has more than 2,000 values")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-32"])
def test_another_encoding_hides_no_values(asking: httpx.Client, encoding: str) -> None:
    # a byte of U+2200 is that of a quote
    body = ('{"question":"\u2200","companies":[' + "[]," * 10_000 + "[]]}").encode(encoding)
    response = asking.post("/v1/ask", content=body, headers=JSON)
    assert response.json()["detail"].startswith("the body has more than 2,000 values")


def test_the_fullest_question_is_answered_however_it_is_written(asking: httpx.Client) -> None:
    fullest = AskRequest(
        question=f"{ACQUISITION} " + '[{,"' * 400,
        history=['a,[{"\\' * 100 + "長" * 500] * 50,
        companies=["jivochat.com"] * 50,
        k=100,
        as_of="2020-03-20",
    ).model_dump(mode="json")
    for escaped in (True, False):
        body = json.dumps(fullest, ensure_ascii=escaped)
        assert asking.post("/v1/ask", content=body, headers=JSON).status_code == 200


def test_brackets_and_commas_in_strings_are_no_values() -> None:
    assert has_few_values(json.dumps({"question": '[{,"\\' * 10_000}).encode())


@pytest.mark.parametrize("body", [{"question": "sold?", "x" * 400_000: 1}, {"question": "sold?", "é" * 5_000: 1}])
def test_a_long_unknown_member_is_told_shortly(asking: httpx.Client, body: dict) -> None:
    response = asking.post("/v1/ask", json=body)
    assert problem(response) == (422, "/problems/invalid-request")
    assert len(response.content) < 1_000
    assert response.json()["errors"][0]["at"].endswith("…")


def test_many_unknown_members_are_told_in_part(asking: httpx.Client) -> None:
    response = asking.post("/v1/ask", content=members(900), headers=JSON)
    assert problem(response) == (422, "/problems/invalid-request")
    assert len(response.json()["errors"]) == 20


# ETag, Cache-Control, Vary


def vary(response: httpx.Response) -> set[str]:
    return set(response.headers["vary"].split(", "))


@pytest.mark.parametrize("path", KEPT_PATHS)
@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_what_the_client_has_is_not_sent_again(asking: httpx.Client, path: str, coding: str) -> None:
    accept = {"Accept-Encoding": coding}
    first = asking.get(path, headers=accept)
    again = [
        asking.get(path, headers=accept | {"If-None-Match": known})
        for known in (first.headers["etag"], f'"other", W/{first.headers["etag"]}', "*")
    ]
    kept = ("etag", "cache-control", "access-control-allow-origin")
    assert [(each.status_code, each.content) for each in again] == [(304, b"")] * 3
    for each in again:
        assert [each.headers.get(name) for name in kept] == [first.headers.get(name) for name in kept]
        assert vary(each) == vary(first)
    assert asking.get(path, headers=accept | {"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", KEPT_PATHS)
def test_what_is_kept_is_asked_about_before_it_is_used(asking: httpx.Client, path: str) -> None:
    assert asking.get(path).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", KEPT_PATHS)
def test_each_coding_has_an_etag_of_its_own_and_the_same_words(asking: httpx.Client, path: str) -> None:
    packed, plain = asking.get(path, headers={"Accept-Encoding": "gzip"}), asking.get(path, headers=PLAIN)
    assert (packed.headers["content-encoding"], plain.headers.get("content-encoding")) == ("gzip", None)
    assert packed.content == plain.content
    assert packed.headers["etag"] != plain.headers["etag"]
    assert "Accept-Encoding" in vary(packed) & vary(plain)


def test_a_coding_that_is_refused_is_not_used(asking: httpx.Client) -> None:
    response = asking.get("/widget.js", headers={"Accept-Encoding": "gzip;q=0, identity"})
    assert "content-encoding" not in response.headers


@pytest.mark.parametrize("path", ["/v1/companies", POLICY])
def test_a_record_is_told_apart_by_key_and_origin_too(asking: httpx.Client, path: str) -> None:
    assert vary(asking.get(path)) == {"Accept-Encoding", "Authorization", "Origin"}


def test_records_of_other_requests_and_other_versions_have_other_etags(asking: httpx.Client, tmp_path: Path) -> None:
    paths = ("/v1/companies", "/v1/companies?limit=2", "/v1/companies?q=m", POLICY, f"{POLICY}?evidence=1-2")
    with client(FakeAssistant(tiny_index(tmp_path))) as newer:
        tags = [each.get(path).headers["etag"] for each in (asking, newer) for path in paths]
    assert len(set(tags)) == 2 * len(paths)


def test_spans_in_another_order_are_the_same_record(asking: httpx.Client) -> None:
    tags = {
        asking.get(POLICY, params={"evidence": spans}).headers["etag"] for spans in (["5-9", "1-2"], ["1-2", "5-9"])
    }
    assert len(tags) == 1


@pytest.mark.parametrize("known", ["*", '"anything"'])
def test_a_policy_that_is_not_there_is_a_problem_whatever_the_client_has(asking: httpx.Client, known: str) -> None:
    response = asking.get("/v1/policies/nobody", headers={"If-None-Match": known})
    assert problem(response) == (404, "/problems/unknown-policy")


def test_an_etag_opens_nothing_without_a_key(assistant: FakeAssistant, asking: httpx.Client, tmp_path: Path) -> None:
    add_key(tmp_path / "keys.json", "one")
    with client(assistant, keys=tmp_path / "keys.json") as locked:
        known = asking.get(POLICY).headers["etag"]
        assert locked.get(POLICY, headers={"If-None-Match": known}).status_code == 401


# Compression


def test_answers_are_compressed_for_who_takes_it(asking: httpx.Client) -> None:
    packed, plain = (
        asking.post("/v1/ask", json={"question": ACQUISITION}, headers={"Accept-Encoding": coding})
        for coding in ("gzip", "identity")
    )
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 3
    assert packed.json()["passages"] == plain.json()["passages"]


def test_events_are_not_compressed(asking: httpx.Client) -> None:
    response = asking.post("/v1/ask", json={"question": ACQUISITION}, headers={"Accept": "text/event-stream"})
    assert response.headers["content-type"].startswith("text/event-stream")
    assert "content-encoding" not in response.headers


def test_a_part_of_the_widget_is_kept_for_ever_and_one_that_is_not_there_is_told(asking: httpx.Client) -> None:
    (name,) = (path.name for path in (WEB / "bundle" / "widget").glob("de-*.js"))
    response = asking.get(f"/widget/{name}")
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["cross-origin-resource-policy"] == "cross-origin"
    assert response.headers["content-encoding"] == "gzip"
    assert problem(asking.get("/widget/de-OLD.js")) == (404, "/problems/not-found")


# Records are made once


def test_a_policy_that_many_ask_for_at_once_is_made_once(watched: FakeAssistant) -> None:
    with client(watched) as asking, ThreadPoolExecutor(16) as askers:
        responses = [*askers.map(asking.get, [POLICY] * 16)]
    assert [response.status_code for response in responses] == [200] * 16
    assert len({response.content for response in responses}) == 1
    assert len(watched.index.notes) == 2  # type: ignore[attr-defined]


def test_records_are_made_one_at_a_time(watched: FakeAssistant) -> None:
    with client(watched) as asking, ThreadPoolExecutor(8) as askers:
        [*askers.map(asking.get, [f"{POLICY}?evidence=1-{end}" for end in range(2, 10)])]
    began, ended = (watched.index.notes[place::2] for place in (0, 1))  # type: ignore[attr-defined]
    assert len(began) == 8
    assert {note.split()[0] for note in began} == {"begin"}
    assert {note.split()[0] for note in ended} == {"end"}


def test_what_a_client_has_is_not_even_made(watched: FakeAssistant, asking: httpx.Client) -> None:
    known = asking.get(POLICY).headers["etag"]
    with client(watched) as fresh:
        assert fresh.get(POLICY, headers={"If-None-Match": known}).status_code == 304
    assert watched.index.notes == []  # type: ignore[attr-defined]


class Record(BaseModel):
    text: str


def kept_within(most_bytes: int, *names: str) -> list[str]:
    """Which of `names`, asked for one after the other, are made."""
    made: list[str] = []

    def make(name: str) -> Callable[[], BaseModel]:
        return lambda: made.append(name) or Record(text=name * 1_000)  # type: ignore[func-returns-value]

    async def ask() -> None:
        records = new_records(most_kept_bytes=most_bytes)
        for name in names:
            assert json.loads((await records.get(name, make(name))).body) == {"text": name * 1_000}

    run_async(ask)
    return made


def new_records(**options: int) -> Records:
    return Records(Admission(running=2, waiting=9, timeout_s=9, metrics=Metrics()), timeout_s=9, **options)


def test_records_are_kept_within_a_bound_and_the_one_asked_for_last_goes_last() -> None:
    assert kept_within(10_000, "a", "b", "a", "b") == ["a", "b"]
    assert kept_within(2_500, "a", "b", "a", "c", "a", "b") == ["a", "b", "c", "b"]
    assert kept_within(100, "a", "a") == ["a", "a"]


def test_who_leaves_takes_a_record_from_nobody_else() -> None:
    inside, may_end = threading.Event(), threading.Event()

    def make() -> BaseModel:
        inside.set()
        may_end.wait(5)
        return Record(text="whole")

    async def ask() -> bytes:
        records = new_records()
        first = asyncio.create_task(records.get("a", make))
        await asyncio.to_thread(inside.wait, 5)
        second = asyncio.create_task(records.get("a", make))
        first.cancel()
        await asyncio.wait([first])
        may_end.set()
        return (await second).body

    assert run_async(ask) == b'{"text":"whole"}'


def test_a_record_that_could_not_be_made_is_tried_again() -> None:
    tried: list[int] = []

    def make() -> BaseModel:
        tried.append(1)
        raise UnknownPolicy("none")

    async def ask() -> None:
        records = new_records()
        for _ in range(2):
            with pytest.raises(UnknownPolicy):
                await records.get("a", make)

    run_async(ask)
    assert len(tried) == 2


# Pages of companies


def pages(asking: httpx.Client, **asked: object) -> list[list[str]]:
    """The names on every page, `next` followed to the end."""
    found, after = [], ""
    while after is not None:
        page = asking.get("/v1/companies", params={**asked, "after": after}).json()
        found.append([company["name"] for company in page["companies"]])
        after = page["next"]
    return found


def test_few_companies_come_on_one_page(asking: httpx.Client) -> None:
    listed = asking.get("/v1/companies").json()
    assert list(listed) == ["companies", "next", "index_version"]
    assert (len(listed["companies"]), listed["next"]) == (5, None)


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 1_000])
def test_pages_hold_every_company_once_in_order(asking: httpx.Client, limit: int) -> None:
    found = pages(asking, limit=limit)
    assert [*chain(*found)] == ["imgwg Communications", "JivoChat", "Mailigen", "MightyCall", "migme"]
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)


def test_a_cursor_leads_on_where_its_company_is_gone(asking: httpx.Client) -> None:
    page = asking.get("/v1/companies", params={"after": "1jivochat\tgone.example", "limit": 1}).json()
    assert [company["name"] for company in page["companies"]] == ["JivoChat"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("JIVO", ["JivoChat"]),
        ("jivosite, inc.", ["JivoChat"]),
        ("mig.me", ["migme"]),
        ("mi", ["MightyCall", "migme"]),
        ("nobody", []),
        ("", ["imgwg Communications", "JivoChat", "Mailigen", "MightyCall", "migme"]),
    ],
)
def test_companies_are_found_by_any_of_their_names(asking: httpx.Client, asked: str, found: list[str]) -> None:
    assert [*chain(*pages(asking, q=asked, limit=1))] == found


def test_who_is_called_exactly_so_comes_first() -> None:
    class Listed:
        companies: ClassVar = {each: Company(each, f"{each} Xylophones", (), ()) for each in ("ax", "bx", "x", "xx")}
        manifest = type("Manifest", (), {"version": "1"})

        def policies_of(self, company_id: str) -> list[Policy]:
            return []

    def page(after: str) -> tuple[list[str], str | None]:
        made = CompaniesResponse.page(Listed(), limit=2, after=after, q="X")  # type: ignore[arg-type]
        return [company.id for company in made.companies], made.next

    first, after = page("")
    assert (first, page(after or "")) == (["x", "ax"], (["bx", "xx"], None))
    assert CompanyEntry.of(Listed.companies["x"], []).id == "x"


@pytest.mark.parametrize("asked", [{"limit": 0}, {"limit": 1_001}, {"limit": "many"}, {"q": "x" * 201}])
def test_a_page_that_there_cannot_be_is_a_problem(asking: httpx.Client, asked: dict) -> None:
    assert problem(asking.get("/v1/companies", params=asked)) == (422, "/problems/invalid-request")


# HEAD, addresses, index_version


@pytest.mark.parametrize("path", GET_PATHS)
def test_head_tells_what_get_would_without_a_body(asking: httpx.Client, path: str) -> None:
    sent = raw(asking, f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    head, _, body = sent.partition(b"\r\n\r\n")
    whole = asking.get(path, headers=PLAIN)
    assert body == b""
    assert head.startswith(f"HTTP/1.1 {whole.status_code} ".encode())
    assert f"content-length: {len(whole.content)}\r\n".encode() in head + b"\r\n"


def test_where_get_is_not_taken_head_is_not_and_the_methods_that_are_taken_are_told(asking: httpx.Client) -> None:
    assert asking.head("/v1/ask").status_code == 405
    assert asking.delete("/v1/companies").headers["allow"] == "GET, HEAD"
    assert asking.delete("/v1/ask").headers["allow"] == "POST"


def test_head_is_counted_by_its_route(assistant: FakeAssistant) -> None:
    with client(assistant) as asking:
        asking.head("/v1/companies")
        assert 'requests_total{route="/v1/companies",status="200"} 1.0' in asking.get("/metrics").text


@pytest.mark.parametrize("path", ["/policies/x/", "/v1/companies/", "/docs/", "/healthz/", "//elsewhere.example/"])
def test_nobody_is_led_to_where_the_host_header_says(assistant: FakeAssistant, path: str) -> None:
    with client(assistant, hosts=("elsewhere.example",)) as asking:
        sent = raw(asking, f"GET {path} HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n")
    assert sent.startswith(b"HTTP/1.1 404 ")
    assert b"location:" not in sent.lower()


def test_every_body_names_the_index_version(asking: httpx.Client, assistant: FakeAssistant) -> None:
    stream = asking.post("/v1/ask", json={"question": ACQUISITION}, headers={"Accept": "text/event-stream"})
    bodies = [
        asking.post("/v1/ask", json={"question": ACQUISITION}).text,
        asking.post("/v1/search", json={"question": "sold"}).text,
        asking.get("/v1/companies").text,
        asking.get(POLICY).text,
        asking.get("/v1/policies/nobody").text,
        asking.post("/v1/ask", json={"question": ""}).text,
        asking.post("/v1/ask", json={"question": ACQUISITION, "companies": ["nobody"]}).text,
        *re.findall(r"^data: (.*)$", stream.text, re.MULTILINE),
    ]
    assert len(bodies) == 10
    assert {json.loads(body)["index_version"] for body in bodies} == {assistant.index.manifest.version}


# The reference


def test_the_reference_tells_every_operation_and_schema(asking: httpx.Client) -> None:
    page, schema = asking.get("/docs"), asking.get("/openapi.json").json()
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for path, methods in schema["paths"].items():
        for method, told in methods.items():
            assert f"<h2><code>{method.upper()} {path}</code></h2>" in page.text
            assert told["summary"].replace("'", "&#39;") in page.text
    anchors = set(re.findall(r'id="([^"]+)"', page.text))
    assert set(schema["components"]["schemas"]) <= anchors
    assert set(re.findall(r'href="#([^"]+)"', page.text)) <= anchors


def test_the_reference_says_which_operations_ask_for_a_key_and_asks_for_none(
    assistant: FakeAssistant, tmp_path: Path
) -> None:
    add_key(tmp_path / "keys.json", "one")
    with client(assistant, keys=tmp_path / "keys.json") as locked:
        assert locked.get("/docs").text.count("Asks for an API key") == 15


def test_the_reference_needs_no_script_and_nobody_else(browser: Browser, assistant: FakeAssistant) -> None:
    with served(create_app(assistant, Settings())) as address:
        page = browser.new_page(java_script_enabled=False)
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(f"{address}/docs")
        assert page.get_by_role("heading", name="POST /v1/ask").is_visible()
        assert page.locator("main").evaluate("main => getComputedStyle(main).maxWidth") == "960px"
        page.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith((address, "data:"))] == []


def test_a_compressed_file_is_one_that_any_gzip_reads(asking: httpx.Client) -> None:
    with asking.stream("GET", "/page.css", headers={"Accept-Encoding": "gzip"}) as response:
        packed = b"".join(response.iter_raw())
    assert gzip.decompress(packed).startswith(b"/* The page around the chat.")
