"""A git repository of an archive is read: what each commit did to which document. It does not know datasets or renames.

What a commit did is read from the trees: what differs from its first parent and, in a merge, from every parent.
Nothing of the repository's configuration is read and nothing outside its folder.
"""

import binascii
import hashlib
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dulwich import errors as git_errors

from index.errors import HistoryError
from index.sources.files import MAX_BYTES
from index.sources.history_renames import Gone, moved_in_one_commit
from index.sources.history_versions import Account, Event, Outcome, Rename, document_name, instant, is_safe

if TYPE_CHECKING:
    pass

# What dulwich 1.2 raises where an object is missing or damaged; each was seen when bytes of a pack were changed.
_DAMAGE = (
    KeyError,
    IndexError,
    ValueError,
    AssertionError,
    EOFError,
    OSError,
    struct.error,
    zlib.error,
    binascii.Error,
    git_errors.ChecksumMismatch,
    git_errors.WrongObjectException,
    git_errors.FileFormatException,
    git_errors.ApplyDeltaError,
    git_errors.ObjectMissing,
    git_errors.RefFormatError,
)
_COMMIT, _TREE, _BLOB = 1, 2, 3
_TYPE_NAMES = {_COMMIT: b"commit", _TREE: b"tree", _BLOB: b"blob"}
_FOLDER, _REGULAR, _LINK, _SUBMODULE = 0o040000, 0o100000, 0o120000, 0o160000
_FORMAT_BITS = 0o170000
_CACHED_TREES = 256
_SHA_BYTES = 20
_MAX_PROBLEMS = 1_000
_TECHNICAL_SUBJECTS = (b"Apply technical or declaration upgrade", b"Refilter")

_Entry = tuple[int, bytes]
_Listing = Mapping[bytes, _Entry]


class GitContents:
    """The objects of one repository, by id; each is checked against its id."""

    def __init__(self, folder: Path) -> None:
        from dulwich.object_store import DiskObjectStore

        self._store: DiskObjectStore | None = DiskObjectStore(str(folder / "objects"))

    def get(self, object_id: bytes, kind: int) -> bytes:
        """The bytes of the object `object_id`.

        Raises:
            HistoryError: it is missing, damaged, or of another kind.
        """
        shown, wanted = object_id.decode("ascii", "replace"), _TYPE_NAMES[kind].decode()
        if self._store is None:
            raise HistoryError(f"{wanted} {shown}: the archive is closed; open it again")
        try:
            found, data = self._store.get_raw(object_id)  # type: ignore[arg-type]  # an id is bytes to us
        except _DAMAGE as error:
            what = "missing" if isinstance(error, KeyError) else f"damaged ({type(error).__name__})"
            raise HistoryError(f"{wanted} {shown} is {what}; see `git fsck`, and clone the archive anew") from error
        head = b"%s %d\0" % (_TYPE_NAMES.get(found, b"?"), len(data))
        if found != kind or hashlib.sha1(head + data, usedforsecurity=False).hexdigest() != shown:
            raise HistoryError(f"{wanted} {shown} is damaged; see `git fsck`, and clone the archive anew")
        return data

    def read(self, place: str) -> bytes:
        """The bytes of the blob whose id is `place`."""
        data = self.get(place.encode("ascii"), _BLOB)
        if len(data) > MAX_BYTES:
            raise HistoryError(f"blob {place} has {len(data):,} bytes, more than the {MAX_BYTES:,} a policy may have")
        return data

    def close(self) -> None:
        """Close its packs."""
        if self._store is not None:
            self._store.close()
            self._store = None


