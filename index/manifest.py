"""What an index folder says of itself, and whether its files are what it says. It does not know what they hold.

folder/
  CURRENT                    the version that serves, and its manifest's checksum: published by one atomic rename
  writing.lock               held by the process that writes
  versions/<version>/
    manifest.json            format, model, counts, sources, and each file's size and checksum
    companies.json policies.jsonl files.jsonl
    <segment>/               see `index.segment`; versions share an unchanged segment's files by hard links

Checksums are XXH3 of 128 bits: they find torn writes and rotten bits at the speed of memory, so that every byte is
checked whenever an index is opened; of one of more than half a gigabyte every file that is not as old as it was when it
was sealed. They do not withstand somebody who means harm and may write to the folder.
"""

import json
import os
import re
import shutil
import uuid
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import xxhash
from filelock import FileLock, Timeout

from index.errors import IndexBusy, IndexCorrupt, IndexFolderError, IndexMissing, IndexOutdated

FORMAT = 3
MANIFEST = "manifest.json"
_CURRENT, _VERSIONS, _LOCK = "CURRENT", "versions", "writing.lock"
_POINTER = re.compile(r"([\w-]+) ([0-9a-f]{32})\n", re.ASCII)
_BLOCK_BYTES = 4 << 20
# A second's reading; what is larger is not read whole on every opening. `verify` reads all of it.
_READ_WHOLE_BYTES, _SMALL_BYTES = 512 << 20, 1 << 20


