"""`askpolicy mcp` as a process, asked by the SDK's own client."""

import os
import sys
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult

import api.mcp
from api.command.cli import askpolicy
from api.guard.keys import add_key
from index.build import build
from tests.api_support import ACQUISITION, FakeAssistant, client, problem, serving, tiny_index
from tests.conftest import ROOT, SAMPLE
from tests.mcp_support import call, links, text_of, with_client, words
from tests.tiny import TinyEmbedder

SERVER = "from api.command.cli import main; from tests.tiny import TinyEmbedder; main(lambda settings: TinyEmbedder())"


def on_stdio(folder: Path, *flags: str) -> StdioServerParameters:
    arguments = ["-c", SERVER, "mcp", "--index", str(folder), "--reader", "none", *flags]
    return StdioServerParameters(command=sys.executable, args=arguments, cwd=ROOT, env=dict(os.environ))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stdio") / "index"
    build([SAMPLE], folder, embedder=TinyEmbedder())
    return folder


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_on_standard_streams_it_answers_and_cites(folder: Path, mode: str) -> None:
    async def cited(client: Client) -> tuple[CallToolResult, str]:
        result = await client.call_tool("ask", {"question": ACQUISITION, "k": 3})
        return result, text_of(await client.read_resource(links(result)[0]))

    result, text = with_client(on_stdio(folder), cited, mode=mode)
    assert result.structured_content["companies"][0]["id"] == "jivochat.com"
    assert words(result).startswith(result.structured_content["answer"])
    assert text in (SAMPLE.parent / result.structured_content["passages"][0]["policy"]["path"]).read_text()


def test_on_standard_streams_settings_of_the_network_count_for_nothing(folder: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    add_key(keys, "one")
    flags = ("--keys", str(keys), "--rate-per-address", "1/hour", "--host", "0.0.0.0", "--hosts", "policies.example")

    async def twice(client: Client) -> list[bool]:
        return [(await client.call_tool("list_companies", {})).is_error for _ in range(3)]

    assert with_client(on_stdio(folder, *flags), twice) == [False, False, False]


def test_over_http_it_is_the_service(folder: Path) -> None:
    flags = ("--http", "--index", str(folder), "--reader", "none")
    with serving(*flags, program=("-c", SERVER, "mcp")) as (address, _):
        result = with_client(f"{address}/mcp", call("ask", question=ACQUISITION))
        assert httpx.get(f"{address}/healthz").status_code == 200
    assert result.structured_content["outcome"] == "answered"


def test_beyond_loopback_it_asks_for_keys_as_the_service_does() -> None:
    done = CliRunner().invoke(askpolicy, ["mcp", "--http", "--host", "0.0.0.0", "--port", "0"])
    assert (done.exit_code, "askpolicy keys add NAME" in done.stderr) == (1, True)


def test_without_the_sdk_the_command_says_what_to_install_and_the_service_serves_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.mcp, "find_spec", lambda name: None)
    done = CliRunner().invoke(askpolicy, ["mcp"])
    assert (done.exit_code, done.stderr) == (1, "Error: MCP's SDK is not installed: pip install 'askpolicy[mcp]'\n")
    with client(FakeAssistant(tiny_index(tmp_path))) as asking:
        assert problem(asking.post("/mcp", json={})) == (404, "/problems/not-found")
        assert asking.get("/healthz").status_code == 200
