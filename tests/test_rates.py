"""Requests are counted in a Redis for all workers, with a real one; what becomes of them when it is away."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from structlog.testing import capture_logs

from api.app import create_app
from api.guard.rates import open_rates
from api.settings import BadSetting, Settings
from tests.api_support import FakeAssistant, client, problem, serving, tiny_index

SECRET = "pa55-word"


class RedisServer:
    """A real Redis on loopback that asks for a password; it can be stopped and begun again at the same address."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process: subprocess.Popen[str] | None = None

    @property
    def uri(self) -> str:
        return f"redis://:{SECRET}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--dir", "/tmp"]
        self.process = subprocess.Popen([*command, "--requirepass", SECRET], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert any("Ready to accept connections" in line for line in self.process.stdout), "redis-server did not start"

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None:
        pytest.skip("needs redis-server, which is not installed")
    server = RedisServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> FakeAssistant:
    return FakeAssistant(tiny_index(tmp_path_factory.mktemp("tiny") / "index"))


@contextmanager
def two_services(assistant: FakeAssistant, uri: str) -> Iterator[list]:
    with ExitStack() as opened:
        limits = {"rate_storage": uri, "rate_per_address": "3/hour"}
        yield [opened.enter_context(client(assistant, **limits)) for _ in range(2)]


def statuses(asking, count: int) -> list[int]:
    return [asking.get("/v1/companies").status_code for _ in range(count)]


def test_services_that_share_a_redis_share_the_limit(assistant: FakeAssistant, redis_server: RedisServer) -> None:
    with two_services(assistant, redis_server.uri) as (one, other):
        assert statuses(one, 2) + statuses(other, 2) == [200, 200, 200, 429]
        refused = one.get("/v1/companies")
    assert problem(refused) == (429, "/problems/too-many-requests")
    assert 0 < int(refused.headers["retry-after"]) <= 2 * 3_600


def test_two_workers_share_the_limit(redis_server: RedisServer) -> None:
    """As the error message advises, with the real command and the real client, over the whole way."""
    import httpx

    limits = ["--rate-per-address", "20/hour", "--rate-storage", redis_server.uri]
    with serving("--workers", "2", *limits) as (address, _):
        found = [httpx.get(f"{address}/v1/companies").status_code for _ in range(21)]
    assert found == [200] * 20 + [429]


def test_while_redis_is_away_each_service_counts_alone_and_then_together_again(
    assistant: FakeAssistant, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.guard.rates._LEFT_ALONE_S", 0.0)
    with two_services(assistant, redis_server.uri) as (one, other):
        assert statuses(one, 3) == [200, 200, 200]
        redis_server.stop()
        with capture_logs() as logged:
            assert statuses(one, 4) == [200, 200, 200, 429]
            assert statuses(other, 4) == [200, 200, 200, 429]
        redis_server.start()
        assert statuses(one, 2) + statuses(other, 2) == [200, 200, 200, 429]
    failures = [entry for entry in logged if entry["event"] == "rate_storage_failed"]
    assert {entry["storage"] for entry in failures} == {f"redis://127.0.0.1:{redis_server.port}/0".removesuffix("/0")}
    assert all(entry["why"].startswith("ConnectionError: ") for entry in failures)
    assert SECRET not in repr(logged)


def test_a_redis_that_failed_is_left_alone_for_a_while(assistant: FakeAssistant, redis_server: RedisServer) -> None:
    with two_services(assistant, redis_server.uri) as (one, _):
        redis_server.stop()
        with capture_logs() as logged:
            assert statuses(one, 3) == [200, 200, 200]
    assert [entry["event"] for entry in logged].count("rate_storage_failed") == 1


def test_no_request_waits_long_for_a_redis_that_is_silent(assistant: FakeAssistant) -> None:
    """A listener that accepts and never answers: each request would otherwise wait for it."""
    with socket.create_server(("127.0.0.1", 0)) as silent, capture_logs() as logged:
        uri = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        with client(assistant, rate_storage=uri, rate_per_address="3/hour") as asking:
            assert statuses(asking, 4) == [200, 200, 200, 429]
    assert [entry["event"] for entry in logged].count("rate_storage_failed") == 1


def test_it_starts_while_redis_is_away_and_says_so(assistant: FakeAssistant, redis_server: RedisServer) -> None:
    redis_server.stop()
    with (
        capture_logs() as logged,
        client(assistant, rate_storage=redis_server.uri, rate_per_address="1/hour") as asking,
    ):
        assert statuses(asking, 2) == [200, 429]
    assert [entry["event"] for entry in logged].count("rate_storage_failed") == 1
    assert SECRET not in repr(logged)


REFUSED = {
    "a wrong password": lambda server: server.uri.replace(SECRET, "wr0ng-" + SECRET),
    "no password": lambda server: server.uri.replace(f":{SECRET}@", ""),
    "no such database": lambda server: server.uri.removesuffix("0") + "9999",
    "a slash in the password": lambda server: server.uri.replace(SECRET, SECRET + "/x"),
    "no host": lambda server: f"redis://:{SECRET}",
    "another scheme": lambda server: server.uri.replace("redis://", "memcached://"),
    "no scheme": lambda server: SECRET,
}


@pytest.mark.parametrize("uri_of", REFUSED.values(), ids=REFUSED.keys())
def test_what_will_never_count_is_refused_at_start_and_no_password_is_shown(
    uri_of, assistant: FakeAssistant, redis_server: RedisServer
) -> None:
    with pytest.raises(BadSetting, match="rate_storage") as refused:
        create_app(assistant, Settings(rate_storage=uri_of(redis_server)))
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_command_tells_of_a_wrong_password_in_one_line_without_it(workers: int, redis_server: RedisServer) -> None:
    command = [sys.executable, "-m", "api.command.cli", "serve", "--port", "0", "--workers", str(workers)]
    uri = redis_server.uri.replace(SECRET, "wr0ng-" + SECRET)
    done = subprocess.run([*command, "--rate-storage", uri], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: rate_storage is redis://127.0.0.1:{redis_server.port}, which refuses")
    assert done.stderr.count("\n") == 1
    assert SECRET not in done.stdout + done.stderr


def test_something_else_than_redis_is_told_at_start(assistant: FakeAssistant) -> None:
    with client(assistant) as other:
        uri = f"redis://127.0.0.1:{other.base_url.port}"
        with pytest.raises(BadSetting, match="refuses"):
            open_rates(uri)


def test_without_its_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(BadSetting, match=r"pip install 'askpolicy\[redis\]'") as refused:
        open_rates(f"redis://:{SECRET}@127.0.0.1")
    assert SECRET not in str(refused.value)


def test_settings_that_are_printed_show_no_password() -> None:
    assert SECRET not in repr(Settings(rate_storage=f"redis://:{SECRET}@127.0.0.1"))
