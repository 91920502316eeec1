"""What an index folder says of itself, and whether its files are what it says. It does not know what they hold.

folder/
  CURRENT                    the version that serves: published by one atomic rename
  writing.lock               held by the process that builds
  versions/<version>/
    manifest.json            format, model, counts, settings, and each file's size and SHA-256
    companies.json policies.jsonl passages.jsonl words.json
    passages.faiss sentences.faiss
    terms/ coverage/         BM25 (NumPy arrays and JSON)
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from index.errors import IndexBusy, IndexCorrupt, IndexMissing

FORMAT = 1
_CURRENT, _VERSIONS, _MANIFEST, _LOCK = "CURRENT", "versions", "manifest.json", "writing.lock"
_KEPT_VERSIONS = 2


@dataclass(frozen=True, slots=True)
class FileSeal:
    """A file's size in bytes and its SHA-256."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index version holds and what made it.

    Attributes:
        sources: the files and folders that it was built of, as absolute paths; for `update`, and never served.
        files: seals by path relative to the version's folder.
    """

    format: int
    version: str
    built_at: str
    model: str
    model_hash: str
    dimension: int
    terms_hash: str
    sources: tuple[str, ...]
    policies: int
    companies: int
    passages: int
    sentences: int
    files: dict[str, FileSeal]


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """The right to write `folder`, for one process at a time.

    Raises:
        IndexBusy: another process has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / _LOCK, timeout=0):
            yield
    except Timeout as error:
        raise IndexBusy(f"{folder}: another process is building here; wait for it, or give another --out") from error


def new_version_folder(folder: Path, version: str) -> Path:
    """An empty folder beside the published versions, whose name says that it is not finished."""
    path = folder / _VERSIONS / f".{version}.{uuid.uuid4().hex[:8]}.unfinished"
    path.mkdir(parents=True)
    return path


def seal(unfinished: Path) -> dict[str, FileSeal]:
    """The seals of all files under `unfinished`, each flushed to the disk first."""
    seals = {}
    for path in sorted(unfinished.rglob("*")):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
            seals[path.relative_to(unfinished).as_posix()] = _seal(path)
    return seals


def publish(folder: Path, unfinished: Path, manifest: Manifest) -> None:
    """Make `unfinished` the version that serves. Until the very last step the old one does."""
    _write(unfinished / _MANIFEST, json.dumps(asdict(manifest), indent=1, sort_keys=True) + "\n")
    unfinished.rename(folder / _VERSIONS / manifest.version)
    _sync_folder(folder / _VERSIONS)
    waiting = folder / f".{_CURRENT}.{uuid.uuid4().hex[:8]}"
    _write(waiting, manifest.version + "\n")
    waiting.replace(folder / _CURRENT)
    _sync_folder(folder)
    _prune(folder, keep=manifest.version)


def current_version(folder: Path) -> tuple[Path, Manifest]:
    """The folder and the manifest of the version that serves; file sizes are checked, contents are not.

    Raises:
        IndexMissing: no index was published in `folder`.
        IndexCorrupt: the manifest or a file is missing, cut short, or not ours.
    """
    pointer = folder / _CURRENT
    try:
        version = pointer.read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise IndexMissing(f"{folder}: no index here; run `askpolicy index build PATH... --out {folder}`") from error
    except (OSError, UnicodeDecodeError) as error:
        raise IndexCorrupt(f"{pointer}: unreadable ({error}); run `askpolicy index build` again") from error
    where = folder / _VERSIONS / version
    if not version or "/" in version or os.sep in version or version.startswith("."):
        raise IndexCorrupt(f"{pointer}: names no version ({version[:80]!r}); run `askpolicy index build` again")
    manifest = _read_manifest(where / _MANIFEST)
    for name, expected in manifest.files.items():
        path = where / name
        size = path.stat().st_size if path.is_file() else None
        if size != expected.size:
            got = "missing" if size is None else f"{size:,} bytes"
            raise IndexCorrupt(f"{path}: {got}, expected {expected.size:,} bytes; run `askpolicy index build` again")
    return where, manifest


def damaged_files(where: Path, manifest: Manifest) -> list[str]:
    """The files of a version whose content is not what was sealed, by name; empty where it is whole."""
    return [name for name, expected in sorted(manifest.files.items()) if _seal(where / name) != expected]


def _read_manifest(path: Path) -> Manifest:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        if fields["format"] != FORMAT:
            raise IndexCorrupt(
                f"{path}: format {fields['format']}, expected {FORMAT}; run `askpolicy index build` again"
            )
        fields["files"] = {name: FileSeal(**seals) for name, seals in fields["files"].items()}
        fields["sources"] = tuple(fields["sources"])
        return Manifest(**fields)
    except FileNotFoundError as error:
        raise IndexCorrupt(f"{path}: missing; run `askpolicy index build` again") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IndexCorrupt(f"{path}: not a manifest of ours ({error!r}); run `askpolicy index build` again") from error


def _seal(path: Path) -> FileSeal:
    if not path.is_file():
        return FileSeal(-1, "")
    with path.open("rb") as file:
        return FileSeal(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _prune(folder: Path, *, keep: str) -> None:
    """Remove what earlier builds left unfinished, and all but the newest finished versions."""
    versions = sorted((folder / _VERSIONS).iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    finished = [path for path in versions if not path.name.startswith(".")]
    older = [path for path in finished if path.name != keep][_KEPT_VERSIONS - 1 :]
    for path in [*older, *(path for path in versions if path.name.startswith("."))]:
        shutil.rmtree(path, ignore_errors=True)