def git_folder(path: Path) -> Path:
    """The folder with the objects of the repository at `path`, bare or not.

    Raises:
        HistoryError: it is no repository, only a part of one, or keeps its objects elsewhere.
    """
    path = path.resolve()
    folder = path / ".git" if os.path.lexists(path / ".git") else path
    if folder.is_file():
        aim = folder.read_bytes()[:200].decode("utf-8", "replace").removeprefix("gitdir:").strip()
        raise HistoryError(f"{path}: its .git file points elsewhere, to {aim!r}; give the repository it points to")
    for part in (folder, folder / "HEAD", folder / "objects", folder / "refs"):
        if os.path.lexists(part) and not part.resolve().is_relative_to(path):
            raise HistoryError(f"{path}: {part.name} is a link that leads out of it; give the repository it leads to")
    if not (folder / "HEAD").is_file() or not (folder / "objects").is_dir():
        raise HistoryError(f"{path}: no git repository; give the folder of a clone, bare or not, or a dataset's zip")
    if (folder / "shallow").exists():
        raise HistoryError(f"{path}: a shallow clone lacks the older history; run `git fetch --unshallow` in it")
    for name in ("commondir", "objects/info/alternates"):
        if (folder / name).exists():
            raise HistoryError(f"{path}: {name} points to another repository; give a clone that is whole in itself")
    return folder


def head_commit(folder: Path) -> bytes:
    """The id of the commit that HEAD names, or of the only branch where HEAD names none.

    Raises:
        HistoryError: there is no commit.
    """
    from dulwich.refs import DiskRefsContainer, Ref

    refs = DiskRefsContainer(str(folder))
    try:
        branches = dict(refs.as_dict(Ref(b"refs/heads")))
    except _DAMAGE:
        branches = {}
    try:
        return bytes(refs[Ref(b"HEAD")])
    except _DAMAGE as error:
        if len(branches) == 1:
            return bytes(next(iter(branches.values())))
        names = ", ".join(sorted(name.decode("utf-8", "replace") for name in branches))
        hint = f"HEAD names none of its branches {names}" if names else "it has no commits"
        raise HistoryError(f"{folder}: {hint}; give a clone whose HEAD is a branch with commits") from error


@dataclass(frozen=True, slots=True)
class _Commit:
    tree: bytes
    parents: tuple[bytes, ...]
    author_time: int
    technical: bool


@dataclass(frozen=True, slots=True)
class _Change:
    """A path whose entry differs; `after` is `None` where it went."""

    path: bytes
    before: _Entry | None
    after: _Entry | None


@dataclass(slots=True)
class GitReading:
    """What reading a repository gave: events of documents in topological order, the account, and what went wrong."""

    events: list[Event] = field(default_factory=list)
    account: Account = field(default_factory=lambda: Account("commits"))
    problems: list[HistoryError] = field(default_factory=list)
    renames: list[Rename] = field(default_factory=list)
    # The files at the root of the newest commit.
    root_files: dict[str, bytes] = field(default_factory=dict)


def _file(entry: _Entry | None) -> _Entry | None:
    """`entry` if it is a file; a folder, a link and a submodule are none."""
    return entry if entry and entry[0] & _FORMAT_BITS == _REGULAR else None


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")


