"""The tools of MCP that compare companies and list changes, as the SDK's own client sees them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from api.app import create_app
from api.guard.keys import add_key
from api.settings import Settings
from qa.assistant import Assistant
from tests.api_support import served
from tests.event_loop import run_async
from tests.mcp_support import call, links, text_of, with_client, words
from tests.pages_support import FORMULA, VENDORS, vendors_index
from tests.tiny import TinyEmbedder

SALE = "do they sell my address to whoever pays?"


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    return Assistant(vendors_index(tmp_path_factory.mktemp("vendors")), TinyEmbedder())


@pytest.fixture(scope="module")
def address(assistant: Assistant) -> Iterator[str]:
    with served(create_app(assistant, Settings())) as address:
        yield address


@pytest.fixture
def asking(address: str) -> Callable[[Any], Any]:
    return lambda work: with_client(f"{address}/mcp", work)


def test_companies_are_compared_as_over_http(asking: Any, address: str) -> None:
    asked = {"questions": [SALE, "are cookies set?"], "companies": ["Vendor 01", "Pebblemail", "Nowhere"]}
    result = asking(call("compare_companies", **asked))
    over_http = httpx.post(f"{address}/v1/compare", json=asked).json()
    assert result.structured_content | {"took_ms": 0} == over_http | {"took_ms": 0}
    told = words(result)
    assert told.startswith(f"q1: {SALE}\nq2: are cookies set?\n")
    assert "- q1: not in index. No policy of Nowhere is in this index." in told
    assert len(links(result)) == sum(len(cell["quotations"]) for cell in over_http["cells"]) > 0


def test_what_a_cell_quotes_can_be_read(asking: Any) -> None:
    async def cited(client: Client) -> list[str]:
        result = await client.call_tool("compare_companies", {"questions": [SALE], "companies": ["Vendor 01"]})
        return [text_of(await client.read_resource(uri)) for uri in links(result)]

    assert FORMULA in "\n".join(asking(cited))


def test_a_checklist_is_put_to_everybody_page_by_page(asking: Any) -> None:
    async def everybody(client: Client) -> list[str]:
        seen: list[str] = []
        after: dict[str, str] = {}
        while True:
            page = (await client.call_tool("compare_companies", {"checklist": "consumer", **after})).structured_content
            assert page is not None
            seen += [company["name"] for company in page["companies"]]
            if page["next"] is None:
                return seen
            after = {"after": page["next"]}

    assert sorted(asking(everybody)) == sorted([*VENDORS, "Pebblemail"])


def test_changes_are_listed_with_both_texts(asking: Any, address: str) -> None:
    result = asking(call("list_changes", company="Pebblemail", since="2021-12-31"))
    params: dict[str, str | int] = {"company": "pebblemail", "since": "2021-12-31", "limit": 5}
    assert result.structured_content == httpx.get(f"{address}/v1/changes", params=params).json()
    told = words(result)
    assert told.startswith("Pebblemail, Privacy Policy, 2022-02-01: 1 reworded, 2 added\n")
    assert "- reworded, before: “We keep recordings of your voice for nine days.” Pebblemail, Privacy Policy" in told
    assert "- reworded, after: “We keep recordings of your voice for two days.”" in told


def test_both_sides_of_a_change_can_be_read(asking: Any) -> None:
    async def cited(client: Client) -> list[str]:
        result = await client.call_tool("list_changes", {"company": "Pebblemail", "limit": 1})
        return [text_of(await client.read_resource(uri)) for uri in links(result)][:2]

    assert asking(cited) == [f"We keep recordings of your voice for {days} days." for days in ("nine", "two")]


def test_older_changes_are_on_the_next_page(asking: Any) -> None:
    async def days(client: Client) -> list[str]:
        seen: list[str] = []
        after: dict[str, str] = {}
        while True:
            asked = {"company": "Pebblemail", "limit": 1, **after}
            page = (await client.call_tool("list_changes", asked)).structured_content
            assert page is not None
            seen += [change["day"] for change in page["changes"]]
            if page["next"] is None:
                return seen
            after = {"after": page["next"]}

    assert asking(days) == ["2022-02-01", "2021-02-01", "2020-02-01"]


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("compare_companies", {}, "there is nothing to ask"),
        ("compare_companies", {"checklist": "gpdr"}, "did you mean gdpr?"),
        ("compare_companies", {"question": SALE}, "there is no argument 'question', expected questions, "),
        ("list_changes", {"company": "Pebblemial"}, "did you mean Pebblemail?"),
        ("list_changes", {"since": "yesterday"}, "expected a day such as 2015-03-20"),
        ("list_changes", {"limit": 21}, "less than or equal to 20"),
        ("list_changes", {"checklists": ["gdpr"]}, "there is no argument 'checklists', expected company, "),
    ],
)
def test_what_is_wrong_is_told_to_the_model(asking: Any, tool: str, arguments: dict[str, Any], told: str) -> None:
    result = asking(call(tool, **arguments))
    assert result.is_error
    assert told in words(result)


def test_a_key_reaches_only_its_companies_and_endpoints(assistant: Assistant, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    one = add_key(keys, "one", companies=["pebblemail"])
    lists = add_key(keys, "lists", endpoints=["mcp", "changes"])
    settings = Settings(keys=keys)

    def with_key(server: str, secret: str, tool: str, **arguments: Any) -> Any:
        async def called() -> Any:
            async with (
                httpx2.AsyncClient(headers={"Authorization": f"Bearer {secret}"}, timeout=10) as http_client,
                Client(streamable_http_client(f"{server}/mcp", http_client=http_client)) as client,
            ):
                return await client.call_tool(tool, arguments)

        return run_async(called)

    with served(create_app(assistant, settings), settings) as server:
        everybody = with_key(server, one, "compare_companies", questions=[SALE]).structured_content
        assert [company["id"] for company in everybody["companies"]] == ["pebblemail"]
        changed = with_key(server, one, "list_changes", limit=20).structured_content
        assert {change["company"]["id"] for change in changed["changes"]} == {"pebblemail"}
        assert with_key(server, one, "list_changes", company="Vendor 01").is_error
        assert not with_key(server, lists, "list_changes", limit=1).is_error
        refused = with_key(server, lists, "compare_companies", questions=[SALE])
        assert refused.is_error
        assert "key" in words(refused)
