"""Files become an index folder: read, attribute, split, embed, write, verify, publish. It does not know questions."""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from index.companies import Company, identify, key, read_corrections
from index.embedding import Embedder
from index.errors import EmptyPolicy, IndexFolderError, NothingToIndex, PolicyError
from index.manifest import FORMAT, Manifest, damaged_files, new_version_folder, publish, seal, writing
from index.markup import plain
from index.passages import Passage, context, passages, title_of
from index.policies import Policy, PolicyFile, policy_paths, read_policy_file, slug
from index.policy_index import PolicyIndex
from index.terms import TermIndex, Thesaurus, terms, terms_hash
from index.vectors import FaissStore

Progress = Callable[[str, int, int], None]
"""`progress(stage, done, total)`; stages are "read", "split" and "embed"."""

Split = Callable[[Policy], list[Passage]]
"""What makes passages of a policy, in reading order."""

COMPANIES_FILE = "companies.toml"
# BM25 for passages: best MRR on the sample questions' dev half (n=95), decision 6.
_BM25_K1, _BM25_B = 1.2, 0.5
_PROSE_WORD = re.compile(r"(?<![\w./@-])[a-z]+(?:-[a-z]+)*(?![\w@/-]|\.\w)")


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did: what it published, the files it had to leave out, and how much it embedded anew."""

    manifest: Manifest
    refused: tuple[PolicyError, ...]
    embedded: int
    reused: int


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


def read(paths: Sequence[Path], *, split: Split, progress: Progress = lambda *_: None) -> Contents:
    """The contents of the policies at `paths`; bad files are left out and reported.

    Raises:
        NothingToIndex: no file could be read, or none has a passage.
        CompaniesFileError: a `companies.toml` beside the policies is wrong.
    """
    files, refused = read_files(paths, progress=progress)
    if not files:
        reasons = "".join(f"\n  {error}" for error in refused)
        given = ", ".join(map(str, paths)) or "nothing"
        raise NothingToIndex(f"no policy in {given}: give files or folders of .md or .txt{reasons}")
    company_ids, companies = identify(files, corrections=_corrections(paths))
    policies = _policies(files, company_ids, companies)
    found: list[Passage] = []
    kept: list[Policy] = []
    for done, policy in enumerate(policies, start=1):
        its_own = split(policy)
        if its_own:
            kept.append(policy)
            found += its_own
        else:
            refused.append(EmptyPolicy(f"{policy.path}: no paragraph that could answer a question; leave it out"))
        progress("split", done, len(policies))
    if not kept:
        raise NothingToIndex("no passage in any file:" + "".join(f"\n  {error}" for error in refused))
    owners = {policy.company_id for policy in kept}
    owning = tuple(company for company in companies if company.id in owners)
    return Contents(tuple(kept), owning, tuple(found), tuple(refused))


def splitter(embedder: Embedder) -> Split:
    """The project's own way to split, so that no passage is longer than `embedder` reads."""
    return lambda policy: passages(policy, max_tokens=embedder.max_tokens, count_tokens=embedder.count_tokens)


def build(
    paths: Sequence[Path],
    out: Path,
    *,
    embedder: Embedder,
    split: Split | None = None,
    reuse: PolicyIndex | None = None,
    progress: Progress = lambda *_: None,
) -> BuildReport:
    """An index of the policies at `paths`, published in `out`; bad files are left out and reported.

    Args:
        split: None means `splitter(embedder)`.
        reuse: an index of the same model, whose vectors serve again for text that is unchanged.
    Raises:
        NothingToIndex: no file could be read.
        CompaniesFileError: a `companies.toml` beside the policies is wrong.
        IndexBusy: another process builds in `out`.
        IndexFolderError: `out` cannot be written, or did not read back as written.
    """
    contents = read(paths, split=split or splitter(embedder), progress=progress)
    try:
        with writing(out):
            manifest, embedded, reused = _write(
                out, contents, sources=paths, embedder=embedder, reuse=reuse, progress=progress
            )
    except OSError as error:
        raise IndexFolderError(f"{out}: could not be written ({error}); the index there before still serves") from error
    return BuildReport(manifest, contents.refused, embedded, reused)


