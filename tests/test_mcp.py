"""MCP as its SDK's own client sees it, over a real server on loopback and on the standard streams of a real process."""

import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import anyio
import httpx
import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from api.app import create_app
from api.guard.keys import add_key
from api.settings import Settings
from index.build import build
from qa.deadline import NO_DEADLINE, Deadline
from tests.api_support import ACQUISITION, NOT_OBLIGATED, FakeAssistant, client, problem, served, tiny_index
from tests.event_loop import run_async
from tests.mcp_support import call, links, text_of, with_client, words
from tests.tiny import TinyEmbedder

POLICY = "jivochat.com--privacy-policy--2015-03-20"
ANSWER = f"No. “{NOT_OBLIGATED}” — JivoChat, Privacy Policy, “Legal Matters”, archived 2015-03-20, effective 2014-10-17"


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> FakeAssistant:
    return FakeAssistant(tiny_index(tmp_path_factory.mktemp("index")))


@pytest.fixture(scope="module")
def address(assistant: FakeAssistant) -> Iterator[str]:
    with served(create_app(assistant, Settings())) as address:
        yield address


# the protocol with a handshake, which most clients speak, and the one without
@pytest.fixture(params=["legacy", "auto"])
def asking(request: pytest.FixtureRequest, address: str) -> Callable[[Callable[[Client], Awaitable[Any]]], Any]:
    """Gives the connected client to a function and returns what that does."""
    return lambda work: with_client(f"{address}/mcp", work, mode=request.param)


def with_key(address: str, key: str | None, work: Callable[[Client], Awaitable[Any]], **headers: str) -> Any:
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"

    @asynccontextmanager
    async def transport() -> AsyncIterator[Any]:
        async with (
            httpx2.AsyncClient(headers=headers, timeout=10) as http_client,
            streamable_http_client(f"{address}/mcp", http_client=http_client) as streams,
        ):
            yield streams

    return with_client(transport(), work)


# What an assistant finds


def test_the_tools_say_what_they_take_and_give(asking: Any) -> None:
    tools = asking(lambda client: client.list_tools()).tools
    assert [tool.name for tool in tools] == [
        "ask",
        "search",
        "compare_companies",
        "list_changes",
        "list_companies",
        "read_policy",
    ]
    assert all(tool.annotations.read_only_hint and tool.output_schema for tool in tools)
    assert list(tools[0].input_schema["properties"]) == ["question", "companies", "k", "history", "as_of", "offset"]


def test_an_answer_begins_the_text_and_the_structured_result_is_the_contracts(asking: Any, address: str) -> None:
    result = asking(call("ask", question=ACQUISITION))
    over_http = httpx.post(f"{address}/v1/ask", json={"question": ACQUISITION}).json()
    assert words(result).startswith(f"{ANSWER}\n\nSources:\n")
    assert result.structured_content | {"took_ms": 0} == over_http | {"took_ms": 0}


def test_what_is_quoted_is_linked_and_the_link_can_be_read(asking: Any) -> None:
    async def cited(client: Client) -> str:
        (uri,) = links(await client.call_tool("ask", {"question": ACQUISITION}))
        return text_of(await client.read_resource(uri))

    assert NOT_OBLIGATED in asking(cited)


def test_a_follow_up_takes_its_history_in(asking: Any) -> None:
    result = asking(call("ask", question="and JivoChat?", history=["is my data sold?"]))
    assert result.structured_content["standalone_question"] == "is my data sold? and JivoChat?"
    assert words(result).startswith(ANSWER)


def test_of_several_companies_each_has_its_verdict(asking: Any) -> None:
    result = asking(call("ask", question="is my data sold?", companies=["Mailigen", "jivochat.com"]))
    outcomes = {each["company"]["name"]: each["outcome"] for each in result.structured_content["verdicts"]}
    assert outcomes == {"Mailigen": "not_stated", "JivoChat": "answered"}
    assert words(result).startswith(f"{ANSWER}\nThe policy of Mailigen does not say.")


