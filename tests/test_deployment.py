"""What `deploy/` ships: nginx before the service, with a real nginx; compose; the settings that all of it names."""

import json
import re
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress
from dataclasses import fields
from pathlib import Path

import httpx
import pytest
import yaml
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from api.app import create_app
from api.settings import Settings, variable
from api.wire import problems
from tests.api_support import ACQUISITION, FakeAssistant, problem, tiny_index
from tests.conftest import ROOT
from tests.nginx_support import CONFIGURATION, NAME, behind_nginx, nginx

DEPLOY = ROOT / "deploy"
PROXIED = {"proxies": ("127.0.0.1/32",)}


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> FakeAssistant:
    return FakeAssistant(tiny_index(tmp_path_factory.mktemp("tiny") / "index"))


class Waiting(FakeAssistant):
    """Finds whom a question is about, and then waits until it may go on."""

    def __init__(self, assistant: FakeAssistant) -> None:
        super().__init__(assistant.index)
        self.may_go_on = threading.Event()

    def steps(self, question: str, **options):
        steps = super().steps(question, **options)
        yield next(steps)
        assert self.may_go_on.wait(20)
        yield from steps


def app_of(assistant: FakeAssistant, **settings: object) -> FastAPI:
    return create_app(assistant, Settings(**PROXIED, rate_per_address="0", **settings))  # type: ignore[arg-type]


def post_head(length: int, *, more: str = "") -> bytes:
    head = f"POST /v1/ask HTTP/1.1\r\nHost: {NAME}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n"
    return f"{head}{more}\r\n".encode()


# nginx


def test_an_answer_comes_through_with_its_id_and_tls(assistant: FakeAssistant, tmp_path: Path) -> None:
    with behind_nginx(app_of(assistant), tmp_path, settings=Settings(**PROXIED)) as proxy, proxy.visitor() as asking:
        answered = asking.post("/v1/ask", json={"question": ACQUISITION}, headers={"X-Request-ID": "mine-1"})
        made_up = [asking.get("/healthz", headers={"X-Request-ID": bad}).headers["x-request-id"] for bad in ("a b", "")]
    assert answered.json()["outcome"] == "answered"
    assert answered.headers["x-request-id"] == "mine-1"
    assert answered.headers["strict-transport-security"] == "max-age=31536000"
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in made_up)
    logged = [json.loads(line) for line in proxy.log.splitlines()]
    assert [(line["request_id"], line["status"]) for line in logged[:1]] == [("mine-1", 200)]


def test_the_service_limits_the_address_that_nginx_saw_whatever_the_client_says(
    assistant: FakeAssistant, tmp_path: Path
) -> None:
    settings = Settings(**PROXIED, rate_per_address="2/hour")  # type: ignore[arg-type]
    with ExitStack() as opened:
        proxy = opened.enter_context(behind_nginx(create_app(assistant, settings), tmp_path, settings=settings))
        one, other = (opened.enter_context(proxy.visitor(address)) for address in ("127.0.0.2", "127.0.0.3"))
        said = [{"X-Forwarded-For": f"192.0.2.{number}"} for number in range(3)]
        assert [one.get("/v1/companies", headers=each).status_code for each in said] == [200, 200, 429]
        assert other.get("/v1/companies").status_code == 200


def test_addresses_and_questions_are_not_logged(assistant: FakeAssistant, tmp_path: Path) -> None:
    with behind_nginx(app_of(assistant), tmp_path) as proxy, proxy.visitor("127.0.0.77") as asking:
        asking.get("/", params={"q": "a question of mine"})
        assert any(asking.get("/healthz").status_code == 429 for _ in range(5_000))
    assert '"path":"/"' in proxy.log
    assert '"status":429' in proxy.log
    assert "127.0.0.77" not in proxy.log
    assert "mine" not in proxy.log


def test_an_address_has_requests_a_second_and_others_are_not_kept_waiting(
    assistant: FakeAssistant, tmp_path: Path
) -> None:
    with ExitStack() as opened:
        proxy = opened.enter_context(behind_nginx(app_of(assistant), tmp_path))
        greedy, other = (opened.enter_context(proxy.visitor(address)) for address in ("127.0.0.2", "127.0.0.3"))
        asked = (greedy.get("/healthz") for _ in range(5_000))
        refused = next(each for each in asked if each.status_code != 200)
        assert other.get("/healthz").status_code == 200
    assert problem(refused) == (429, "/problems/too-many-requests")
    assert refused.headers["retry-after"] == "5"
    assert refused.headers["access-control-allow-origin"] == "*", "the widget of another site tells its visitor"
    assert refused.headers["x-request-id"]


