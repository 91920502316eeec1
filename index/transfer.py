"""An index version as one archive: exported from a folder, imported into another only where every byte of it is right.

It is a gzipped tar of plain files:

  contents.json    format, version, and the size and SHA-256 of each file that follows, in this order
  manifest.json    and then all files that it seals, by their paths in the version's folder

Equal versions give equal archives. Links, folders, extended headers and names that lead elsewhere are no part of it, so
that a reader needs little memory, and writes no more than the list at its head declares. It does not know what the
files hold, nor whose archive it is: the hashes find what was cut short or altered on the way, and whoever may write
both list and files can make another archive.
"""

import gzip
import hashlib
import json
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import xxhash

from index.embedding import Embedder
from index.errors import ArchiveError, IndexCorrupt, IndexFolderError
from index.manifest import (
    MANIFEST,
    FileSeal,
    Manifest,
    current_version,
    new_version_folder,
    publish,
    read_manifest,
    serve_published,
    writing,
)
from index.policy_index import PolicyIndex

_CONTENTS, _FORMAT = "contents.json", 1
_NAME = re.compile(r"(?=.{1,100}\Z)(?:\w[\w.-]*/){0,3}\w[\w.-]*", re.ASCII)
_VERSION = re.compile(r"[\w-]{1,100}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PIECE_BYTES = 1 << 20
# A list of 100,000 files has so many bytes; an index of a million passages has 400.
_MOST_CONTENTS_BYTES, _MOST_FILES = 20_000_000, 100_000
# Half-precision vectors hardly shrink.
_LEVEL = 1
_END_BYTES = 2 * tarfile.BLOCKSIZE
_SPARE_BYTES = 16 << 20
_OTHER_FILES = 64
_MEND = "copy the archive again from where it was made, or export it again; the index there before still serves"


@dataclass(frozen=True, slots=True)
class _File:
    """What the list says of a file: its size in bytes, and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class _Contents:
    """The list at the head of an archive."""

    version: str
    files: Mapping[str, _File]

    @property
    def size(self) -> int:
        """Of all files, in bytes."""
        return sum(file.size for file in self.files.values())

    def as_bytes(self) -> bytes:
        """What `of` reads."""
        files = {name: asdict(file) for name, file in self.files.items()}
        return (json.dumps({"format": _FORMAT, "version": self.version, "files": files}, indent=1) + "\n").encode()

    @classmethod
    def of(cls, data: bytes) -> "_Contents":
        """The list that `as_bytes` wrote.

        Raises:
            ArchiveError: it was not that.
        """
        try:
            entries = json.loads(data)
            if entries["format"] != _FORMAT:
                raise ArchiveError(
                    f"the archive has format {entries['format']!r}, made by another release, and this one reads "
                    f"{_FORMAT}: import it with that release, or export it with this one"
                )
            files = {name: _File(**entry) for name, entry in entries["files"].items()}
            contents = cls(entries["version"], files)
            well_named = _VERSION.fullmatch(contents.version) and all(map(_NAME.fullmatch, files))
            if not well_named or not all(map(_is_possible, files.values())) or next(iter(files), "") != MANIFEST:
                raise ValueError("a name, size or hash in it cannot be")
            if len(files) > _MOST_FILES:
                raise ValueError(f"{len(files):,} files, at most {_MOST_FILES:,} can be")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise _damaged(f"its list of files is not one of ours ({error!r})") from error
        return contents


def _is_possible(file: _File) -> bool:
    return type(file.size) is int and file.size >= 0 and _SHA256.fullmatch(file.sha256) is not None


def export_index(folder: Path, out: BinaryIO) -> Manifest:
    """Write the version that serves in `folder` to `out`, once each of its files is proved whole; its manifest.

    One version is written, whatever is published meanwhile.

    Raises:
        IndexMissing, IndexCorrupt: there is no index, or it is damaged; nothing was written.
        OSError: `out` cannot be written.
    """
    with ExitStack() as opened:
        manifest, files = _open_all(folder, opened)
        contents = _Contents(manifest.version, {name: _listed(folder, name, files, manifest) for name in files})
        with gzip.GzipFile("", "wb", _LEVEL, out, mtime=0) as packed:
            listed = contents.as_bytes()
            packed.write(_head(_CONTENTS, len(listed)) + listed + _padding(len(listed)))
            for name, file in files.items():
                packed.write(_head(name, contents.files[name].size))
                for piece in _pieces(file):
                    packed.write(piece)
                packed.write(_padding(contents.files[name].size))
            packed.write(bytes(_END_BYTES))
    return manifest


def import_index(archive: BinaryIO, out: Path, *, embedder: Embedder) -> Manifest:
    """Publish the version in `archive` in the index folder `out`, once it is whole and opens; its manifest.

    A version that is there already, and whole, is not written again.

    Raises:
        ArchiveError: the archive is cut short, altered, or none of ours.
        IndexOutdated, ModelMismatch: this release, or `embedder`, cannot read what it holds.
        IndexBusy: another process writes in `out`.
        IndexFolderError: `out` cannot be written, or the disk has too little space.
    """
    try:
        with writing(out):
            return _imported(archive, out, embedder)
    except OSError as error:
        raise IndexFolderError(f"{out}: could not be written ({error}); the index there before still serves") from error


def _imported(archive: BinaryIO, out: Path, embedder: Embedder) -> Manifest:
    with gzip.GzipFile(fileobj=archive, mode="rb") as packed:
        members = _Members(packed)
        contents = _Contents.of(members.small(_CONTENTS))
        _check_space(out, contents)
        where = new_version_folder(out, contents.version)
        try:
            hashes = {name: members.copy(name, file, where / name) for name, file in contents.files.items()}
            members.check_end()
            manifest = _manifest(where, contents, hashes)
            _give_times(where, manifest)
            published = serve_published(out, manifest)
            if published is not None:
                shutil.rmtree(where)
                return published
            PolicyIndex.open_version(where, manifest, embedder=embedder)
            return publish(out, where, manifest)
        except BaseException:
            shutil.rmtree(where, ignore_errors=True)
            raise


def _open_all(folder: Path, opened: ExitStack) -> tuple[Manifest, dict[str, BinaryIO]]:
    """The version that serves, and its files: once open, they are there to the end, though they be pruned."""
    while True:
        where, manifest = current_version(folder)
        _allow_open_files(len(manifest.files) + _OTHER_FILES)
        try:
            names = [MANIFEST, *sorted(manifest.files)]
            return manifest, {name: opened.enter_context((where / name).open("rb")) for name in names}
        except FileNotFoundError:
            opened.close()
            if current_version(folder)[1].version == manifest.version:
                raise


def _allow_open_files(count: int) -> None:
    if os.name != "posix":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        most = count if hard == resource.RLIM_INFINITY else min(count, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _listed(folder: Path, name: str, files: Mapping[str, BinaryIO], manifest: Manifest) -> _File:
    """The entry of a file; raises `IndexCorrupt` where it is not what was sealed."""
    sha256, xxh3, size = hashlib.sha256(), xxhash.xxh3_128(), 0
    for piece in _pieces(files[name]):
        sha256.update(piece)
        xxh3.update(piece)
        size += len(piece)
    sealed = manifest.files.get(name)
    if sealed and (size, xxh3.hexdigest()) != (sealed.size, sealed.xxh3):
        raise IndexCorrupt(f"{folder}: {name} of version {manifest.version} is damaged; run `askpolicy index verify`")
    return _File(size, sha256.hexdigest())


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(_PIECE_BYTES):
        yield piece


def _head(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    return member.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)


class _Members:
    """The files in an archive, one after another."""

    def __init__(self, packed: gzip.GzipFile) -> None:
        self._packed = packed

    def small(self, name: str) -> bytes:
        """The next file, which must be called `name` and fit into memory."""
        size = self._next(name)
        if size > _MOST_CONTENTS_BYTES:
            raise _damaged(f"{name} has {size:,} bytes, at most {_MOST_CONTENTS_BYTES:,} can be")
        data = self._read(size)
        self._read(-size % tarfile.BLOCKSIZE)
        return data

    def copy(self, name: str, file: _File, path: Path) -> FileSeal:
        """Write the next file, which must be as the list says, to `path`."""
        size = self._next(name)
        if size != file.size:
            raise _damaged(f"{name} has {size:,} bytes, and {file.size:,} in the list")
        sha256, xxh3, left = hashlib.sha256(), xxhash.xxh3_128(), size
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as written:
            while left:
                piece = self._read(min(left, _PIECE_BYTES))
                left -= len(piece)
                sha256.update(piece)
                xxh3.update(piece)
                written.write(piece)
            written.flush()
            os.fsync(written.fileno())
        self._read(-size % tarfile.BLOCKSIZE)
        if sha256.hexdigest() != file.sha256:
            raise _damaged(f"{name} does not have the SHA-256 that the list says")
        return FileSeal(size, xxh3.hexdigest(), 0)

    def check_end(self) -> None:
        """Nothing, if no more than the end of a tar follows; gzip's own checksum is read with it."""
        rest = self._read(_END_BYTES) + self._read_at_most(tarfile.RECORDSIZE + 1)
        if rest.strip(b"\0") or len(rest) > tarfile.RECORDSIZE:
            raise _damaged("more follows than its list names")

    def _next(self, name: str) -> int:
        """The size of the next file, which must be called `name`."""
        try:
            member = tarfile.TarInfo.frombuf(self._read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise _damaged(f"{name} was expected, and no file of a tar follows ({error})") from error
        if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.name != name:
            raise _damaged(f"the file {name} was expected, and {member.name[:100]!r} follows")
        return member.size

    def _read(self, size: int) -> bytes:
        data = self._read_at_most(size)
        if len(data) != size:
            raise _damaged("it is cut short")
        return data

    def _read_at_most(self, size: int) -> bytes:
        try:
            return self._packed.read(size)
        except EOFError as error:
            raise _damaged("it is cut short") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise _damaged(str(error)) from error


def _damaged(why: str) -> ArchiveError:
    return ArchiveError(f"the archive cannot be imported: {why}; {_MEND}")


def _check_space(out: Path, contents: _Contents) -> None:
    free = shutil.disk_usage(out).free
    if contents.size + _SPARE_BYTES > free:
        raise IndexFolderError(
            f"{out}: the archive holds {contents.size:,} bytes, and "
            f"the disk has {free:,}: free some, or import it elsewhere"
        )


def _manifest(where: Path, contents: _Contents, hashes: Mapping[str, FileSeal]) -> Manifest:
    """The manifest that came, which must seal exactly what came with it."""
    try:
        manifest = read_manifest(where / MANIFEST)
    except IndexCorrupt as error:
        raise _damaged(f"its manifest is not one of ours ({error.__cause__!r})") from error
    sealed: dict[str, Any] = {name: (seal.size, seal.xxh3) for name, seal in manifest.files.items()}
    came = {name: (seal.size, seal.xxh3) for name, seal in hashes.items() if name != MANIFEST}
    if sealed != came or manifest.version != contents.version:
        raise _damaged("its manifest does not seal the files that came with it")
    return manifest


def _give_times(where: Path, manifest: Manifest) -> None:
    """The files' own times again: who opens a large index reads those that are as old as they were sealed no more."""
    for name, sealed in manifest.files.items():
        os.utime(where / name, ns=(sealed.modified_ns, sealed.modified_ns))
