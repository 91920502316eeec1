"""The files of an index: which there are, what each says of itself, and which are as they were when last read.

It does not know passages or vectors.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import xxhash

from index.errors import NoPolicy, PolicyError, UnreadablePolicy
from index.language.dates import effective_on
from index.language.detect import language_of
from index.parsing.document import Document, Markup
from index.parsing.quality import why_no_policy
from index.policies.claims import Claim, claim_of
from index.policies.companies import Company
from index.policies.companies_file import Correction, read_corrections
from index.policies.kinds import document_type
from index.policies.passages import title_of
from index.policies.series import policy_ids
from index.policies.versions import Policy
from index.sources.files import PolicyFile, policy_paths, read_policy_file
from index.sources.sidecar import sidecar_path

Progress = Callable[[str, int, int], None]
"""`progress(stage, done, total)`; stages are "read", "split" and "embed"."""

File = TypeVar("File")

COMPANIES_FILE = "companies.toml"
# A file that was written this shortly before it was read may be written again without its time showing it.
_TIMES_TELL_AFTER_NS = 2_000_000_000
_DAYS = ("archived_on", "effective_on")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A policy's file, or a version of it in an archive of histories, without its text.

    Attributes:
        path: from the folder that was given on: what people may see.
        real_path: where it lies on this machine, absolute; never served.
        size, modified_ns: in bytes and in nanoseconds, as the file system told before it was read.
        text_hash: equal for equal texts.
        type, scope, language, effective_on, licence, attribution: see `Policy`.
        claim: what it says of its company.
        archive: the archive of histories that it is in; empty for a file of its own.
        place: where that keeps its bytes; equal places hold equal bytes.
        revision, order, technical: see `Policy`.
    """

    path: str
    real_path: str
    size: int
    modified_ns: int
    text_hash: str
    body_start: int
    archived_on: date | None
    source_url: str | None
    title: str | None
    type: str
    scope: str
    language: str
    effective_on: date | None
    licence: str | None
    attribution: str | None
    markup: Markup
    claim: Claim
    archive: str = ""
    place: str = ""
    revision: str = ""
    order: int = 0
    technical: bool = False

    def as_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        days = {name: day.isoformat() if (day := getattr(self, name)) else None for name in _DAYS}
        return asdict(self) | days

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> "SourceFile":
        """The file that `as_json` gave `entry` for."""
        days = {name: date.fromisoformat(entry[name]) if entry[name] else None for name in _DAYS}
        claim = Claim.from_json(entry["claim"])
        return cls(**(dict(entry) | days | {"claim": claim, "markup": Markup(entry["markup"])}))


def survey(
    paths: Sequence[Path],
    *,
    known: Mapping[str, SourceFile],
    known_at_ns: int,
    progress: Progress,
) -> tuple[list[SourceFile], list[PolicyError]]:
    """The policy files at `paths`, and why others could not be read.

    Args:
        known: files as last read, by real path; one of the same size and time is not read again.
        known_at_ns: when they were read.
    """
    return _each(paths, lambda path, path_shown: _surveyed(path, path_shown, known, known_at_ns), progress)


def _each(
    paths: Sequence[Path], read: Callable[[Path, str], File], progress: Progress
) -> tuple[list[File], list[PolicyError]]:
    """What `read` makes of each policy file at `paths` and of how people may see its path, and what it refused."""
    found = list(policy_paths(paths))
    files: list[File] = []
    refused: list[PolicyError] = []
    for done, path in enumerate(found, start=1):
        try:
            if isinstance(path, PolicyError):
                raise path
            files.append(read(path, _shown(path, paths)))
        except PolicyError as error:
            refused.append(error)
        progress("read", done, len(found))
    return files, refused