def test_an_address_has_connections_and_the_service_keeps_none_of_them(
    assistant: FakeAssistant, tmp_path: Path
) -> None:
    """Each of 32 has begun a request's body; nginx holds them, and refuses one more of the same address."""
    with ExitStack() as opened:
        proxy = opened.enter_context(behind_nginx(app_of(assistant, max_connections=3), tmp_path))
        same, other = (opened.enter_context(proxy.visitor(address)) for address in ("127.0.0.1", "127.0.0.3"))
        for _ in range(32):
            slow = opened.enter_context(proxy.connect())
            slow.sendall(post_head(100, more="Expect: 100-continue\r\n"))
            assert slow.recv(100).startswith(b"HTTP/1.1 100 "), "the request is under way"
        assert problem(same.get("/healthz")) == (429, "/problems/too-many-requests")
        assert other.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "begun", [b"GET /healthz HTTP/1.1\r\nHost: ", post_head(100) + b'{"question": '], ids=["head", "body"]
)
def test_who_sends_slowly_is_cut_off_and_the_service_knows_nothing_of_it(
    begun: bytes, assistant: FakeAssistant, tmp_path: Path
) -> None:
    reached: list[str] = []
    app = app_of(assistant)
    with behind_nginx(noting(app, reached), tmp_path, timeout="500ms") as proxy, proxy.connect() as slow:
        slow.sendall(begun)
        assert ended(slow) == b""
    assert reached == []


def noting(app: FastAPI, reached: list[str]) -> FastAPI:
    """`app`, that notes the path of each request that reaches it."""

    class Note:
        def __init__(self, inner) -> None:
            self.inner = inner

        async def __call__(self, scope, receive, send) -> None:
            reached.extend([scope["path"]] if scope["type"] == "http" else [])
            await self.inner(scope, receive, send)

    app.add_middleware(Note)
    return app


def ended(connection: socket.socket) -> bytes:
    """What still comes until the other side ends the connection, however it does."""
    came = b""
    with suppress(ConnectionError, ssl.SSLError):
        while part := connection.recv(65_536):
            came += part
    return came


LARGE = f"GET /large HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode()
# more than the kernel's buffers between nginx and the service hold
LARGE_BYTES = 60_000_000


