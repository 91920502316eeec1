"""Uploads and removals as jobs in a folder, for every worker and the process that indexes. It does not know HTTP.

<uploads>/
  documents/<job>.<ending>   the uploaded documents that the index is built of, each with its sidecar
  .waiting/                  those whose job has not begun
  .aside/<job>/              what a job takes out of documents/, until it has succeeded
  .jobs/<job>.json           jobs that are to be done; in .jobs/done/ what became of the last of them
  .progress                  how far the build of those that are being done is
  .running.lock              held by the process that does them

Every step is a rename, and one that was done already is passed over: a job that was interrupted is begun again. What is
hidden is no part of an index, whichever folder around it is indexed.
"""

import json
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from index.errors import AskPolicyError
from index.sources.sidecar import Sidecar, is_sidecar, sidecar_path, sidecar_text
from index.whole_file import whole_file

MOST_WAITING = 1_000
_MOST_DONE = 1_000
_PROGRESS = ".progress"
_ID = re.compile(r"\d{8}T\d{12}-[0-9a-f]{8}", re.ASCII)
# An upload whose job was never made, because its service was killed in between, is removed after so long.
_ORPHAN_S = 3_600.0


class UnknownJob(AskPolicyError):
    """A job that there is not, or that was so long ago that it is forgotten."""


class TooManyJobs(AskPolicyError):
    """As many jobs wait as may."""


class UnusableDocument(AskPolicyError):
    """An upload that cannot become a policy."""


class NotUploaded(AskPolicyError):
    """A policy whose document was not uploaded."""


class Kind(StrEnum):
    """What a job does."""

    ADD = "add"
    REMOVE = "remove"


class State(StrEnum):
    """How far a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Progress:
    """What the process that indexes is at, and how far; stages are those of a build."""

    stage: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """An upload or a removal.

    Attributes:
        file: the document's name in `documents/`.
        stage, done, total: see `Progress`; while it is running.
        attempts: how often it was begun: more than once, if it was interrupted.
        replaced: uploads that it takes the place of, by name.
        policy_id: the policy that was added, or is to be removed.
        index_version: the first version that has what it did.
        error: why it failed, in words that name no path.
    """

    id: str
    kind: Kind
    file: str
    created_at: str
    state: State = State.QUEUED
    stage: str | None = None
    done: int = 0
    total: int = 0
    attempts: int = 0
    replaced: tuple[str, ...] = field(default=())
    policy_id: str | None = None
    index_version: str | None = None
    error: str | None = None
    finished_at: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is still to be done."""
        return self.state in (State.QUEUED, State.RUNNING)


