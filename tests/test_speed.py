"""The benchmark: loads, the machine's limits, grown indexes, and the whole of it once, briefly."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from eval.speed.growth import company_of, grown
from eval.speed.load import Load, Request, asked_by_many, asked_in_turn
from eval.speed.machine import measured_machine
from index.build import build
from index.policy_index import PolicyIndex
from tests.tiny import TinyEmbedder

ROOT = Path(__file__).parent.parent
SAMPLE = sorted((ROOT / "index" / "sample").glob("*.txt"))


class Answers(BaseHTTPRequestHandler):
    """Answers what is sent to it, and 503 on /busy."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[tuple[str, bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, body))
        self.send_response(503 if self.path == "/busy" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    Answers.seen.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_many_clients_ask_all_requests_and_every_answer_counts(address: str):
    requests = [Request("POST", f"/{number}", b"question") for number in range(5)]
    load = asked_by_many(address, requests, clients=4, seconds=0.3)
    assert {path for path, _ in Answers.seen} == {f"/{number}" for number in range(5)}
    assert {body for _, body in Answers.seen} == {b"question"}
    assert (len(load.took_ms), load.failed) == (len(Answers.seen), 0)


def test_what_is_refused_is_no_answer(address: str):
    load = asked_by_many(address, [Request("POST", "/busy", b"question")], clients=2, seconds=0.2)
    assert load.took_ms == ()
    assert load.failed == len(Answers.seen) > 0


def test_questions_are_asked_in_turn_again_and_again():
    asked: list[str] = []
    load = asked_in_turn(asked.append, ["a", "b", "c"], seconds=0.05)
    assert asked[:6] == ["a", "b", "c"] * 2
    assert len(load.took_ms) == len(asked) - 3


def test_percentiles_and_rate_of_a_load():
    load = Load(tuple(float(number) for number in range(1, 101)), wall_s=2.0, failed=0)
    assert (load.per_s, load.percentile_ms(50), load.percentile_ms(99)) == (50.0, 50.5, pytest.approx(99.01))


def test_the_machine_has_limits():
    machine = measured_machine()
    assert machine.cores >= 1
    assert machine.matrix_gflops > 0
    assert machine.memory_gb_s > 0


def test_a_grown_index_answers_each_company_from_its_own_policy_and_can_be_updated(tmp_path: Path):
    tiny = TinyEmbedder()
    manifest, files = grown(SAMPLE, tmp_path, passages=400, embedder=tiny)
    assert manifest.passages >= 400
    built = PolicyIndex.open(tmp_path / "index", embedder=tiny)
    assert len(built.companies) == len(list(files.iterdir())) == manifest.policies
    for number in (0, 7):
        rows = built.rows([company_of(number)])
        passages = [built.passages[int(row)] for row in rows]
        text = built.policies[passages[0].policy_id].text
        assert all(passage.text == text[passage.start : passage.end] for passage in passages)
        assert company_of(number) in text
    first, same = (built.passage_vectors.vectors(built.rows([company_of(number)]))[0] for number in (0, 5))
    assert 0.5 < float(first @ same) < 0.9999
    assert np.allclose(np.linalg.norm(built.passage_vectors.vectors(np.arange(50)), axis=1), 1, atol=1e-3)
    next(iter(files.iterdir())).unlink()
    report = build([files], tmp_path / "index", embedder=tiny)
    assert (report.removed, report.added, report.embedded) == (1, 0, 0)


def test_the_benchmark_runs_and_writes_what_it_measured(tmp_path: Path):
    arguments = ["-m", "eval", "speed", "--seconds", "0.5", "--out", str(tmp_path / "speed")]
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    written = json.loads((tmp_path / "speed" / "speed.json").read_text())
    figures = {(figure["of"], figure["name"]): figure["value"] for figure in written["figures"]}
    assert figures["askpolicy", "HTTP, 8 clients: answers"] > 0
    assert figures["askpolicy", "build again, times as fast"] > 1
    assert figures["askpolicy", "resident while serving"] > 0
    assert written["machine"]["matrix_gflops"] > 0
    assert (tmp_path / "speed" / "speed.svg").stat().st_size > 1_000
    assert "in process: p50" in done.stdout
