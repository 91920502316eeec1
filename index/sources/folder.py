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

from index.errors import PolicyError, UnreadablePolicy
from index.policies.attribution import claim_of_file
from index.policies.claims import Claim
from index.policies.companies import Company
from index.policies.companies_file import Correction, read_corrections
from index.policies.passages import title_of
from index.policies.versions import Policy, slug
from index.sources.files import PolicyFile, policy_paths, read_policy_file

Progress = Callable[[str, int, int], None]
"""`progress(stage, done, total)`; stages are "read", "split" and "embed"."""

File = TypeVar("File")

COMPANIES_FILE = "companies.toml"
# A file that was written this shortly before it was read may be written again without its time showing it.
_TIMES_TELL_AFTER_NS = 2_000_000_000
_SHORT_TITLE_CHARS = 60


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A policy's file without its text.

    Attributes:
        path: from the folder that was given on: what people may see.
        real_path: where it lies on this machine, absolute; never served.
        size, modified_ns: in bytes and in nanoseconds, as the file system told before it was read.
        text_hash: equal for equal texts.
        claim: what it says of its company.
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
    claim: Claim

    def as_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return asdict(self) | {"archived_on": self.archived_on.isoformat() if self.archived_on else None}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> "SourceFile":
        """The file that `as_json` gave `entry` for."""
        claim, day = Claim.from_json(entry["claim"]), entry["archived_on"]
        return cls(**(dict(entry) | {"claim": claim, "archived_on": date.fromisoformat(day) if day else None}))


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
    except OSError as error:
        raise UnreadablePolicy(f"{path}: {error.strerror}; make the file readable or leave it out") from error
    before = known.get(real_path)
    if (
        before
        and (before.path, before.size, before.modified_ns) == (as_shown, state.st_size, state.st_mtime_ns)
        and state.st_mtime_ns < known_at_ns - _TIMES_TELL_AFTER_NS
    ):
        return before
    file = replace(read_policy_file(path), path=as_shown)
    return SourceFile(
        as_shown,
        real_path,
        state.st_size,
        state.st_mtime_ns,
        hash_of(file.text),
        file.body_start,
        file.archived_on,
        file.source_url,
        title_of(file.text, start=file.body_start),
        claim_of_file(file, path=real_path),
    )


def text_of(file: SourceFile) -> str:
    """The text of `file`, read again.

    Raises:
        PolicyError: it cannot be read, or is no more what it was.
    """
    text = read_policy_file(Path(file.real_path)).text
    if hash_of(text) != file.text_hash:
        raise UnreadablePolicy(f"{file.path}: changed while it was read; run `askpolicy index update`")
    return text


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
    """The policies, without their texts, with ids made of company, title and day; a second of the same gets a hash.

    The same text under the same id is one policy, however many files hold it.
    """
    names = {company.id: company.name for company in companies}
    found: dict[str, tuple[Policy, SourceFile]] = {}
    for file, company_id in zip(files, company_ids, strict=True):
        title = file.title or f"{names[company_id]} Privacy Policy"
        day = file.archived_on.isoformat() if file.archived_on else "undated"
        policy_id = f"{slug(company_id)}--{slug(title)[:_SHORT_TITLE_CHARS]}--{day}"
        if policy_id in found:
            if found[policy_id][1].text_hash == file.text_hash:
                continue
            policy_id += f"--{file.text_hash[:8]}"
        policy = Policy(policy_id, company_id, title, file.archived_on, file.source_url, "", file.body_start, file.path)
        found[policy_id] = (policy, file)
    return list(found.values())
