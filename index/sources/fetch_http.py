"""One GET within limits of size and time, to a machine that may be reached. It does not know redirects or files."""

import ssl
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any

import httpcore
import httpx

from index.errors import FetchFailed, FetchRefused
from index.sources.fetch_address import MayReach, Resolve, reachable
from index.sources.files import MAX_BYTES

# As robots.txt names us, and with the release, as a request does.
ROBOT = "askpolicy"
USER_AGENT = f"{ROBOT}/{version('askpolicy')}"

_ACCEPT = (
    "text/html, application/xhtml+xml, application/pdf, text/markdown, text/plain, "
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document, */*;q=0.1"
)
_GZIP_WBITS = 16 + zlib.MAX_WBITS
# A host name of a large service has two or three.
_MOST_ADDRESSES_TRIED = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may take.

    Attributes:
        body_bytes: of a body, as sent and as unpacked.
        redirects: how many are followed for one address.
        connect_s: until a connection stands; TLS has as long again.
        read_s: between two pieces of an answer.
        whole_s: from the connection to the last byte.
    """

    body_bytes: int = MAX_BYTES
    redirects: int = 5
    connect_s: float = 10.0
    read_s: float = 20.0
    whole_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; `body` is unpacked, and empty unless the status is 2xx."""

    status: int
    headers: httpx.Headers
    body: bytes


Check = Callable[[httpx.Headers], None]
"""Raises what forbids to read the body behind these headers."""


class HttpClient:
    """Asks for one address at a time, each over a connection of its own."""

    def __init__(
        self, *, resolve: Resolve, may_reach: MayReach, limits: Limits, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        """`ssl_context`: None means the certificates of certifi, or of `SSL_CERT_FILE`."""
        self._resolve, self._may_reach, self._limits = resolve, may_reach, limits
        self._given_context = ssl_context

    def get(
        self, url: httpx.URL, *, headers: Mapping[str, str] | None = None, check: Check = lambda _: None
    ) -> Response:
        """The answer of `url`, no redirect followed; `check` is asked before the body of a 2xx is read.

        Raises:
            FetchRefused: its host is no public address, or the body is too large; or what `check` raises.
            FetchFailed: there is no whole answer within the limits.
        """
        limits = self._limits
        backend = _CheckedBackend(self._resolve, self._may_reach, ends_at=_now() + limits.whole_s)
        sent = {"Host": _host_header(url), "User-Agent": USER_AGENT, "Accept": _ACCEPT, "Accept-Encoding": "gzip"}
        timeout = {"connect": limits.connect_s, "read": limits.read_s, "write": limits.read_s}
        with (
            self._told_plainly(),
            httpcore.ConnectionPool(
                ssl_context=self._ssl_context if url.scheme == "https" else None, network_backend=backend
            ) as pool,
            pool.stream(
                "GET",
                httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=list((sent | dict(headers or {}) | {"Connection": "close"}).items()),
                extensions={"timeout": timeout},
            ) as answer,
        ):
            found = httpx.Headers(answer.headers)
            if not 200 <= answer.status < 300:
                return Response(answer.status, found, b"")
            check(found)
            return Response(answer.status, found, self._body(found, answer.iter_stream()))

    @cached_property
    def _ssl_context(self) -> ssl.SSLContext:
        return self._given_context or httpx.create_ssl_context()

    def _body(self, headers: httpx.Headers, pieces: Iterable[bytes]) -> bytes:
        most = self._limits.body_bytes
        stated = headers.get("content-length", "")
        if stated.isascii() and stated.isdecimal() and int(stated) > most:
            raise _too_large(most)
        encoding = headers.get("content-encoding", "").strip().lower()
        if encoding in ("gzip", "x-gzip"):
            return _unpacked(_at_most(pieces, most), most)
        if encoding not in ("", "identity"):
            raise FetchFailed(f"the body is encoded as {encoding!r}, which was not asked for; expected gzip or none")
        return b"".join(_at_most(pieces, most))

    @contextmanager
    def _told_plainly(self) -> Iterator[None]:
        """Every error of the connection as one of ours."""
        limits = self._limits
        try:
            yield
        except httpcore.ConnectTimeout as error:
            raise FetchFailed(f"no connection within {limits.connect_s:g} s; try again later") from error
        except httpcore.TimeoutException as error:
            raise FetchFailed(
                f"nothing came for {limits.read_s:g} s, or not all within {limits.whole_s:g} s; try again later"
            ) from error
        except httpcore.NetworkError as error:
            cause = error.args[0] if error.args else None  # httpcore wraps what the socket raised
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise FetchFailed(f"its TLS certificate is not valid: {cause.verify_message}") from error
            if isinstance(cause, ssl.SSLError):
                raise FetchFailed(f"TLS failed: {cause.reason or cause}; is it an http:// address?") from error
            raise FetchFailed(f"no connection: {error or 'closed by the server'}") from error
        except httpcore.ProtocolError as error:
            raise FetchFailed(f"no proper HTTP answer: {error}") from error


class _CheckedBackend(httpcore.NetworkBackend):
    """Connects to no address but one that it has checked itself, so that a second look-up cannot give another.

    The URL keeps its host name, and with it the Host header and what TLS verifies.
    """

    def __init__(self, resolve: Resolve, may_reach: MayReach, *, ends_at: float) -> None:
        self._resolve, self._may_reach, self._ends_at = resolve, may_reach, ends_at
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """See httpcore."""
        addresses = reachable(host, port, resolve=self._resolve, may_reach=self._may_reach)
        failed: list[Exception] = []
        for address in addresses[:_MOST_ADDRESSES_TRIED]:
            try:
                stream = self._sockets.connect_tcp(
                    address, port, _left(timeout, self._ends_at), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed.append(error)
            else:
                return _TimedStream(stream, self._ends_at)
        raise failed[-1]


class _TimedStream(httpcore.NetworkStream):
    """A connection with an end: a server that sends a byte now and then keeps nobody for ever."""

    def __init__(self, stream: httpcore.NetworkStream, ends_at: float) -> None:
        self._stream, self._ends_at = stream, ends_at

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """See httpcore."""
        return self._stream.read(max_bytes, _left(timeout, self._ends_at))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """See httpcore."""
        self._stream.write(buffer, _left(timeout, self._ends_at))

    def close(self) -> None:
        """See httpcore."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """See httpcore."""
        stream = self._stream.start_tls(ssl_context, server_hostname, _left(timeout, self._ends_at))
        return _TimedStream(stream, self._ends_at)

    def get_extra_info(self, info: str) -> Any:
        """See httpcore."""
        return self._stream.get_extra_info(info)


def _now() -> float:
    return time.monotonic()


def _left(timeout: float | None, ends_at: float) -> float:
    left = ends_at - _now()
    if left <= 0:
        raise httpcore.ReadTimeout("the whole answer took too long")
    return left if timeout is None else min(timeout, left)


def _host_header(url: httpx.URL) -> str:
    return url.netloc.decode("ascii")


def _at_most(pieces: Iterable[bytes], most: int) -> Iterator[bytes]:
    seen = 0
    for piece in pieces:
        seen += len(piece)
        if seen > most:
            raise _too_large(most)
        yield piece


def _unpacked(pieces: Iterable[bytes], most: int) -> bytes:
    """What `pieces` of gzip hold; no more than `most` bytes are ever unpacked."""
    unpacked, member = bytearray(), zlib.decompressobj(_GZIP_WBITS)
    begun = False
    try:
        for piece in pieces:
            rest, begun = piece, True
            while rest:
                if member.eof:  # gzip files may follow each other; zero bytes may fill up the last
                    rest = rest.lstrip(b"\0")
                    member = zlib.decompressobj(_GZIP_WBITS) if rest else member
                    continue
                unpacked += member.decompress(rest, most + 1 - len(unpacked))
                if len(unpacked) > most:
                    raise _too_large(most)
                rest = member.unused_data if member.eof else member.unconsumed_tail
    except zlib.error as error:
        raise FetchFailed(f"the body is damaged gzip ({error}); try again later") from error
    if begun and not member.eof:
        raise FetchFailed("the gzip body was cut short; try again later")
    return bytes(unpacked)


def _too_large(most: int) -> FetchRefused:
    return FetchRefused(f"more than the {most:,} bytes a policy may have")
