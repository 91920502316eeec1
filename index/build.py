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
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np

from index.embedding import Embedder
from index.errors import EmptyPolicy, IndexFolderError, NothingToIndex, PolicyError
from index.manifest import (
    FORMAT,
    FileSeal,
    Manifest,
    new_version_folder,
    publish,
    seal,
    version_folder,
    version_of,
    writing,
)
from index.policies.attribution import attributed
from index.policies.companies import Company, key
from index.policies.passages import Passage, context, embedded_text, passages, sentence_texts
from index.policies.versions import Policy
from index.policy_index import PolicyIndex
from index.segment import NewPolicy, Segment, SegmentWriter, text_hash
from index.sources.folder import Progress, SourceFile, corrections, named, survey, text_of
from index.terms import Thesaurus, terms, terms_hash

Split = Callable[[Policy], list[Passage]]
"""What makes passages of a policy, in reading order."""

_FILES = "files.jsonl"
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
    """A policy, without its text, that is to be in the index; `at` is its segment and place in the one before."""

    policy: Policy
    file: SourceFile
    at: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class ReadyPolicy:
    """A policy that is split, with the vectors of its texts where they are known from before."""

    found: FoundPolicy
    new: NewPolicy
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
        whole = replace(policy, text=text_of(file))
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
    return lambda policy: passages(policy, max_tokens=embedder.max_tokens, count_tokens=embedder.count_tokens)


def build(
    paths: Sequence[Path],
    out: Path,
    *,
    embedder: Embedder,
    split: Split | None = None,
    progress: Progress = lambda *_: None,
) -> BuildReport:
    """An index of the policies at `paths`, published in `out`; bad files are left out and reported.

    What the index in `out` holds already, made by the same code with the same model, is taken over; where nothing at
    all changed, no new version is published.

    Args:
        split: None means `splitter(embedder)`; with another, everything is made anew.
    Raises:
        NothingToIndex: no file could be read.
        CompaniesFileError: a `companies.toml` beside the policies is wrong.
        IndexBusy: another process builds in `out`.
        IndexFolderError: `out` cannot be written.
    """
    try:
        with writing(out):
            before = None if split else _before(out, embedder)
            build_now = _Build(out, embedder, split or splitter(embedder), before, progress)
            return build_now.run(paths)
    except OSError as error:
        raise IndexFolderError(f"{out}: could not be written ({error}); the index there before still serves") from error


def searched(policy: Policy, split: Sequence[Passage]) -> NewPolicy:
    """What is embedded and what is searched for words of a policy that is split into passages."""
    thesaurus = Thesaurus.shipped()
    texts = [embedded_text(policy.text, passage) for passage in split]
    sentences = [sentence_texts(policy.text, passage) for passage in split]
    heads = [terms(context(policy.text, passage), thesaurus) for passage in split]
    return NewPolicy(
        policy.text,
        split,
        texts,
        [sentence for group in sentences for sentence in group],
        [terms(text, thesaurus) for text in texts],
        [head + terms(sentence, thesaurus) for head, group in zip(heads, sentences, strict=True) for sentence in group],
    )