class GitReader:
    """Reads the history of one repository, once."""

    def __init__(self, contents: GitContents) -> None:
        self._contents = contents
        self._trees: dict[bytes, _Listing] = {}
        self._last_tree: dict[bytes, bytes] = {}  # by folder, b"" the root: the newest tree that could be read
        self._seen_problems: set[str] = set()
        self._reading = GitReading()

    def read(self, head: bytes) -> GitReading:
        """Every commit that `head` comes from, each counted once.

        Raises:
            HistoryError: the commit `head` itself cannot be read.
        """
        commits = self._commits(head)
        for order, (commit_id, commit) in enumerate(commits.items()):
            if commit is None:
                self._reading.account.add([], otherwise=Outcome.UNREADABLE)
                continue
            changes = list(self._changes(commit, commits))
            outcomes = list(self._classified(changes, commit_id, commit, order))
            nothing = Outcome.MERGE if len(commit.parents) > 1 else Outcome.EMPTY
            self._reading.account.add(outcomes, otherwise=nothing)
        newest = commits[head]
        if newest is not None:
            self._reading.root_files = self._root_files(newest.tree)
        return self._reading

    def _problem(self, message: str) -> None:
        if message not in self._seen_problems and len(self._reading.problems) < _MAX_PROBLEMS:
            self._seen_problems.add(message)
            self._reading.problems.append(HistoryError(message))

    def _commits(self, head: bytes) -> dict[bytes, _Commit | None]:
        """All commits, parents first; `None` for one that is missing or damaged."""
        read: dict[bytes, _Commit | None] = {head: self._commit(head)}
        ordered: dict[bytes, _Commit | None] = {}
        stack = [head]
        while stack:
            commit = read[stack[-1]]
            waiting = [parent for parent in (commit.parents if commit else ()) if parent not in ordered]
            for parent in reversed(waiting):
                if parent not in read:
                    try:
                        read[parent] = self._commit(parent)
                    except HistoryError as error:
                        self._problem(f"{error}; what came before it is not read")
                        read[parent] = None
                stack.append(parent)
            if not waiting:
                done = stack.pop()
                ordered.setdefault(done, read[done])
        return ordered

    def _commit(self, commit_id: bytes) -> _Commit:
        from dulwich.objects import Commit

        data = self._contents.get(commit_id, _COMMIT)
        try:
            commit = Commit.from_string(data)
            technical = bytes(commit.message).lstrip().startswith(_TECHNICAL_SUBJECTS)
            return _Commit(bytes(commit.tree), tuple(map(bytes, commit.parents)), int(commit.author_time), technical)
        except (*_DAMAGE, AttributeError, TypeError) as error:
            raise HistoryError(f"commit {commit_id.decode()} is malformed ({error}); see `git fsck`") from error

    def _listing(self, tree: bytes | None) -> _Listing:
        from dulwich.objects import parse_tree

        if tree is None:
            return {}
        if tree not in self._trees:
            data = self._contents.get(tree, _TREE)
            try:
                listing = {name: (mode, bytes(entry)) for name, mode, entry in parse_tree(data, _SHA_BYTES)}
            except (*_DAMAGE, git_errors.ObjectFormatException) as error:
                raise HistoryError(f"tree {tree.decode()} is malformed ({error}); see `git fsck`") from error
            while len(self._trees) >= _CACHED_TREES:
                self._trees.pop(next(iter(self._trees)))
            self._trees[tree] = listing
        return self._trees[tree]

    def _changes(self, commit: _Commit, commits: Mapping[bytes, _Commit | None]) -> Iterator[_Change | None]:
        """What `commit` changed itself; `None` for a part that cannot be read."""
        parents = [commits[parent] for parent in commit.parents]
        if any(parent is None for parent in parents):
            self._last_tree[b""] = commit.tree
            yield None
            return
        trees = [parent.tree for parent in parents if parent is not None]
        for change in self._differences(b"", trees[0] if trees else None, commit.tree):
            if change is None or all(self._entry(tree, change.path) != change.after for tree in trees[1:]):
                yield change

    def _entry(self, tree: bytes, path: bytes) -> _Entry | None:
        entry: _Entry | None = (_FOLDER, tree)
        for part in path.rstrip(b"/").split(b"/"):
            if entry is None or entry[0] != _FOLDER:
                return None
            try:
                entry = self._listing(entry[1]).get(part)
            except HistoryError as error:
                self._problem(str(error))
                return None
        return entry

    def _differences(self, folder: bytes, before: bytes | None, after: bytes | None) -> Iterator[_Change | None]:
        """The entries that differ between two trees of `folder`, one folder deep: no document lies deeper."""
        try:
            new = self._listing(after)
        except HistoryError as error:
            self._problem(f"{error}; what it holds is dated by the next commit that can be read")
            yield None
            return
        try:
            old = self._listing(before)
        except HistoryError:  # told when it was the newer one
            old = self._readable(folder)
        if after is not None:
            self._last_tree[folder] = after
        for name in [*new, *(name for name in old if name not in new)]:
            was, now = old.get(name), new.get(name)
            if was == now:
                continue
            if folder or not any(entry and entry[0] == _FOLDER for entry in (was, now)):
                yield _Change(folder + name, was, now)
                continue
            subtrees = [entry[1] if entry and entry[0] == _FOLDER else None for entry in (was, now)]
            yield from self._differences(name + b"/", *subtrees)
            if (was and was[0] != _FOLDER) or (now and now[0] != _FOLDER):
                yield _Change(name, was, now)

    def _readable(self, folder: bytes) -> _Listing:
        try:
            return self._listing(self._last_tree.get(folder))
        except HistoryError:
            return {}

    def _classified(
        self, changes: list[_Change | None], commit_id: bytes, commit: _Commit, order: int
    ) -> Iterator[Outcome]:
        """What each change is, while the events of documents are kept."""
        try:
            at = instant(commit.author_time)
        except HistoryError as error:
            self._problem(f"commit {commit_id.decode()}: {error}")
            yield Outcome.UNREADABLE
            return
        gone: list[Gone] = []
        came: list[Event] = []
        for change in changes:
            if change is None:
                yield Outcome.UNREADABLE
                continue
            path = self._document_path(change)
            name = document_name(path) if path else None
            before, after = _file(change.before), _file(change.after)
            if path is None or name is None or before is after is None:
                self._reading.account.other_paths[path or _shown(change.path)] += 1
                yield Outcome.NOT_A_DOCUMENT
                continue
            blob = after[1].decode("ascii") if after else None
            event = Event(name, path, at, order, commit_id.decode(), blob, commit.technical, blob or "")
            if before and after is None:
                gone.append(Gone(event, before[1].decode("ascii")))
            elif before is None:
                came.append(event)
            elif after and before[1] != after[1]:  # else its file mode alone
                self._reading.events.append(event)
                yield Outcome.TECHNICAL if commit.technical else Outcome.VERSION
        yield from self._moved(gone, came)

    def _moved(self, gone: list[Gone], came: list[Event]) -> Iterator[Outcome]:
        """Keep what went before what came, so that a document whose file changes its ending goes on."""
        pairs = moved_in_one_commit(gone, came, self._contents)
        self._reading.renames += [rename for _, _, rename in pairs]
        moved = {id(event): old for old, event, _ in pairs}
        self._reading.events += [old.event for old in gone]
        for event in came:
            old = moved.get(id(event))
            # A document that was moved and is otherwise as it was: nobody changed its words.
            technical = event.technical or (old is not None and old.blob == event.blob)
            self._reading.events.append(replace(event, technical=technical))
            if old is None:
                yield Outcome.TECHNICAL if technical else Outcome.VERSION
        yield from [Outcome.RENAME] * len(pairs)
        yield from [Outcome.DELETION] * (len(gone) - len(pairs))

    def _document_path(self, change: _Change) -> str | None:
        """The path of `change` if it may be that of a document; `None`, with a problem, if it is unsafe."""
        shown = _shown(change.path)
        modes = {entry[0] & _FORMAT_BITS for entry in (change.before, change.after) if entry}
        if _LINK in modes or _SUBMODULE in modes:
            self._problem(f"{shown}: a link or a submodule; left out")
        try:
            path = change.path.decode("utf-8")
        except UnicodeDecodeError:
            self._problem(f"{shown}: its name is not UTF-8; left out")
            return None
        if not is_safe(path):
            self._problem(f"{shown[:200]}: a path that climbs out, is too long or has control characters; left out")
            return None
        return path

    def _root_files(self, tree: bytes) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        try:
            for name, (mode, blob) in self._listing(tree).items():
                if mode & _FORMAT_BITS == _REGULAR:
                    found[name.decode("utf-8", "replace")] = blob
        except HistoryError as error:
            self._problem(str(error))
        return found