class Jobs:
    """The jobs of one folder of uploads."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.documents = folder.absolute(), folder.absolute() / "documents"
        self._waiting, self._aside = self.folder / ".waiting", self.folder / ".aside"
        self._open, self._done = self.folder / ".jobs", self.folder / ".jobs" / "done"

    def receive(self, data: bytes, ending: str, sidecar: Sidecar) -> Path:
        """Where an uploaded document waits; `add` makes it a job, `forget` removes it.

        Raises:
            TooManyJobs: as many wait as may.
            OSError: the disk is full, or may not be written.
        """
        if len(self._open_paths()) >= MOST_WAITING:
            raise TooManyJobs(f"{MOST_WAITING:,} uploads and removals wait already; upload it again in a while")
        path = self._waiting / f"{_new_id()}{ending}"
        try:
            self.describe(path, sidecar)
            _write(path, data)
        except OSError:
            self.forget(path)
            raise
        return path

    def describe(self, received: Path, sidecar: Sidecar) -> None:
        """Keep what is known of a document that was received, or is about to be."""
        _write(sidecar_path(received), sidecar_text(sidecar).encode())

    def forget(self, received: Path) -> None:
        """Remove what was received."""
        for path in (received, sidecar_path(received)):
            path.unlink(missing_ok=True)

    def add(self, received: Path) -> Job:
        """The job that indexes what was received."""
        job = Job(received.name.partition(".")[0], Kind.ADD, received.name, _now())
        self.write(job)
        return job

    def remove(self, policy_id: str, file: str) -> Job:
        """The job that removes a policy whose document is `file`."""
        job = Job(_new_id(), Kind.REMOVE, file, _now(), policy_id=policy_id)
        self.write(job)
        return job

    def get(self, job_id: str) -> Job:
        """The job called `job_id`.

        Raises:
            UnknownJob: there is none.
        """
        if _ID.fullmatch(job_id):
            for folder in (self._done, self._open, self._done):  # it may be finished between two looks
                job = _read(folder / f"{job_id}.json")
                if job:
                    return self._with_progress(job)
        raise UnknownJob(f"no job {job_id[:80]!r}: it never was, or the last {_MOST_DONE:,} jobs came after it")

    def tell(self, progress: Progress) -> None:
        """Let `get` say of the jobs that are being done how far they are."""
        _write(self.folder / _PROGRESS, json.dumps(asdict(progress)).encode(), durable=False)

    def _with_progress(self, job: Job) -> Job:
        if job.state is not State.RUNNING:
            return job
        try:
            progress = Progress(**json.loads((self.folder / _PROGRESS).read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return job
        return replace(job, **asdict(progress))

    def open_jobs(self) -> list[Job]:
        """The jobs that are to be done, in the order in which they came."""
        jobs = [job for path in self._open_paths() if (job := _read(path))]
        return [job for job in jobs if not (self._done / f"{job.id}.json").exists()]

    def write(self, job: Job) -> None:
        """Keep `job` as it is now; one that ended is to be done no longer, and what it took out is gone."""
        text = json.dumps(asdict(job), indent=1).encode() + b"\n"
        if job.is_open:
            _write(self._open / f"{job.id}.json", text)
            return
        _write(self._done / f"{job.id}.json", text)
        shutil.rmtree(self._aside / job.id, ignore_errors=True)
        (self._open / f"{job.id}.json").unlink(missing_ok=True)

    def finish(self, job: Job, **what: str | None) -> None:
        """Let `job` end with what came of it: it failed where there is an error."""
        state = State.FAILED if what.get("error") else State.DONE
        self.write(replace(job, state=state, finished_at=_now(), stage=None, **what))  # type: ignore[arg-type]

    def apply(self, job: Job) -> None:
        """Let `documents/` be as the job wants it, `job.replaced` apart."""
        self.documents.mkdir(parents=True, exist_ok=True)
        if job.kind is Kind.ADD:
            _move(job.file, self._waiting, self.documents)
        else:
            _move(job.file, self.documents, self._aside / job.id)

    def set_aside(self, job: Job, names: Sequence[str]) -> None:
        """Take documents out that `job` replaces."""
        for name in names:
            _move(name, self.documents, self._aside / job.id)

    def undo(self, job: Job) -> None:
        """Let `documents/` be as it was before the job; what it added waits again."""
        if job.kind is Kind.ADD:
            _move(job.file, self.documents, self._waiting)
        aside = self._aside / job.id
        for path in sorted(aside.glob("*")):
            if not is_sidecar(path):
                _move(path.name, aside, self.documents)

    def fail(self, job: Job, error: str) -> None:
        """Let `job` end without effect."""
        self.undo(job)
        if job.kind is Kind.ADD:
            self.forget(self._waiting / job.file)
        self.finish(job, error=error)

    def tidy(self) -> None:
        """Remove what interrupted processes left, and what became of jobs of long ago."""
        for path in sorted(self._done.glob("*.json"))[:-_MOST_DONE]:
            path.unlink(missing_ok=True)
        for path in self._open_paths():
            if (self._done / path.name).exists():
                path.unlink(missing_ok=True)
        known = {job.id for job in self.open_jobs()}
        for aside in self._aside.glob("*"):
            if aside.name not in known:
                shutil.rmtree(aside, ignore_errors=True)
        for path in self._waiting.glob("*"):
            if path.name.partition(".")[0] not in known and time.time() - path.stat().st_mtime > _ORPHAN_S:
                path.unlink(missing_ok=True)

    @contextmanager
    def running(self) -> Iterator[bool]:
        """Whether this process, and no other, is the one that does the jobs, as long as the block lasts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / ".running.lock", timeout=0)
        try:
            with lock:
                yield True
        except Timeout:
            yield False

    def _open_paths(self) -> list[Path]:
        return sorted(self._open.glob("*.json"))


def _new_id() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _read(path: Path) -> Job | None:
    """The job in a file; None where there is none, or somebody has put something else there."""
    try:
        fields: dict[str, Any] = json.loads(path.read_bytes())
        kinds = {"kind": Kind(fields["kind"]), "state": State(fields["state"]), "replaced": tuple(fields["replaced"])}
        return Job(**(fields | kinds))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a whole file or none; a name that begins with a dot and ends otherwise is nobody's.

    Args:
        durable: it is there after a power cut, too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path, durable=durable) as file:
        file.write(data)


def _move(name: str, source: Path, target: Path) -> None:
    """Move a document and its sidecar, as far as they are not moved: never is a document seen without its sidecar."""
    target.mkdir(parents=True, exist_ok=True)
    paths = (source / name, sidecar_path(source / name))
    if paths[1].exists():
        copy = sidecar_path(target / name)
        if not copy.exists():
            _write(copy, paths[1].read_bytes())
    if paths[0].exists():
        paths[0].replace(target / name)
    if (target / name).exists():
        paths[1].unlink(missing_ok=True)