def with_large(app: FastAPI, taken: threading.Event) -> FastAPI:
    """`app` with a large answer at /large; `taken` is set once all of it has been."""

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(60):
            yield b"x" * (LARGE_BYTES // 60)
        taken.set()

    @app.get("/large")
    async def large() -> StreamingResponse:
        return StreamingResponse(parts())

    return app


def test_who_reads_nothing_keeps_nothing_of_the_service(assistant: FakeAssistant, tmp_path: Path) -> None:
    taken = threading.Event()
    app = with_large(app_of(assistant), taken)
    with behind_nginx(app, tmp_path) as proxy, proxy.connect(receive_buffer=4_096) as slow:
        slow.sendall(LARGE)
        assert taken.wait(9), "nginx gives the reader up after 10 s; until then the service waits for it"


def test_who_reads_too_slowly_learns_that_the_answer_is_not_whole(assistant: FakeAssistant, tmp_path: Path) -> None:
    app = with_large(app_of(assistant), threading.Event())
    with behind_nginx(app, tmp_path, timeout="500ms") as proxy, proxy.connect(receive_buffer=4_096) as slow:
        slow.sendall(LARGE)
        first = slow.recv(1_024)
        while '"/large"' not in proxy.log:  # nginx has given the reader up
            time.sleep(0.01)
        came = first + ended(slow)
    assert came.lower().count(b"transfer-encoding: chunked") == 1, "whose end is marked"
    assert not came.endswith(b"0\r\n\r\n")
    assert len(came) < LARGE_BYTES


def test_events_are_passed_on_as_they_come(assistant: FakeAssistant, tmp_path: Path) -> None:
    waiting = Waiting(assistant)
    events = {"Accept": "text/event-stream"}
    with (
        behind_nginx(app_of(waiting), tmp_path) as proxy,
        proxy.visitor() as asking,
        asking.stream("POST", "/v1/ask", json={"question": ACQUISITION}, headers=events) as stream,
    ):
        lines = stream.iter_lines()
        assert next(lines) == "event: companies"
        waiting.may_go_on.set()
        assert "event: answer" in list(lines)


@pytest.mark.parametrize("length", ["declared", "chunked"])
def test_a_body_that_is_too_large_is_refused_before_the_service(
    length: str, assistant: FakeAssistant, tmp_path: Path
) -> None:
    reached: list[str] = []
    body = b" " * (Settings().max_body_bytes + 1)
    content = body if length == "declared" else iter([body[:400_000], body[400_000:]])
    with behind_nginx(noting(app_of(assistant), reached), tmp_path) as proxy, proxy.visitor() as asking:
        refused = asking.post("/v1/ask", content=content, headers={"Content-Type": "application/json"})
    assert problem(refused) == (413, "/problems/body-too-large")
    assert reached == []


def test_a_body_that_the_service_takes_nginx_takes(assistant: FakeAssistant, tmp_path: Path) -> None:
    question = json.dumps({"question": ACQUISITION}).encode()
    body = question.ljust(Settings().max_body_bytes)
    with behind_nginx(app_of(assistant), tmp_path) as proxy, proxy.visitor() as asking:
        assert asking.post("/v1/ask", content=body, headers={"Content-Type": "application/json"}).status_code == 200


def test_other_names_are_not_answered(assistant: FakeAssistant, tmp_path: Path) -> None:
    with behind_nginx(app_of(assistant), tmp_path) as proxy:
        with proxy.visitor() as asking:
            assert problem(asking.get("/healthz", headers={"Host": "evil.example"})) == (421, "/problems/foreign-host")
        trust = proxy.trust
        trust.check_hostname = False
        with socket.create_connection(("127.0.0.1", proxy.port)) as plain, pytest.raises(OSError, match="unrecognized"):
            trust.wrap_socket(plain, server_hostname="evil.example")
        moved = httpx.get(f"http://127.0.0.1:{proxy.plain_port}/page?q=x", headers={"Host": "evil.example"})
    assert (moved.status_code, moved.headers["location"]) == (308, f"https://{NAME}/page?q=x")


def test_numbers_are_not_for_the_public(assistant: FakeAssistant, tmp_path: Path) -> None:
    with behind_nginx(app_of(assistant), tmp_path) as proxy, proxy.visitor() as asking:
        assert problem(asking.get("/metrics")) == (404, "/problems/not-found")


def test_a_service_that_is_away_is_told_as_a_problem(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with nginx(f"127.0.0.1:{nobody.getsockname()[1]}", tmp_path) as proxy, proxy.visitor() as asking:
            refused = asking.get("/healthz")
    assert problem(refused) == (503, "/problems/not-ready")
    assert refused.headers["retry-after"] == "5"


def test_a_head_that_is_too_large_is_told_as_a_problem(assistant: FakeAssistant, tmp_path: Path) -> None:
    with behind_nginx(app_of(assistant), tmp_path) as proxy, proxy.visitor() as asking:
        assert problem(asking.get("/healthz", headers={"X-Large": "x" * 9_000})) == (431, "/problems/head-too-large")


def test_what_nginx_tells_is_in_the_table_of_problems() -> None:
    known = {(kind.type, kind.title, kind.status) for kind in vars(problems).values() if hasattr(kind, "slug")}
    told = [json.loads(each.replace("\\'", "'")) for each in re.findall(r"\d{3} '(\{.*\})';", CONFIGURATION)]
    assert len(told) == 6
    assert [each for each in told if (each["type"], each["title"], each["status"]) not in known] == []


# compose, and what all of it agrees about


def compose() -> dict:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["askpolicy", "nginx", "redis"])
def test_each_service_of_compose_can_write_and_do_little(name: str) -> None:
    service = compose()["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "pids_limit", "restart"} <= service.keys()


def test_only_nginx_can_be_reached_and_reach_the_world() -> None:
    told = compose()
    outer = {name for name, network in told["networks"].items() if not network.get("internal")}
    assert {name for name, each in told["services"].items() if "ports" in each} == {"nginx"}
    assert {name for name, each in told["services"].items() if outer & set(each["networks"])} == {"nginx"}
    assert set(told["services"]["nginx"]["networks"]) & set(told["services"]["redis"]["networks"]) == set()


def test_the_service_of_compose_believes_the_network_that_nginx_is_in() -> None:
    told = compose()
    subnet = told["networks"]["front"]["ipam"]["config"][0]["subnet"]
    assert told["services"]["askpolicy"]["environment"]["ASKPOLICY_PROXIES"] == subnet


def test_every_setting_that_is_deployed_exists_and_can_be_read() -> None:
    known = {variable(each) for each in fields(Settings)}
    texts = {path.name: path.read_text(encoding="utf-8") for path in DEPLOY.iterdir()}
    assert {name: found - known for name, text in texts.items() if (found := set(SETTING.findall(text))) - known} == {}
    Settings.from_environment(
        {k: v for k, v in compose()["services"]["askpolicy"]["environment"].items() if "$" not in v}
    )


SETTING = re.compile(r"ASKPOLICY_[A-Z_]*[A-Z]")


def test_nginx_and_the_service_agree_about_what_is_too_large_and_too_slow() -> None:
    numbers = {name: int(value) for name, value in re.findall(r"^ +(\w+) (\d+)s?;", CONFIGURATION, re.M)}
    settings = Settings()
    assert numbers["client_max_body_size"] == settings.max_body_bytes
    assert numbers["proxy_read_timeout"] > settings.answer_timeout_s
    upstream = re.search(r"keepalive_timeout (\d+)s;\n    }", CONFIGURATION)
    assert upstream
    assert int(upstream[1]) < settings.keep_alive_s
