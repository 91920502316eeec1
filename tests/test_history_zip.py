"""A dataset's zip is read as a history, and what is hostile or damaged in it is named while the rest is read."""

import stat
import zipfile
from datetime import date
from pathlib import Path

import pytest

from index.build import build
from index.errors import HistoryError
from index.policies.series import in_force
from index.policy_index import PolicyIndex
from index.sources.history import open_history
from index.sources.history_zip import MAX_RATIO
from tests.tiny import TinyEmbedder

NAME = "pga-2026-01-01"
LICENCE = "Open Data Commons Attribution License (ODC-By) v1.0\n"


def text(days: str) -> str:
    return f"# Privacy Policy\n\nWe keep voice recordings for {days} days, and after that they are gone.\n"


def version(second: str, service: str = "Pebblemail", kind: str = "Privacy Policy") -> str:
    return f"{NAME}/{service}/{kind}/{second}.md"


def zipped(folder: Path, files: dict[str, bytes | str]) -> Path:
    path = folder / f"{NAME}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


GOOD = {
    f"{NAME}/README.md": "# Versions\n",
    f"{NAME}/LICENSE": LICENCE,
    version("2020-02-01T10-00-00Z"): text("ten"),
    version("2021-02-01T10-00-00Z"): text("nine"),
    version("2021-02-01T23-30-00Z"): text("eight"),
    version(
        "2021-05-01T10-00-00Z", "Fernmeet", "Terms of Service"
    ): "# Terms\n\nYou may meet only people over twelve.\n",
}


def problems_of(path: Path) -> list[str]:
    with open_history(path) as history:
        return [str(problem) for problem in history.problems]


@pytest.mark.parametrize(("day", "days"), [("2020-06-01", "ten"), ("2021-02-01", "eight"), ("2024-01-01", "eight")])
def test_the_version_of_the_day_answers(tmp_path: Path, day: str, days: str):
    build([], tmp_path / "out", embedder=TinyEmbedder(), histories=[zipped(tmp_path, GOOD)])
    index = PolicyIndex.open(tmp_path / "out", embedder=TinyEmbedder())
    (policy,) = in_force(index.policies_of("pebblemail"), date.fromisoformat(day))
    assert f"{days} days" in index.policies[policy.id].text
    assert (policy.licence, [company.name for company in index.companies.values()]) == (
        "ODC-By-1.0",
        ["Fernmeet", "Pebblemail"],
    )


def test_every_file_is_accounted_for(tmp_path: Path):
    with open_history(zipped(tmp_path, GOOD)) as history:
        assert len(list(history.versions())) == 4
        assert history.account.commits.total() == len(GOOD)
        assert not history.problems


@pytest.mark.parametrize(
    "name",
    [
        f"../{NAME}/Evil/Privacy Policy/2020-01-01T00-00-00Z.md",
        f"{NAME}/../../Evil/Privacy Policy/2020-01-01T00-00-00Z.md",
        "/etc/Evil/Privacy Policy/2020-01-01T00-00-00Z.md",
        f"{NAME}/Ev\x07il/Privacy Policy/2020-01-01T00-00-00Z.md",
        f"{NAME}/{'Evil' * 500}/Privacy Policy/2020-01-01T00-00-00Z.md",
        "C:\\Evil/Privacy Policy/2020-01-01T00-00-00Z.md",
    ],
)
def test_a_path_that_climbs_out_is_left_out_by_name_and_the_rest_is_read(tmp_path: Path, name: str):
    path = zipped(tmp_path, GOOD | {name: text("evil")})
    (problem,) = problems_of(path)
    assert "Ev" in problem
    assert problem.endswith("a path that climbs out, is too long or has control characters; left out")
    report = build([], tmp_path / "out", embedder=TinyEmbedder(), histories=[path])
    assert (report.manifest.policies, len(report.refused)) == (4, 1)
    assert {file.name for file in tmp_path.iterdir()} == {"out", path.name}


def test_a_link_is_not_followed(tmp_path: Path):
    path = zipped(tmp_path, GOOD)
    link = zipfile.ZipInfo(version("2022-01-01T00-00-00Z"))
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    (problem,) = problems_of(path)
    assert problem == f"{link.filename}: a link; left out"


def test_what_unpacks_to_far_more_than_text_does_is_left_out(tmp_path: Path):
    bomb = version("2022-01-01T00-00-00Z")
    (problem,) = problems_of(zipped(tmp_path, GOOD | {bomb: b"a" * 5_000_000}))
    assert problem.startswith(f"{bomb}: unpacks to over {MAX_RATIO} times its size")


def test_a_file_that_is_damaged_is_named_and_the_rest_is_read(tmp_path: Path):
    path = zipped(tmp_path, GOOD)
    with zipfile.ZipFile(path) as archive:
        broken = archive.getinfo(version("2021-02-01T10-00-00Z"))
    data = bytearray(path.read_bytes())
    start = broken.header_offset + 30 + len(broken.filename)
    data[start : start + broken.compress_size] = bytes(broken.compress_size)
    path.write_bytes(data)
    (problem,) = problems_of(path)
    assert problem.startswith(f"{broken.filename}: damaged in its zip")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 and no more", b"<html>Not found</html>"])
def test_what_is_no_zip_is_told(tmp_path: Path, data: bytes):
    path = tmp_path / "dataset.zip"
    path.write_bytes(data)
    with pytest.raises(HistoryError, match=r"dataset\.zip"):
        open_history(path)


def test_a_zip_whose_end_was_cut_off_is_told(tmp_path: Path):
    path = zipped(tmp_path, GOOD)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(HistoryError, match=f"{NAME}.zip"):
        open_history(path)


def test_a_zip_without_any_version_is_told(tmp_path: Path):
    with pytest.raises(HistoryError, match=f"{NAME}.zip"):
        open_history(zipped(tmp_path, {f"{NAME}/README.md": "# Versions\n"}))
