"""API keys and public widget tokens: what each may, and the one file that keeps them. It does not know requests.

A key is a secret of 256 random bits, so that one SHA-256 keeps it: there is nothing to guess that a slower hash would
protect. A widget token is public, since it stands in a page; it asks only from the origins that it was made for.

{"format": 2, "keys": [{"name", "secrets": [{"sha256", "until"}], "made_on", "origins", "companies", "endpoints",
"expires_at"}]}; format 1, with one "sha256" in place of "secrets" and no more than origins, is read too.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
import stat
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from api.guard.endpoints import ADMIN, ENDPOINTS, MCP, METRICS, NOT_FOR_WIDGETS
from index.errors import AskPolicyError

_FORMAT = 2
_NAME = re.compile(r"[\w.@+-]{1,64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LOCK_WITHIN_S = 10.0
_MOST_COMPANY_CHARS = 200


class KeysError(AskPolicyError):
    """A file of keys that cannot be read or written, or something that it does not take."""


@dataclass(frozen=True, slots=True)
class Secret:
    """What its holder sends.

    Attributes:
        sha256: its hash, in hexadecimal.
        until: when the overlap ends that a rotation left it; None: it was not rotated.
    """

    sha256: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What a key is for.

    Attributes:
        origins: the pages that a widget token is for; none: it is a secret key, and its requests come from anywhere.
        companies: ids, names or domains of those that it can ask about; none: all.
        endpoints: of `ENDPOINTS`; none: all that need not be named, see `includes`.
        expires_at: when it ends; None: never.
    """

    origins: tuple[str, ...] = ()
    companies: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    expires_at: datetime | None = None

    def includes(self, endpoint: str | None) -> bool:
        """Whether requests of `endpoint` (None: of none that has a name) belong to it.

        `admin` must be named, and so must `metrics`, which count everybody's requests, by a key for some companies. A
        widget token has neither.
        """
        if self.endpoints:
            return endpoint in self.endpoints
        return endpoint != ADMIN and not (endpoint == METRICS and (self.companies or self.origins))


@dataclass(frozen=True, slots=True)
class Key:
    """One API key, or a widget token where its scope has origins.

    Attributes:
        name: what people call it; logs and limits know it by this.
        secrets: the one that it was given last, and those before it.
        made_on: the day, in UTC.
    """

    name: str
    secrets: tuple[Secret, ...]
    made_on: str
    scope: Scope = Scope()

    def ended_at(self, secret: Secret, now: datetime) -> datetime | None:
        """Since when `secret` opens nothing more; None while it does."""
        ends = min((end for end in (self.scope.expires_at, secret.until) if end is not None), default=None)
        return ends if ends is not None and ends <= now else None


def add_key(
    path: Path,
    name: str,
    *,
    origins: Sequence[str] = (),
    companies: Sequence[str] = (),
    endpoints: Sequence[str] = (),
    expires_at: datetime | None = None,
) -> str:
    """The secret of a new key called `name`; it is kept nowhere but with whoever asked for it.

    Args:
        origins, companies, endpoints, expires_at: see `Scope`.
    Raises:
        KeysError: the name is taken or no name, the scope makes no sense, or the file cannot be read or written.
    """
    if not _NAME.fullmatch(name):
        raise KeysError(f"the name {name[:80]!r} is no name, expected up to 64 letters, digits, or any of . _ @ + -")
    scope = _checked(Scope(tuple(origins), tuple(companies), tuple(endpoints), expires_at))
    secret = _new_secret(scope)
    with _changing(path) as keys:
        if any(key.name == name for key in keys):
            raise KeysError(f"{path}: there is a key {name!r} already; choose another name, or remove it first")
        keys.append(Key(name, (Secret(_sha256(secret)),), f"{datetime.now(UTC):%Y-%m-%d}", scope))
    return secret


def rotate_key(path: Path, name: str, *, overlap: timedelta, expires_at: datetime | None = None) -> str:
    """A new secret of the key called `name`; the one before it opens as much until `overlap` is over.

    Args:
        expires_at: when the key ends from now on; None: as before.
    Raises:
        KeysError: there is none such, it has expired, or the file cannot be read or written.
    """
    now = _now()
    with _changing(path) as keys:
        place = _place(path, keys, name)
        key = keys[place]
        before = key.scope.expires_at
        if expires_at is None and before is not None and before <= now:
            raise KeysError(f"{path}: {name} expired {before:%Y-%m-%d %H:%M} UTC; give a new end with --expires")
        # a longer life of the key is none of its old secret's
        ends = min(now + overlap, before or datetime.max.replace(tzinfo=UTC))
        old = [replace(each, until=min(each.until or ends, ends)) for each in key.secrets]
        secret = _new_secret(key.scope)
        kept = (each for each in old if each.until and each.until > now)
        scope = replace(key.scope, expires_at=expires_at or before)
        keys[place] = replace(key, secrets=(Secret(_sha256(secret)), *kept), scope=scope)
    return secret


