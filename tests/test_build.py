"""Index folders: whole or absent, and nothing lost on the way."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from index.build import build, embedded_text
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
from index.manifest import current_version, damaged_files
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
    texts = [embedded_text(index.policies[passage.policy_id], passage) for passage in index.passages]
    np.testing.assert_allclose(
        index.passage_vectors.vectors(np.arange(len(texts))), TinyEmbedder().embed_passages(texts), atol=1e-6
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
    with pytest.raises(NothingToIndex, match=r"\.md or \.txt"):
        build([tmp_path], tmp_path / "out", embedder=TinyEmbedder())


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


def test_a_flipped_byte_is_found_by_verifying(copy: Path):
    where, manifest = current_version(copy)
    for name in manifest.files:
        whole = (where / name).read_bytes()
        (where / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        assert damaged_files(where, manifest) == [name]
        (where / name).write_bytes(whole)


def test_a_pointer_that_leads_elsewhere_is_refused(copy: Path):
    (copy / "CURRENT").write_text("../../etc\n")
    with pytest.raises(IndexCorrupt, match="names no version"):
        opened(copy)


def test_a_foreign_folder_is_no_index(tmp_path: Path):
    (tmp_path / "CURRENT").write_text("v1\n")
    (tmp_path / "versions" / "v1").mkdir(parents=True)
    (tmp_path / "versions" / "v1" / "manifest.json").write_text(json.dumps({"format": 1}))
    with pytest.raises(IndexCorrupt, match="not a manifest of ours"):
        opened(tmp_path)


def test_a_build_that_fails_leaves_the_old_version_serving(copy: Path):
    before = opened(copy).manifest.version

    class Breaks(TinyEmbedder):
        def embed_passages(self, texts, *, progress=None):  # type: ignore[no-untyped-def]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build([SAMPLE], copy, embedder=Breaks())
    assert opened(copy).manifest.version == before
    assert damaged_files(*current_version(copy)) == []


def test_what_is_unchanged_is_not_embedded_again(sample_folder: Path, tmp_path: Path):
    report = build([SAMPLE], tmp_path / "out", embedder=TinyEmbedder(), reuse=opened(sample_folder))
    assert report.embedded == 0
    assert report.reused > 100


def test_old_versions_are_pruned_but_for_one(copy: Path):
    for _ in range(3):
        build([SAMPLE], copy, embedder=TinyEmbedder())
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
    text = (where / "manifest.json").read_text()
    (where / "manifest.json").write_text(text.replace(manifest.terms_hash, "0" * 64))
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
