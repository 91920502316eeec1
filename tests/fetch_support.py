"""For the tests of `fetch`: a site on loopback whose pages a test sets, and a fetcher that may reach it alone."""

import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from index.errors import FetchFailed
from index.sources.fetch import Fetcher

HTML = "<!doctype html><title>Privacy Policy</title><p>We never sell your data.</p>"
LOOPBACK = ipaddress.ip_address("127.0.0.1")


@dataclass(frozen=True)
class Page:
    """An answer; `head` has more headers, and `write` sends a body in its own way."""

    body: bytes = HTML.encode()
    type: str = "text/html; charset=utf-8"
    status: int = 200
    head: tuple[tuple[str, str], ...] = ()
    write: Callable[[BaseHTTPRequestHandler], None] | None = None


@dataclass
class Site:
    """Pages by path; one that is not there is 404. `asked` holds each request's path and headers."""

    port: int = 0
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def url(self, path: str, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


@contextmanager
def site(context: ssl.SSLContext | None = None) -> Iterator[Site]:
    """A site on a free port of loopback."""
    found = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            page = found.pages.get(self.path, Page(b"Not here", "text/plain", 404))
            head = dict(page.head)
            if "etag" in head and self.headers.get("If-None-Match") == head["etag"]:
                page = Page(b"", "", 304)
            self.send_response(page.status)
            if page.type:
                self.send_header("Content-Type", page.type)
            for name, value in page.head:
                self.send_header(name, value)
            if page.write is None:
                self.send_header("Content-Length", str(len(page.body)))
            self.end_headers()
            try:
                if page.write:
                    page.write(self)
                else:
                    self.wfile.write(page.body)
            except (BrokenPipeError, ConnectionResetError):
                pass  # whoever asked has had enough

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # a client that refuses the certificate

    with Server(("127.0.0.1", 0), Handler) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        found.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


def redirect(to: str, status: int = 302) -> Page:
    return Page(b"", "", status, (("Location", to),))


class Days:
    """A clock that stands still until a test moves it on."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def fetcher(out: Path, *, names: dict[str, str] | None = None, **options: object) -> Fetcher:
    """A fetcher that may reach 127.0.0.1 alone, knows `names`, and does not wait."""

    def resolve(host: str, port: int) -> list[str]:
        if host not in (names or {}):
            raise FetchFailed(f"the host name {host} was not found; check the address")
        return [(names or {})[host]]

    given: dict[str, object] = {
        "may_reach": lambda address: address == LOOPBACK,
        "resolve": resolve,
        "sleep": lambda _: None,
        "now": Days(),
    }
    return Fetcher(out, **(given | options))  # type: ignore[arg-type]
