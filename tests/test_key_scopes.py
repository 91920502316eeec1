"""Which companies and endpoints a key is for, over a real server: nothing tells of the others."""

import gc
import re
import weakref
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import OpenAI
from starlette.requests import Request

from api.app import create_app
from api.guard.endpoints import endpoint_of
from api.guard.keys import add_key
from api.observability.metrics import Metrics
from api.observability.traces import Traces
from api.routes.work import Work
from api.serving.admission import Admission
from api.serving.live import LiveAssistant
from api.serving.scoped import ScopedAssistants, company_ids
from api.settings import Settings
from index.policies.companies import Company
from qa.assistant import Assistant
from tests.api_support import ACQUISITION, asked, bearer, client, problem, served, tiny_index
from tests.event_loop import run_async
from tests.mcp_support import call, text_of, words
from tests.test_mcp import with_key
from tests.tiny import TinyEmbedder

SHOP = "https://shop.example"
JIVOCHAT = "jivochat.com--privacy-policy--2015-03-20"
OTHERS = re.compile("imgwg|mailigen|migme|mig\\.me|mightycall|infratel", re.IGNORECASE)


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    return Assistant(tiny_index(tmp_path_factory.mktemp("index")), TinyEmbedder())


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


# Companies: of what a key does not see, nothing is told, by any endpoint

QUESTIONS = (
    "do they sell my data to advertisers?",
    "does Mailigen sell my data?",
    "does Mailigne sell my data?",
    "which companies use cookies?",
    "what can I ask you?",
    "how do JivoChat and Mailigen compare?",
)


@pytest.fixture(scope="module")
def jivochats(assistant: Assistant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, str]]:
    """A service, and the secret of a key for JivoChat alone."""
    keys = tmp_path_factory.mktemp("keys") / "keys.json"
    secret = add_key(keys, "jivochat", companies=["jivochat.com"])
    with client(assistant, keys=keys) as asking:
        yield asking, secret


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    ("path", "accept"),
    [("/v1/ask", "application/json"), ("/v1/ask", "text/event-stream"), ("/v1/search", "application/json")],
)
def test_a_key_for_a_company_gets_nothing_of_others(
    jivochats: tuple[httpx.Client, str], question: str, path: str, accept: str
) -> None:
    response = asked(*jivochats, question, path, accept=accept)
    assert response.status_code == 200
    # whom the question itself names is named in the answer, as any unknown name is
    typed = {word.lower() for word in OTHERS.findall(question)}
    assert {word.lower() for word in OTHERS.findall(response.text)} <= typed


def test_a_company_beyond_the_keys_is_answered_as_one_that_the_index_lacks(
    jivochats: tuple[httpx.Client, str],
) -> None:
    told = []
    for name in ("Mailigen", "Wumblex"):
        answer = asked(*jivochats, f"does {name} sell my data?").json()
        told.append((answer["outcome"], answer["answer"].replace(name, "X"), answer["unknown_companies"][0]["nearest"]))
    assert told[0] == told[1]
    given = [asked(*jivochats, "do you sell data?", companies=[name]) for name in ("mailigen.com", "wumblex.com")]
    assert [problem(each) for each in given] == [(422, "/problems/unknown-company")] * 2
    assert [each.json()["nearest"] for each in given] == [[], []]
    streamed = asked(*jivochats, "does Mailigen sell my data?", accept="text/event-stream").text
    assert '"outcome":"unknown_company"' in streamed


def test_its_own_company_is_answered_as_without_keys(assistant: Assistant, jivochats: tuple[httpx.Client, str]) -> None:
    with client(assistant) as everybody:
        whole = everybody.post("/v1/ask", json={"question": ACQUISITION}).json()
    assert asked(*jivochats, ACQUISITION).json() | {"took_ms": 0} == whole | {"took_ms": 0}


def test_records_beyond_its_companies_are_not_there(assistant: Assistant, jivochats: tuple[httpx.Client, str]) -> None:
    asking, secret = jivochats
    others = [policy for policy in assistant.index.policies.places if not policy.startswith("jivochat")]
    assert len(others) == 4
    for policy in (*others, "nonsense"):
        for path in (f"/v1/policies/{policy}", f"/v1/policies/{policy}/text"):
            assert problem(asking.get(path, headers=bearer(secret))) == (404, "/problems/unknown-policy")
    for path in ("", "/text"):
        assert asking.get(f"/v1/policies/{JIVOCHAT}{path}", headers=bearer(secret)).status_code == 200
    for query in ("", "?q=mailigen", "?after=0"):
        assert not OTHERS.search(asking.get(f"/v1/companies{query}", headers=bearer(secret)).text)


