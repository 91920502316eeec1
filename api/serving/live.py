"""The assistant that answers now: opened beside the service, and exchanged when a new index version is published.

A request takes one assistant and keeps it, so that no answer mixes two versions; a version that does not open is told
and refused, and the one before it serves on. It does not know HTTP.
"""

import threading
import time
from dataclasses import dataclass
from typing import Protocol

from api.observability.logs import log
from api.observability.metrics import Metrics
from api.wire.problems import NotReady, kind_of
from index.errors import IndexCorrupt
from qa.assistant import Assistant

# A version that was refused is tried again so seldom: a full disk may be mended without a new publication.
_AGAIN_S = 30.0
_OPENING = "The index and the model are being opened; ask again in a moment."


class Opener(Protocol):
    """Opens what is published."""

    def newest(self) -> str:
        """The version that is published now, without opening it.

        Raises:
            IndexFolderError: that cannot be told.
        """

    def open(self) -> Assistant:
        """An assistant over the version that is published now.

        Raises:
            AskPolicyError: it cannot be opened.
        """


@dataclass(frozen=True, slots=True)
class Refused:
    """A published version that does not open, and why, in words that name no path."""

    version: str
    why: str


class LiveAssistant:
    """Holds the assistant, and looks after newer versions in a thread of its own between `begin` and `end`."""

    def __init__(
        self, opener: Opener | None, *, opened: Assistant | None = None, watch_s: float, metrics: Metrics
    ) -> None:
        """`opener`: None means that the one `opened` serves for ever."""
        self._opener, self._current, self._watch_s, self._metrics = opener, opened, watch_s, metrics
        self._why_not = _OPENING
        self.refused: Refused | None = None
        self._refused_at = 0.0
        self._ended = threading.Event()
        metrics.describe_index(lambda: self._current.index.manifest if self._current else None)

    def begin(self) -> None:
        """Open what is published, where nothing is open, and look for newer versions from now on."""
        if self._opener is not None:
            self._ended.clear()
            threading.Thread(target=self._watch, args=(self._opener,), name="index-watch", daemon=True).start()

    def end(self) -> None:
        """Look no longer."""
        self._ended.set()

    def assistant(self) -> Assistant:
        """The assistant, to be kept for one whole request.

        Raises:
            NotReady: it is being opened, or could not be, or its files were damaged since.
        """
        current = self._whole()
        if current is None:
            raise NotReady(self._why_not)
        return current

    @property
    def version(self) -> str | None:
        """The index version that serves; None while there is none."""
        current = self._current
        return current.index.manifest.version if current else None

    def _whole(self) -> Assistant | None:
        """The assistant, given up where its files are no longer what it maps; `_look` then opens what is whole."""
        current = self._current
        if current is None:
            return None
        try:
            current.index.check_mapped()
        except IndexCorrupt as error:
            if self._current is current:
                self._current, self._why_not = None, f"{kind_of(error).title}; the log of the service says more."
                log.error("index_damaged", index_version=current.index.manifest.version, why=str(error))
            return None
        return current

    def _watch(self, opener: Opener) -> None:
        while not self._ended.is_set():
            self._look(opener)
            self._ended.wait(self._watch_s)

    def _look(self, opener: Opener) -> None:
        version = "unknown"
        try:
            if self._whole() is not None:
                version = opener.newest()
            if version == self.version:
                self._forget_refused()
            elif not self._refused_lately(version):
                self._exchange(opener.open(), version)
        except Exception as error:  # noqa: BLE001 - whatever it is, the version before it must serve on
            self._refuse(version, error)

    def _exchange(self, opened: Assistant, version: str) -> None:
        manifest = opened.index.manifest
        self._forget_refused()  # first: whoever sees the new version sees none refused
        before, self._current = self.version, opened
        self._metrics.exchanged()
        log.info("index_opened", index_version=manifest.version, before=before, policies=manifest.policies)
        if version not in (manifest.version, "unknown"):
            log.info("index_overtaken", index_version=version, by=manifest.version)

    def _refuse(self, version: str, error: Exception) -> None:
        why = kind_of(error).title
        again = self.refused == Refused(version, why)
        self.refused, self._refused_at = Refused(version, why), time.monotonic()
        if self._current is None:
            self._why_not = f"{why}; the log of the service says more."
        if not again:
            self._metrics.refused_version()
            log.error("index_refused", index_version=version, serving=self.version, why=str(error), exc_info=error)

    def _refused_lately(self, version: str) -> bool:
        refused = self.refused
        same = refused is not None and refused.version == version and version != "unknown"
        return same and time.monotonic() - self._refused_at < _AGAIN_S

    def _forget_refused(self) -> None:
        self.refused = None
