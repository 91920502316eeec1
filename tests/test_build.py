"""Index folders: whole or absent, and nothing lost on the way."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from filelock import FileLock

from index.build import build
from index.errors import (
    IndexBusy,
    IndexCorrupt,
    IndexFolderError,
    IndexMissing,
    IndexOutdated,
    ModelMismatch,
    NothingToIndex,
    NotText,
)
from index.manifest import FORMAT, current_version, damaged_files, publish, roll_back
from index.policies.passages import embedded_text
from index.policy_index import PolicyIndex
from tests.tiny import TinyEmbedder

SAMPLE = Path(__file__).parent.parent / "index" / "sample"
HEADER = (
    "> *The following text is extracted and transformed from the {} privacy policy that was archived on {}. "
    "Please check the [original snapshot](https://a.b/c).*\n\n"
)


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sample") / "index"
    build([SAMPLE], out, embedder=TinyEmbedder())
    return out


@pytest.fixture
def copy(sample_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sample_folder, tmp_path / "copy"))


def opened(folder: Path) -> PolicyIndex:
    return PolicyIndex.open(folder, embedder=TinyEmbedder())


def write(folder: Path, name: str, company: str, day: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(HEADER.format(company, day) + "# Privacy Policy\n\n" + text + "\n")


def test_every_passage_is_what_stands_in_its_policy(sample_folder: Path):
    index = opened(sample_folder)
    assert all(
        passage.text == index.policies[passage.policy_id].text[passage.start : passage.end]
        for passage in index.passages
    )


def test_row_n_of_the_vectors_embeds_passage_n(sample_folder: Path):
    index = opened(sample_folder)
    texts = [embedded_text(index.policies[passage.policy_id].text, passage) for passage in index.passages]
    np.testing.assert_allclose(
        index.passage_vectors.vectors(np.arange(len(texts))), TinyEmbedder().embed_passages(texts), atol=5e-4
    )


def test_equal_text_of_two_companies_stays_two_passages(tmp_path: Path):
    for company in ("a.com", "b.com"):
        write(tmp_path / "in", f"{company}.md", company, "2020-01-01", "We never sell what you tell us to anybody.")
    build([tmp_path / "in"], tmp_path / "out", embedder=TinyEmbedder())
    index = opened(tmp_path / "out")
    assert [index.company_of(passage).id for passage in index.passages] == ["a.com", "b.com"]


def test_a_bad_file_is_reported_and_the_others_are_indexed(tmp_path: Path):
    write(tmp_path / "in", "good.md", "a.com", "2020-01-01", "We never sell what you tell us to anybody.")
    (tmp_path / "in" / "bad.txt").write_bytes(b"\xff\xfe\x00")
    report = build([tmp_path / "in"], tmp_path / "out", embedder=TinyEmbedder())
    assert ([type(error) for error in report.refused], report.manifest.policies) == ([NotText], 1)


def test_a_folder_without_policies_is_told(tmp_path: Path):
    with pytest.raises(NothingToIndex, match="HTML, PDF, DOCX, Markdown or text") as told:
        build([tmp_path], tmp_path / "out", embedder=TinyEmbedder())
    assert "writing.lock" not in str(told.value)


def test_a_build_without_policies_leaves_no_folder(tmp_path: Path):
    with pytest.raises(NothingToIndex):
        build([tmp_path / "nothing"], tmp_path / "out", embedder=TinyEmbedder())
    assert not (tmp_path / "out").exists()


def test_a_build_that_fails_in_a_folder_that_was_there_leaves_it(tmp_path: Path):
    (tmp_path / "out").mkdir()
    with pytest.raises(NothingToIndex):
        build([tmp_path / "nothing"], tmp_path / "out", embedder=TinyEmbedder())
    assert (tmp_path / "out").is_dir()


def test_an_index_is_missing_where_none_was_built(tmp_path: Path):
    with pytest.raises(IndexMissing, match="askpolicy index build"):
        opened(tmp_path)


def test_another_model_is_refused(sample_folder: Path):
    with pytest.raises(ModelMismatch, match="built with the model tiny"):
        PolicyIndex.open(sample_folder, embedder=TinyEmbedder("other"))


def test_a_build_by_another_process_is_waited_for_by_the_person(tmp_path: Path):
    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out" / "writing.lock"), pytest.raises(IndexBusy, match="another process"):
        build([SAMPLE], tmp_path / "out", embedder=TinyEmbedder())


def files_of(folder: Path) -> list[str]:
    where, manifest = current_version(folder)
    return [
        path.relative_to(folder).as_posix() for path in (where / name for name in [*manifest.files, "manifest.json"])
    ]


def test_a_file_cut_short_refuses_to_open_by_its_name(copy: Path):
    for name in files_of(copy):
        path = copy / name
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(IndexFolderError, match=path.name.replace(".", r"\.")):
            opened(copy)
        path.write_bytes(whole)


def test_a_missing_file_refuses_to_open_by_its_name(copy: Path):
    for name in files_of(copy):
        path = copy / name
        whole = path.read_bytes()
        path.unlink()
        with pytest.raises(IndexCorrupt, match=path.name.replace(".", r"\.")):
            opened(copy)
        path.write_bytes(whole)


def test_a_flipped_byte_anywhere_refuses_to_open_by_the_files_name(copy: Path):
    draw = Random(0)
    for name in files_of(copy):
        path = copy / name
        whole = path.read_bytes()
        places = {0, len(whole) - 1, *(draw.randrange(len(whole)) for _ in range(3))} if whole else set()
        for place in places:
            path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << draw.randrange(8))]) + whole[place + 1 :])
            with pytest.raises(IndexFolderError, match=path.name.replace(".", r"\.")):
                opened(copy)
        path.write_bytes(whole)
    opened(copy)


def test_a_flipped_byte_of_the_pointer_refuses_to_open(copy: Path):
    whole = (copy / "CURRENT").read_bytes()
    for place in range(len(whole)):
        (copy / "CURRENT").write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(IndexFolderError, match="CURRENT"):
            opened(copy)


def test_a_pointer_that_leads_elsewhere_is_refused(copy: Path):
    (copy / "CURRENT").write_text("../../etc 0123\n")
    with pytest.raises(IndexCorrupt, match="names no version"):
        opened(copy)


def test_a_foreign_folder_is_no_index(tmp_path: Path):
    (tmp_path / "CURRENT").write_text(f"v1 {'0' * 32}\n")
    (tmp_path / "versions" / "v1").mkdir(parents=True)
    (tmp_path / "versions" / "v1" / "manifest.json").write_text(json.dumps({"format": FORMAT}))
    with pytest.raises(IndexCorrupt, match="not a manifest of ours"):
        opened(tmp_path)


def test_a_build_that_fails_leaves_the_old_version_serving(copy: Path, tmp_path: Path):
    before = opened(copy).manifest.version
    write(tmp_path / "fresh", "a.md", "a.com", "2020-01-01", "We never sell what you tell us to anybody.")

    class Breaks(TinyEmbedder):
        def embed_passages(self, texts, *, progress=None):  # type: ignore[no-untyped-def]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build([tmp_path / "fresh"], copy, embedder=Breaks())
    assert [path.name for path in (copy / "versions").iterdir()] == [before]
    assert opened(copy).manifest.version == before
    assert damaged_files(*current_version(copy)) == []


def test_what_is_unchanged_is_not_embedded_again(sample_folder: Path, tmp_path: Path):
    shutil.copytree(sample_folder, tmp_path / "out")
    for path in SAMPLE.iterdir():
        shutil.copy(path, tmp_path)
    report = build([tmp_path], tmp_path / "out", embedder=TinyEmbedder())
    assert (report.embedded, report.published, report.kept) == (0, True, 5)
    assert report.reused > 100


def test_old_versions_are_pruned_but_for_one(copy: Path):
    for count in range(1, 4):
        build([SAMPLE, *sorted(SAMPLE.iterdir())[:count]], copy, embedder=TinyEmbedder())
    assert len(list((copy / "versions").iterdir())) == 2


def test_the_latest_version_of_a_policy_answers(tmp_path: Path):
    write(tmp_path / "in", "old.md", "a.com", "2020-01-01", "In the old days we sold everything to everybody.")
    write(tmp_path / "in", "new.md", "a.com", "2022-01-01", "These days we sell nothing at all to anybody.")
    build([tmp_path / "in"], tmp_path / "out", embedder=TinyEmbedder())
    index = opened(tmp_path / "out")
    assert [index.passages[row].text for row in index.rows(["a.com"])] == [
        "These days we sell nothing at all to anybody."
    ]


def test_an_earlier_version_answers_for_its_day(tmp_path: Path):
    from datetime import date

    write(tmp_path / "in", "old.md", "a.com", "2020-01-01", "In the old days we sold everything to everybody.")
    write(tmp_path / "in", "new.md", "a.com", "2022-01-01", "These days we sell nothing at all to anybody.")
    build([tmp_path / "in"], tmp_path / "out", embedder=TinyEmbedder())
    index = opened(tmp_path / "out")
    (row,) = index.rows(["a.com"], as_of=date(2021, 6, 1))
    assert index.passages[row].text == "In the old days we sold everything to everybody."


def test_a_policys_path_names_no_folder_of_the_machine(sample_folder: Path):
    paths = {policy.path for policy in opened(sample_folder).policies.values()}
    assert "sample/004_442ca016cb6ce53e.txt" in paths
    assert not any(path.startswith("/") for path in paths)


def test_an_index_of_other_search_terms_is_refused(copy: Path):
    where, manifest = current_version(copy)
    (where / "manifest.json").unlink()
    where.rename(copy / "other")
    publish(copy, copy / "other", replace(manifest, terms_hash="0" * 64))
    with pytest.raises(IndexOutdated, match="askpolicy index build"):
        opened(copy)


def test_a_childrens_notice_does_not_hide_behind_a_newer_policy(tmp_path: Path):
    write(tmp_path / "in", "new.md", "a.com", "2022-01-01", "These days we sell nothing at all to anybody.")
    older = (
        HEADER.format("a.com", "2020-01-01") + "# Children's Privacy Notice\n\nWe keep no data of children at all.\n"
    )
    (tmp_path / "in" / "kids.md").write_text(older)
    build([tmp_path / "in"], tmp_path / "out", embedder=TinyEmbedder())
    index = opened(tmp_path / "out")
    assert len(index.rows(["a.com"])) == 2


class Counting(TinyEmbedder):
    """Remembers what it embedded."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def embed_passages(self, texts, *, progress=None):  # type: ignore[no-untyped-def]
        self.texts += texts
        return super().embed_passages(texts, progress=progress)


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """Policies of two companies, and their index in `out`."""
    for company in ("a.com", "b.com"):
        text = f"We at {company} never sell what you tell us.\n\nWe keep what you tell us for a year."
        write(tmp_path / "in", f"{company}.md", company, "2020-01-01", text)
    build([tmp_path / "in"], tmp_path / "out", embedder=TinyEmbedder())
    return tmp_path