def test_neither_a_cache_nor_a_304_tells_of_others(assistant: Assistant, keys: Path) -> None:
    one = add_key(keys, "one", companies=["jivochat.com"])
    two = add_key(keys, "two", companies=["Mailigen"])
    every = add_key(keys, "every")
    with client(assistant, keys=keys) as asking:
        paths = ("/v1/companies", "/v1/policies/" + next(p for p in assistant.index.policies if "mailigen" in p))
        statuses = []
        for path in paths:
            tag = asking.get(path, headers=bearer(every)).headers["etag"]
            asked_about = [{"If-None-Match": tag}, {"If-None-Match": "*"}]
            statuses += [
                [asking.get(path, headers=bearer(each, **more)).status_code for more in asked_about]
                for each in (every, one, two)
            ]
        # what a key may see is there for it, under a tag of its own; what it may not is not, whatever it knows
        assert statuses == [[304, 304], [200, 304], [200, 304], [304, 304], [404, 404], [200, 304]]
        listed = [asking.get(paths[0], headers=bearer(each)).json()["companies"] for each in (one, two, every)]
        assert [[company["id"] for company in each] for each in listed[:2]] == [["jivochat.com"], ["mailigen.com"]]
        assert len(listed[2]) == 5


def test_a_widget_token_sees_its_companies_alone(assistant: Assistant, keys: Path) -> None:
    token = add_key(keys, "shop", origins=[SHOP], companies=["JivoChat"])
    with client(assistant, keys=keys) as asking:
        listed = asking.get("/v1/companies", headers=bearer(token, Origin=SHOP)).json()["companies"]
        assert [each["id"] for each in listed] == ["jivochat.com"]
        assert asking.get("/v1/companies", headers=bearer(token)).status_code == 403


def test_mcp_sees_the_keys_companies_alone(assistant: Assistant, keys: Path) -> None:
    secret = add_key(keys, "jivochat", companies=["jivochat.com"])
    other = next(policy for policy in assistant.index.policies.places if not policy.startswith("jivochat"))

    async def everything(of: Any) -> list[str]:
        told = [
            words(await call("ask", question="do they sell my data to advertisers?")(of)),
            words(await call("search", question="which data is sold?")(of)),
            words(await call("list_companies")(of)),
            str((await of.list_resources()).resources),
            text_of(await of.read_resource(f"askpolicy://policies/{JIVOCHAT}?start=0&end=300")),
        ]
        refused = await call("read_policy", policy_id=other)(of)
        assert refused.is_error
        return told

    with served(create_app(assistant, Settings(keys=keys))) as address:
        told = with_key(address, secret, everything)
        beyond = with_key(address, secret, lambda of: of.read_resource(f"askpolicy://policies/{other}"))
    assert "no policy" in str(beyond)
    assert [OTHERS.findall(each) for each in told] == [[]] * 5
    assert all("JivoChat" in each for each in told[:4])


@pytest.mark.parametrize("stream", [False, True])
def test_openais_interface_sees_the_keys_companies_alone(assistant: Assistant, keys: Path, stream: bool) -> None:
    secret = add_key(keys, "jivochat", companies=["jivochat.com"])
    with served(create_app(assistant, Settings(keys=keys))) as address:
        asking = OpenAI(base_url=f"{address}/v1", api_key=secret, max_retries=0)
        for question in QUESTIONS:
            message = [{"role": "user", "content": question}]
            answer = asking.chat.completions.create(model="askpolicy", messages=message, stream=stream)  # type: ignore[call-overload]
            told = "".join(str(each) for each in answer) if stream else str(answer)
            typed = {word.lower() for word in OTHERS.findall(question)}
            assert {word.lower() for word in OTHERS.findall(told)} <= typed


def test_a_key_for_companies_that_are_not_there_sees_none(assistant: Assistant, keys: Path) -> None:
    secret = add_key(keys, "nobody", companies=["wumblex.com"])
    with client(assistant, keys=keys) as asking:
        assert asking.get("/v1/companies", headers=bearer(secret)).json()["companies"] == []
        for question in QUESTIONS:
            answer = asked(asking, secret, question).json()
            assert (answer["passages"], answer["verdicts"], answer["companies"]) == ([], [], [])
            assert asked(asking, secret, question, "/v1/search").json()["hits"] == []


def test_a_company_is_meant_by_id_domain_or_own_name_and_never_by_what_two_share() -> None:
    companies = [
        Company("a.example", "Twins", ("Alias",), ("a.example",)),
        Company("b.example", "Twins", (), ("b.example", "other.example")),
        Company("twins", "Else", (), ()),
        Company("c", "Both", (), ()),
        Company("d", "both", (), ()),
    ]
    meant = [
        company_ids([name], companies)[0] for name in ("A.example", "other.example", "Twins", "Else ", "Alias", "Both")
    ]
    assert meant == [{"a.example"}, {"b.example"}, {"twins"}, {"twins"}, set(), set()]
    assert company_ids(["Both", "c", "Alias"], companies) == ({"c"}, ["Both", "Alias"])


