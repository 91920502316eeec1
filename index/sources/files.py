"""Policy files: found in folders, read and parsed; bad ones are named. It does not know whose they are."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from index.errors import NoPolicy, NotText, PolicyError, UnreadablePolicy
from index.manifest import is_index_folder
from index.parsing.document import Document
from index.parsing.markdown import parse_markdown
from index.parsing.parse import parse
from index.sources.sidecar import Sidecar, is_sidecar, read_sidecar

# Endings of formats that are read. A file without an ending, or with one that is part of a name ("acme.com"), is read
# for what its content is.
SUFFIXES = (".md", ".markdown", ".txt", ".text", ".html", ".htm", ".xhtml", ".shtml", ".pdf", ".docx")
# Endings of other formats: their files are left out, with the reason.
_OTHER_FORMATS = frozenset(
    """rst adoc org tex rtf odt doc dot xls xlsx ods csv tsv ppt pptx odp pages key json jsonl xml yaml yml toml ini cfg
    log js mjs ts css py sh bat exe dll so bin zip gz tgz tar bz2 xz 7z rar png jpg jpeg gif webp svg ico bmp tif tiff
    heic mp3 mp4 mov avi wav webm woff woff2 ttf otf eot db sqlite parquet npy npz pkl eml msg mht mhtml epub mobi
    warc wacz url webloc lnk""".split()
)
_NO_POLICY = frozenset("readme license licence copying notice changelog contributing authors".split())
# A policy of 20 MB is none; the longest of 800 real ones has 0.5 MB.
MAX_BYTES = 20_000_000


COMPANIES_FILE = "companies.toml"


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A file as read and parsed, before its company is known."""

    path: str
    document: Document

    @property
    def text(self) -> str:
        """The document's text."""
        return self.document.text

    @property
    def body_start(self) -> int:
        """Where the first block stands."""
        return self.document.blocks[0].start if self.document.blocks else 0

    @property
    def named(self) -> str | None:
        """The company that the file says it is of."""
        return self.document.metadata.company

    @property
    def archived_on(self) -> date | None:
        """The day that somebody fetched it."""
        return self.document.metadata.archived_on

    @property
    def source_url(self) -> str | None:
        """Where it was published, or its snapshot."""
        return self.document.metadata.address


def policy_paths(paths: Iterable[Path]) -> Iterator[Path | PolicyError]:
    """The policy files among `paths` and in their folders, in sorted order, each real file once.

    What is no policy file comes as the error that says why: of a folder only hidden files and those that tell of others
    (`companies.toml`, sidecars) are passed over without a word. Links that lead in a circle end there.
    """
    seen: set[str] = set()
    for path in paths:
        if not path.exists():
            yield UnreadablePolicy(f"{path}: there is no such file or folder; check the path")
        elif path.is_dir():
            yield from _walk(path, seen)
        elif _first_time(path, seen):
            yield path


def _walk(folder: Path, seen: set[str]) -> Iterator[Path | PolicyError]:
    errors: list[OSError] = []
    entered: set[str] = set()
    for where, folders, names in os.walk(folder, followlinks=True, onerror=errors.append):
        real = os.path.realpath(where)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and not is_index_folder(Path(where) / name)
        )
        for name in sorted(names):
            path = Path(where) / name
            if not name.startswith(".") and not _tells_of_others(path) and _first_time(path, seen):
                yield _refused(path) or path
    for error in errors:
        yield UnreadablePolicy(f"{error.filename}: {error.strerror}; make the folder readable or leave it out")


def _tells_of_others(path: Path) -> bool:
    return path.name == COMPANIES_FILE or is_sidecar(path)


def _refused(path: Path) -> PolicyError | None:
    """Why a file of a folder is no policy, as far as its name says."""
    suffix = path.suffix.lower().removeprefix(".")
    if suffix in _OTHER_FORMATS:
        return NotText(f"{path}: .{suffix} files are not read; save it as HTML, PDF, DOCX, Markdown or text")
    if path.stem.casefold() in _NO_POLICY:
        return NoPolicy(f"{path}: called like a file about the files, and no policy; rename it if it is one")
    return None


def _first_time(path: Path, seen: set[str]) -> bool:
    real = os.path.realpath(path)
    if real in seen:
        return False
    seen.add(real)
    return True


def read_policy_file(path: Path) -> PolicyFile:
    """The file at `path`, decoded, with what its header line says.

    Raises:
        UnreadablePolicy: missing, no regular file, or may not be read.
        NotText: binary, too large to be a policy, or not UTF-8.
        EmptyPolicy: nothing but white space behind the header.
    """
    try:
        kind = path.stat()
        if not stat.S_ISREG(kind.st_mode):
            raise UnreadablePolicy(f"{path}: not a regular file; give files and folders of .md or .txt")
        if kind.st_size > MAX_BYTES:
            raise NotText(f"{path}: {kind.st_size:,} bytes, more than the {MAX_BYTES:,} a policy may have; split it")
        data = path.read_bytes()
    except OSError as error:
        raise UnreadablePolicy(f"{path}: {error.strerror}; make the file readable or leave it out") from error
    document = parse(data, path=str(path))
    sidecar = read_sidecar(path)
    return PolicyFile(str(path), _described(document, sidecar) if sidecar else document)


def _described(document: Document, sidecar: Sidecar) -> Document:
    """`document` with what its sidecar says of it, which goes before what the file says."""
    told = {
        "company": sidecar.company,
        "document_type": sidecar.document_type,
        "title": sidecar.title,
        "language": sidecar.language or sidecar.content_language,
        "archived_on": sidecar.day,
        "effective_on": sidecar.effective_on,
        "address": sidecar.final_address or sidecar.address,
        "licence": sidecar.licence,
        "attribution": sidecar.attribution,
    }
    known = {name: value for name, value in told.items() if value is not None}
    metadata = replace(document.metadata, **known)  # type: ignore[arg-type]
    if sidecar.company:
        metadata = replace(metadata, company_is_given=True)
    return replace(document, metadata=metadata)


def parse_policy_text(text: str, *, path: str) -> PolicyFile:
    """Markdown or plain text as a file of it would be read.

    Raises:
        EmptyPolicy: nothing but white space behind the header.
    """
    return PolicyFile(path, parse_markdown(text.encode(), path=path))
