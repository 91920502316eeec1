"""`askpolicy serve` as a process: its workers, its stop under load, and the whole of what it endures, briefly."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from index.build import build
from index.embedding import Embedder
from tests.api_support import ACQUISITION, serving
from tests.conftest import ROOT, SAMPLE


@pytest.fixture(scope="module")
def index(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served") / "index"
    build([SAMPLE], folder, embedder=embedder)
    return folder


def ask(client: httpx.Client) -> httpx.Response:
    return client.post("/v1/ask", json={"question": ACQUISITION, "k": 1})


def children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(each) for each in found.stdout.split()]


def spawned(supervisor: int) -> list[int]:
    """The workers; another child is Python's resource tracker."""
    return [pid for pid in children(supervisor) if b"spawn_main" in _command(pid)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def until(is_so: Callable[[], bool], *, within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, f"it is not so after {within_s:g} s"
        time.sleep(0.2)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc, as Linux has it")
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_stop_under_load_lets_all_that_was_accepted_be_answered(index: Path, workers: int, stop: int) -> None:
    told: Counter[str] = Counter()
    stopping = threading.Event()

    def keep_asking(address: str) -> None:
        with httpx.Client(base_url=address, timeout=20) as client:
            for _ in range(2_000):
                try:
                    told[str(ask(client).status_code)] += 1
                except httpx.ConnectError:
                    return
                except httpx.HTTPError as error:
                    told[repr(error)] += 1

    with serving("--index", str(index), "--workers", str(workers), "--log-level", "error") as (address, process):
        askers = [threading.Thread(target=keep_asking, args=(address,)) for _ in range(8)]
        for asker in askers:
            asker.start()
        time.sleep(1.5)
        before = told["200"]
        stopping.set()
        process.send_signal(stop)
        if (workers, stop) == (2, signal.SIGHUP):
            # the supervisor begins its workers anew, one after another, and goes on
            was = spawned(process.pid)
            until(lambda: len(now := spawned(process.pid)) == 2 and not set(now) & set(was))
            process.send_signal(signal.SIGTERM)
        status = process.wait(10)
        for asker in askers:
            asker.join(20)
    assert before > 0
    assert (status, set(told)) == (0, {"200"})


def test_workers_share_the_port_and_sum_up_their_numbers(index: Path) -> None:
    with serving("--index", str(index), "--workers", "2", "--log-format", "json") as (address, process):
        for _ in range(30):
            with httpx.Client(base_url=address, timeout=20) as client:
                assert ask(client).status_code == 200
        text = httpx.get(f"{address}/metrics").text
        assert 'askpolicy_questions_total{outcome="answered"} 30.0' in text
        assert "askpolicy_index_info{" in text
        process.terminate()
        _, logged = process.communicate(timeout=20)
    assert sum('"/v1/ask"' in line for line in logged.splitlines()) == 30


@pytest.mark.skipif(sys.platform != "linux", reason="needs ps, as Linux has it")
def test_a_worker_that_dies_is_begun_again(index: Path) -> None:
    with serving("--index", str(index), "--workers", "2", "--log-level", "error") as (address, process):
        first, _ = was = spawned(process.pid)
        os.kill(first, signal.SIGKILL)
        until(lambda: len(now := spawned(process.pid)) == 2 and now != was)
        with httpx.Client(base_url=address, timeout=20) as client:
            assert ask(client).status_code == 200


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc, as Linux has it")
def test_workers_end_when_their_supervisor_is_killed(index: Path) -> None:
    with serving("--index", str(index), "--workers", "2", "--log-level", "error") as (_, process):
        workers = spawned(process.pid)
        process.kill()
        until(lambda: not any(b"spawn_main" in _command(pid) for pid in workers))


def test_workers_that_could_not_open_the_index_are_told_once_before_they_begin(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "api.command.cli", "serve", "--index", str(tmp_path / "nothing"), "--workers", "2"]
    done = subprocess.run([*command, "--port", "0"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_setting_of_the_environment_reaches_the_workers(index: Path) -> None:
    with (
        serving("--index", str(index), "--workers", "2", ASKPOLICY_RATE_PER_ADDRESS="1/hour") as (address, _),
        httpx.Client(base_url=address, timeout=20) as client,
    ):
        assert [ask(client).status_code for _ in range(2)] == [200, 429]


def test_no_generated_request_gets_a_server_error_or_a_response_against_its_schema(index: Path, tmp_path: Path) -> None:
    with serving("--index", str(index), "--log-level", "error") as (address, _):
        arguments = ["run", f"{address}/openapi.json", "--checks", "all", "-n", "30", "--seed", "1"]
        done = subprocess.run(
            [
                Path(sys.executable).parent / "schemathesis",
                "--config-file",
                ROOT / "tests/schemathesis.toml",
                *arguments,
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout
    found = re.search(r"(\d+) generated, \1 passed", done.stdout)
    assert found, done.stdout
    assert int(found[1]) > 200


BEFORE_IT_LISTENS = """
import os, signal, uvicorn
from api.command.cli import main
run = uvicorn.Server.run
def signalled(self, **given):
    os.kill(os.getpid(), signal.SIGTERM)
    run(self, **given)
uvicorn.Server.run = signalled
main()
"""


def test_a_stop_before_the_server_has_begun_ends_it_too(index: Path, tmp_path: Path) -> None:
    program = tmp_path / "signalled.py"
    program.write_text(BEFORE_IT_LISTENS, encoding="utf-8")
    command = [sys.executable, str(program), "serve", "--port", "0", "--index", str(index)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False, timeout=120)
    assert done.returncode == 0


def test_the_endurance_benchmark_runs_and_finds_nothing_lost(tmp_path: Path) -> None:
    options = ["--seconds", "0.5", "--questions", "50", "--publications", "2"]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "eval",
            "endure",
            "overload",
            "memory",
            "publications",
            *options,
            "--json",
            str(tmp_path / "endured.json"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    figures = {figure["name"]: figure["value"] for figure in json.loads((tmp_path / "endured.json").read_text())}
    assert figures["published under load: mixed versions"] == figures["published under load: failed"] == 0
    assert figures["64 clients: failed"] == 0
    assert figures["64 clients: answers"] > 0
    assert "2 x the best rate: share of the best, median" in figures
    assert "64 clients: p99" in done.stdout
