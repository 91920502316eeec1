"""The server around the application: sockets, timeouts of connections, a stop that finishes what is under way, workers.

It does not know what is served. uvicorn does the work; what is added here is what it leaves to a proxy.
"""

import asyncio
import faulthandler
import fcntl
import ipaddress
import json
import os
import signal
import socket
import struct
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import FrameType
from typing import Any, cast

import uvicorn
from fastapi import FastAPI
from prometheus_client.multiprocess import mark_process_dead
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState
from uvicorn.supervisors import Multiprocess

from api.observability import metrics
from api.observability.logs import log
from api.observability.metrics import Metrics
from api.settings import Settings
from api.wire.problems import HEAD_TOO_LARGE, MEDIA_TYPE, NOT_HTTP, TOO_MANY_CONNECTIONS, ProblemKind, body_of
from index.sources.files import MAX_BYTES

_BACKLOG = 2_048
# Idle connections are kept so long when the service stops: a question that is on its way still gets its answer.
_LINGER_S = 1.0
# uvicorn looks for a signal ten times a second.
_UNTIL_UVICORN_CLOSES_S = 0.3
# So long workers may load libraries before they must tell that they live.
_STARTING_S = 30
_MOST_HEAD_BYTES = 65_536
# A flood of connections is told in the log once a second.
_TELL_EVERY_S = 1.0


def serve(app: FastAPI, listener: socket.socket, settings: Settings) -> None:
    """Serve `app` until SIGTERM, SIGINT or SIGHUP; what is under way then is finished."""
    # a process that the system kills for an unreadable map, or that a library crashes, tells where
    faulthandler.enable()
    # uvicorn raises the signal again when all is done, and hears none before it has begun: either way, this is the end
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    server_of(app, settings, listener).run(sockets=[listener])


def server_of(app: FastAPI, settings: Settings, listener: socket.socket) -> uvicorn.Server:
    """A server for `app` in this process; `listener` is what it will be run with."""
    return uvicorn.Server(_Config(app, settings, listener))


def serve_by_workers(listener: socket.socket, settings: Settings) -> None:
    """Serve with `settings.workers` processes, which are begun again when they die, until SIGTERM or SIGINT.

    SIGHUP begins them anew, one after another. Each makes its application of the environment, which this sets.
    """
    with tempfile.TemporaryDirectory(prefix="askpolicy-") as numbers:
        os.environ.update(settings.as_environment() | {metrics.SHARED: numbers})
        config = _Config("api.serving.worker:create", settings, listener, factory=True, workers=settings.workers)
        _Workers(config, sockets=[listener]).run()


class _Workers(Multiprocess):
    """uvicorn's supervisor, which listens no longer once its workers do not."""

    def terminate_all(self) -> None:
        """See uvicorn."""
        # As long as this process holds the socket, the system takes connections that nobody would answer.
        for listener in (*self.sockets, cast("_Config", self.config).listener):
            listener.close()
        super().terminate_all()

    def keep_subprocess_alive(self) -> None:
        """See uvicorn; what a worker that died had under way counts no longer."""
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        for pid in before - {process.pid for process in self.processes}:
            mark_process_dead(pid)  # type: ignore[no-untyped-call]


class _Config(uvicorn.Config):
    """uvicorn's configuration, and what its connections read of ours. Workers get it as a copy."""

    def __init__(self, app: FastAPI | str, settings: Settings, listener: socket.socket, **more: Any) -> None:
        self.patience_s, self.most_connections = settings.read_timeout_s, settings.max_connections
        # chunks of a byte each take six
        self.most_bytes = _MOST_HEAD_BYTES + 8 * max(settings.max_body_bytes, MAX_BYTES if settings.uploads else 0)
        self.stopping = False
        self.metrics: Metrics | None = None
        self._refused, self._told_at = 0, 0.0
        self.listener = listener.dup()
        # what uvicorn makes connections with
        self.made_with: tuple[ServerState, dict[str, Any]] | None = None
        super().__init__(
            app,
            http=Connection,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            backlog=_BACKLOG,
            timeout_keep_alive=settings.keep_alive_s,
            timeout_graceful_shutdown=settings.stop_timeout_s,
            timeout_worker_healthcheck=_STARTING_S,
            proxy_headers=bool(settings.proxies),
            forwarded_allow_ips=[form for proxy in settings.proxies for form in _forms(proxy)],
            **more,
        )

    def load(self) -> None:
        """See uvicorn, which has set its handlers of signals by now.

        A signal is noted here too: of a connection that is accepted after it, uvicorn would not know that it must end.
        """
        super().load()
        self.metrics = _metrics_of(self.loaded_app)
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._noting(signal.getsignal(number)))
        # `nohup` has it ignored; of several workers the supervisor decides
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            stop = cast("Callable[[int, FrameType | None], None]", signal.getsignal(signal.SIGTERM))
            alone = self.workers == 1
            signal.signal(signal.SIGHUP, (lambda _, frame: stop(signal.SIGTERM, frame)) if alone else signal.SIG_IGN)

    def refuse_connection(self) -> None:
        """Count a connection beyond the limit."""
        if self.metrics:
            self.metrics.closed("too-many-connections")
        self._refused += 1
        now = time.monotonic()
        if now - self._told_at >= _TELL_EVERY_S:
            log.warning("too_many_connections", refused=self._refused, limit=self.most_connections)
            self._refused, self._told_at = 0, now

    def _noting(self, handler: Any) -> Callable[[int, FrameType | None], None]:
        loop = asyncio.get_running_loop()

        def note(number: int, frame: FrameType | None) -> None:
            if not self.stopping:
                self.stopping = True
                loop.call_soon_threadsafe(self._take_last)
            if callable(handler):
                handler(number, frame)

        return note

    def _take_last(self) -> None:
        """Answer those, too, whom the system has connected and nobody has accepted when uvicorn listens no longer."""
        if self.made_with is None:
            self.listener.close()
            return
        state, app_state = self.made_with

        loop = asyncio.get_running_loop()

        def awaited(work: Coroutine[Any, Any, Any]) -> None:
            """Begin `work`; uvicorn waits for it."""
            task = loop.create_task(work)
            state.tasks.add(task)
            task.add_done_callback(state.tasks.discard)

        async def take() -> None:
            await asyncio.sleep(_UNTIL_UVICORN_CLOSES_S)
            self.listener.settimeout(0)
            with suppress(OSError):
                while True:
                    connected, _ = self.listener.accept()
                    awaited(loop.connect_accepted_socket(lambda: Connection(self, state, app_state), connected))
            self.listener.close()

        awaited(take())