def _surveyed(path: Path, as_shown: str, known: Mapping[str, SourceFile], known_at_ns: int) -> SourceFile:
    real_path = os.path.abspath(path)  # noqa: PTH100  # resolve() would follow links
    try:
        state = path.stat()
        modified_ns = max(state.st_mtime_ns, _sidecar_modified_ns(path))
    except OSError as error:
        raise UnreadablePolicy(f"{path}: {error.strerror}; make the file readable or leave it out") from error
    before = known.get(real_path)
    if (
        before
        and (before.path, before.size, before.modified_ns) == (as_shown, state.st_size, modified_ns)
        and modified_ns < known_at_ns - _TIMES_TELL_AFTER_NS
    ):
        return before
    file = replace(read_policy_file(path), path=as_shown)
    document = file.document
    language = language_of(document)
    refusal = why_no_policy(document, language=language)
    if refusal:
        raise NoPolicy(f"{path}: {refusal}")
    kind = document_type(document, path=real_path)
    return SourceFile(
        as_shown,
        real_path,
        state.st_size,
        modified_ns,
        hash_of(file.text),
        file.body_start,
        file.archived_on,
        file.source_url,
        title_of(document),
        kind.type,
        kind.scope,
        language,
        effective_on(document),
        document.metadata.licence,
        document.metadata.attribution,
        document.markup,
        claim_of(document, path=real_path),
    )


def _sidecar_modified_ns(path: Path) -> int:
    try:
        return sidecar_path(path).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def document_of(file: SourceFile) -> Document:
    """The document of `file`, read again.

    Raises:
        PolicyError: it cannot be read, or is no more what it was.
    """
    document = read_policy_file(Path(file.real_path)).document
    if hash_of(document.text) != file.text_hash:
        raise UnreadablePolicy(f"{file.path}: changed while it was read; run `askpolicy index update`")
    return document


def hash_of(text: str) -> str:
    """XXH3 of 128 bits of `text`, in hexadecimal."""
    return xxhash.xxh3_128_hexdigest(text.encode())


def read_files(
    paths: Sequence[Path], *, progress: Progress = lambda *_: None
) -> tuple[list[PolicyFile], list[PolicyError]]:
    """The policy files at `paths`, with paths as people may see them, and why others could not be read."""
    return _each(paths, lambda path, path_shown: replace(read_policy_file(path), path=path_shown), progress)


def _shown(path: Path, given: Iterable[Path]) -> str:
    """`path` from the folder that was given on, or its name: what people may see, without the machine's folders."""
    for folder in given:
        if path != folder and path.is_relative_to(folder):
            return (Path(folder.resolve().name) / path.relative_to(folder)).as_posix()
    return path.name


def corrections(paths: Iterable[Path]) -> list[Correction]:
    """What each `companies.toml` in the folders at `paths`, and beside single files there, says.

    Raises:
        CompaniesFileError: one of them is wrong.
    """
    found: dict[Path, bool] = {}
    for path in paths:
        inside = sorted(path.rglob(COMPANIES_FILE)) if path.is_dir() else []
        found |= dict.fromkeys(inside, False)
        if not path.is_dir() and (path.parent / COMPANIES_FILE).is_file():
            found.setdefault(path.parent / COMPANIES_FILE, True)
    return [entry for path, partial in found.items() for entry in read_corrections(path, partial=partial)]


def named(
    files: Sequence[SourceFile], company_ids: Sequence[str], companies: Sequence[Company]
) -> list[tuple[Policy, SourceFile]]:
    """The versions of policies, without their texts.

    The same text under the same id is one version, however many files hold it.
    """
    names = {company.id: company.name for company in companies}
    policies = [_policy(file, company_id, names) for file, company_id in zip(files, company_ids, strict=True)]
    ids = policy_ids(policies, [file.text_hash for file in files])
    found: dict[str, tuple[Policy, SourceFile]] = {}
    for policy, policy_id, file in zip(policies, ids, files, strict=True):
        found.setdefault(policy_id, (replace(policy, id=policy_id), file))
    return list(found.values())


def _policy(file: SourceFile, company_id: str, names: Mapping[str, str]) -> Policy:
    return Policy(
        id="",
        company_id=company_id,
        title=file.title or f"{names[company_id]} {file.type}",
        archived_on=file.archived_on,
        source_url=file.source_url,
        text="",
        body_start=file.body_start,
        path=file.path,
        type=file.type,
        scope=file.scope,
        language=file.language,
        effective_on=file.effective_on,
        licence=file.licence,
        attribution=file.attribution,
        markup=file.markup,
        revision=file.revision,
        order=file.order,
        technical=file.technical,
    )
