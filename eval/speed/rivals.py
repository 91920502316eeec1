"""What is measured side by side: this project and, where it is installed, txtai, each in a process of its own.

txtai gets the same passages, the same model and its own hybrid search (https://github.com/neuml/txtai).
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError
from urllib.parse import quote

from eval.speed.load import OK, Request
from eval.speed.machine import resident_mb

_READY_WITHIN_S, _LOOK_EVERY_S = 120.0, 0.02
_HITS = 5


@dataclass(frozen=True, slots=True)
class Served:
    """A system that answers over HTTP.

    Attributes:
        ready_s: from its start to its first answer.
        resident_mb: after that answer.
    """

    address: str
    process: "subprocess.Popen[bytes]"
    ready_s: float

    @property
    def pid(self) -> int:
        """Of its first process."""
        return self.process.pid

    def wait(self, *, timeout_s: float) -> None:
        """Return once it has ended.

        Raises:
            subprocess.TimeoutExpired: it has not after `timeout_s`.
        """
        self.process.wait(timeout_s)

    @property
    def children(self) -> list[int]:
        """The processes that it has begun; none where the system does not tell."""
        return _children(self.pid)

    @property
    def resident_mb(self) -> float:
        """The memory that it and its children hold, in 10^6 bytes; not a number where the system does not tell."""
        return resident_mb([self.pid, *self.children])


def has_txtai() -> bool:
    """Whether txtai is installed."""
    return find_spec("txtai") is not None


@contextmanager
def served_askpolicy(index: Path, *flags: str) -> Iterator[Served]:
    """`askpolicy serve` over the index in `index`, with further `flags`."""
    port = _free_port()
    command = [sys.executable, "-m", "api.command.cli", "serve", "--index", str(index), "--port", str(port), *flags]
    with _served(command, f"http://127.0.0.1:{port}", "/readyz", {}) as served:
        yield served


@contextmanager
def served_txtai(index: Path, model: str) -> Iterator[Served]:
    """The API of txtai over its index in `index`."""
    port = _free_port()
    settings = index.with_name("txtai.yml")
    settings.write_text(f"path: {index}\nembeddings:\n  path: {model}\n", encoding="utf-8")
    command = [sys.executable, "-m", "uvicorn", "txtai.api:app", "--port", str(port), "--log-level", "warning"]
    path = txtai_request("data").path
    with _served(command, f"http://127.0.0.1:{port}", path, {"CONFIG": str(settings)}) as served:
        yield served


@contextmanager
def served_plainly(index: Path, reader: str) -> Iterator[Served]:
    """`eval.speed.plain_app` over the index in `index`."""
    port = _free_port()
    command = [sys.executable, "-m", "eval.speed.plain_app", str(index), str(port), reader]
    with _served(command, f"http://127.0.0.1:{port}", "/readyz", {}) as served:
        yield served


def askpolicy_request(question: str) -> Request:
    """`question` as an HTTP request to askpolicy."""
    return Request("POST", "/v1/ask", json.dumps({"question": question, "k": _HITS}).encode())


def txtai_request(question: str) -> Request:
    """`question` as an HTTP request to txtai."""
    return Request("GET", f"/search?query={quote(question)}&limit={_HITS}")


def txtai_built(texts: Sequence[str], model: str, out: Path) -> float:
    """The seconds that txtai takes to index `texts`; its index is written to `out`."""
    from txtai import Embeddings

    embeddings = Embeddings(path=model, hybrid=True, content=True)
    began = time.perf_counter()
    embeddings.index([(number, text, None) for number, text in enumerate(texts)])
    took_s = time.perf_counter() - began
    embeddings.save(str(out))
    return took_s


@contextmanager
def _served(command: Sequence[str], address: str, path: str, environment: Mapping[str, str]) -> Iterator[Served]:
    began = time.perf_counter()
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=os.environ | dict(environment), stdout=quiet, stderr=quiet) as process:
        try:
            while not _answers(address + path):
                if process.poll() is not None or time.perf_counter() - began > _READY_WITHIN_S:
                    raise RuntimeError(f"{' '.join(command)} was not ready after {time.perf_counter() - began:.0f} s")
                time.sleep(_LOOK_EVERY_S)
            yield Served(address, process, time.perf_counter() - began)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=20)
            process.kill()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as response:  # noqa: S310 - an address of ours
            return bool(response.status == OK)
    except (URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []
