"""Files become an index folder: read, attribute, split, embed, write, publish. It does not know questions.

What an index in the folder holds already is not made again: a policy whose text it has keeps its passages, and a
passage or sentence whose text it has keeps its vector. Parts of an index that are large, and of which little was
removed, are taken over as they are; the others are written anew together with what is new.
"""

import hashlib
import json
import os
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import numpy as np

from index.embedding import Embedder
from index.errors import EmptyPolicy, IndexFolderError, NoPolicy, NothingToIndex, PolicyError
from index.language.detect import can_read
from index.manifest import (
    FORMAT,
    FileSeal,
    Manifest,
    current_version,
    new_version_folder,
    publish,
    seal,
    version_folder,
    version_of,
    writing,
)
from index.parsing.parse import PARSER_VERSION
from index.policies.attribution import ATTRIBUTION_VERSION, attributed
from index.policies.companies import Company, key
from index.policies.passages import SPLITTER_VERSION, Passage, passages
from index.policies.series import day_of, moment_of, twins
from index.policies.versions import Policy, of_document
from index.policy_index import PolicyIndex
from index.segment import Segment, SegmentWriter, text_hash
from index.sharing import NewGroup, group_of
from index.sources.archive import Archives
from index.sources.folder import Progress, SourceFile, corrections, document_of, named, survey
from index.terms import terms_hash
from index.vector_cache import VectorCache

Sources = tuple[tuple[str, ...], tuple[str, ...]]
"""The files and folders, and the histories, that an index is built of, as absolute paths."""
Split = Callable[[Policy], list[Passage]]
"""What makes passages of a policy, in reading order."""

_FILES = "files.jsonl"
_COUNTS_KEPT = 8_192
# A part of an index is written at this size, and taken over as it is from the other one.
_MOST_PASSAGES, _KEPT_FROM_PASSAGES = 100_000, 10_000
# Of a part that is taken over at most this share may be passages of policies that were removed.
_MOST_REMOVED = 0.25
# So many new texts are embedded at once: enough to put those of like length together.
_EMBEDDED_AT_ONCE = 8_192
_PROSE_WORD = re.compile(r"(?<![\w./@-])[a-z]+(?:-[a-z]+)*(?![\w@/-]|\.\w)")


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did.

    Attributes:
        manifest: of the version that serves now.
        refused: the files that had to be left out.
        embedded, reused: how many different texts were embedded, and how many had their vector from before.
        added, removed, kept: policies, by their texts.
        undated: versions that no date tells from another one of the same policy.
        unread: versions in a language that is not read.
        published: whether there is a new version; not where nothing changed.
    """

    manifest: Manifest
    refused: tuple[PolicyError, ...]
    embedded: int
    reused: int
    added: int
    removed: int
    kept: int
    published: bool
    undated: tuple[Policy, ...] = ()
    unread: tuple[Policy, ...] = ()


@dataclass(frozen=True, slots=True)
class Contents:
    """Policies as read, attributed and split: all of an index but its vectors and terms.

    Attributes:
        passages: of all policies, in the order of `policies` and in reading order within each.
        refused: the files that were left out, and why.
    """

    policies: tuple[Policy, ...]
    companies: tuple[Company, ...]
    passages: tuple[Passage, ...]
    refused: tuple[PolicyError, ...]


@dataclass(frozen=True, slots=True)
class FoundPolicy:
    """A version of a policy, without its text, that is to be in the index, and what it is read from."""

    policy: Policy
    file: SourceFile


@dataclass(frozen=True, slots=True)
class FoundGroup:
    """The versions of a series, the newest first; `at` is its segment and group in the index before, if it is there."""

    versions: tuple[FoundPolicy, ...]
    at: tuple[int, int] | None

    @property
    def size(self) -> int:
        """Of its files, in bytes."""
        return sum(found.file.size for found in self.versions)


@dataclass(frozen=True, slots=True)
class ReadyGroup:
    """A group that is split, with the vectors of its texts where they are known from before."""

    found: FoundGroup
    new: NewGroup
    vectors: tuple[np.ndarray, np.ndarray] | None


def read(paths: Sequence[Path], *, split: Split, progress: Progress = lambda *_: None) -> Contents:
    """The contents of the policies at `paths`; bad files are left out and reported.

    Raises:
        NothingToIndex: no file could be read, or none has a passage.
        CompaniesFileError: a `companies.toml` beside the policies is wrong.
    """
    found, companies, refused = _surveyed(paths, {}, 0, progress)
    passages_of: list[Passage] = []
    kept: list[Policy] = []
    for done, (policy, file) in enumerate(found, start=1):
        whole = of_document(policy, document_of(file))
        its_own = split(whole)
        if its_own:
            kept.append(whole)
            passages_of += its_own
        else:
            refused.append(_empty(policy))
        progress("split", done, len(found))
    if not kept:
        raise NothingToIndex("no passage in any file:" + "".join(f"\n  {error}" for error in refused))
    return Contents(tuple(kept), tuple(_owning(companies, kept)), tuple(passages_of), tuple(refused))


def splitter(embedder: Embedder) -> Split:
    """The project's own way to split, so that no passage is longer than `embedder` reads."""
    # Versions of a policy have most of their passages in common.
    count_tokens = lru_cache(_COUNTS_KEPT)(embedder.count_tokens)
    return lambda policy: passages(policy, max_tokens=embedder.max_tokens, count_tokens=count_tokens)


def build(
    paths: Sequence[Path],
    out: Path,
    *,
    embedder: Embedder,
    histories: Sequence[Path] = (),
    split: Split | None = None,
    progress: Progress = lambda *_: None,
) -> BuildReport:
    """An index of the policies at `paths` and of all versions in `histories`, published in `out`.

    Bad files are left out and reported.

    What the index in `out` holds already, made by the same code with the same model, is taken over; where nothing at
    all changed, no new version is published.

    Args:
        histories: repositories of Open Terms Archive, or zips of its datasets, see `index.sources.history`.
        split: None means `splitter(embedder)`; with another, everything is made anew.
    Raises:
        NothingToIndex: no file could be read.
        CompaniesFileError: a `companies.toml` beside the policies is wrong.
        IndexBusy: another process builds in `out`.
        IndexFolderError: `out` cannot be written.
    """
    _check_apart([*paths, *histories], out)
    try:
        with writing(out), closing(Archives(histories)) as archives:
            before = None if split else _before(out, embedder)
            build_now = _Build(out, embedder, split or splitter(embedder), before, progress, archives=archives)
            return build_now.run(paths, histories)
    except OSError as error:
        raise IndexFolderError(f"{out}: could not be written ({error}); the index there before still serves") from error


def found_policies(
    paths: Sequence[Path], out: Path, *, embedder: Embedder, histories: Sequence[Path] = ()
) -> list[FoundPolicy]:
    """The versions of policies that `build` would index, but for those without a passage; nothing is written.

    Raises:
        NothingToIndex, CompaniesFileError: as `build`.
    """
    with closing(Archives(histories)) as archives:
        before = _before(out, embedder)
        known = before.files if before else {}
        found, _, _ = _surveyed(paths, known, _built_at_ns(before), lambda *_: None, archives)
    return [FoundPolicy(policy, file) for policy, file in found]


def indexed_files(out: Path) -> Iterator[tuple[str, SourceFile]]:
    """The files of the version that serves in `out`, each with the id of its policy, which is empty where it has none.

    Raises:
        IndexMissing, IndexCorrupt: see `current_version`.
    """
    where, _ = current_version(out)
    with (where / _FILES).open(encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            yield entry.pop("policy_id"), SourceFile.from_json(entry)


def _absolute(paths: Iterable[Path]) -> tuple[str, ...]:
    return tuple(os.path.abspath(path) for path in paths)  # noqa: PTH100  # resolve() would follow links


def _check_apart(paths: Iterable[Path], out: Path) -> None:
    """Nothing, if no source is the index folder or lies in it.

    Raises:
        IndexFolderError: one does.
    """
    folder = out.resolve()
    for path in paths:
        real = path.resolve()
        if real == folder or folder in real.parents:
            raise IndexFolderError(f"{out} is what is to be indexed, or holds it ({path}): give another --out")


def build_of_ready(
    ready: Iterable[ReadyGroup],
    out: Path,
    *,
    companies: Sequence[Company],
    sources: Sequence[Path],
    embedder: Embedder,
) -> Manifest:
    """An index of policies that are split and embedded already, published in `out`."""
    with writing(out):
        now = datetime.now(UTC)
        where = new_version_folder(out, f"{now:%Y%m%dT%H%M%S%f}-ready")
        writer = _Build(out, embedder, splitter(embedder), None, lambda *_: None, archives=Archives([]))
        manifest = writer.written(where, now, ready, companies, (_absolute(sources), ()))
        return publish(out, where, manifest)


# Raised where passages, attribution or what is stored changes: what an index of another version holds is made anew.
_BUILD_VERSION = 1


def made_by() -> str:
    """What decides how documents become passages and search terms, by explicit versions and the data they use."""
    return f"{_BUILD_VERSION}.{PARSER_VERSION}.{SPLITTER_VERSION}.{ATTRIBUTION_VERSION} {terms_hash()}"


def _surveyed(
    paths: Sequence[Path],
    known: Mapping[str, SourceFile],
    known_at_ns: int,
    progress: Progress,
    archives: Archives | None = None,
) -> tuple[list[tuple[Policy, SourceFile]], list[Company], list[PolicyError]]:
    files, refused = survey(paths, known=known, known_at_ns=known_at_ns, progress=progress)
    if archives:
        versions, unread = archives.files(known)
        files, refused = files + versions, refused + unread
    if not files:
        reasons = "".join(f"\n  {error}" for error in refused)
        given = ", ".join(map(str, paths)) or "nothing"
        formats = "HTML, PDF, DOCX, Markdown or text"
        raise NothingToIndex(f"no policy in {given}: give files of {formats}, or folders of them{reasons}")
    claims = [file.claim for file in files]
    company_ids, companies = attributed(claims, [file.real_path for file in files], corrections=corrections(paths))
    return named(files, company_ids, companies), companies, refused


def _empty(policy: Policy) -> EmptyPolicy:
    return EmptyPolicy(f"{policy.path}: no paragraph that could answer a question; leave it out")


def _owning(companies: Iterable[Company], policies: Iterable[Policy]) -> list[Company]:
    owners = {policy.company_id for policy in policies}
    return [company for company in companies if company.id in owners]


@dataclass(frozen=True, slots=True)
class _Before:
    """The index that serves, and the files it was made of.

    Attributes:
        files: by where each lies.
        groups: of each series, by the hashes of its versions' texts, newest first, in which segments and groups there
            are such.
        versions: by the hash of a text, in which segment and where there a version with this text lies.
        empty: the hashes of texts that have no passage.
    """

    index: PolicyIndex
    files: Mapping[str, SourceFile]
    groups: Mapping[tuple[str, ...], Sequence[tuple[int, int]]]
    versions: Mapping[str, tuple[int, int]]
    empty: frozenset[str]


def _before(out: Path, embedder: Embedder) -> _Before | None:
    """What `out` holds, if it can serve again."""
    try:
        index = PolicyIndex.open(out, embedder=embedder)
    except IndexFolderError:
        return None
    if index.manifest.made_by != made_by():
        return None
    where = version_folder(out, index.manifest)
    files: dict[str, SourceFile] = {}
    hashes: dict[tuple[int, int], dict[int, str]] = defaultdict(dict)
    versions: dict[str, tuple[int, int]] = {}
    empty = set()
    with (where / _FILES).open(encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            place = index.policies.places.get(entry.pop("policy_id"))
            file = SourceFile.from_json(entry)
            files[file.real_path] = file
            if place:
                hashes[place.segment, place.group][place.place] = file.text_hash
                versions[file.text_hash] = (place.segment, place.place)
            else:
                empty.add(file.text_hash)
    groups: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
    for (segment, group), by_place in hashes.items():
        if len(by_place) == len(index.segments[segment].versions_of(group)):
            groups[tuple(by_place[place] for place in sorted(by_place))].append((segment, group))
    return _Before(index, files, groups, versions, frozenset(empty))


class _Build:
    """One build of one folder."""

    def __init__(
        self,
        out: Path,
        embedder: Embedder,
        split: Split,
        before: _Before | None,
        progress: Progress,
        *,
        archives: Archives,
    ) -> None:
        self._archives = archives
        self._out, self._embedder, self._split, self._before, self._progress = out, embedder, split, before, progress
        self._embedded = self._reused = 0
        self._read_bytes = self._to_read_bytes = 0
        self._refused: list[PolicyError] = []
        self._empty: list[tuple[Policy, SourceFile]] = []

    def run(self, paths: Sequence[Path], histories: Sequence[Path]) -> BuildReport:
        now = datetime.now(UTC)
        before = self._before
        files = before.files if before else {}
        surveyed, companies, self._refused = _surveyed(
            paths, files, _built_at_ns(before), self._progress, self._archives
        )
        known_empty = before.empty if before else frozenset()
        self._empty = [(policy, file) for policy, file in surveyed if file.text_hash in known_empty]
        self._refused += [_empty(policy) for policy, _ in self._empty]
        found = _grouped([entry for entry in surveyed if entry[1].text_hash not in known_empty], before)
        sources = _absolute(paths), _absolute(histories)
        whole = all(group.at for group in found)
        kept = _kept(found, before)
        policies = [version.policy for group in found for version in group.versions]
        undated = tuple(twins(policies))
        unread = tuple(policy for policy in policies if not can_read(policy.language))
        if before and whole and _unchanged(before, policies, companies, sources):
            manifest = before.index.manifest
            return BuildReport(
                manifest, tuple(self._refused), 0, 0, 0, 0, kept, published=False, undated=undated, unread=unread
            )
        where = new_version_folder(self._out, f"{now:%Y%m%dT%H%M%S%f}-{_content_hash(self._embedder, found)}")
        try:
            manifest = self._write(where, now, found, companies, sources)
            manifest = publish(self._out, where, manifest)
        except BaseException:
            shutil.rmtree(where, ignore_errors=True)
            raise
        return BuildReport(
            manifest,
            tuple(self._refused),
            self._embedded,
            self._reused,
            added=manifest.policies - kept,
            removed=(len(before.index.policies) if before else 0) - kept,
            kept=kept,
            published=True,
            undated=undated,
            unread=unread,
        )

    def _write(
        self,
        where: Path,
        now: datetime,
        found: Sequence[FoundGroup],
        companies: Sequence[Company],
        sources: Sources,
    ) -> Manifest:
        taken, sealed = self._taken_over(where, found)
        names = [name for _, name in taken.values()]
        placed = [
            (version, taken[group.at[0]][0], place)
            for group in found
            if group.at and group.at[0] in taken
            for version, place in zip(group.versions, self._places(group.at), strict=True)
        ]
        to_write = [group for group in found if not group.at or group.at[0] not in taken]
        self._to_read_bytes = sum(group.size for group in to_write if not group.at)
        ready = self._ready(to_write)
        return self.written(where, now, ready, companies, sources, placed=placed, names=names, sealed=sealed)

    def _places(self, at: tuple[int, int]) -> range:
        """The places of the versions of a group of the index before, newest first."""
        if not self._before:
            raise ValueError(f"group {at} of no index")
        return self._before.index.segments[at[0]].versions_of(at[1])

    def written(
        self,
        where: Path,
        now: datetime,
        ready: Iterable[ReadyGroup],
        companies: Sequence[Company],
        sources: Sources,
        *,
        placed: Sequence[tuple[FoundPolicy, int, int]] = (),
        names: Sequence[str] = (),
        sealed: Mapping[str, FileSeal] | None = None,
    ) -> Manifest:
        """Write the policies of `ready` into the folder `where`, beside those `placed` in segments `names` there."""
        placed, names = list(placed), list(names)
        own_names = {company.id: _own_names(company) for company in companies}
        with closing(VectorCache(where, self._embedder.dimension)) as cache:
            for writer, written, words in self._segments(ready, own_names, cache):
                name = f"{now:%Y%m%dT%H%M%S%f}-{len(names)}"
                placed += [(version, len(names), place) for version, place in written]
                writer.write(where / name, words=words)
                names.append(name)
        if not placed:
            raise NothingToIndex("no passage in any file:" + "".join(f"\n  {error}" for error in self._refused))
        placed.sort(key=lambda entry: entry[1:])
        owning = _owning(companies, [entry.policy for entry, *_ in placed])
        _dump(where / "companies.json", [asdict(company) for company in owning])
        _dump_lines(where / "policies.jsonl", (_policy_json(entry.policy, *at) for entry, *at in placed))
        files = [(e.file, e.policy.id) for e, *_ in placed] + [(file, "") for _, file in self._empty]
        _dump_lines(where / _FILES, (file.as_json() | {"policy_id": policy_id} for file, policy_id in files))
        segments = [Segment(where / name) for name in names]
        for segment in segments:
            segment.check_counts()
        groups = {(segment, segments[segment].group(place)) for _, segment, place in placed}
        rows = [(segments[segment], *segments[segment].rows(group)) for segment, group in sorted(groups)]
        return Manifest(
            format=FORMAT,
            version=version_of(where),
            built_at=now.isoformat(timespec="seconds"),
            model=self._embedder.name,
            model_hash=self._embedder.content_hash,
            dimension=self._embedder.dimension,
            terms_hash=terms_hash(),
            made_by=made_by(),
            replaces=None,
            sources=sources[0],
            histories=sources[1],
            segments=tuple(names),
            policies=len(placed),
            companies=len(owning),
            passages=sum(end - first for _, first, end in rows),
            sentences=sum(int(segment.first[end] - segment.first[first]) for segment, first, end in rows),
            files=seal(where, sealed=sealed or {}),
        )

    def _taken_over(
        self, where: Path, found: Sequence[FoundGroup]
    ) -> tuple[dict[int, tuple[int, str]], dict[str, FileSeal]]:
        """The segments from before that serve as they are, linked into `where`: each one's number, then and now."""
        if not self._before:
            return {}, {}
        index = self._before.index
        live: Counter[int] = Counter()
        for group in found:
            if group.at:
                first, end = index.segments[group.at[0]].rows(group.at[1])
                live[group.at[0]] += end - first
        taken: dict[int, tuple[int, str]] = {}
        sealed: dict[str, FileSeal] = {}
        for number, (name, kept) in enumerate(zip(index.manifest.segments, index.segments, strict=True)):
            if live[number] >= max(_KEPT_FROM_PASSAGES, (1 - _MOST_REMOVED) * len(kept)):
                taken[number] = (len(taken), name)
                _link(kept.folder, where / name)
                sealed |= {file: seal for file, seal in index.manifest.files.items() if file.startswith(f"{name}/")}
        return taken, sealed

    def _ready(self, found: Sequence[FoundGroup]) -> Iterator[ReadyGroup]:
        """Each group with its passages, those known from before as they were; what has none is refused."""
        for done, group in enumerate(found, start=1):
            ready = self._made(group)
            if ready:
                yield ready
            self._progress("split", done, len(found))

    def _made(self, group: FoundGroup) -> ReadyGroup | None:
        if group.at and self._before:
            number, place = group.at
            segment = self._before.index.segments[number]
            first, end = segment.rows(place)
            versions = [self._known(version, (number, at)) for version, at in self._each(group, group.at)]
            sentences = np.arange(segment.first[first], segment.first[end])
            vectors = (
                segment.passage_vectors.vectors(np.arange(first, end)),
                segment.sentence_vectors.vectors(sentences),
            )
            return ReadyGroup(group, group_of(versions), vectors)
        split, kept = [], []
        for version in group.versions:
            try:
                policy, passages, file = self._split_version(version)
                split.append((policy, passages))
                kept.append(FoundPolicy(replace(version.policy, effective_on=policy.effective_on), file))
            except PolicyError as error:
                self._refused.append(error)
        return ReadyGroup(replace(group, versions=tuple(kept)), group_of(split), None) if kept else None

    def _each(self, group: FoundGroup, at: tuple[int, int]) -> Iterator[tuple[FoundPolicy, int]]:
        return zip(group.versions, self._places(at), strict=True)

    def _split_version(self, version: FoundPolicy) -> tuple[Policy, list[Passage], SourceFile]:
        """A version with its text, its passages and its file: as known from before, or read and split now."""
        known = self._before.versions.get(version.file.text_hash) if self._before else None
        if known:
            return *self._known(version, known), version.file
        file = version.file
        try:
            if file.archive:
                document, file = self._archives.read(file)
            else:
                document = document_of(file)
            policy = of_document(replace(version.policy, effective_on=file.effective_on), document)
            split = self._split(policy)
            if not split:
                raise _empty(policy)
        except (EmptyPolicy, NoPolicy):
            self._empty.append((version.policy, file))
            raise
        return policy, split, file

    def _known(self, version: FoundPolicy, at: tuple[int, int]) -> tuple[Policy, list[Passage]]:
        if not self._before:
            raise ValueError(f"version {at} of no index")
        segment = self._before.index.segments[at[0]]
        policy = replace(version.policy, text=segment.text(at[1]), blocks=segment.blocks(at[1]))
        return policy, segment.passages(at[1], policy_id=policy.id)

    def _segments(
        self, ready: Iterable[ReadyGroup], own_names: Mapping[str, frozenset[str]], cache: VectorCache
    ) -> Iterator[tuple[SegmentWriter, list[tuple[FoundPolicy, int]], Counter[str]]]:
        """The groups of `ready` in segments to be written, each with its versions' places and the words of prose."""
        writer, written, words = (
            SegmentWriter(self._embedder.dimension),
            list[tuple[FoundPolicy, int]](),
            Counter[str](),
        )
        for batch in _prefetched(_batches(ready)):
            if writer.passages and writer.passages + sum(len(each.new.rows) for each in batch) > _MOST_PASSAGES:
                yield writer, written, words
                writer, written, words = SegmentWriter(self._embedder.dimension), [], Counter()
            vector_of = self._vectors(batch, cache)
            for each in batch:
                vectors = each.vectors or (vector_of(each.new.passage_texts), vector_of(each.new.sentence_texts))
                places = writer.add(each.new, *vectors)
                written += zip(each.found.versions, places, strict=True)
                newest = each.new.versions[0].policy
                words.update(_prose_words(newest.text, own_names[newest.company_id]))
        if written:
            yield writer, written, words

    def _vectors(self, batch: Sequence[ReadyGroup], cache: VectorCache) -> Callable[[Sequence[str]], np.ndarray]:
        """What gives the vectors of texts of `batch`: from before, from `cache`, or embedded now and kept there."""
        wanted = dict.fromkeys(
            text for each in batch if not each.vectors for text in (*each.new.passage_texts, *each.new.sentence_texts)
        )
        taken = sum(len(set(e.new.passage_texts) | set(e.new.sentence_texts)) for e in batch if e.vectors)
        known = _known_vectors(self._before.index, list(wanted)) if self._before else {}
        self._reused += taken + len(known)
        known |= cache.known(text for text in wanted if text not in known)
        new = [text for text in wanted if text not in known]
        fresh = self._embed(new, sum(each.found.size for each in batch if not each.vectors))
        cache.add(new, fresh)
        rows = {text: row for row, text in enumerate([*known, *new])}
        matrix = np.concatenate([np.array(list(known.values()), dtype=np.float32).reshape(-1, fresh.shape[1]), fresh])
        return lambda texts: matrix[[rows[text] for text in texts]]

    def _embed(self, texts: Sequence[str], size: int) -> np.ndarray:
        """The vectors of `texts`, which files of `size` bytes hold: by the bytes it is told how many are to come."""
        self._read_bytes += size
        expected = int((self._embedded + len(texts)) * max(1.0, self._to_read_bytes / max(self._read_bytes, 1)))
        before = self._embedded
        vectors = self._embedder.embed_passages(
            texts, progress=lambda done, _: self._progress("embed", before + done, max(expected, before + done))
        )
        self._embedded += len(texts)
        return vectors


def _grouped(found: Iterable[tuple[Policy, SourceFile]], before: _Before | None) -> list[FoundGroup]:
    """The versions of each series together, the newest first, with the place where they lie already.

    Undated versions stand alone: nothing says that one follows another. No two groups share a place, as each has rows
    of its own.
    """
    series: dict[object, list[FoundPolicy]] = defaultdict(list)
    for number, (policy, file) in enumerate(found):
        key: object = policy.series if day_of(policy) else number
        series[key].append(FoundPolicy(policy, file))
    free = {hashes: list(places) for hashes, places in before.groups.items()} if before else {}
    groups = []
    for versions in series.values():
        newest_first = sorted(versions, key=lambda version: moment_of(version.policy), reverse=True)
        places = free.get(tuple(version.file.text_hash for version in newest_first))
        groups.append(FoundGroup(tuple(newest_first), places.pop(0) if places else None))
    return groups


def _kept(found: Iterable[FoundGroup], before: _Before | None) -> int:
    """How many versions have a text that was in the index before."""
    if not before:
        return 0
    was = Counter(digest for hashes, places in before.groups.items() for digest in hashes * len(places))
    return (was & Counter(version.file.text_hash for group in found for version in group.versions)).total()


def _unchanged(before: _Before, policies: Sequence[Policy], companies: Sequence[Company], sources: Sources) -> bool:
    return (
        (before.index.manifest.sources, before.index.manifest.histories) == sources
        and {policy.id: policy for policy in policies}
        == {policy_id: place.policy for policy_id, place in before.index.policies.places.items()}
        and _owning(companies, policies) == list(before.index.companies.values())
    )


def _built_at_ns(before: _Before | None) -> int:
    return int(datetime.fromisoformat(before.index.manifest.built_at).timestamp() * 1e9) if before else 0


def _content_hash(embedder: Embedder, found: Iterable[FoundGroup]) -> str:
    content = hashlib.sha256(embedder.content_hash.encode())
    for entry in (version for group in found for version in group.versions):
        content.update(entry.policy.id.encode() + b"\0" + entry.file.text_hash.encode() + b"\0")
    return content.hexdigest()[:8]


def _batches(ready: Iterable[ReadyGroup]) -> Iterator[list[ReadyGroup]]:
    """Policies in lists of about `_EMBEDDED_AT_ONCE` texts."""
    batch: list[ReadyGroup] = []
    texts = 0
    for each in ready:
        batch.append(each)
        texts += len(each.new.passage_texts) + len(each.new.sentence_texts)
        if texts >= _EMBEDDED_AT_ONCE:
            yield batch
            batch, texts = [], 0
    if batch:
        yield batch


def _prefetched(batches: Iterator[list[ReadyGroup]]) -> Iterator[list[ReadyGroup]]:
    """`batches`, each made while the one before is worked on."""
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(next, batches, None)
        while batch := following.result():
            following = pool.submit(next, batches, None)
            yield batch


def _known_vectors(index: PolicyIndex, texts: Sequence[str]) -> dict[str, np.ndarray]:
    """The vectors that `index` has of `texts`, by text."""
    hashes = np.array([text_hash(text) for text in texts], dtype=np.uint64)
    by_hash = {int(value): text for value, text in zip(hashes, texts, strict=True)}
    found: dict[str, np.ndarray] = {}
    for segment in index.segments:
        # numpy compares a few with many by sorting; each row of an equal text has an equal vector
        for row in np.flatnonzero(np.isin(segment.hashes, hashes)):
            text = by_hash[int(segment.hashes[row])]
            if text not in found and segment.embedded(int(row)) == text:
                found[text] = segment.vector(int(row))
    return found


def _link(folder: Path, to: Path) -> None:
    """The files of `folder` in `to` as well, not copied where the file system can do without."""

    def link_or_copy(source: str, target: str) -> None:
        try:
            os.link(source, target)
        except OSError:
            shutil.copy2(source, target)

    shutil.copytree(folder, to, copy_function=link_or_copy)


def _own_names(company: Company) -> frozenset[str]:
    return frozenset(key(word) for name in company.names for word in (name, *name.split()))


def _prose_words(text: str, own_names: frozenset[str]) -> set[str]:
    """The words that stand in `text` in lower case, but the company's own names."""
    return {word for word in set(_PROSE_WORD.findall(text)) if key(word) not in own_names}


def _policy_json(policy: Policy, segment: int, place: int) -> dict[str, object]:
    fields = asdict(policy)
    for name in ("archived_on", "effective_on"):
        fields[name] = fields[name].isoformat() if fields[name] else None
    del fields["text"], fields["blocks"]  # they stand in the segment
    return fields | {"segment": segment, "place": place}


def _dump(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")


def _dump_lines(path: Path, values: Iterable[Mapping[str, object]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for value in values:
            file.write(json.dumps(value, ensure_ascii=False) + "\n")
