"""The units of systemd: what systemd makes of them, and that the service lives within them."""

import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.api_support import ACQUISITION
from tests.confined import CANNOT_CONFINE
from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"
UNITS = ("askpolicy.service", "askpolicy.socket")


@pytest.fixture
def analyze() -> Callable[..., subprocess.CompletedProcess[str]]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze, which is not installed")
    return lambda *words: subprocess.run(["systemd-analyze", *words], check=False, capture_output=True, text=True)


def test_the_units_are_what_systemd_expects(analyze, tmp_path: Path) -> None:
    command = tmp_path / "opt/askpolicy/bin/askpolicy"
    units = tmp_path / "etc/systemd/system"
    for folder in (command.parent, units):
        folder.mkdir(parents=True)
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    shutil.copytree("/lib/systemd/system", tmp_path / "lib/systemd/system", symlinks=True)
    for unit in UNITS:
        shutil.copy(DEPLOY / unit, units)
    verified = analyze("verify", "--root", tmp_path, *UNITS)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


def test_the_service_is_hardened(analyze) -> None:
    """Of 10, which is a service that may do anything, at most 1.5."""
    rated = analyze("security", "--offline=true", "--no-pager", "--threshold=15", DEPLOY / UNITS[0])
    assert rated.returncode == 0, rated.stdout


def test_the_service_answers_within_what_its_unit_allows(analyze) -> None:
    """Its system calls and executable memory are restricted as systemd would; whoever oversteps is told EPERM."""
    confined = [sys.executable, "-m", "tests.confined", str(DEPLOY / UNITS[0])]
    serve = [sys.executable, "-m", "api.command.cli", "serve", "--port", "0", "--workers", "2", "--log-level", "error"]
    with subprocess.Popen(
        [*confined, *serve], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        address = re.search(r"http://\S+", process.stdout.readline())
        if process.poll() == CANNOT_CONFINE:
            pytest.skip(process.stderr.read())
        assert address, process.stderr.read()
        answered = httpx.post(f"{address[0]}/v1/ask", json={"question": ACQUISITION}, timeout=20).json()
        process.terminate()
        said = process.communicate(timeout=30)[1]
    assert answered["outcome"] == "answered"
    assert (process.returncode, said) == (0, "")


@contextmanager
def activated(listener: socket.socket, count: int = 1) -> Iterator[subprocess.Popen[str]]:
    """`askpolicy serve`, begun as systemd would that holds `listener`."""
    begin = (
        "import os, sys; listener, count, *command = sys.argv[1:]; os.dup2(int(listener), 3, inheritable=True); "
        "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=count); os.execv(command[0], command)"
    )
    serve = [sys.executable, "-m", "api.command.cli", "serve", "--log-level", "error"]
    with subprocess.Popen(
        [sys.executable, "-c", begin, str(listener.fileno()), str(count), *serve],
        pass_fds=(listener.fileno(),),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.terminate()


def test_while_the_service_restarts_its_clients_wait_for_the_address_that_systemd_holds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with activated(listener) as first:
            assert f"http://127.0.0.1:{port}" in first.stdout.readline()
            assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
        assert first.returncode == 0
        with socket.create_connection(("127.0.0.1", port), timeout=30) as waiting:
            waiting.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            with activated(listener):
                assert waiting.recv(100).startswith(b"HTTP/1.1 200 ")


def test_a_socket_unit_that_has_no_port_or_several_is_told_in_words(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as local:
        local.bind(str(tmp_path / "socket"))
        for count, expected in ((1, "ListenStream=ADDRESS:PORT"), (2, "expected one ListenStream=")):
            with activated(local, count) as process:
                assert expected in process.communicate(timeout=30)[1]
                assert process.returncode == 1
