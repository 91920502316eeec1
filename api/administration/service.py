"""What a service does about uploads: looks at them in a process of its own, and sees to it that jobs are done.

It does not know HTTP.
"""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from api.administration.checking import CHECK_WITHIN_S
from api.administration.jobs import Job, Jobs, NotUploaded, UnusableDocument
from api.observability.logs import log
from api.settings import BadSetting, Settings
from index.build import indexed_files
from index.errors import UnknownPolicy
from index.sources.sidecar import Sidecar

_LOOK_EVERY_S = 1.0
# After a process that ended badly the next one waits, longer each time, up to this.
_LONGEST_PAUSE_S = 60.0
_STOP_WITHIN_S = 2.0


class Administration:
    """Uploads and removals for the index of one service."""

    def __init__(self, settings: Settings) -> None:
        """Raises `BadSetting` where the folder of uploads stands alone."""
        if settings.uploads is None or settings.index is None or settings.keys is None:
            raise BadSetting("uploads needs an index of its own and keys: give --index DIR and --keys FILE with it")
        self.jobs, self._index = Jobs(settings.uploads), settings.index
        self._environment = os.environ | settings.as_environment()
        self._wanted, self._ended = threading.Event(), threading.Event()
        self._one_at_a_time = asyncio.Lock()
        self._thread = threading.Thread(target=self._watch, name="uploads", daemon=True)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Have jobs done, first those that an earlier service left; what is under way at the end waits again."""
        self._thread.start()
        try:
            yield
        finally:
            self._ended.set()
            self._wanted.set()
            await asyncio.to_thread(self._thread.join, 2 * _STOP_WITHIN_S)

    async def upload(self, data: bytes, ending: str, sidecar: Sidecar) -> Job:
        """The job that indexes a document, which can be one.

        Raises:
            UnusableDocument: it cannot be a policy.
            TooManyJobs, OSError: see `Jobs.receive`.
        """
        received = await asyncio.to_thread(self.jobs.receive, data, ending, sidecar)
        try:
            async with self._one_at_a_time:
                told = await self._checked(received)
            if "refused" in told:
                raise UnusableDocument(told["refused"])
            if not told["day"]:
                today = replace(sidecar, archived_on=datetime.now(UTC).date())
                await asyncio.to_thread(self.jobs.describe, received, today)
            job = await asyncio.to_thread(self.jobs.add, received)
        except BaseException:
            self.jobs.forget(received)
            raise
        log.info("upload_queued", job=job.id, company=told["company"], type=told["type"], bytes=len(data))
        self._wanted.set()
        return job

    def remove(self, policy_id: str) -> Job:
        """The job that removes a policy.

        Raises:
            UnknownPolicy: there is none such.
            NotUploaded: its document lies in a folder that is not the service's.
        """
        paths = [Path(file.real_path) for known, file in indexed_files(self._index) if known == policy_id]
        if not paths:
            raise UnknownPolicy(f"no policy {policy_id[:200]!r} in this index: GET /v1/companies lists them")
        if paths[0].parent != self.jobs.documents:
            raise NotUploaded(
                f"{policy_id!r} was not uploaded: its document lies in a folder that the index was built of; whoever "
                f"runs the service removes it there and runs `askpolicy index update`"
            )
        job = self.jobs.remove(policy_id, paths[0].name)
        self._wanted.set()
        return job

    async def _checked(self, path: Path) -> dict[str, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "api.administration.checking", str(path)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment,
        )
        try:
            async with asyncio.timeout(2 * CHECK_WITHIN_S):
                said, errors = await process.communicate()
        except TimeoutError:
            return {"refused": f"it could not be read within {CHECK_WITHIN_S} s; split it, or save it as text"}
        finally:
            with suppress(ProcessLookupError):
                process.kill()
        if process.returncode:
            log.error("upload_not_read", status=process.returncode, why=errors.decode(errors="replace")[-2_000:])
            return {"refused": "reading it took too much time or memory; split it, or save it as text"}
        told: dict[str, str] = json.loads(said)
        return told

    def _watch(self) -> None:
        pause_s, not_before = _LOOK_EVERY_S, 0.0
        while not self._ended.is_set():
            self._wanted.wait(_LOOK_EVERY_S)
            self._wanted.clear()
            try:
                if time.monotonic() < not_before or self._ended.is_set() or not self._has_work():
                    continue
                status = self._index_in_process()
            except OSError as error:
                status = 1
                log.error("uploads_not_indexed", why=str(error))
            pause_s = min(_LONGEST_PAUSE_S, 2 * pause_s) if status else _LOOK_EVERY_S
            not_before = time.monotonic() + pause_s if status else 0.0

    def _has_work(self) -> bool:
        """Whether jobs wait, and no other worker has them done."""
        if not self.jobs.open_jobs():
            return False
        with self.jobs.running() as is_free:
            return is_free

    def _index_in_process(self) -> int:
        """The exit status of a process that did the jobs, 0 also where the service ends."""
        command = [sys.executable, "-m", "api.administration.indexing"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, env=self._environment) as process:
            while process.poll() is None:
                if self._ended.wait(0.1):
                    process.terminate()
                    try:
                        process.wait(_STOP_WITHIN_S)
                    except subprocess.TimeoutExpired:
                        process.kill()
                    return 0
            if process.returncode:
                log.error("uploads_not_indexed", status=process.returncode)
            return process.returncode