@dataclass(frozen=True, slots=True)
class FileSeal:
    """A file's size in bytes, its XXH3 of 128 bits, in hexadecimal, and when it was written, in nanoseconds."""

    size: int
    xxh3: str
    modified_ns: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index version holds and what made it.

    Attributes:
        replaces: the version that served before it, to which `roll_back` returns; None for the first.
        made_by: what made passages and search terms, as `index.build.made_by` has it.
        sources: the files and folders that it was built of, as absolute paths; for `update`, and never served.
        histories: the archives of histories among its sources.
        segments: the names of its parts, in the order of their rows.
        passages, sentences: those that may answer; what was removed and still takes up rows is not counted.
        files: seals by path relative to the version's folder.
    """

    format: int
    version: str
    built_at: str
    model: str
    model_hash: str
    dimension: int
    terms_hash: str
    made_by: str
    replaces: str | None
    sources: tuple[str, ...]
    histories: tuple[str, ...]
    segments: tuple[str, ...]
    policies: int
    companies: int
    passages: int
    sentences: int
    files: dict[str, FileSeal]


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """The right to write `folder`, for one process at a time; what killed writers left unfinished is removed.

    A folder that was not there, and in which nothing was published, is not there afterwards.

    Raises:
        IndexBusy: another process has it.
    """
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / _LOCK, timeout=0):
            _remove_unfinished(folder)
            try:
                yield
            finally:
                if made and not (folder / _CURRENT).exists():
                    shutil.rmtree(folder, ignore_errors=True)
    except Timeout as error:
        raise IndexBusy(f"{folder}: another process is building here; wait for it, or give another --out") from error


def new_version_folder(folder: Path, version: str) -> Path:
    """An empty folder beside the published versions, whose name says that it is not finished."""
    path = folder / _VERSIONS / f".{version}.{uuid.uuid4().hex[:8]}.unfinished"
    path.mkdir(parents=True)
    return path


def seal(unfinished: Path, *, sealed: Mapping[str, FileSeal]) -> dict[str, FileSeal]:
    """The seals of all files under `unfinished`, each flushed to the disk first, but for those `sealed` before."""
    seals = dict(sealed)
    for path in sorted(unfinished.rglob("*")):
        name = path.relative_to(unfinished).as_posix()
        if path.is_file() and name not in sealed:
            with path.open("rb+") as file:
                os.fsync(file.fileno())
            seals[name] = _seal(path)
    return seals


def publish(folder: Path, unfinished: Path, manifest: Manifest) -> Manifest:
    """Make `unfinished` the version that serves, and return its manifest. Until the very last step the old one does.

    A damaged version of the same name makes way for it.
    """
    place, replaces = folder / _VERSIONS / manifest.version, _serving(folder)
    if replaces == manifest.version:
        replaces = _replaced_by(place)
    manifest = replace(manifest, replaces=replaces)
    text = json.dumps(asdict(manifest), indent=1, sort_keys=True) + "\n"
    _write(unfinished / MANIFEST, text)
    if place.exists():
        place.rename(unfinished.with_name(f".{manifest.version}.{uuid.uuid4().hex[:8]}.unfinished"))
    unfinished.rename(place)
    _sync_folder(folder / _VERSIONS)
    _point(folder, manifest.version)
    _prune(folder, keep={manifest.version, manifest.replaces})
    return manifest


def _serving(folder: Path) -> str | None:
    try:
        return _pointer(folder)[0]
    except IndexFolderError:
        return None


def _replaced_by(place: Path) -> str | None:
    """The version that the one at `place` replaced, if it can be told and is kept."""
    try:
        before = read_manifest(place / MANIFEST).replaces
    except IndexFolderError:
        return None
    return before if before is not None and (place.parent / before).is_dir() else None


def serve_published(folder: Path, manifest: Manifest) -> Manifest | None:
    """Let the version of `manifest` serve again, and return its own; None where it is not kept whole in `folder`."""
    place = folder / _VERSIONS / manifest.version
    try:
        kept = read_manifest(place / MANIFEST)
    except IndexFolderError:
        return None
    if kept.files != manifest.files or damaged_files(place, kept):
        return None
    if _serving(folder) != kept.version:
        _point(folder, kept.version)
    return kept


def roll_back(folder: Path) -> Manifest:
    """Make the version that the serving one replaced serve again, and return its manifest; the other is kept.

    Raises:
        IndexMissing: nothing was published in `folder`, or the version before is not kept.
        IndexCorrupt: the version before is damaged.
        IndexBusy: another process writes.
    """
    with writing(folder):
        current, _ = _pointer(folder)
        before = read_manifest(folder / _VERSIONS / current / MANIFEST).replaces
        if before is None or not (folder / _VERSIONS / before).is_dir():
            kept = ", ".join(path.name for path in _finished(folder))
            raise IndexMissing(f"{folder}: no version before {current} is kept (kept: {kept}); build it again")
        manifest = read_manifest(folder / _VERSIONS / before / MANIFEST)
        check(folder / _VERSIONS / before, manifest)
        _point(folder, manifest.version)
        return manifest


def current_version(folder: Path) -> tuple[Path, Manifest]:
    """The folder and the manifest of the version that serves; sizes are checked, other files' contents by `check`.

    Raises:
        IndexMissing: no index was published in `folder`.
        IndexCorrupt: the manifest or a file is missing, cut short, or not ours.
    """
    version, checksum = _pointer(folder)
    where = folder / _VERSIONS / version
    manifest = read_manifest(where / MANIFEST)
    if _seal(where / MANIFEST).xxh3 != checksum:
        raise IndexCorrupt(f"{where / MANIFEST}: not what {_CURRENT} was written for; {_MEND}")
    for name, expected in manifest.files.items():
        path = where / name
        size = path.stat().st_size if path.is_file() else None
        if size != expected.size:
            got = "missing" if size is None else f"{size:,} bytes"
            raise IndexCorrupt(f"{path}: {got}, expected {expected.size:,} bytes; {_MEND}")
    return where, manifest


def kept_version(folder: Path, version: str) -> tuple[Path, Manifest]:
    """The folder and the manifest of a published version that is still kept, whether it serves or not.

    Raises:
        IndexMissing: it is not kept any longer, or never was.
        IndexCorrupt: its manifest cannot be read.
    """
    where = folder / _VERSIONS / version
    if version not in {path.name for path in _finished(folder)}:
        raise IndexMissing(f"{folder}: no version {version[:100]!r} is kept; the version before the last build is")
    return where, read_manifest(where / MANIFEST)


def is_index_folder(folder: Path) -> bool:
    """Whether an index was published in `folder`, or is being built there: nothing in it is a policy."""
    return (folder / _LOCK).exists() or ((folder / _CURRENT).exists() and (folder / _VERSIONS).is_dir())


def published_version(folder: Path) -> str:
    """The name of the version that serves, from the pointer alone: nothing else is read.

    Raises:
        IndexMissing, IndexCorrupt: as `current_version`, as far as the pointer tells.
    """
    version, _ = _pointer(folder)
    return version


def version_of(unfinished: Path) -> str:
    """The version that the folder `unfinished`, made by `new_version_folder`, is to become."""
    return unfinished.name.split(".")[1]


def version_folder(folder: Path, manifest: Manifest) -> Path:
    """Where the version of `manifest` lies in the index `folder`."""
    return folder / _VERSIONS / manifest.version


_MEND = "run `askpolicy index build` again, or `askpolicy index rollback`"


def check(where: Path, manifest: Manifest) -> None:
    """Nothing, if every file of a version is what was sealed; of a large version those that were touched since.

    Raises:
        IndexCorrupt: files differ; the message names them.
    """
    large = sum(seal.size for seal in manifest.files.values()) > _READ_WHOLE_BYTES
    damaged = damaged_files(where, manifest, only_touched=large)
    if damaged:
        raise IndexCorrupt(f"{where}: the content of {', '.join(damaged)} is not what was written; {_MEND}")


def damaged_files(where: Path, manifest: Manifest, *, only_touched: bool = False) -> list[str]:
    """The files of a version whose content is not what was sealed, by name; empty where it is whole.

    Args:
        only_touched: do not read files of a megabyte or more that are as large and as old as when they were sealed.
    """

    def is_whole(name: str) -> bool:
        sealed, path = manifest.files[name], where / name
        if only_touched and sealed.size >= _SMALL_BYTES and path.is_file():
            state = path.stat()
            if (state.st_size, state.st_mtime_ns) == (sealed.size, sealed.modified_ns):
                return True
        found = _seal(path)
        return (found.size, found.xxh3) == (sealed.size, sealed.xxh3)

    names = sorted(manifest.files)
    with ThreadPoolExecutor() as pool:
        return [name for name, whole in zip(names, pool.map(is_whole, names), strict=True) if not whole]


def resized_files(where: Path, manifest: Manifest) -> list[str]:
    """The files of a version that have another size than was sealed; one that is gone was pruned, and is none."""
    resized = []
    for name, sealed in manifest.files.items():
        with suppress(FileNotFoundError):
            if os.stat(f"{where}/{name}").st_size != sealed.size:  # noqa: PTH116 - three times as fast as a Path's
                resized.append(name)
    return resized


def _pointer(folder: Path) -> tuple[str, str]:
    """The name of the version that serves, and its manifest's checksum."""
    pointer = folder / _CURRENT
    try:
        text = pointer.read_bytes().decode()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise IndexMissing(f"{folder}: no index here; run `askpolicy index build PATH... --out {folder}`") from error
    except (OSError, UnicodeDecodeError) as error:
        raise IndexCorrupt(f"{pointer}: unreadable ({error}); {_MEND}") from error
    found = _POINTER.fullmatch(text)
    if not found:
        raise IndexCorrupt(f"{pointer}: names no version and its checksum ({text[:80]!r}); {_MEND}")
    version, checksum = found.groups()
    if not (folder / _VERSIONS / version).is_dir():
        raise IndexCorrupt(f"{pointer}: names the version {version[:80]!r}, which is not there; {_MEND}")
    return version, checksum