def test_a_build_of_what_is_there_publishes_nothing(two: Path):
    before = opened(two / "out").manifest
    embedder = Counting()
    report = build([two / "in"], two / "out", embedder=embedder)
    assert (report.published, report.kept, report.added, report.removed) == (False, 2, 0, 0)
    assert embedder.texts == []
    assert opened(two / "out").manifest == before


def test_a_file_of_the_same_size_written_at_once_is_read_again(two: Path):
    path = two / "in" / "a.com.md"
    path.write_text(path.read_text().replace("for a year", "for a week"))
    build([two / "in"], two / "out", embedder=TinyEmbedder())
    assert any("for a week" in passage.text for passage in opened(two / "out").passages)


def test_what_several_companies_write_is_embedded_once_in_a_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("index.build._EMBEDDED_AT_ONCE", 1)
    monkeypatch.setattr("index.build._MOST_PASSAGES", 3)
    for company in ("a.com", "b.com", "c.com", "d.com"):
        text = f"We never sell what you tell us. We rent it.\n\nWe at {company} keep it for a year."
        write(tmp_path / "in", f"{company}.md", company, "2020-01-01", text)
    embedder = Counting()
    report = build([tmp_path / "in"], tmp_path / "out", embedder=embedder)
    assert len(embedder.texts) == len(set(embedder.texts)) == report.embedded == 7
    index = opened(tmp_path / "out")
    assert len(index.segments) > 1
    monkeypatch.undo()
    build([tmp_path / "in"], tmp_path / "at-once", embedder=TinyEmbedder())
    rows = np.arange(len(index.passages))
    at_once = opened(tmp_path / "at-once")
    assert index.passage_vectors.vectors(rows).tolist() == at_once.passage_vectors.vectors(rows).tolist()
    assert not [path for path in (tmp_path / "out").rglob("*") if path.name.startswith("tmp")]


