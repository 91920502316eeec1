"""`companies.toml`: paths in any folder, and entries that match nothing."""

from pathlib import Path

import pytest

from index.errors import CompaniesFileError
from index.parsing.document import Document
from index.policies.attribution import attributed
from index.policies.claims import claim_of
from index.policies.companies_file import read_corrections

PATHS = ("Skylinkr/Privacy Policy.md", "Fernmeet/Privacy Policy.md", "loose/003.txt")


def corrected(folder: Path, content: str, *, partial: bool = False, paths: tuple[str, ...] = PATHS) -> list[str]:
    (folder / "companies.toml").write_text(content, encoding="utf-8")
    found = [str(folder / path) for path in paths]
    claims = [claim_of(Document("# Privacy Policy\n\nWe keep it.\n", ()), path=path) for path in found]
    return attributed(claims, found, corrections=read_corrections(folder / "companies.toml", partial=partial))[0]


@pytest.mark.parametrize(
    ("files", "owners"),
    [
        ('["Skylinkr/Privacy Policy.md"]', ["a.example", "fernmeet", "003"]),
        ('["003.txt"]', ["skylinkr", "fernmeet", "a.example"]),
        ('["Privacy Policy.md"]', ["a.example", "a.example", "003"]),
        ('["loose/003.txt", "Fernmeet/Privacy Policy.md"]', ["skylinkr", "a.example", "a.example"]),
    ],
)
def test_files_are_paths_or_base_names_in_any_folder(tmp_path: Path, files: str, owners: list[str]):
    assert corrected(tmp_path, f'["a.example"]\nfiles = {files}\n') == owners


def test_a_path_is_taken_from_the_folder_of_its_companies_file(tmp_path: Path):
    (tmp_path / "one").mkdir()
    entry = '["a.example"]\nfiles = ["Skylinkr/Privacy Policy.md"]\n'
    elsewhere = ("Skylinkr/Privacy Policy.md", "../two/Skylinkr/Privacy Policy.md")
    (tmp_path / "one" / "companies.toml").write_text(entry)
    paths = [str((tmp_path / "one" / path).resolve()) for path in elsewhere]
    claims = [claim_of(Document("# Privacy Policy\n\nWe keep it.\n", ()), path=path) for path in paths]
    found, _ = attributed(claims, paths, corrections=read_corrections(tmp_path / "one" / "companies.toml"))
    assert found == ["a.example", "skylinkr"]


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (
            '["a.example"]\nfiles = ["Skylinker/Privacy Policy.md"]\n',
            "'Skylinker/Privacy Policy.md'.*did you mean 'Skylinkr",
        ),
        ('["a.example"]\nfiles = ["003.txt", "004.txt"]\n', "'004.txt'"),
        ('["fernmeat"]\naliases = ["Fern"]\n', r"\[fernmeat\].*did you mean 'fernmeet'"),
    ],
)
def test_what_matches_nothing_is_an_error_that_names_it(tmp_path: Path, content: str, named: str):
    with pytest.raises(CompaniesFileError, match=named):
        corrected(tmp_path, content)


def test_an_entry_may_match_nothing_where_only_some_files_are_read(tmp_path: Path):
    content = '["fernmeat"]\naliases = ["Fern"]\n["a.example"]\nfiles = ["other/file.md"]\n'
    assert corrected(tmp_path, content, partial=True) == ["skylinkr", "fernmeet", "003"]


def test_a_file_that_is_there_but_cannot_be_read_is_no_mistake_of_the_companies_file(tmp_path: Path):
    (tmp_path / "scan.pdf").write_bytes(b"%PDF")
    assert corrected(tmp_path, '["a.example"]\nfiles = ["scan.pdf"]\n') == ["skylinkr", "fernmeet", "003"]