class Connection(HttpToolsProtocol):
    """A connection that is closed when its request's head, or its reader, lets it wait too long.

    Its configuration says how long, and how many connections a process holds.
    """

    config: _Config

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.config.made_with = (self.server_state, self.app_state)
        self._head_timer: asyncio.TimerHandle | None = None
        self._reader_timer: asyncio.TimerHandle | None = None
        self._unsent = 0
        self._stopping = False
        self._received, self._has_begun, self._is_in_head = 0, False, False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio."""
        super().connection_made(transport)
        # whatever is not taken at once starts the reader's time
        transport.set_write_buffer_limits(high=0)
        if len(self.connections) > self.config.most_connections:
            self.config.refuse_connection()
            limit = self.config.most_connections
            self._close_with(TOO_MANY_CONNECTIONS, f"{limit:,} connections are open, the limit; connect again in 1 s")
            return
        self._await_head()
        if self.config.stopping:
            self.loop.call_later(_LINGER_S, super().shutdown)

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self._has_begun = False
        super().data_received(data)
        # where in `data` a head begins is not known: it may stand behind a large body
        self._received = 0 if self._has_begun else self._received + len(data)
        if self._is_in_head and self._received > _MOST_HEAD_BYTES:
            self._close_with(HEAD_TOO_LARGE, f"more than {_MOST_HEAD_BYTES:,} bytes came before a request's body")
            return
        if self._received > self.config.most_bytes:
            self.transport.abort()
            return
        if self._is_answering():
            _cancel(self._head_timer)
            if self._stopping or self.config.stopping:
                self.cycle.keep_alive = False
        elif self._head_timer is None or self._head_timer.cancelled():
            self._await_head()

    def on_message_begin(self) -> None:
        """See uvicorn."""
        self._has_begun = self._is_in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """See uvicorn."""
        self._is_in_head = False
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        _cancel(self._head_timer)
        _cancel(self._reader_timer)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """See asyncio."""
        super().pause_writing()
        self._await_reader()

    def resume_writing(self) -> None:
        """See asyncio."""
        _cancel(self._reader_timer)
        super().resume_writing()

    def shutdown(self) -> None:
        """Close once what is under way, or on its way, is answered."""
        self._stopping = True
        if self._is_answering():
            super().shutdown()
        else:
            self.loop.call_later(_LINGER_S, super().shutdown)

    def send_400_response(self, msg: str) -> None:
        """Tell that what came is no HTTP, as a problem."""
        self._close_with(NOT_HTTP, f"{msg} Send HTTP/1.1.")

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.config.patience_s, self._give_up)

    def _await_reader(self) -> None:
        self._unsent = self._unsent_bytes()
        self._reader_timer = self.loop.call_later(self.config.patience_s, self._look_at_reader)

    def _look_at_reader(self) -> None:
        """Wait on for a reader that took something; one that took nothing is cut off, so that it sees an error."""
        if self._unsent_bytes() < self._unsent:
            self._await_reader()
            return
        log.warning("reader_stalled", unsent_bytes=self._unsent, waited_s=self.config.patience_s)
        if self.config.metrics:
            self.config.metrics.closed("reader-stalled")
        # without it the system sends what it holds and then a regular end: a body cut short would look whole
        connected = self.transport.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _unsent_bytes(self) -> int:
        """What the client has not taken, here and in the system, which keeps some megabytes of a connection."""
        in_system = struct.pack("i", 0)
        with suppress(OSError):
            in_system = fcntl.ioctl(self.transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, in_system)
        return int(self.transport.get_write_buffer_size()) + int(struct.unpack("i", in_system)[0])

    def _give_up(self) -> None:
        if not self._is_answering():
            self.transport.close()

    def _close_with(self, kind: ProblemKind, detail: str) -> None:
        body = json.dumps(body_of(kind, detail)).encode()
        head = (
            f"HTTP/1.1 {kind.status} {kind.title}\r\nContent-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n"
            "Retry-After: 1\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


def _metrics_of(app: Any) -> Metrics | None:
    """The numbers of the application within what uvicorn has put around it."""
    while app is not None and not isinstance(app, FastAPI):
        app = getattr(app, "app", None)
    return getattr(app.state, "metrics", None) if app is not None else None


def _forms(network: str) -> list[str]:
    """A network as it is, and as addresses of it look to who listens on both protocols.

    >>> _forms("10.0.0.0/8"), _forms("::1/128")
    (['10.0.0.0/8', '::ffff:a00:0/104'], ['::1/128'])
    """
    read = ipaddress.ip_network(network)
    if read.version != 4:
        return [network]
    return [network, str(ipaddress.ip_network(f"::ffff:{read.network_address}/{96 + read.prefixlen}"))]


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