def test_of_a_changed_policy_only_what_is_new_is_embedded(two: Path):
    path = two / "in" / "a.com.md"
    path.write_text(path.read_text() + "\nWe answer your letters within a month.\n")
    embedder = Counting()
    report = build([two / "in"], two / "out", embedder=embedder)
    assert set(embedder.texts) == {"We answer your letters within a month."}
    assert (report.added, report.removed, report.kept) == (1, 1, 1)


def test_an_updated_index_is_the_one_that_would_be_built_anew(two: Path):
    write(two / "in", "aa.md", "aa.com", "2020-01-01", "Cookies are what we eat, not what we set.")
    (two / "in" / "b.com.md").unlink()
    build([two / "in"], two / "out", embedder=TinyEmbedder())
    build([two / "in"], two / "anew", embedder=TinyEmbedder())
    updated, anew = opened(two / "out"), opened(two / "anew")
    assert list(updated.passages) == list(anew.passages)
    assert list(updated.companies.values()) == list(anew.companies.values())
    rows = np.arange(len(anew.passages))
    assert updated.passage_vectors.vectors(rows).tolist() == anew.passage_vectors.vectors(rows).tolist()
    assert (
        updated.passage_terms.scores(["cookies", "sell"]).tolist()
        == anew.passage_terms.scores(["cookies", "sell"]).tolist()
    )


