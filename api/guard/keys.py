"""API keys and public widget tokens: made, kept as hashes in one file, found again. It does not know requests.

A key is a secret of 256 random bits, so that one SHA-256 keeps it: there is nothing to guess that a slower hash would
protect. A widget token is public, since it stands in a page; it asks only from the origins that it was made for.

{"format": 1, "keys": [{"name", "sha256", "made_on", "origins"}]}
"""

import hashlib
import hmac
import json
import os
import re
import secrets
import stat
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from api.observability.logs import log
from index.errors import AskPolicyError

_FORMAT = 1
_NAME = re.compile(r"[\w.@+-]{1,64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LOCK_WITHIN_S = 10.0
_LOOK_EVERY_S = 1.0


class KeysError(AskPolicyError):
    """A file of keys that cannot be read or written, or a name that it does not take."""


@dataclass(frozen=True, slots=True)
class Key:
    """One API key, or a widget token where it has origins.

    Attributes:
        name: what people call it; logs and limits know it by this.
        sha256: of the secret, in hexadecimal.
        made_on: the day, in UTC.
        origins: where its requests may come from; none: from anywhere.
        endpoints: what it may beside asking: "admin", or nothing.
    """

    name: str
    sha256: str
    made_on: str
    origins: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()


def add_key(path: Path, name: str, *, origins: Sequence[str] = (), endpoints: Sequence[str] = ()) -> str:
    """The secret of a new key called `name`; it is kept nowhere but with whoever asked for it.

    Raises:
        KeysError: the name is taken or no name, or the file cannot be read or written.
    """
    if not _NAME.fullmatch(name):
        raise KeysError(f"the name {name[:80]!r} is no name, expected up to 64 letters, digits, or any of . _ @ + -")
    secret = ("askpolicy_public_" if origins else "askpolicy_") + secrets.token_urlsafe(32)
    with _changing(path) as keys:
        if any(key.name == name for key in keys):
            raise KeysError(f"{path}: there is a key {name!r} already; choose another name, or revoke it first")
        keys.append(Key(name, _sha256(secret), f"{datetime.now(UTC):%Y-%m-%d}", tuple(origins), tuple(endpoints)))
    return secret


def revoke_key(path: Path, name: str) -> None:
    """Nothing; no request with the key called `name` is answered from now on.

    Raises:
        KeysError: there is none such, or the file cannot be read or written.
    """
    with _changing(path) as keys:
        kept = [key for key in keys if key.name != name]
        if len(kept) == len(keys):
            known = ", ".join(key.name for key in keys) or "none"
            raise KeysError(f"{path}: there is no key {name[:80]!r} (there are: {known})")
        keys[:] = kept


def read_keys(path: Path) -> tuple[Key, ...]:
    """The keys in the file at `path`.

    Raises:
        KeysError: there is no such file, or it is not one of ours.
    """
    mend = "`askpolicy keys add` makes one"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise KeysError(f"{path}: there is no file of keys; {mend}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise KeysError(f"{path}: unreadable ({error})") from error
    try:
        content = json.loads(text)
        if content["format"] != _FORMAT:
            raise ValueError(f"format {content['format']}, expected {_FORMAT}")
        return tuple(_key(**entry) for entry in content["keys"])
    except (ValueError, KeyError, TypeError) as error:
        raise KeysError(f"{path}: no file of keys of ours ({error!r}); {mend}") from error


def found_key(keys: Sequence[Key], secret: str) -> Key | None:
    """The key whose secret this is; all are compared, each in constant time."""
    given = _sha256(secret)
    found = None
    for key in keys:
        if hmac.compare_digest(key.sha256, given):
            found = key
    return found


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


def _key(*, name: str, sha256: str, made_on: str, origins: Sequence[str], endpoints: Sequence[str] = ()) -> Key:
    whole = isinstance(name, str) and _SHA256.fullmatch(sha256) and not isinstance(origins, str)
    if not (whole and all(isinstance(origin, str) for origin in origins)):
        raise ValueError(f"the entry {name!r} is not one of ours")
    return Key(name, sha256, made_on, tuple(origins), tuple(endpoints))


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _keep_readers(handle: int, before: os.stat_result) -> None:
    """Who could read the file before can read it now: a service that runs as another user, above all."""
    os.fchmod(handle, stat.S_IMODE(before.st_mode))
    with suppress(PermissionError):
        os.fchown(handle, before.st_uid, before.st_gid)


@contextmanager
def _changing(path: Path) -> Iterator[list[Key]]:
    """The keys at `path`, to be changed in place; written whole, and readable by the owner alone, or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(path.name + ".lock"), timeout=_LOCK_WITHIN_S):
            keys = [*read_keys(path)] if path.exists() else []
            yield keys
            text = json.dumps({"format": _FORMAT, "keys": [asdict(key) for key in keys]}, indent=1) + "\n"
            waiting = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
            try:
                with os.fdopen(os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                    if path.exists():
                        _keep_readers(file.fileno(), path.stat())
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                waiting.replace(path)
            finally:
                waiting.unlink(missing_ok=True)
    except Timeout as error:
        raise KeysError(f"{path}: another process is changing it; try again") from error
    except OSError as error:
        raise KeysError(f"{path}: cannot be written ({error.strerror or error})") from error
