"""`companies.toml`: what a person knows better about whose the policies are."""

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from rapidfuzz import process

from index.errors import CompaniesFileError

_FIELDS = ("aliases", "domains", "files")


@dataclass(frozen=True, slots=True)
class Correction:
    """One company's entry in a `companies.toml`.

    Attributes:
        source: the file that it stands in; `files` are relative to its folder.
        name: replaces the company's name, if given.
        aliases, domains: are added.
        files: paths, or base names in any folder, of files that are the company's whatever they say of themselves.
        partial: only some of the files beside `source` are read, so an entry may match none.
    """

    source: Path
    company_id: str
    name: str | None = None
    aliases: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    partial: bool = False

    def matching(self, paths: Sequence[str]) -> list[int]:
        """The places in `paths` of this entry's files.

        Raises:
            CompaniesFileError: an element of `files` matches no path and no file.
        """
        found: list[int] = []
        for element in self.files:
            places = [place for place, path in enumerate(paths) if self._is(element, path)]
            if not places and not self.partial and not (self.source.parent / element).is_file():
                raise CompaniesFileError(
                    f"{self.source}: [{self.company_id}] has {element!r} among its files, and no policy is called so: "
                    f"expected a file's name, or its path from the folder of {self.source.name}"
                    f"{_nearest(element, (self._from_here(path) for path in paths))}"
                )
            found += places
        return found

    def _is(self, element: str, path: str) -> bool:
        wanted, parts = PurePath(element).parts, PurePath(path).parts
        inside = not PurePath(path).is_absolute() or PurePath(path).is_relative_to(self.source.parent.absolute())
        return inside and parts[-len(wanted) :] == wanted

    def _from_here(self, path: str) -> str:
        folder = self.source.parent.absolute()
        return str(PurePath(path).relative_to(folder)) if PurePath(path).is_relative_to(folder) else path


def read_corrections(path: Path, *, partial: bool = False) -> list[Correction]:
    """The entries of a `companies.toml`: a table for each company id.

    Raises:
        CompaniesFileError: not TOML, or an entry of another shape.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CompaniesFileError(f'{path}: not TOML ({error}); expected tables such as ["example.com"]') from error
    for company_id, entry in entries.items():
        if not _well_formed(entry):
            raise CompaniesFileError(
                f"{path}: [{company_id}] is {entry!r}; expected a table of `name` (text) and of "
                f"`aliases`, `domains` and `files` (lists of texts)"
            )
    return [
        Correction(
            path,
            company_id,
            name=entry.get("name"),
            aliases=tuple(entry.get("aliases", ())),
            domains=tuple(entry.get("domains", ())),
            files=tuple(entry.get("files", ())),
            partial=partial,
        )
        for company_id, entry in entries.items()
    ]


def unknown_company(correction: Correction, known: Iterable[str]) -> CompaniesFileError:
    """The error that an entry without files is of no company; `known` are the ids that there are."""
    return CompaniesFileError(
        f"{correction.source}: [{correction.company_id}] is no company of these policies; expected a company's id, "
        f"or `files` that are its own{_nearest(correction.company_id, known)}"
    )


def _nearest(given: str, known: Iterable[str]) -> str:
    found = [name for name, _, _ in process.extract(given, list(known), limit=3, score_cutoff=60)]
    return f"; did you mean {', '.join(map(repr, found))}?" if found else ""


def _well_formed(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and set(entry) <= {"name", *_FIELDS}
        and isinstance(entry.get("name", ""), str)
        and all(
            isinstance(values, list) and all(isinstance(value, str) for value in values)
            for values in (entry.get(field, []) for field in _FIELDS)
        )
    )
