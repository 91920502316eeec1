"""The keys of a running service: as its file has them now, and when each was used last.

It does not know requests.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from api.guard.keys import Key, KeysError, Secret, read_keys
from api.observability.logs import log

_LOOK_EVERY_S = 1.0
_NOTE_EVERY_S = 60.0
_HASH_CHARS = 16


class KeyRing:
    """The keys of a file, read again when it changes; one that became unreadable leaves the keys as they were."""

    def __init__(self, path: Path) -> None:
        """Raises `KeysError` as `read_keys` does."""
        self._path = path
        self._state = self._told = self._look()
        self._keys = read_keys(path)
        self._looked_at = time.monotonic()

    @property
    def keys(self) -> tuple[Key, ...]:
        """The keys, at most a second old."""
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_EVERY_S:
            self._looked_at = now
            state = self._look()
            if state != self._state:
                try:
                    self._keys = read_keys(self._path)
                except KeysError as error:
                    # read again at each look: what was wrong may be mended without a trace in the file's state
                    if state != self._told:
                        log.error("keys_unreadable", why=str(error), kept=len(self._keys))
                    self._told = state
                else:
                    self._state = self._told = state
                    log.info("keys_read", keys=len(self._keys))
        return self._keys

    def _look(self) -> tuple[int, int, int] | None:
        try:
            state = self._path.stat()
        except OSError:
            return None
        return state.st_mtime_ns, state.st_size, state.st_ino


class LastUse:
    """When each secret was used last: the modification time of an empty file of its own, beside the file of keys.

    So no process reads, locks or tears what another writes, and the keys themselves are never written.
    """

    def __init__(self, keys: Path) -> None:
        """`keys`: the file of keys."""
        self._folder = keys.with_name(f"{keys.name}.used")
        self._noted_at: dict[str, float] = {}
        self._has_failed = False

    def note(self, secret: Secret) -> None:
        """Keep that `secret` is used now; in a thread, and at most once a minute."""
        now = time.monotonic()
        if now - self._noted_at.get(secret.sha256, -_NOTE_EVERY_S) >= _NOTE_EVERY_S:
            self._noted_at[secret.sha256] = now
            asyncio.get_running_loop().run_in_executor(None, self._touch, secret)

    def of(self, key: Key) -> datetime | None:
        """When any secret of `key` was used last, to a minute; None: it is not known to have been."""
        return max(filter(None, map(self.of_secret, key.secrets)), default=None)

    def of_secret(self, secret: Secret) -> datetime | None:
        """When `secret` was used last, to a minute; None: it is not known to have been."""
        try:
            return datetime.fromtimestamp(int(self._file(secret).stat().st_mtime), UTC)
        except OSError:
            return None

    def forget_others(self, keys: Sequence[Key]) -> None:
        """Remove what was kept of secrets that none of `keys` has any longer."""
        kept = {self._file(secret).name for key in keys for secret in key.secrets}
        with suppress(OSError):
            for file in self._folder.iterdir():
                if file.name not in kept:
                    file.unlink()

    def _file(self, secret: Secret) -> Path:
        return self._folder / secret.sha256[:_HASH_CHARS]

    def _touch(self, secret: Secret) -> None:
        try:
            self._folder.mkdir(exist_ok=True)
            self._file(secret).touch()
        except OSError as error:
            if not self._has_failed:
                why = error.strerror or str(error)
                log.warning("last_use_not_kept", folder=str(self._folder), why=why)
            self._has_failed = True