def test_a_silent_policy_is_an_answer_with_the_nearest_passages(asking: Any) -> None:
    result = asking(call("ask", question="what does JivoChat say of download?"))
    assert words(result).startswith("The policy of JivoChat does not say.\n\nNearest passages:\n")
    assert (result.is_error, len(links(result))) == (False, 5)


def test_a_company_that_the_question_names_and_nobody_knows_is_an_answer(asking: Any) -> None:
    result = asking(call("ask", question="does Facebook sell?"))
    assert (words(result), result.structured_content["outcome"]) == (
        "No policy of Facebook is in this index.",
        "unknown_company",
    )


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("ask", {"question": "sold?", "companies": ["Jivo"]}, "did you mean JivoChat?"),
        ("ask", {"question": "sold?", "company": "JivoChat"}, "there is no argument 'company', expected question, "),
        ("ask", {}, "body.question: Field required"),
        ("ask", {"question": "x" * 3_000}, "the question has 3,000 characters"),
        ("search", {"question": "sold?", "k": 1_000}, "k is 1000, expected 1 to 100"),
        ("list_companies", {"after": "nobody"}, "after is 'nobody', which is no company's id"),
        ("list_companies", {"limit": 0}, "limit: Input should be greater than or equal to 1"),
        ("read_policy", {"policy_id": "../nothing"}, "There is nothing at this address"),
        ("read_policy", {"policy_id": "nothing"}, "no policy 'nothing' in this index"),
        ("read_policy", {"policy_id": POLICY, "start": "0"}, "start: Input should be a valid integer"),
    ],
)
def test_a_wrong_argument_is_told_for_the_model_to_mend(
    asking: Any, tool: str, arguments: dict[str, Any], told: str
) -> None:
    result = asking(call(tool, **arguments))
    assert result.is_error
    assert told in words(result)


def test_an_error_of_the_program_keeps_its_insides(asking: Any) -> None:
    result = asking(call("ask", question="explode"))
    assert result.is_error
    assert words(result).startswith("Something went wrong inside the service: ")
    assert "secret" not in words(result)


def test_an_unknown_tool_is_named(asking: Any) -> None:
    error = asking(call("nothing"))
    assert error.error.message.startswith("there is no tool 'nothing', expected ask, search, ")


def test_a_search_lists_the_passages_best_first(asking: Any) -> None:
    result = asking(call("search", question="sold", companies=["jivochat.com"], k=2))
    assert words(result).startswith("1. JivoChat, Privacy Policy, “Legal Matters”, 2015-03-20 (score 0.87): askpolicy:")
    assert [hit["rank"] for hit in result.structured_content["hits"]] == [1, 2]


def test_the_companies_come_in_pages(asking: Any, assistant: FakeAssistant) -> None:
    async def all_of_them(client: Client) -> list[str]:
        names, after = [], None
        while True:
            result = await client.call_tool("list_companies", {"limit": 2} | ({"after": after} if after else {}))
            names += [company["name"] for company in result.structured_content["companies"]]
            after = result.structured_content["next"]
            if after is None:
                return names

    assert asking(all_of_them) == sorted((each.name for each in assistant.index.companies.values()), key=str.casefold)


def test_a_long_policy_is_read_in_pages(asking: Any, assistant: FakeAssistant) -> None:
    async def whole(client: Client) -> str:
        text, start = "", 0
        while start is not None:
            page = await client.call_tool("read_policy", {"policy_id": POLICY, "start": start, "max_chars": 5_000})
            text += page.structured_content["text"]
            start = page.structured_content["next_start"]
        return text

    assert asking(whole) == assistant.index.policy(POLICY).text


def test_every_policy_is_a_resource_that_can_be_read(asking: Any, assistant: FakeAssistant) -> None:
    async def read(client: Client) -> list[str]:
        return [text_of(await client.read_resource(each.uri)) for each in (await client.list_resources()).resources]

    assert sorted(asking(read)) == sorted(policy.text for policy in assistant.index.policies.values())