def embedded_text(policy: Policy, passage: Passage) -> str:
    """What is embedded and indexed of a passage: headings and lead-in, then its words."""
    around = context(policy.text, passage)
    return f"{around}. {plain(passage.text)}" if around else plain(passage.text)


def sentence_texts(policy: Policy, passage: Passage) -> list[str]:
    """What is embedded of a passage's sentences: their words alone."""
    return [plain(policy.text[start:end]) for start, end in passage.sentences]


def read_files(
    paths: Sequence[Path], *, progress: Progress = lambda *_: None
) -> tuple[list[PolicyFile], list[PolicyError]]:
    """The policy files at `paths`, with paths as people may see them, and why others could not be read."""
    found = list(policy_paths(paths))
    files: list[PolicyFile] = []
    refused: list[PolicyError] = []
    for done, path in enumerate(found, start=1):
        try:
            if isinstance(path, PolicyError):
                raise path
            files.append(replace(read_policy_file(path), path=_shown(path, paths)))
        except PolicyError as error:
            refused.append(error)
        progress("read", done, len(found))
    return files, refused


def _shown(path: Path, given: Iterable[Path]) -> str:
    """`path` from the folder that was given on, or its name: what people may see, without the machine's folders."""
    for folder in given:
        if path != folder and path.is_relative_to(folder):
            return (Path(folder.resolve().name) / path.relative_to(folder)).as_posix()
    return path.name


def _corrections(paths: Iterable[Path]) -> dict[str, object]:
    corrections: dict[str, object] = {}
    for folder in dict.fromkeys(path if path.is_dir() else path.parent for path in paths):
        if (folder / COMPANIES_FILE).is_file():
            corrections |= read_corrections(folder / COMPANIES_FILE)
    return corrections


def _policies(files: Sequence[PolicyFile], company_ids: Sequence[str], companies: Sequence[Company]) -> list[Policy]:
    """The policies with ids made of company, title and day; a second of the same gets its content's hash."""
    names = {company.id: company.name for company in companies}
    policies: dict[str, Policy] = {}
    for file, company_id in zip(files, company_ids, strict=True):
        title = title_of(file.text, start=file.body_start) or f"{names[company_id]} Privacy Policy"
        day = file.archived_on.isoformat() if file.archived_on else "undated"
        policy_id = f"{slug(company_id)}--{slug(title)[:60]}--{day}"
        if policy_id in policies:
            if policies[policy_id].text == file.text:
                continue
            policy_id += "--" + hashlib.sha256(file.text.encode()).hexdigest()[:8]
        policies[policy_id] = Policy(
            policy_id, company_id, title, file.archived_on, file.source_url, file.text, file.body_start, file.path
        )
    return list(policies.values())


def _write(
    out: Path,
    contents: Contents,
    *,
    sources: Sequence[Path],
    embedder: Embedder,
    reuse: PolicyIndex | None,
    progress: Progress,
) -> tuple[Manifest, int, int]:
    policies, companies, split = contents.policies, contents.companies, contents.passages
    by_id = {policy.id: policy for policy in policies}
    texts = [embedded_text(by_id[passage.policy_id], passage) for passage in split]
    sentences = [sentence_texts(by_id[passage.policy_id], passage) for passage in split]
    flat = [sentence for group in sentences for sentence in group]
    vector_of, embedded, reused = _vectors([*texts, *flat], embedder, reuse, progress)
    thesaurus = Thesaurus.shipped()
    passage_terms = [terms(text, thesaurus) for text in texts]
    heads = [terms(context(by_id[passage.policy_id].text, passage), thesaurus) for passage in split]
    sentence_terms = [
        head + terms(sentence, thesaurus) for head, group in zip(heads, sentences, strict=True) for sentence in group
    ]

    now = datetime.now(UTC)
    content = hashlib.sha256(embedder.content_hash.encode())
    for policy in policies:
        content.update(policy.id.encode() + b"\0" + policy.text.encode() + b"\0")
    version = f"{now:%Y%m%dT%H%M%S%f}-{content.hexdigest()[:8]}"
    where = new_version_folder(out, version)
    _dump(where / "companies.json", [asdict(company) for company in companies])
    _dump_lines(where / "policies.jsonl", (_with_plain_day(policy) for policy in policies))
    _dump_lines(where / "passages.jsonl", (_without_text(passage) for passage in split))
    _dump(where / "words.json", _lower_case_words(policies, companies))
    _save_vectors(where / "passages.faiss", vector_of, texts)
    _save_vectors(where / "sentences.faiss", vector_of, flat)
    TermIndex.build(passage_terms, k1=_BM25_K1, b=_BM25_B).save(where / "terms")
    TermIndex.build(sentence_terms, k1=0.0, b=0.0).save(where / "coverage")
    manifest = Manifest(
        format=FORMAT,
        version=version,
        built_at=now.isoformat(timespec="seconds"),
        model=embedder.name,
        model_hash=embedder.content_hash,
        dimension=embedder.dimension,
        terms_hash=terms_hash(),
        sources=tuple(os.path.abspath(path) for path in sources),  # noqa: PTH100  # resolve() would follow links
        policies=len(policies),
        companies=len(companies),
        passages=len(split),
        sentences=len(flat),
        files=seal(where),
    )
    damaged = damaged_files(where, manifest)
    if damaged:
        raise IndexFolderError(f"{where}: {', '.join(damaged)} did not read back as written; check the disk")
    publish(out, where, manifest)
    return manifest, embedded, reused


