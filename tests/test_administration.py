"""Policies uploaded to and removed from a running service, and what interrupts that."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest

from api.administration.indexing import Indexing
from api.administration.jobs import Job, Jobs, State, UnknownJob
from api.guard.keys import add_key
from index.build import build
from index.embedding import Embedder
from index.manifest import current_version
from index.policy_index import PolicyIndex
from index.sources.sidecar import Sidecar
from tests.api_support import problem, serving
from tests.conftest import ROOT, SAMPLE
from tests.tiny import TinyEmbedder

FIRST = sorted(SAMPLE.glob("*.txt"))[0]
TEXT = """# Pebblemail Privacy Policy

Pebblemail sends letters. This policy says what Pebblemail does with your data.

## What we collect

Pebblemail collects your name and your address, and we keep them for {years} years after your last letter was sent.

## Sharing

We do not sell your personal data to third parties. We share it with the post offices that carry your letters.
"""


def text(years: str = "two") -> bytes:
    return TEXT.format(years=years).encode()


# The jobs, in this process and with a tiny model


class Desk:
    """An index of one sample policy, a folder of uploads, and who does the jobs."""

    def __init__(self, folder: Path) -> None:
        self.index, self.sources = folder / "index", folder / "policies"
        self.sources.mkdir()
        shutil.copy(FIRST, self.sources)
        build([self.sources], self.index, embedder=TinyEmbedder())
        self.jobs = Jobs(folder / "uploads")
        self.indexing = Indexing(self.jobs, self.index, TinyEmbedder())

    def add(self, data: bytes, ending: str = ".md", day: date = date(2024, 5, 1), company: str | None = None) -> Job:
        return self.jobs.add(self.jobs.receive(data, ending, Sidecar(archived_on=day, company=company)))

    def done(self, *jobs: Job) -> list[Job]:
        self.indexing.run()
        return [self.jobs.get(job.id) for job in jobs]

    def policies(self) -> set[str]:
        return set(PolicyIndex.open(self.index, embedder=TinyEmbedder()).policies)

    def documents(self) -> list[str]:
        return sorted(path.name for path in self.jobs.documents.glob("*") if path.suffix != ".toml")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


ADDED = "pebblemail--pebblemail-privacy-policy--2024-05-01"


def test_an_upload_is_indexed_beside_what_the_index_is_of(desk: Desk):
    before = desk.policies()
    (job,) = desk.done(desk.add(text()))
    assert (job.state, job.policy_id, job.error) == (State.DONE, ADDED, None)
    assert job.index_version == current_version(desk.index)[1].version
    assert desk.policies() == before | {ADDED}


def test_another_day_is_another_version_and_the_same_day_another_text(desk: Desk):
    first, second, third = desk.add(text()), desk.add(text("three"), day=date(2025, 1, 1)), desk.add(text("four"))
    desk.done(first, second, third)
    assert {policy for policy in desk.policies() if "pebblemail" in policy} == {
        ADDED,
        ADDED.replace("2024-05-01", "2025-01-01"),
    }
    assert desk.documents() == sorted([second.file, third.file])
    assert "four years" in PolicyIndex.open(desk.index, embedder=TinyEmbedder()).policy(ADDED).text


def test_a_later_upload_for_the_same_day_replaces_the_earlier(desk: Desk):
    desk.done(desk.add(text()))
    (job,) = desk.done(later := desk.add(text("nine")))
    assert (job.state, job.policy_id, desk.documents()) == (State.DONE, ADDED, [later.file])


def test_the_same_text_again_changes_nothing(desk: Desk):
    (first,) = desk.done(desk.add(text()))
    (job,) = desk.done(desk.add(text()))
    assert (job.state, job.policy_id, job.index_version) == (State.DONE, ADDED, first.index_version)
    assert desk.documents() == [first.file]


def test_a_removal_takes_the_policy_out_and_its_document(desk: Desk):
    before = desk.policies()
    (added,) = desk.done(desk.add(text()))
    (job,) = desk.done(desk.jobs.remove(ADDED, added.file))
    assert (job.state, job.policy_id, desk.policies(), desk.documents()) == (State.DONE, ADDED, before, [])


def test_an_operators_update_neither_loses_nor_doubles_an_upload(desk: Desk):
    desk.done(desk.add(text()))
    before = desk.policies()
    shutil.copy(sorted(SAMPLE.glob("*.txt"))[1], desk.sources)
    sources = [Path(source) for source in current_version(desk.index)[1].sources]
    build(sources, desk.index, embedder=TinyEmbedder())
    assert (len(desk.policies()), desk.policies() > before) == (len(before) + 1, True)


def test_of_several_only_the_one_that_is_no_policy_fails(desk: Desk):
    good, bad, other = desk.add(text()), desk.add(b"# Pebble\n\nHello.\n"), desk.add(text(), company="Rockmail")
    jobs = desk.done(good, bad, other)
    assert [job.state for job in jobs] == [State.DONE, State.FAILED, State.DONE]
    assert jobs[1].error
    assert str(desk.jobs.folder) not in jobs[1].error
    assert desk.documents() == sorted([good.file, other.file])


def test_sources_that_are_gone_are_not_lost_from_the_index(desk: Desk):
    before = desk.policies()
    desk.sources.rename(desk.sources.with_name("moved"))
    (job,) = desk.done(desk.add(text()))
    assert (job.state, desk.policies(), desk.documents()) == (State.FAILED, before, [])
    assert "policies: gone" in (job.error or "")


def test_an_index_that_cannot_be_written_fails_the_job_and_serves_on(desk: Desk):
    before = desk.policies()
    job = desk.add(text())
    child = os.fork()
    if not child:  # a limit on sizes cannot be lifted again, so it is set in a process of its own
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, 4_000))
        try:
            desk.indexing.run()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    told = desk.jobs.get(job.id)
    assert (told.state, desk.policies(), desk.documents()) == (State.FAILED, before, [])
    assert "could not be written" in (told.error or "")
    assert str(desk.index) not in (told.error or "")


def test_an_interrupted_job_is_begun_again_and_given_up_at_last(desk: Desk):
    for attempts, state in ((1, State.DONE), (3, State.FAILED)):
        job = desk.add(text(str(attempts)))
        desk.jobs.apply(job)
        desk.jobs.write(Job(**{**{name: getattr(job, name) for name in job.__slots__}, "attempts": attempts}))
        assert [each.state for each in desk.done(job)] == [state]
    assert len(desk.documents()) == 1


KILLED = """
import os, signal, sys, threading, time
from pathlib import Path
from api.administration.indexing import Indexing
from api.administration.jobs import Jobs
from tests.tiny import TinyEmbedder
threading.Thread(target=lambda: (time.sleep(float(sys.argv[3])), os.kill(os.getpid(), signal.SIGKILL))).start()
Indexing(Jobs(Path(sys.argv[1])), Path(sys.argv[2]), TinyEmbedder()).run()
os._exit(0)
"""


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.2, 0.6])
def test_a_kill_at_any_moment_loses_no_upload_and_no_index(after_s: float, desk: Desk):
    before = desk.policies()
    jobs = [desk.add(text()), desk.add(text("six")), desk.add(text(), company="Rockmail")]
    arguments = [sys.executable, "-c", KILLED, str(desk.jobs.folder), str(desk.index), str(after_s)]
    subprocess.run(arguments, cwd=ROOT, capture_output=True, check=False, timeout=120)
    assert desk.policies() >= before
    assert [job.state for job in desk.done(*jobs)] == [State.DONE] * 3
    assert len(desk.policies()) == len(before) + 2
    assert desk.documents() == sorted([jobs[1].file, jobs[2].file])
    assert not list((desk.jobs.folder / ".aside").glob("*"))


def test_a_job_that_never_was_is_unknown(desk: Desk):
    for name in ("", "../../index/CURRENT", "20260101T000000000000-00000000"):
        with pytest.raises(UnknownJob):
            desk.jobs.get(name)


# The service


class Served:
    """A service that takes uploads."""

    def __init__(self, folder: Path, embedder: Embedder) -> None:
        self.folder, self.keys = folder, folder / "keys.json"
        build([FIRST], folder / "index", embedder=embedder)
        self.admin = {"Authorization": f"Bearer {add_key(self.keys, 'admin', endpoints=['admin'])}"}
        self.asker = {"Authorization": f"Bearer {add_key(self.keys, 'asker')}"}
        self.address = ""

    @contextmanager
    def running(self, *flags: str) -> Iterator[subprocess.Popen[str]]:
        folders = ("--index", str(self.folder / "index"), "--uploads", str(self.folder / "uploads"))
        with serving(*folders, "--keys", str(self.keys), "--log-level", "error", *flags) as (self.address, process):
            yield process

    def upload(self, data: bytes, content_type: str = "text/markdown", **about: str) -> httpx.Response:
        headers = {**self.admin, "Content-Type": content_type}
        return httpx.post(f"{self.address}/v1/admin/policies", params=about, content=data, headers=headers, timeout=300)

    def finished(self, started: httpx.Response) -> dict[str, object]:
        """What a job came to, asked over a new connection each time: any worker may answer."""
        assert started.status_code == 202, started.text
        give_up_at = time.monotonic() + 200
        while time.monotonic() < give_up_at:
            job: dict[str, object] = httpx.get(
                self.address + started.headers["Location"], headers=self.admin, timeout=60
            ).json()
            if job["state"] in ("done", "failed"):
                return job
            time.sleep(0.2)
        raise TimeoutError(job)

    def companies(self, version: object) -> set[str]:
        """Those of the index `version`, once it serves."""
        give_up_at = time.monotonic() + 60
        while time.monotonic() < give_up_at:
            told = httpx.get(f"{self.address}/v1/companies", headers=self.asker, timeout=60).json()
            if told["index_version"] == version:
                return {company["name"] for company in told["companies"]}
            time.sleep(0.2)
        raise TimeoutError(told)


@pytest.fixture
def served(embedder: Embedder, tmp_path: Path) -> Served:
    return Served(tmp_path, embedder)


def test_an_uploaded_policy_answers_and_a_removed_one_does_not(served: Served) -> None:
    with served.running():
        job = served.finished(served.upload(text(), date="2024-05-01", source_url="https://pebblemail.example/privacy"))
        assert (job["state"], job["policy_id"], job["kind"]) == ("done", ADDED, "add")
        assert served.companies(job["index_version"]) == {"migme", "Pebblemail"}
        asked = {"question": "does Pebblemail sell my personal data?"}
        answer = httpx.post(f"{served.address}/v1/ask", json=asked, headers=served.asker, timeout=60).json()
        assert answer["verdicts"][0]["verdict"] == "no"
        assert answer["passages"][0]["policy"]["source_url"] == "https://pebblemail.example/privacy"

        where = f"{served.address}/v1/admin/policies"
        removed = served.finished(httpx.delete(f"{where}/{ADDED}", headers=served.admin, timeout=60))
        assert removed["state"] == "done"
        assert served.companies(removed["index_version"]) == {"migme"}
        again = httpx.delete(f"{where}/{ADDED}", headers=served.admin, timeout=60)
        assert problem(again) == (404, "/problems/unknown-policy")
        operators = "mig.me--privacy-policy-migme--2014-06-29"
        foreign = httpx.delete(f"{where}/{operators}", headers=served.admin, timeout=60)
        assert problem(foreign) == (409, "/problems/not-uploaded")


def test_what_cannot_be_a_policy_is_refused_at_once(served: Served) -> None:
    nameless = text().replace(b"Pebblemail ", b"We ").replace(b"Pebblemail", b"we").replace(b"We Privacy", b"Privacy")
    with served.running() as process:
        refused = [
            served.upload(b"\x89PNG\r\n\x1a\n", "image/png"),
            served.upload(b"", "text/plain"),
            served.upload(b"%PDF-1.7\n1 0 obj\n<<", "application/pdf"),
            served.upload(b"\x00\xff" * 500, "text/html"),
            served.upload(nameless),
            served.upload(text(), company="a\nb"),
            served.upload(text(), date="yesterday"),
            served.upload(b"a" * 20_000_001, "text/plain"),
        ]
        assert [response.status_code for response in refused] == [415, 422, 422, 422, 422, 422, 422, 413]
        assert all(str(served.folder) not in response.text for response in refused)
        assert not [path for path in (served.folder / "uploads" / ".waiting").rglob("*") if path.is_file()]

        unknown = httpx.get(f"{served.address}/v1/admin/jobs/..%2F..%2Fx", headers=served.admin, timeout=60)
        assert unknown.status_code == 404
        for headers, status in ((served.asker, 403), ({}, 401)):
            tried = httpx.post(f"{served.address}/v1/admin/policies", content=text(), headers=headers, timeout=60)
            assert tried.status_code == status

        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (100, 100))
        assert problem(served.upload(text())) == (507, "/problems/no-space")


def test_uploads_at_once_to_two_workers_are_all_done(served: Served) -> None:
    names = [f"Rock{letter}mail" for letter in "abcde"]
    with served.running("--workers", "2"):
        with ThreadPoolExecutor(len(names)) as pool:
            started = list(pool.map(lambda name: served.upload(text(), company=name), names))
        jobs = [served.finished(each) for each in started]
        assert {(job["state"], str(job["policy_id"])[-10:]) for job in jobs} == {
            ("done", str(datetime.now(UTC).date()))
        }
        assert served.companies(max(str(job["index_version"]) for job in jobs)) >= set(names)


def test_a_service_killed_while_it_indexes_does_it_after_its_restart(served: Served) -> None:
    dated = b"---\narchived_on: 2024-05-01\n---\n" + text()
    with served.running() as process:
        started = served.upload(dated)
        assert started.status_code == 202
        process.kill()
        process.wait(20)
    with served.running():
        job = served.finished(started)
        assert (job["state"], job["policy_id"]) == ("done", ADDED)
        assert "Pebblemail" in served.companies(job["index_version"])


def test_without_keys_or_uploads_there_is_no_administration(served: Served) -> None:
    index = ("--index", str(served.folder / "index"), "--log-level", "error")
    for flags, headers in (((), {}), (("--keys", str(served.keys)), served.admin)):
        with serving(*index, *flags) as (address, _):
            tried = httpx.post(f"{address}/v1/admin/policies", content=text(), headers=headers, timeout=60)
            assert problem(tried) == (404, "/problems/not-found")
    command = [sys.executable, "-m", "api.command.cli", "serve", *index, "--uploads", str(served.folder / "uploads")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, len(done.stderr.splitlines()), "--keys FILE" in done.stderr) == (1, 1, True)