def test_of_a_very_long_policy_the_rest_is_named(tmp_path: Path) -> None:
    text = "# Acme Privacy Policy\n\n" + "Acme keeps the data of each account at acme.com for a year.\n\n" * 2_500
    (tmp_path / "acme.md").write_text(text)
    build([tmp_path], tmp_path / "index", embedder=TinyEmbedder())

    async def read(client: Client) -> str:
        (resource,) = (await client.list_resources()).resources
        text, uri = "", resource.uri
        while uri:
            page = await client.read_resource(uri)
            assert len(text_of(page)) <= 100_000
            text, uri = text + text_of(page), (page.contents[0].meta or {}).get("next")
        return text

    index = tiny_index_of(tmp_path / "index")
    with served(create_app(FakeAssistant(index), Settings())) as address:
        (policy,) = index.policies.values()
        assert with_client(f"{address}/mcp", read) == policy.text
        assert len(policy.text) > 100_000


def tiny_index_of(folder: Path) -> Any:
    from index.policy_index import PolicyIndex

    return PolicyIndex.open(folder, embedder=TinyEmbedder())


@pytest.mark.parametrize(
    "uri",
    ["askpolicy://policies/nothing", "askpolicy://policies/", "askpolicy://policies/a/b", "file:///etc/passwd"],
)
def test_what_is_no_resource_is_refused(asking: Any, uri: str) -> None:
    error = asking(lambda client: client.read_resource(uri))
    assert (error.error.code, "there is no resource" in error.error.message or "nothing" in uri) == (-32602, True)


# Who may ask


def test_without_a_key_nothing_is_told(assistant: FakeAssistant, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    secret = add_key(keys, "one")
    with client(assistant, keys=keys) as asking:
        address = str(asking.base_url)
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        assert problem(asking.post("/mcp", json=message)) == (401, "/problems/key-missing")
        for key in (None, "askpolicy_guess"):
            with pytest.raises(ExceptionGroup) as refused:
                with_key(address, key, lambda client: client.list_tools())
            assert refused.group_contains(MCPError)
        assert words(with_key(address, secret, call("ask", question=ACQUISITION))).startswith(ANSWER)


def test_a_widget_token_asks_from_its_own_pages_only(assistant: FakeAssistant, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    token = add_key(keys, "shop", origins=["https://shop.example"])
    with client(assistant, keys=keys) as asking:
        address = str(asking.base_url)
        with pytest.raises(ExceptionGroup):
            with_key(address, token, call("ask", question=ACQUISITION))
        result = with_key(address, token, call("ask", question=ACQUISITION), Origin="https://shop.example")
    assert words(result).startswith(ANSWER)


def test_a_tool_is_refused_over_the_limit_of_the_one_who_calls_it(assistant: FakeAssistant) -> None:
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "list_companies", "arguments": {}},
    }
    headers = {"Accept": "application/json, text/event-stream"}
    with client(assistant, rate_per_address="5/hour", proxies=("127.0.0.1",)) as asking:
        results = [
            asking.post("/mcp", json=message, headers=headers | {"X-Forwarded-For": address})
            for address in ("192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2")
        ]
    # a message counts, and so does what it asks for
    assert [each.status_code for each in results] == [200, 200, 200, 429, 200]
    assert [each.json()["result"]["isError"] for each in results if each.status_code == 200] == [
        False,
        False,
        True,
        False,
    ]
    assert "Too many requests" in results[2].json()["result"]["content"][0]["text"]


def test_another_name_of_this_machine_is_refused(assistant: FakeAssistant) -> None:
    with client(assistant) as asking:
        response = asking.post("/mcp", json={}, headers={"Host": "elsewhere.example"})
    assert problem(response) == (421, "/problems/foreign-host")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_there_are_no_streams_and_no_sessions(address: str, method: str) -> None:
    response = httpx.request(method, f"{address}/mcp", headers={"Accept": "text/event-stream"})
    assert problem(response) == (405, "/problems/method-not-allowed")


