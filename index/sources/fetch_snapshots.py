"""Snapshots in a folder: a file as fetched, its sidecar beside it, a folder for each host. It does not know HTTP.

Names hold the day, so that versions stand beside each other; nothing is ever overwritten.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import httpx
from filelock import FileLock

from index.sources.sidecar import SIDECAR_SUFFIX, Sidecar, read_sidecar, sidecar_path, sidecar_text
from index.whole_file import whole_file

_LOCK = ".fetch.lock"
_LONGEST_STEM_BYTES = 120
_PAGE_ENDINGS = re.compile(r"\.(?:html?|xhtml|php|aspx?|jsp|md|markdown|txt|pdf|docx)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A stored file and what its sidecar says."""

    path: Path
    sidecar: Sidecar


class Snapshots:
    """The snapshots in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def newest(self, url: httpx.URL) -> Snapshot | None:
        """The newest snapshot of what was asked for as `url`.

        Raises:
            SidecarError: a sidecar of that host cannot be read.
        """
        found = [one for one in self._of_host(url) if one.sidecar.address == str(url)]
        return max(found, key=lambda one: one.sidecar.fetched_at or _LONG_AGO, default=None)

    def store(self, body: bytes, sidecar: Sidecar, *, url: httpx.URL, ending: str) -> tuple[Snapshot, bool]:
        """Store `body`, asked for as `url`, unless the newest snapshot of that holds the same bytes.

        Returns the snapshot that holds them, and whether it is new.

        Raises:
            SidecarError: see `newest`.
            OSError: the folder cannot be written.
        """
        folder = self._folder / _folder_name(url)
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / _LOCK):
            newest = self.newest(url)
            if newest and newest.sidecar.sha256 == sidecar.sha256:
                return newest, False
            path = _free_path(folder, f"{_stem(url)}--{sidecar.day}", ending)
            # A sidecar without its file is nothing; a file without its sidecar would be a policy of nobody knows whom.
            _write(sidecar_path(path), sidecar_text(sidecar).encode())
            _write(path, body)
            return Snapshot(path, sidecar), True

    def _of_host(self, url: httpx.URL) -> Iterator[Snapshot]:
        folder = self._folder / _folder_name(url)
        for path in sorted(folder.glob(f"*{SIDECAR_SUFFIX}")):
            file = path.with_name(path.name.removesuffix(SIDECAR_SUFFIX))
            if not path.name.startswith(".") and file.is_file() and (sidecar := read_sidecar(file)):
                yield Snapshot(file, sidecar)


_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


def _folder_name(url: httpx.URL) -> str:
    port = f"-{url.port}" if url.port else ""
    return url.raw_host.decode("ascii").lower().replace(":", "-").strip(".") + port


def _stem(url: httpx.URL) -> str:
    """A file's name from the path and query of `url`.

    >>> _stem(httpx.URL("https://example.com/legal/privacy.html?lang=en")), _stem(httpx.URL("https://example.com"))
    ('legal-privacy-lang-en', 'index')
    """
    path = _PAGE_ENDINGS.sub("", unquote(url.path))
    words = unicodedata.normalize("NFC", f"{path} {unquote(url.query.decode('ascii'))}")
    stem = re.sub(r"[^\w.]+", "-", words).strip("-._")
    return stem.encode()[:_LONGEST_STEM_BYTES].decode(errors="ignore").strip("-._") or "index"


def _free_path(folder: Path, stem: str, ending: str) -> Path:
    path, number = folder / f"{stem}{ending}", 1
    while path.exists() or sidecar_path(path).exists():
        number += 1
        path = folder / f"{stem}--{number}{ending}"
    return path


def _write(path: Path, data: bytes) -> None:
    """Write `path` whole or not at all."""
    with whole_file(path) as file:
        file.write(data)