class _VectorOfText:
    """A vector for each distinct text; a text that stands twice was embedded once."""

    def __init__(self, rows: Mapping[str, int], matrix: np.ndarray) -> None:
        self._rows, self._matrix = rows, matrix

    def matrix(self, texts: Sequence[str]) -> np.ndarray:
        return self._matrix[[self._rows[text] for text in texts]]


def _vectors(
    texts: Sequence[str], embedder: Embedder, reuse: PolicyIndex | None, progress: Progress
) -> tuple[_VectorOfText, int, int]:
    known = _known_vectors(reuse) if reuse else {}
    distinct = list(dict.fromkeys(texts))
    new = [text for text in distinct if text not in known]
    matrix = np.zeros((len(distinct), embedder.dimension), dtype=np.float32)
    rows = {text: row for row, text in enumerate(distinct)}
    if new:
        fresh = embedder.embed_passages(new, progress=lambda done, total: progress("embed", done, total))
        matrix[[rows[text] for text in new]] = fresh
    for text in distinct:
        if text in known:
            matrix[rows[text]] = known[text]
    return _VectorOfText(rows, matrix), len(new), len(distinct) - len(new)


def _known_vectors(index: PolicyIndex) -> dict[str, np.ndarray]:
    passage_vectors = index.passage_vectors.vectors(np.arange(len(index.passages)))
    sentence_vectors = index.sentence_vectors.vectors(np.arange(len(index.sentences.passage_rows)))
    known: dict[str, np.ndarray] = {}
    row = 0
    for passage, vector in zip(index.passages, passage_vectors, strict=True):
        policy = index.policies[passage.policy_id]
        known[embedded_text(policy, passage)] = vector
        for sentence in sentence_texts(policy, passage):
            known[sentence] = sentence_vectors[row]
            row += 1
    return known


def _save_vectors(path: Path, vector_of: _VectorOfText, texts: Sequence[str]) -> None:
    matrix = vector_of.matrix(texts)
    store = FaissStore(matrix.shape[1])
    store.add(matrix)
    store.save(path)


def _lower_case_words(policies: Sequence[Policy], companies: Sequence[Company]) -> dict[str, int]:
    """In how many policies each word stands in lower case, not counting a company's own names."""
    own = {company.id: {key(word) for name in company.names for word in (name, *name.split())} for company in companies}
    counts: Counter[str] = Counter()
    for policy in policies:
        found = set(_PROSE_WORD.findall(policy.text))
        counts.update(word for word in found if key(word) not in own[policy.company_id])
    return dict(sorted(counts.items()))


def _without_text(passage: Passage) -> dict[str, object]:
    fields = asdict(passage)
    del fields["text"]  # it is policy.text[start:end] (invariant 1)
    return fields


def _with_plain_day(policy: Policy) -> dict[str, object]:
    return asdict(policy) | {"archived_on": policy.archived_on.isoformat() if policy.archived_on else None}


def _dump(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")


def _dump_lines(path: Path, values: Iterable[dict[str, object]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for value in values:
            file.write(json.dumps(value, ensure_ascii=False) + "\n")