def test_a_body_that_is_too_large_is_refused(assistant: FakeAssistant) -> None:
    with client(assistant, max_body_bytes=2_000) as asking:
        assert problem(asking.post("/mcp", content=b"x" * 3_000)) == (413, "/problems/body-too-large")


def test_many_unknown_arguments_make_one_short_error(asking: Any) -> None:
    result = asking(call("ask", question="sold?", **{f"x{number}": 1 for number in range(600)}))
    assert result.is_error
    assert len(words(result)) < 300


def test_what_a_tool_asks_has_the_id_of_its_message_and_is_counted(
    assistant: FakeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "ask", "arguments": {"question": ACQUISITION}},
    }
    with caplog.at_level("INFO", logger="askpolicy"), client(assistant) as asking:
        asking.post("/mcp", json=message, headers={"Accept": "application/json, text/event-stream"})
        numbers = asking.get("/metrics").text
    lines: list[Any] = [record.msg for record in caplog.records if record.name == "askpolicy"]
    ids = {line["path"]: line["request_id"] for line in lines if line["event"] == "request"}
    assert ids["/v1/ask"] == ids["/mcp"]
    assert 'askpolicy_questions_total{outcome="answered"} 1.0' in numbers
    assert 'askpolicy_http_requests_total{route="/mcp",status="200"} 1.0' in numbers


class SlowAssistant(FakeAssistant):
    """Begins, and then waits until it is told to go on."""

    def __init__(self, index: Any) -> None:
        super().__init__(index)
        self.begun, self.go_on = threading.Event(), threading.Event()

    def search(
        self,
        question: str,
        *,
        companies: Any = (),
        k: int = 5,
        as_of: date | None = None,
        deadline: Deadline = NO_DEADLINE,
    ) -> Any:
        self.begun.set()
        assert self.go_on.wait(10)
        return super().search(question, companies=companies, k=k, as_of=as_of)


@pytest.mark.parametrize("version", [None, "2026-07-28"])
def test_what_a_client_that_left_has_asked_is_given_up(assistant: FakeAssistant, version: str | None) -> None:
    slow = SlowAssistant(assistant.index)
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "search", "arguments": {}}}
    message["params"] |= {"arguments": {"question": "sold?"}}
    headers = {"Accept": "application/json, text/event-stream"}
    if version:
        headers |= {"MCP-Protocol-Version": version, "Mcp-Method": "tools/call", "Mcp-Name": "search"}
        meta = "io.modelcontextprotocol/"
        message["params"]["_meta"] = {f"{meta}protocolVersion": version, f"{meta}clientCapabilities": {}}
    with client(slow, max_running=1) as asking:
        leaving = threading.Thread(target=_leave_at, args=(slow.begun, asking, message, headers))
        leaving.start()
        leaving.join(10)
        try:
            # both requests are over, without an answer, while the thread still waits
            numbers = _numbers_with(asking, 'askpolicy_http_requests_total{route="/mcp",status="0"} 1.0')
            assert 'askpolicy_http_requests_total{route="/v1/search"' in numbers
        finally:
            slow.go_on.set()


def _numbers_with(asking: httpx.Client, line: str) -> str:
    """The numbers of the service once `line` is among them."""
    for _ in range(1_000):
        numbers = asking.get("/metrics").text
        if line in numbers:
            return numbers
    raise TimeoutError(f"{line} is not in {numbers}")


def _leave_at(begun: threading.Event, asking: httpx.Client, message: Any, headers: dict[str, str]) -> None:
    async def leave() -> None:
        async with httpx.AsyncClient(base_url=asking.base_url) as client:
            request = anyio.create_task_group()
            async with request:
                request.start_soon(lambda: client.post("/mcp", json=message, headers=headers))
                await anyio.to_thread.run_sync(begun.wait, 10)
                request.cancel_scope.cancel()

    run_async(leave)