def _point(folder: Path, version: str) -> None:
    checksum = _seal(folder / _VERSIONS / version / MANIFEST).xxh3
    waiting = folder / f".{_CURRENT}.{uuid.uuid4().hex[:8]}"
    _write(waiting, f"{version} {checksum}\n")
    waiting.replace(folder / _CURRENT)
    _sync_folder(folder)


def read_manifest(path: Path) -> Manifest:
    """The manifest at `path`; its files are not looked at.

    Raises:
        IndexCorrupt, IndexOutdated: it is missing or not one of ours, or another release's.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        if fields["format"] != FORMAT:
            raise IndexOutdated(
                f"{path}: format {fields['format']}, made by another release, and this one reads {FORMAT}: "
                f"run `askpolicy index build` again"
            )
        fields["files"] = {name: FileSeal(**seals) for name, seals in fields["files"].items()}
        for name in ("sources", "histories", "segments"):
            fields[name] = tuple(fields[name])
        return Manifest(**fields)
    except FileNotFoundError as error:
        raise IndexCorrupt(f"{path}: missing; {_MEND}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IndexCorrupt(f"{path}: not a manifest of ours ({error!r}); {_MEND}") from error


def _seal(path: Path) -> FileSeal:
    if not path.is_file():
        return FileSeal(-1, "", 0)
    checksum, block = xxhash.xxh3_128(), bytearray(_BLOCK_BYTES)
    # Read and not mapped: mapped pages would count as this process's memory.
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(block):
            checksum.update(memoryview(block)[:count])
        return FileSeal(file.tell(), checksum.hexdigest(), os.fstat(file.fileno()).st_mtime_ns)


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


def _finished(folder: Path) -> list[Path]:
    """The published versions, oldest first: a version's name begins with its time."""
    return sorted(path for path in (folder / _VERSIONS).iterdir() if not path.name.startswith("."))


def _remove_unfinished(folder: Path) -> None:
    left = [*(folder / _VERSIONS).glob(".*"), *folder.glob(f".{_CURRENT}.*")]
    for path in left:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _prune(folder: Path, *, keep: Collection[str | None]) -> None:
    """Remove all finished versions but those to `keep`."""
    for path in _finished(folder):
        if path.name not in keep:
            # A reader that opened it holds its files open; one that is opening it meets their absence and opens anew.
            shutil.rmtree(path, ignore_errors=True)