def remove_key(path: Path, name: str) -> None:
    """Nothing; no request with the key called `name` is answered from now on.

    Raises:
        KeysError: there is none such, or the file cannot be read or written.
    """
    with _changing(path) as keys:
        del keys[_place(path, keys, name)]


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
        if content["format"] not in (1, _FORMAT):
            raise ValueError(f"format {content['format']}, expected {_FORMAT}")
        read = _key_of_format_1 if content["format"] == 1 else _key
        return tuple(read(entry) for entry in content["keys"])
    except (ValueError, KeyError, TypeError, KeysError) as error:
        raise KeysError(f"{path}: no file of keys of ours ({error!r}); {mend}") from error


def found_key(keys: Sequence[Key], text: str) -> tuple[Key, Secret] | None:
    """The key whose secret `text` is, and that secret, ended or not; all are compared, each in constant time."""
    given = _sha256(text)
    found = None
    for key in keys:
        for secret in key.secrets:
            if hmac.compare_digest(secret.sha256, given):
                found = key, secret
    return found


def _checked(scope: Scope) -> Scope:
    """`scope`, if a key can have it; raises `KeysError`."""
    strange = [name for name in scope.endpoints if name not in ENDPOINTS]
    if strange:
        raise KeysError(f"there is no endpoint {strange[0][:80]!r}, expected one of {', '.join(ENDPOINTS)}")
    if scope.origins and not NOT_FOR_WIDGETS.isdisjoint(scope.endpoints):
        never = " or ".join(sorted(NOT_FOR_WIDGETS))
        raise KeysError(
            f"a widget token stands in a page for all to read, and can never have {never}; leave out --origin"
        )
    if scope.companies and ADMIN in scope.endpoints:
        raise KeysError(f"{ADMIN} changes the index of all companies; make a key of its own for it, without --company")
    if set(scope.endpoints) == {MCP}:
        tools = "ask, search, companies, policies"
        raise KeysError(f"with mcp alone no tool can be called; name the endpoints of those that may, too: {tools}")
    for company in scope.companies:
        if not company.strip() or len(company) > _MOST_COMPANY_CHARS or not company.isprintable():
            raise KeysError(f"{company[:80]!r} is no company, expected an id, a name or a domain")
    return scope


def _key(entry: Mapping[str, Any]) -> Key:
    return _made(
        entry,
        [Secret(each["sha256"], _moment(each["until"])) for each in entry["secrets"]],
        Scope(
            _texts(entry["origins"]),
            _texts(entry["companies"]),
            _texts(entry["endpoints"]),
            _moment(entry["expires_at"]),
        ),
    )


def _key_of_format_1(entry: Mapping[str, Any]) -> Key:
    return _made(entry, [Secret(entry["sha256"])], Scope(_texts(entry["origins"])))


def _made(entry: Mapping[str, Any], secrets_: Sequence[Secret], scope: Scope) -> Key:
    name, made_on = entry["name"], entry["made_on"]
    hashes = all(_SHA256.fullmatch(secret.sha256) for secret in secrets_)
    if not (isinstance(name, str) and isinstance(made_on, str) and secrets_ and hashes):
        raise ValueError(f"the entry {name!r} is not one of ours")
    return Key(name, tuple(secrets_), made_on, _checked(scope))


def _entry(key: Key) -> dict[str, Any]:
    return {
        "name": key.name,
        "secrets": [{"sha256": each.sha256, "until": _written(each.until)} for each in key.secrets],
        "made_on": key.made_on,
        "origins": key.scope.origins,
        "companies": key.scope.companies,
        "endpoints": key.scope.endpoints,
        "expires_at": _written(key.scope.expires_at),
    }


def _texts(values: Any) -> tuple[str, ...]:
    if isinstance(values, list) and all(isinstance(value, str) for value in values):
        return tuple(values)
    raise ValueError(f"{values!r} is no list of texts")


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} is in no time zone")
    return moment


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _new_secret(scope: Scope) -> str:
    return ("askpolicy_public_" if scope.origins else "askpolicy_") + secrets.token_urlsafe(32)


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _place(path: Path, keys: Sequence[Key], name: str) -> int:
    found = next((place for place, key in enumerate(keys) if key.name == name), None)
    if found is None:
        known = ", ".join(key.name for key in keys) or "none"
        raise KeysError(f"{path}: there is no key {name[:80]!r} (there are: {known})")
    return found


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
            text = json.dumps({"format": _FORMAT, "keys": [_entry(key) for key in keys]}, indent=1) + "\n"
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