def build_of_ready(
    ready: Iterable[ReadyPolicy],
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
        writer = _Build(out, embedder, splitter(embedder), None, lambda *_: None)
        manifest = writer.written(where, now, ready, companies, tuple(os.path.abspath(path) for path in sources))  # noqa: PTH100
        publish(out, where, manifest)
        return manifest


@cache
def code_hash() -> str:
    """Of the code that makes passages, companies and terms: what an index of other code holds is made anew."""
    code = hashlib.sha256()
    for path in sorted([*Path(__file__).parent.rglob("*.py"), *Path(__file__).parent.glob("*.toml")]):
        code.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return code.hexdigest()


def _surveyed(
    paths: Sequence[Path], known: Mapping[str, SourceFile], known_at_ns: int, progress: Progress
) -> tuple[list[tuple[Policy, SourceFile]], list[Company], list[PolicyError]]:
    files, refused = survey(paths, known=known, known_at_ns=known_at_ns, progress=progress)
    if not files:
        reasons = "".join(f"\n  {error}" for error in refused)
        given = ", ".join(map(str, paths)) or "nothing"
        raise NothingToIndex(f"no policy in {given}: give files or folders of .md or .txt{reasons}")
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
        files: by real path.
        places: of each text, by its hash, in which segments and where there policies with this text lie.
        empty: the hashes of texts that have no passage.
    """

    index: PolicyIndex
    files: Mapping[str, SourceFile]
    places: Mapping[str, Sequence[tuple[int, int]]]
    empty: frozenset[str]


def _before(out: Path, embedder: Embedder) -> _Before | None:
    """What `out` holds, if it can serve again."""
    try:
        index = PolicyIndex.open(out, embedder=embedder)
    except IndexFolderError:
        return None
    if index.manifest.code_hash != code_hash():
        return None
    where = version_folder(out, index.manifest)
    files, places, empty = {}, defaultdict(list), set()
    with (where / _FILES).open(encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            place = index.policies.places.get(entry.pop("policy_id"))
            file = SourceFile.from_json(entry)
            files[file.real_path] = file
            if place:
                places[file.text_hash].append((place.segment, place.place))
            else:
                empty.add(file.text_hash)
    return _Before(index, files, places, frozenset(empty))


class _Build:
    """One build of one folder."""

    def __init__(self, out: Path, embedder: Embedder, split: Split, before: _Before | None, progress: Progress) -> None:
        self._out, self._embedder, self._split, self._before, self._progress = out, embedder, split, before, progress
        self._embedded = self._reused = 0
        self._read_bytes = self._to_read_bytes = 0
        self._refused: list[PolicyError] = []
        self._empty: list[tuple[Policy, SourceFile]] = []

    def run(self, paths: Sequence[Path]) -> BuildReport:
        now = datetime.now(UTC)
        before = self._before
        files = before.files if before else {}
        surveyed, companies, self._refused = _surveyed(paths, files, _built_at_ns(before), self._progress)
        known_empty = before.empty if before else frozenset()
        self._empty = [(policy, file) for policy, file in surveyed if file.text_hash in known_empty]
        self._refused += [_empty(policy) for policy, _ in self._empty]
        found = _at_their_places([entry for entry in surveyed if entry[1].text_hash not in known_empty], before)
        sources = tuple(os.path.abspath(path) for path in paths)  # noqa: PTH100  # resolve() would follow links
        kept = sum(entry.at is not None for entry in found)
        if before and kept == len(found) and _unchanged(before, found, companies, sources):
            return BuildReport(before.index.manifest, tuple(self._refused), 0, 0, 0, 0, kept, published=False)
        where = new_version_folder(self._out, f"{now:%Y%m%dT%H%M%S%f}-{_content_hash(self._embedder, found)}")
        try:
            manifest = self._write(where, now, found, companies, sources)
            publish(self._out, where, manifest)
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
        )

    def _write(
        self,
        where: Path,
        now: datetime,
        found: Sequence[FoundPolicy],
        companies: Sequence[Company],
        sources: tuple[str, ...],
    ) -> Manifest:
        taken, sealed = self._taken_over(where, found)
        names = [name for _, name in taken.values()]
        placed = [(entry, taken[entry.at[0]][0], entry.at[1]) for entry in found if entry.at and entry.at[0] in taken]
        to_write = [entry for entry in found if not entry.at or entry.at[0] not in taken]
        self._to_read_bytes = sum(entry.file.size for entry in to_write if not entry.at)
        ready = self._ready(to_write)
        return self.written(where, now, ready, companies, sources, placed=placed, names=names, sealed=sealed)

    def written(
        self,
        where: Path,
        now: datetime,
        ready: Iterable[ReadyPolicy],
        companies: Sequence[Company],
        sources: tuple[str, ...],
        *,
        placed: Sequence[tuple[FoundPolicy, int, int]] = (),
        names: Sequence[str] = (),
        sealed: Mapping[str, FileSeal] | None = None,
    ) -> Manifest:
        """Write the policies of `ready` into the folder `where`, beside those `placed` in segments `names` there."""
        placed, names = list(placed), list(names)
        own_names = {company.id: _own_names(company) for company in companies}
        for writer, written, words in self._segments(ready, own_names):
            name = f"{now:%Y%m%dT%H%M%S%f}-{len(names)}"
            placed += [(each.found, len(names), place) for place, each in enumerate(written)]
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
        rows = [(segments[segment], *segments[segment].rows(place)) for _, segment, place in placed]
        return Manifest(
            format=FORMAT,
            version=version_of(where),
            built_at=now.isoformat(timespec="seconds"),
            model=self._embedder.name,
            model_hash=self._embedder.content_hash,
            dimension=self._embedder.dimension,
            terms_hash=terms_hash(),
            code_hash=code_hash(),
            sources=sources,
            segments=tuple(names),
            policies=len(placed),
            companies=len(owning),
            passages=sum(end - first for _, first, end in rows),
            sentences=sum(int(segment.first[end] - segment.first[first]) for segment, first, end in rows),
            files=seal(where, sealed=sealed or {}),
        )

    def _taken_over(
        self, where: Path, found: Sequence[FoundPolicy]
    ) -> tuple[dict[int, tuple[int, str]], dict[str, FileSeal]]:
        """The segments from before that serve as they are, linked into `where`: each one's number, then and now."""
        if not self._before:
            return {}, {}
        index = self._before.index
        live: Counter[int] = Counter()
        for entry in found:
            if entry.at:
                first, end = index.segments[entry.at[0]].rows(entry.at[1])
                live[entry.at[0]] += end - first
        taken: dict[int, tuple[int, str]] = {}
        sealed: dict[str, FileSeal] = {}
        for number, (name, kept) in enumerate(zip(index.manifest.segments, index.segments, strict=True)):
            if live[number] >= max(_KEPT_FROM_PASSAGES, (1 - _MOST_REMOVED) * len(kept.passages)):
                taken[number] = (len(taken), name)
                _link(kept.folder, where / name)
                sealed |= {file: seal for file, seal in index.manifest.files.items() if file.startswith(f"{name}/")}
        return taken, sealed

    def _ready(self, found: Sequence[FoundPolicy]) -> Iterator[ReadyPolicy]:
        """Each policy with its passages, those known from before as they were; one without any is refused."""
        for done, entry in enumerate(found, start=1):
            try:
                ready = self._made(entry)
            except PolicyError as error:
                self._refused.append(error)
            else:
                yield ready
            self._progress("split", done, len(found))

    def _made(self, entry: FoundPolicy) -> ReadyPolicy:
        if entry.at and self._before:
            segment = self._before.index.segments[entry.at[0]]
            policy = replace(entry.policy, text=segment.text(entry.at[1]))
            first, end = segment.rows(entry.at[1])
            split = [segment.passage(row, policy_id=policy.id, text=policy.text) for row in range(first, end)]
            sentences = np.arange(segment.first[first], segment.first[end])
            return ReadyPolicy(
                entry,
                searched(policy, split),
                (segment.passage_vectors.vectors(np.arange(first, end)), segment.sentence_vectors.vectors(sentences)),
            )
        policy = replace(entry.policy, text=text_of(entry.file))
        split = self._split(policy)
        if not split:
            self._empty.append((entry.policy, entry.file))
            raise _empty(policy)
        return ReadyPolicy(entry, searched(policy, split), None)

    def _segments(
        self, ready: Iterable[ReadyPolicy], own_names: Mapping[str, frozenset[str]]
    ) -> Iterator[tuple[SegmentWriter, list[ReadyPolicy], Counter[str]]]:
        """The policies of `ready` in segments to be written, each with its policies and the words of their prose."""
        writer, written, words = SegmentWriter(self._embedder.dimension), list[ReadyPolicy](), Counter[str]()
        for batch in _prefetched(_batches(ready)):
            if writer.passages and writer.passages + sum(len(each.new.passages) for each in batch) > _MOST_PASSAGES:
                yield writer, written, words
                writer, written, words = SegmentWriter(self._embedder.dimension), [], Counter()
            vector_of = self._vectors(batch)
            for each in batch:
                vectors = each.vectors or (vector_of(each.new.passage_texts), vector_of(each.new.sentence_texts))
                writer.add(each.new, *vectors)
                written.append(each)
                words.update(_prose_words(each.new.text, own_names[each.found.policy.company_id]))
        if written:
            yield writer, written, words

    def _vectors(self, batch: Sequence[ReadyPolicy]) -> Callable[[Sequence[str]], np.ndarray]:
        """What gives the vectors of texts of `batch`: from before, or embedded now, each text once."""
        wanted = dict.fromkeys(
            text for each in batch if not each.vectors for text in (*each.new.passage_texts, *each.new.sentence_texts)
        )
        taken = sum(len(set(e.new.passage_texts) | set(e.new.sentence_texts)) for e in batch if e.vectors)
        known = _known_vectors(self._before.index, list(wanted)) if self._before else {}
        new = [text for text in wanted if text not in known]
        fresh = self._embed(new, sum(each.found.file.size for each in batch if not each.vectors))
        self._reused += taken + len(known)
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


def _at_their_places(found: Iterable[tuple[Policy, SourceFile]], before: _Before | None) -> list[FoundPolicy]:
    """Each policy with a place where its text lies already; no two share one, as each has rows of its own."""
    free = {text: list(places) for text, places in before.places.items()} if before else {}
    result = []
    for policy, file in found:
        places = free.get(file.text_hash)
        result.append(FoundPolicy(policy, file, places.pop(0) if places else None))
    return result


def _unchanged(
    before: _Before, found: Sequence[FoundPolicy], companies: Sequence[Company], sources: tuple[str, ...]
) -> bool:
    policies = [entry.policy for entry in found]
    return (
        before.index.manifest.sources == sources
        and {policy.id: policy for policy in policies}
        == {policy_id: place.policy for policy_id, place in before.index.policies.places.items()}
        and _owning(companies, policies) == list(before.index.companies.values())
    )


def _built_at_ns(before: _Before | None) -> int:
    return int(datetime.fromisoformat(before.index.manifest.built_at).timestamp() * 1e9) if before else 0


def _content_hash(embedder: Embedder, found: Iterable[FoundPolicy]) -> str:
    content = hashlib.sha256(embedder.content_hash.encode())
    for entry in found:
        content.update(entry.policy.id.encode() + b"\0" + entry.file.text_hash.encode() + b"\0")
    return content.hexdigest()[:8]


def _batches(ready: Iterable[ReadyPolicy]) -> Iterator[list[ReadyPolicy]]:
    """Policies in lists of about `_EMBEDDED_AT_ONCE` texts."""
    batch: list[ReadyPolicy] = []
    texts = 0
    for each in ready:
        batch.append(each)
        texts += len(each.new.passage_texts) + len(each.new.sentence_texts)
        if texts >= _EMBEDDED_AT_ONCE:
            yield batch
            batch, texts = [], 0
    if batch:
        yield batch


def _prefetched(batches: Iterator[list[ReadyPolicy]]) -> Iterator[list[ReadyPolicy]]:
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
