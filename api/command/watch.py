"""Sources are read again, and what changed since the last report is told, on standard output and to a webhook.

The index folder's file `REPORTED` names the version that was told last. It is written once a report was delivered: a
report that was not delivered, or a run that was killed, is made up for by the next run before anything is read anew.
It does not know how sources are read.
"""

import json
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from api.command.webhook import Webhook
from api.wire.changes import VersionChangeOut
from api.wire.schemas import PolicyOut
from index.embedding import Embedder
from index.errors import IndexMissing
from index.manifest import published_version
from index.policy_index import PolicyIndex
from qa.index_changes import IndexChanges, changes_since

EXIT_CHANGED = 10
_REPORTED = "REPORTED"
# So many versions are told in one delivery; more come in several.
_VERSIONS_A_DELIVERY = 50


@dataclass(frozen=True, slots=True)
class Report:
    """What changed from one index version to a later one."""

    since: str
    version: str
    changes: IndexChanges

    def deliveries(self) -> list[tuple[str, bytes]]:
        """Each body with its id, which is the same whenever the same is reported."""
        versions, gone = self.changes.versions, self.changes.gone
        count = max(1, -(-len(versions) // _VERSIONS_A_DELIVERY))
        found = []
        for number in range(count):
            mine = versions[number * _VERSIONS_A_DELIVERY : (number + 1) * _VERSIONS_A_DELIVERY]
            body = {
                "changes": [VersionChangeOut.of(one, technical=False).model_dump(mode="json") for one in mine],
                "gone": [PolicyOut.of(one).model_dump(mode="json") for one in gone] if number == 0 else [],
                "part": number + 1,
                "parts": count,
                "since_index_version": self.since,
                "index_version": self.version,
            }
            name = f"askpolicy watch {self.since} {self.version} {number}"
            found.append((str(uuid.uuid5(uuid.NAMESPACE_URL, name)), json.dumps(body, ensure_ascii=False).encode()))
        return found


class Watch:
    """Reports what becomes of one index folder."""

    def __init__(
        self,
        folder: Path,
        embedder: Embedder,
        *,
        show: Callable[[Report], None],
        say: Callable[[str], None],
        webhook: Webhook | None,
    ) -> None:
        """A watch of the index in `folder`.

        Args:
            show: what prints a report.
            say: what prints a line about the run itself.
        """
        self._folder, self._embedder = folder, embedder
        self._show, self._say, self._webhook = show, say, webhook

    def report(self, today: date) -> bool:
        """Tell what was published since the last report, and note that it was; whether there was anything.

        The first time nothing is told: from then on it is known what there was.

        Raises:
            WebhookError: the report was not delivered; the next run delivers it.
        """
        try:
            version = published_version(self._folder)
        except IndexMissing:
            return False
        since = self._reported()
        changes = IndexChanges((), ())
        if since is None:
            self._say(f"Watching {self._folder} from version {version} on")
        elif since != version:
            changes = self._changes(since, today)
            if changes:
                self._deliver(Report(since, version, changes))
        self._note(version)
        return bool(changes)

    def _changes(self, since: str, today: date) -> IndexChanges:
        after = PolicyIndex.open(self._folder, embedder=self._embedder)
        try:
            before = PolicyIndex.open_kept(self._folder, since, embedder=self._embedder)
        except IndexMissing:
            self._say(f"Version {since}, which was reported last, is not kept: it was built more than once meanwhile")
            if after.manifest.replaces is None:
                return IndexChanges((), ())
            before = PolicyIndex.open_kept(self._folder, after.manifest.replaces, embedder=self._embedder)
        return changes_since(before, after, today=today)

    def _deliver(self, report: Report) -> None:
        self._show(report)
        if self._webhook:
            for message_id, body in report.deliveries():
                self._webhook.post(body, message_id=message_id)

    def _reported(self) -> str | None:
        try:
            return (self._folder / _REPORTED).read_text(encoding="ascii", errors="replace").strip() or None
        except FileNotFoundError:
            return None

    def _note(self, version: str) -> None:
        unfinished = self._folder / f".{_REPORTED}.{os.getpid()}"
        unfinished.write_text(f"{version}\n", encoding="ascii")
        unfinished.replace(self._folder / _REPORTED)
