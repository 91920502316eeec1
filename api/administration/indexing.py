"""The process that does the jobs: `python -m api.administration.indexing`, beside a service and less urgent than it.

It takes the jobs that wait, lets the folder of uploads be as they want it, and publishes an index version of that; it
ends when none is left. Where it is killed, the next one begins again. It does not know HTTP.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from api.administration.jobs import Job, Jobs, Kind, Progress, State
from api.observability.logs import log, show_logs
from api.settings import Settings
from index.build import BuildReport, FoundPolicy, build, found_policies, indexed_files
from index.embedding import DEFAULT_MODEL, Embedder, open_embedder
from index.errors import AskPolicyError, IndexBusy, IndexFolderError, NothingToIndex
from index.manifest import current_version
from index.policies.series import day_of
from index.sources.files import read_policy_file
from index.sources.folder import hash_of

T = TypeVar("T")

# A document that ends the process so often, by its memory or a crash of a library, is given up.
_MOST_ATTEMPTS = 3
_TELL_EVERY_S = 0.3
# An operator's own `askpolicy index build` may take as long.
_BUSY_FOR_S, _BUSY_EVERY_S = 3_600.0, 0.5
# Beside a service that is busy it gets a tenth of a core, and all that is free.
_URGENCY = 10


class Indexing:
    """Does jobs with one index and one model."""

    def __init__(self, jobs: Jobs, index: Path, embedder: Embedder) -> None:
        self._jobs, self._index, self._embedder = jobs, index, embedder
        self._told_at = 0.0

    def run(self) -> None:
        """Do all jobs that wait; those that were interrupted before, and what might be their fault, one at a time."""
        self._jobs.tidy()
        while jobs := self._jobs.open_jobs():
            interrupted = [job for job in jobs if job.attempts]
            self._do(interrupted[:1] or jobs)

    def _do(self, jobs: Sequence[Job]) -> None:
        if jobs[0].attempts >= _MOST_ATTEMPTS:
            log.error("job_given_up", job=jobs[0].id, attempts=jobs[0].attempts)
            self._jobs.fail(jobs[0], f"the process that indexes ended {_MOST_ATTEMPTS} times before this was done")
            return
        begun = [replace(job, state=State.RUNNING, attempts=job.attempts + 1) for job in jobs]
        self._jobs.tell(Progress("read"))
        for job in begun:
            self._jobs.write(job)
        try:
            begun = self._applied(begun)
            report = self._built()
        except (AskPolicyError, OSError) as error:
            self._fail(begun, error)
            return
        except SystemExit:  # the service is stopped, which is no job's fault
            for job in jobs:
                self._jobs.write(job)
            raise
        self._finish(begun, report)

    def _fail(self, jobs: Sequence[Job], error: Exception) -> None:
        """None has any effect; of several, one may be at fault, so that each is tried again alone."""
        log.error("job_failed", jobs=[job.id for job in jobs], why=str(error))
        for job in jobs[::-1]:
            if len(jobs) > 1:
                self._jobs.undo(job)
                self._jobs.write(replace(job, replaced=()))
            else:
                self._jobs.fail(job, self._in_words(str(error)))

    def _applied(self, jobs: Sequence[Job]) -> list[Job]:
        """The jobs with what they replace: a document of the same policy and day takes the place of the one before."""
        for job in jobs:
            self._jobs.apply(job)
        uploads = {
            Path(found.file.real_path).name: found
            for found in self._when_free(self._found)
            if Path(found.file.real_path).parent == self._jobs.documents
        }
        applied = []
        for job in jobs:
            added = uploads.get(job.file) if job.kind is Kind.ADD else None
            replaced = [name for name, found in uploads.items() if added and _is_replaced(found, added)]
            applied.append(replace(job, replaced=tuple(replaced)))
            self._jobs.write(applied[-1])
            self._jobs.set_aside(job, replaced)
            uploads = {name: found for name, found in uploads.items() if name not in replaced}
        return applied

    def _sources(self) -> tuple[list[Path], list[Path]]:
        _, manifest = current_version(self._index)
        paths = [Path(path) for path in manifest.sources if Path(path) != self._jobs.documents]
        histories = [Path(path) for path in manifest.histories]
        gone = [path.name for path in (*paths, *histories) if not path.exists()]
        if gone:
            raise NothingToIndex(
                f"{', '.join(gone)}: gone, and the index was built of it, so that its policies would be lost: bring it "
                f"back, or run `askpolicy index update`"
            )
        has_uploads = any(self._jobs.documents.iterdir())
        return [*paths, *([self._jobs.documents] if has_uploads else [])], histories

    def _found(self) -> list[FoundPolicy]:
        paths, histories = self._sources()
        return found_policies(paths, self._index, embedder=self._embedder, histories=histories)

    def _built(self) -> BuildReport:
        def built() -> BuildReport:
            paths, histories = self._sources()
            return build(paths, self._index, embedder=self._embedder, histories=histories, progress=self._tell)

        return self._when_free(built)

    def _when_free(self, work: Callable[[], T]) -> T:
        give_up_at = time.monotonic() + _BUSY_FOR_S
        while True:
            try:
                return work()
            except IndexBusy:
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(_BUSY_EVERY_S)

    def _tell(self, stage: str, done: int, total: int) -> None:
        if time.monotonic() - self._told_at >= _TELL_EVERY_S:
            self._told_at = time.monotonic()
            self._jobs.tell(Progress(stage, done, total))

    def _finish(self, jobs: Sequence[Job], report: BuildReport) -> None:
        files = {Path(file.real_path): (policy_id, file) for policy_id, file in indexed_files(self._index)}
        by_text = {file.text_hash: policy_id for policy_id, file in files.values() if policy_id}
        replaced = {name for job in jobs for name in job.replaced}
        version, undone = report.manifest.version, False
        for job in jobs:
            path = self._jobs.documents / job.file
            if job.kind is Kind.REMOVE or job.file in replaced:
                self._jobs.finish(job, policy_id=job.policy_id, index_version=version)
                continue
            policy_id, _ = files.get(path, ("", None))
            refused = [str(error) for error in report.refused if job.file in str(error)]
            if not policy_id and not refused and path not in files:
                # the same text is the same policy's already, so that one of the two files is not needed
                policy_id = by_text.get(hash_of(read_policy_file(path).text), "")
                self._jobs.forget(path)
            if policy_id:
                self._jobs.finish(job, policy_id=policy_id, index_version=version)
            else:
                undone |= bool(job.replaced)
                self._jobs.fail(job, self._in_words("; ".join(refused) or "no passage in it could answer a question"))
        log.info("jobs_done", jobs=[job.id for job in jobs], index_version=version)
        if undone:  # what the failed ones were to replace is back
            self._built()

    def _in_words(self, message: str) -> str:
        """A message without this machine's folders."""
        for folder, shown in ((self._jobs.documents, "documents"), (self._index.absolute(), "the index")):
            message = message.replace(str(folder), shown)
        return message.replace(str(self._index), "the index")


def _is_replaced(found: FoundPolicy, by: FoundPolicy) -> bool:
    """Whether a document is an upload of the same policy for the same day, and the earlier one."""
    same_day = day_of(found.policy) == day_of(by.policy)
    return found.policy.series == by.policy.series and same_day and found.file.real_path < by.file.real_path


def main() -> None:
    """Do the jobs of the settings in the environment, unless another process does them."""
    os.setpriority(os.PRIO_PROCESS, 0, max(_URGENCY, os.getpriority(os.PRIO_PROCESS, 0)))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    settings = Settings.from_environment(os.environ)
    if settings.uploads is None or settings.index is None:
        raise IndexFolderError("no folder of uploads and index to put them into is set")
    show_logs(settings)
    jobs = Jobs(settings.uploads)
    with jobs.running() as is_mine:
        if is_mine:
            embedder = open_embedder(settings.model or DEFAULT_MODEL)
            Indexing(jobs, settings.index, embedder).run()


if __name__ == "__main__":
    main()
