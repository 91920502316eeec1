"""Archives of histories as sources of an index: each version is a file that is read when it is split.

It does not know how an archive keeps its versions, see `index.sources.history`.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from index.errors import HistoryError, NoPolicy, PolicyError
from index.language.dates import effective_on
from index.language.detect import language_of
from index.parsing.document import Document, Markup
from index.parsing.parse import parse
from index.parsing.quality import why_no_policy
from index.policies.attribution import as_services
from index.policies.claims import Claim, claim_of
from index.policies.companies import Related
from index.policies.kinds import document_type
from index.sources.folder import SourceFile
from index.sources.history import History, open_history
from index.sources.history_versions import HistoryDocument, HistoryVersion


class Archives:
    """Archives of histories, opened while an index is built."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Open the archives at `paths`.

        Raises:
            HistoryError: one of them is none, or cannot be read.
        """
        self._opened: dict[str, History] = {}
        for path in paths:
            self._opened[os.path.abspath(path)] = open_history(path)  # noqa: PTH100  # links stay as they are

    def close(self) -> None:
        """Let go of their files."""
        for history in self._opened.values():
            history.close()

    def files(self, known: Mapping[str, SourceFile]) -> tuple[list[SourceFile], list[PolicyError]]:
        """Every version of every document, and what could not be read.

        Args:
            known: versions as last read, by real path; they are not read again.
        """
        files: list[SourceFile] = []
        refused: list[PolicyError] = []
        for path, history in self._opened.items():
            refused += history.problems
            present = _present_names(history)
            for document in history.documents:
                try:
                    files += _versions(path, history, document, present, known)
                except PolicyError as error:
                    refused.append(error)
        return files, refused

    def read(self, file: SourceFile) -> tuple[Document, SourceFile]:
        """The document of a version, and the version with what its words tell.

        Raises:
            PolicyError: it cannot be read, or is no policy.
        """
        history = self._opened.get(file.archive)
        if history is None:
            raise HistoryError(f"{file.path}: its archive {file.archive} is not open; build the index again")
        document = _parsed(history.contents.read(file.place), file.path)
        refusal = why_no_policy(document, language=file.language)
        if refusal:
            raise NoPolicy(f"{file.path} of {file.archived_on}, {file.revision[:10]}: {refusal}")
        return document, replace(file, effective_on=_effective_on(document, file), markup=document.markup)


def _effective_on(document: Document, file: SourceFile) -> date | None:
    """The day that the document states; the day that it was recorded tells 4 May from 5 April."""
    dated = replace(document, metadata=replace(document.metadata, archived_on=file.archived_on))
    return effective_on(dated)


def _versions(
    archive: str,
    history: History,
    document: HistoryDocument,
    present: Mapping[str, str],
    known: Mapping[str, SourceFile],
) -> list[SourceFile]:
    """The versions of one document; whose and in what language they are is told by the newest that can be read."""
    places = {version: f"{archive}#{version.commit or version.place}:{version.path}" for version in document.versions}
    newest = next((known[place] for place in reversed(places.values()) if place in known), None)
    service = present.get(document.name.service, document.name.service)
    if newest is None or places[document.versions[-1]] not in known:
        newest = _described(archive, history, document.versions, service)
    return [known.get(place) or _version(newest, version, place) for version, place in places.items()]


def _version(like: SourceFile, version: HistoryVersion, place: str) -> SourceFile:
    return replace(
        like,
        path=version.path,
        real_path=place,
        text_hash=version.blob,
        archived_on=version.day,
        effective_on=None,
        place=version.place,
        revision=version.commit,
        order=version.number,
        technical=version.technical,
    )


def _described(archive: str, history: History, versions: Sequence[HistoryVersion], service: str) -> SourceFile:
    """What all versions of a document have in common, read off the newest that is a policy."""
    path = f"{service}/{versions[-1].path.rpartition('/')[2]}"
    document = Document("", ())
    for version in reversed(versions[-_LOOKED_AT:]):
        try:
            document = _parsed(version.read(), version.path)
        except PolicyError:
            continue
        if why_no_policy(document, language="en") is None:
            break
    kind = document_type(document, path=path)
    return SourceFile(
        path=path,
        real_path="",
        size=_USUAL_BYTES,
        modified_ns=0,
        text_hash="",
        body_start=0,
        archived_on=None,
        source_url=None,
        title=kind.type,
        type=kind.type,
        scope=kind.scope,
        language=language_of(document),
        effective_on=None,
        licence=history.licence.name if history.licence else None,
        attribution=history.attribution,
        markup=Markup.MARKDOWN,
        claim=_claim(document, path, [old for old, new in _present_names(history).items() if new == service]),
        archive=archive,
    )


# So many versions of a document are tried for one that can be read; a file of so many bytes is expected.
_LOOKED_AT, _USUAL_BYTES = 20, 30_000


def _claim(document: Document, path: str, former: Sequence[str]) -> Claim:
    """Whose a document of an archive is: its service's, whatever the text says; former names mean it too."""
    claim = as_services(claim_of(document, path=path))
    related = (*claim.related, *(Related(name, "former") for name in former))
    return replace(claim, said=tuple(dict.fromkeys((*former, *claim.said))), related=tuple(dict.fromkeys(related)))


def _present_names(history: History) -> dict[str, str]:
    """For each former name of a service the one that it has now.

    A name is former only where the archive ended every document under it: one that stands still is a service's own.
    """
    alive = {document.name.service for document in history.documents if document.ended_on is None}
    former = history.former_names().items()
    return {old: service for service, names in former for old in names if old not in alive}


def _parsed(data: bytes, path: str) -> Document:
    return parse(data, path=path)
