"""An archive of documents' histories is opened: a git repository of Open Terms Archive, or its dataset in a zip.

with open_history(Path("pga-versions")) as history:
    for version in history.versions():
        version.service, version.document_type, version.day, version.read()
"""

import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from index.errors import HistoryError
from index.sources.history_git import GitContents, GitReader, GitReading, git_folder, head_commit
from index.sources.history_licence import attribution_of, licence_of, title_of
from index.sources.history_renames import linked, renames_between
from index.sources.history_versions import (
    Contents,
    DocumentName,
    History,
    HistoryDocument,
    HistoryVersion,
    Licence,
    Outcome,
    Rename,
    documents_of,
    in_force_on,
)
from index.sources.history_zip import ZipContents, ZipReading, read_dataset

__all__ = [
    "DocumentName",
    "History",
    "HistoryDocument",
    "HistoryVersion",
    "Licence",
    "Outcome",
    "Rename",
    "in_force_on",
    "open_history",
    "summary",
]

_SHOWN = 10


def open_history(path: Path) -> History:
    """The archive at `path`, a repository (bare or not) or a dataset's zip, listed without its texts; close it after.

    Raises:
        HistoryError: it is neither, has no version of any document, or cannot be read at all.
    """
    if not path.exists():
        raise HistoryError(f"{path}: there is no such file or folder; check the path")
    try:
        return _from_git(path) if path.is_dir() else _from_zip(path)
    except OSError as error:
        raise HistoryError(f"{path}: {error.strerror or error}; make it readable") from error


def _from_git(path: Path) -> History:
    folder = git_folder(path)
    head = head_commit(folder)
    contents = GitContents(folder)
    try:
        reading = GitReader(contents).read(head)
        files = {}
        for name, blob in reading.root_files.items():
            try:
                files[name] = contents.read(blob.decode("ascii"))
            except HistoryError as error:
                reading.problems.append(HistoryError(f"{name}: {error}"))
        return _history(path, reading, files, contents)
    except BaseException:
        contents.close()
        raise


def _from_zip(path: Path) -> History:
    if not zipfile.is_zipfile(path):
        hint = "give the folder of a git repository or the zip of a dataset"
        with path.open("rb") as file:
            if b"git bundle" in file.read(40):
                hint = f"a git bundle: run `git clone --bare {path.name}` and give the folder that it makes"
        raise HistoryError(f"{path}: no archive of histories; {hint}")
    contents = ZipContents(path)
    try:
        reading = read_dataset(contents)
        return _history(path, reading, reading.root_files, contents)
    except BaseException:
        contents.close()
        raise


def _history(path: Path, reading: GitReading | ZipReading, files: Mapping[str, bytes], contents: Contents) -> History:
    documents = documents_of(reading.events, contents)
    if not documents:
        why = f" ({reading.problems[0]})" if reading.problems else ""
        raise HistoryError(
            f"{path}: no version of any document in it{why}; expected `Service/Document type.md` in a git repository, "
            f"or `Service/Document type/2021-08-01T01-03-12Z.md` in a dataset's zip"
        )
    problems = list(reading.problems)
    renames = list(reading.renames) if isinstance(reading, GitReading) else []
    try:
        told = {rename.old for rename in renames} | {rename.new for rename in renames}
        between = renames_between(documents, contents)
        renames += [rename for rename in between if rename.old not in told and rename.new not in told]
    except HistoryError as error:
        problems.append(error)
    title = title_of(files, otherwise=path.resolve().stem)
    return History(
        title=title,
        licence=licence_of(files),
        attribution=attribution_of(files, title=title),
        documents=tuple(linked(documents, renames)),
        renames=tuple(renames),
        account=reading.account,
        problems=tuple(problems),
        contents=contents,
    )


def summary(history: History) -> str:
    """What `history` holds and what became of every commit, for people: nothing is left out without a word."""
    versions = [version for document in history.documents for version in document.versions]
    account = history.account
    texts, services = len({v.blob for v in versions}), len({v.service for v in versions})
    lines = [
        f"{history.title}",
        f"licence: {history.licence.name if history.licence else 'none stated'}; attribution: {history.attribution}",
        (
            f"{len(versions):,} versions ({sum(v.technical for v in versions):,} technical, "
            f"{texts:,} different texts) of "
            f"{len(history.documents):,} documents of {services:,} services, "
            f"{min(v.day for v in versions)} to {max(v.day for v in versions)}"
        ),
        f"{account.commits.total():,} {account.unit}: {_counts(account.commits)}",
        f"{account.changes.total():,} changes in them: {_counts(account.changes)}",
    ]
    if account.other_paths:
        shown = ", ".join(f"{path} ({count})" for path, count in account.other_paths.most_common(_SHOWN))
        more = len(account.other_paths) - _SHOWN
        lines.append(f"not documents: {shown}" + (f" and {more:,} more" if more > 0 else ""))
    lines += [f"ended: {d.name} on {d.ended_on}" for d in history.documents if d.ended_on and d.successor is None]
    lines += [f"renamed: {r.old} to {r.new} on {r.day} ({r.similarity:.0%} the same)" for r in history.renames]
    lines += [f"left out: {problem}" for problem in history.problems[:_SHOWN]]
    if len(history.problems) > _SHOWN:
        lines.append(f"left out: {len(history.problems) - _SHOWN:,} more")
    return "\n".join(lines)


def _counts(counts: Counter[Outcome]) -> str:
    return ", ".join(f"{counts[outcome]:,} {outcome}" for outcome in Outcome if counts[outcome])