def test_an_exchanged_index_is_not_kept_by_what_was_made_of_it_for_keys(tmp_path: Path) -> None:
    scoped = ScopedAssistants()
    whole = Assistant(tiny_index(tmp_path), TinyEmbedder())

    async def twice(assistant: Assistant) -> list[Assistant]:
        return [await scoped.of(assistant, ("jivochat.com",)) for _ in range(2)]

    one, again = run_async(partial(twice, whole))
    assert one is again
    gone = [weakref.ref(whole), weakref.ref(one)]
    del whole, one, again
    gc.collect()
    assert [each() for each in gone] == [None, None]


def test_a_request_that_passed_no_guard_gets_no_assistant(assistant: Assistant) -> None:
    metrics = Metrics()
    live = LiveAssistant(None, opened=assistant, watch_s=1, metrics=metrics)
    admission = Admission(running=1, waiting=1, timeout_s=1, metrics=metrics)
    work = Work(live, admission, metrics, Traces(None), log_questions=False, timeout_s=1)
    with pytest.raises(AttributeError, match="companies"):
        run_async(lambda: work.assistant(Request({"type": "http", "state": {}})))


# Endpoints


def test_a_key_for_endpoints_reaches_no_other(assistant: Assistant, keys: Path) -> None:
    secret = add_key(keys, "asks", endpoints=["ask", "policies"])
    with client(assistant, keys=keys) as asking:
        assert asked(asking, secret, ACQUISITION).status_code == 200
        assert asking.get(f"/v1/policies/{JIVOCHAT}/text", headers=bearer(secret)).status_code == 200
        refused = [
            asked(asking, secret, ACQUISITION, "/v1/search"),
            *(asking.get(path, headers=bearer(secret)) for path in ("/v1/companies", "/metrics", "/v1/nothing", "/v1")),
            asking.post("/mcp", json={}, headers=bearer(secret)),
        ]
        assert [problem(each) for each in refused] == [(403, "/problems/key-scope")] * 6
        told = asking.get("/v1/models", headers=bearer(secret))
        assert (told.status_code, told.json()["error"]["code"]) == (403, "key-scope")
    assert "this key is for ask, policies, and not for the endpoint search" in refused[0].json()["detail"]


def test_every_address_of_the_contract_belongs_to_an_endpoint(assistant: Assistant) -> None:
    contract = [
        path for path in create_app(assistant, Settings()).openapi()["paths"] if path.startswith(("/v1", "/metrics"))
    ]
    assert len(contract) >= 9
    assert [path for path in contract if endpoint_of(path) is None] == []


def test_administration_and_others_numbers_are_for_keys_that_name_them(assistant: Assistant, keys: Path) -> None:
    made = {
        "plain": add_key(keys, "plain"),
        "of-company": add_key(keys, "of-company", companies=["jivochat.com"]),
        "numbers": add_key(keys, "numbers", companies=["jivochat.com"], endpoints=["metrics"]),
        "admin": add_key(keys, "admin", endpoints=["admin"]),
    }
    with client(assistant, keys=keys) as asking:
        statuses = {
            name: [asking.get(path, headers=bearer(secret)).status_code for path in ("/v1/admin/policies", "/metrics")]
            for name, secret in made.items()
        }
    # nothing is there yet, so that whoever may go there finds nothing
    assert statuses == {"plain": [403, 200], "of-company": [403, 403], "numbers": [403, 200], "admin": [404, 403]}


def test_without_keys_there_is_no_administration(assistant: Assistant) -> None:
    app = create_app(assistant, Settings())

    @app.post("/v1/admin/policies")
    async def upload() -> None:
        raise AssertionError("reached")

    with served(app) as address:
        for path in ("/v1/admin/policies", "/v1/admin", "/v1/admin%2Fpolicies", "/v1//admin/policies"):
            assert problem(httpx.post(address + path)) == (404, "/problems/not-found")


def test_a_tool_needs_its_own_endpoint_beside_mcp(assistant: Assistant, keys: Path) -> None:
    secret = add_key(keys, "assistant", endpoints=["mcp", "ask"])
    with served(create_app(assistant, Settings(keys=keys))) as address:
        answered = with_key(address, secret, call("ask", question=ACQUISITION))
        refused = with_key(address, secret, call("search", question=ACQUISITION))
    assert not answered.is_error
    assert refused.is_error
    assert "this key is for mcp, ask, and not for the endpoint search" in words(refused)