def test_a_company_that_takes_another_name_is_an_update(two: Path):
    (two / "in" / "companies.toml").write_text('["a.com"]\nname = "Aeon"\n')
    assert build([two / "in"], two / "out", embedder=TinyEmbedder()).published
    assert opened(two / "out").companies["a.com"].name == "Aeon"


def test_a_policy_without_a_passage_is_refused_every_time_and_changes_nothing(two: Path):
    write(two / "in", "c.md", "c.com", "2020-01-01", "")
    first, second = (build([two / "in"], two / "out", embedder=TinyEmbedder()) for _ in range(2))
    assert [len(report.refused) for report in (first, second)] == [1, 1]
    assert not second.published


@pytest.fixture
def large_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of an index count as large from two passages on, so that they are kept as they are."""
    monkeypatch.setattr("index.build._KEPT_FROM_PASSAGES", 2)


def test_a_large_part_is_taken_over_as_it_is(two: Path, large_parts: None):
    before, where = opened(two / "out"), current_version(two / "out")[0]
    inode = (where / before.manifest.segments[0] / "passages.faiss").stat().st_ino
    write(two / "in", "aa.md", "aa.com", "2020-01-01", "Cookies are what we eat, not what we set.")
    build([two / "in"], two / "out", embedder=TinyEmbedder())
    after, where = opened(two / "out"), current_version(two / "out")[0]
    assert after.manifest.segments[:1] == before.manifest.segments
    assert len(after.manifest.segments) == 2
    assert (where / before.manifest.segments[0] / "passages.faiss").stat().st_ino == inode
    assert [after.owner(row) for row in range(len(after.passages))] == ["a.com"] * 2 + ["b.com"] * 2 + ["aa.com"]
    texts = [embedded_text(after.policies[passage.policy_id].text, passage) for passage in after.passages]
    vectors = after.passage_vectors.vectors(np.arange(len(texts)))
    np.testing.assert_allclose(vectors, TinyEmbedder().embed_passages(texts), atol=5e-4)
    assert after.sentences.passage_rows(after.sentences.rows_in(np.arange(5))).tolist() == [0, 1, 2, 3, 4]
    assert (after.manifest.passages, after.manifest.sentences) == (5, 5)


def test_a_removed_policy_of_a_large_part_answers_no_more(
    two: Path, large_parts: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("index.build._MOST_REMOVED", 0.5)
    (two / "in" / "a.com.md").unlink()
    report = build([two / "in"], two / "out", embedder=TinyEmbedder())
    index = opened(two / "out")
    assert (report.removed, report.kept, index.manifest.passages, len(index.passages)) == (1, 1, 2, 4)
    assert index.rows().tolist() == [2, 3]
    assert list(index.companies) == ["b.com"]


def test_a_part_of_which_much_was_removed_is_written_anew(two: Path, large_parts: None):
    (two / "in" / "a.com.md").unlink()
    build([two / "in"], two / "out", embedder=TinyEmbedder())
    assert len(opened(two / "out").passages) == 2


def test_equal_text_of_two_companies_stays_two_passages_in_a_large_part(two: Path, large_parts: None):
    for company in ("c.com", "d.com"):
        write(two / "in", f"{company}.md", company, "2020-01-01", "Nothing of what you tell us is ever sold.")
    for _ in range(2):
        (two / "in" / "e.md").write_text(HEADER.format("e.com", "2020-01-01") + f"We keep it for {_ + 3} years.\n")
        build([two / "in"], two / "out", embedder=TinyEmbedder())
    index = opened(two / "out")
    owners = [index.owner(int(row)) for row in index.rows()]
    assert sorted(owners) == ["a.com"] * 2 + ["b.com"] * 2 + ["c.com", "d.com", "e.com"]


def test_a_rollback_serves_the_version_before(two: Path):
    before = opened(two / "out").manifest.version
    (two / "in" / "a.com.md").unlink()
    build([two / "in"], two / "out", embedder=TinyEmbedder())
    assert roll_back(two / "out").version == before
    assert opened(two / "out").manifest.version == before
    with pytest.raises(IndexMissing, match="no version before"):
        roll_back(two / "out")


def test_after_a_rollback_the_next_build_serves(two: Path):
    (two / "in" / "a.com.md").unlink()
    build([two / "in"], two / "out", embedder=TinyEmbedder())
    roll_back(two / "out")
    build([two / "in"], two / "out", embedder=TinyEmbedder())
    assert list(opened(two / "out").companies) == ["b.com"]


def test_a_damaged_version_is_not_roll_back_to(two: Path):
    old, _ = current_version(two / "out")
    (two / "in" / "a.com.md").unlink()
    build([two / "in"], two / "out", embedder=TinyEmbedder())
    (old / "companies.json").write_text("[]")
    with pytest.raises(IndexCorrupt, match=r"companies\.json"):
        roll_back(two / "out")
    assert list(opened(two / "out").companies) == ["b.com"]


def test_a_large_index_is_checked_where_it_was_touched(copy: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("index.manifest._READ_WHOLE_BYTES", 0)
    monkeypatch.setattr("index.manifest._SMALL_BYTES", 0)
    where, manifest = current_version(copy)
    for name in manifest.files:
        whole = (where / name).read_bytes()
        (where / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(IndexCorrupt, match=Path(name).name.replace(".", r"\.")):
            opened(copy)
        (where / name).write_bytes(whole)  # as it was, but touched: read, and found whole
    opened(copy)


def test_a_large_index_is_not_read_where_nothing_was_touched(copy: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("index.manifest._READ_WHOLE_BYTES", 0)
    monkeypatch.setattr("index.manifest._SMALL_BYTES", 0)
    where, manifest = current_version(copy)
    name = next(name for name in manifest.files if name.endswith("passages.faiss"))
    before = (where / name).stat()
    whole = (where / name).read_bytes()
    (where / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    os.utime(where / name, ns=(before.st_atime_ns, before.st_mtime_ns))
    opened(copy)
    assert damaged_files(where, manifest) == [name]


def test_a_roll_back_returns_to_the_version_that_served_before(tmp_path: Path):
    source, out = tmp_path / "source", tmp_path / "index"
    source.mkdir()
    versions = {}
    for name in ("A", "B"):
        (source / "a.md").write_text(f"# Acme Privacy Policy\n\nWe keep the letter {name} for ten days.\n")
        versions[name] = build([source], out, embedder=TinyEmbedder()).manifest.version
    assert roll_back(out).version == versions["A"]
    (source / "a.md").write_text("# Acme Privacy Policy\n\nWe keep the letter C for ten days.\n")
    build([source], out, embedder=TinyEmbedder())
    assert roll_back(out).version == versions["A"]


def test_the_first_version_has_none_to_roll_back_to(tmp_path: Path):
    source, out = tmp_path / "source", tmp_path / "index"
    source.mkdir()
    (source / "a.md").write_text("# Acme Privacy Policy\n\nWe keep it for ten days.\n")
    build([source], out, embedder=TinyEmbedder())
    with pytest.raises(IndexMissing, match="no version before"):
        roll_back(out)


@pytest.mark.parametrize("where", [".", "policies"])
def test_an_index_is_not_written_over_its_own_source(tmp_path: Path, where: str):
    source = tmp_path / where
    source.mkdir(exist_ok=True)
    (source / "a.md").write_text("# Acme Privacy Policy\n\nWe keep it for ten days.\n")
    with pytest.raises(IndexFolderError, match="another --out"):
        build([source], tmp_path, embedder=TinyEmbedder())
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["a.md"]


def test_an_index_inside_its_source_is_no_policy(tmp_path: Path):
    (tmp_path / "a.md").write_text("# Acme Privacy Policy\n\nWe keep it for ten days.\n")
    for _ in range(2):
        report = build([tmp_path], tmp_path / "index", embedder=TinyEmbedder())
    assert (report.manifest.policies, report.refused, report.published) == (1, (), False)
