"""`index export` and `index import`: an index version as one archive, whole at its other end or refused."""

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from index.build import build
from index.errors import ArchiveError, IndexBusy, IndexCorrupt, IndexFolderError, IndexMissing, ModelMismatch
from index.manifest import current_version, damaged_files, roll_back, writing
from index.policy_index import PolicyIndex
from index.transfer import export_index, import_index
from tests.conftest import ROOT, SAMPLE
from tests.tiny import TinyEmbedder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "index"
    build([SAMPLE], folder, embedder=TinyEmbedder())
    return folder


@pytest.fixture(scope="module")
def archive(folder: Path) -> bytes:
    return exported(folder)


def exported(folder: Path) -> bytes:
    written = io.BytesIO()
    export_index(folder, written)
    return written.getvalue()


def imported(archive: bytes, out: Path) -> PolicyIndex:
    import_index(io.BytesIO(archive), out, embedder=TinyEmbedder())
    return PolicyIndex.open(out, embedder=TinyEmbedder())


def files_of(folder: Path) -> dict[str, bytes]:
    """What the version that serves holds, by path; only its manifest says what it replaced."""
    where, manifest = current_version(folder)
    return {name: (where / name).read_bytes() for name in manifest.files}


def rewritten(archive: bytes, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]) -> bytes:
    """The archive with other members, whole as a tar and as gzip."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        members = [(member, (tar.extractfile(member) or io.BytesIO()).read()) for member in tar]
    change(members)
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz", format=tarfile.GNU_FORMAT) as tar:
        for member, data in members:
            tar.addfile(member, io.BytesIO(data))
    return written.getvalue()


def listed(members: list[tuple[tarfile.TarInfo, bytes]], change: Callable[[dict], None]) -> None:
    """Change the list at the head."""
    contents = json.loads(members[0][1])
    change(contents)
    data = json.dumps(contents).encode()
    members[0][0].size = len(data)
    members[0] = (members[0][0], data)


def test_an_archive_holds_the_version_that_serves_and_nothing_is_lost(folder: Path, archive: bytes, tmp_path: Path):
    index = imported(archive, tmp_path / "index")
    assert index.manifest.version == current_version(folder)[1].version
    assert files_of(tmp_path / "index") == files_of(folder)
    assert exported(tmp_path / "index") == archive


def test_a_plain_tar_lists_what_is_in_it(folder: Path, archive: bytes):
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert [member.name for member in tar][:2] == ["contents.json", "manifest.json"]
        contents = json.load(tar.extractfile("contents.json") or io.BytesIO())
        for name, entry in contents["files"].items():
            data = (tar.extractfile(name) or io.BytesIO()).read()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (entry["size"], entry["sha256"])


def test_an_import_replaces_what_serves_and_is_rolled_back(archive: bytes, tmp_path: Path):
    out = tmp_path / "index"
    before = build(sorted(SAMPLE.glob("*.txt"))[:2], out, embedder=TinyEmbedder()).manifest
    assert len(imported(archive, out).policies) == 5
    assert roll_back(out).version == before.version


def test_what_serves_already_is_not_written_again(archive: bytes, tmp_path: Path):
    out = tmp_path / "index"
    imported(archive, out)
    first = {path: path.stat().st_ino for path in out.rglob("*") if path.name != "writing.lock"}
    imported(archive, out)
    assert {path: path.stat().st_ino for path in out.rglob("*") if path.name != "writing.lock"} == first


def test_a_version_that_is_kept_serves_again(archive: bytes, tmp_path: Path):
    out = tmp_path / "index"
    version = imported(archive, out).manifest.version
    build(sorted(SAMPLE.glob("*.txt"))[:2], out, embedder=TinyEmbedder())
    assert imported(archive, out).manifest.version == version


def test_a_damaged_version_is_mended_under_its_own_name(archive: bytes, tmp_path: Path):
    out = tmp_path / "index"
    before = build(sorted(SAMPLE.glob("*.txt"))[:2], out, embedder=TinyEmbedder()).manifest
    version = imported(archive, out).manifest.version
    where, _ = current_version(out)
    os.truncate(next(where.rglob("sentences.faiss")), 100)
    index = imported(archive, out)
    assert (index.manifest.version, index.manifest.replaces) == (version, before.version)
    assert not damaged_files(*current_version(out))


def test_a_cut_anywhere_is_refused(archive: bytes, tmp_path: Path):
    build(sorted(SAMPLE.glob("*.txt"))[:2], tmp_path / "index", embedder=TinyEmbedder())
    before = current_version(tmp_path / "index")[1]
    for size in {0, 1, 9, 10, 18, 200, 5_000, len(archive) // 2, *range(len(archive) - 12, len(archive))}:
        with pytest.raises(ArchiveError, match="copy the archive again"):
            import_index(io.BytesIO(archive[:size]), tmp_path / "index", embedder=TinyEmbedder())
    assert current_version(tmp_path / "index")[1] == before
    assert len(list((tmp_path / "index" / "versions").iterdir())) == 1


def test_no_flipped_bit_of_an_archive_changes_what_is_published(folder: Path, archive: bytes, tmp_path: Path):
    draw = Random(1)
    # the rest of gzip's own header says when, how and on which system it was packed, and changes nothing
    places = [0, 1, 2, *(draw.randrange(10, len(archive)) for _ in range(100)), *range(len(archive) - 8, len(archive))]
    for number, place in enumerate(places):
        altered, out = bytearray(archive), tmp_path / f"index{number}"
        altered[place] ^= 1 << draw.randrange(8)
        try:
            import_index(io.BytesIO(bytes(altered)), out, embedder=TinyEmbedder())
        except ArchiveError:
            assert not out.exists()
        else:  # DEFLATE has several ways to say the same, such as which of two equal strings is repeated
            assert files_of(out) == files_of(folder)


def link(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    members[3][0].type, members[3][0].linkname, members[3][0].size = tarfile.SYMTYPE, "/etc/passwd", 0
    members[3] = (members[3][0], b"")


def renamed(name: str) -> Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]:
    """The last file under another name, in the list as well."""

    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        old = members[-1][0].name
        listed(members, lambda contents: contents["files"].update({name: contents["files"].pop(old)}))
        members[-1][0].name = name

    return change


def altered(name: str) -> Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]:
    """A file with other bytes, whose hash the list does not have."""

    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        place = next(place for place, (member, _) in enumerate(members) if member.name.endswith(name))
        members[place] = (members[place][0], members[place][1][:-1] + b"?")

    return change


def consistent(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    """A file with other bytes and the list with their hash: the manifest seals others."""
    name, data = members[-1][0].name, members[-1][1][:-1] + b"?"
    members[-1] = (members[-1][0], data)
    digest = hashlib.sha256(data).hexdigest()
    listed(members, lambda contents: contents["files"][name].update(sha256=digest))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(link, id="a link"),
        pytest.param(renamed("../escaped"), id="a name above the folder"),
        pytest.param(renamed("/tmp/escaped"), id="an absolute name"),
        pytest.param(renamed("a/.hidden"), id="a hidden name"),
        pytest.param(renamed("unknown.bin"), id="a name that the manifest does not seal"),
        pytest.param(altered("companies.json"), id="other bytes than the list's hash"),
        pytest.param(altered("manifest.json"), id="another manifest"),
        pytest.param(consistent, id="other bytes with their hash in the list"),
        pytest.param(lambda members: members.pop(), id="a file less"),
        pytest.param(lambda members: members.append(members[-1]), id="a file more"),
        pytest.param(lambda members: members.pop(0), id="no list"),
        pytest.param(lambda members: listed(members, lambda it: it.pop("version")), id="a list without a version"),
        pytest.param(lambda members: listed(members, lambda it: it.update(version="../x")), id="a version above"),
        pytest.param(lambda members: listed(members, lambda it: it.update(format=99)), id="another format"),
        pytest.param(
            lambda members: listed(members, lambda it: it["files"]["manifest.json"].update(size=-1)),
            id="a size below 0",
        ),
    ],
)
def test_what_was_not_exported_is_refused(
    change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], None], archive: bytes, tmp_path: Path
):
    with pytest.raises(ArchiveError):
        import_index(io.BytesIO(rewritten(archive, change)), tmp_path / "below" / "index", embedder=TinyEmbedder())
    assert [path.name for path in tmp_path.rglob("*")] in ([], ["below"])


def test_a_bomb_is_refused_before_it_is_unpacked(archive: bytes, tmp_path: Path):
    """A header that would make tarfile itself read a gigabyte of names."""
    bomb = tarfile.TarInfo("contents.json")
    bomb.type, bomb.size = tarfile.XHDTYPE, 1 << 40
    packed = gzip.compress(bomb.tobuf(tarfile.GNU_FORMAT) + bytes(50_000_000))
    with pytest.raises(ArchiveError):
        import_index(io.BytesIO(packed), tmp_path / "index", embedder=TinyEmbedder())


def test_more_than_the_disk_holds_is_told_before_it_is_written(archive: bytes, tmp_path: Path):
    def huge(contents: dict) -> None:
        contents["files"]["companies.json"]["size"] = 1 << 60

    too_large = rewritten(archive, lambda members: listed(members, huge))
    with pytest.raises(IndexFolderError, match=r"holds 1,152,\d+,\d+.* bytes, and the disk has .*: free some"):
        import_index(io.BytesIO(too_large), tmp_path / "index", embedder=TinyEmbedder())


def test_an_index_of_another_model_is_not_published(archive: bytes, tmp_path: Path):
    with pytest.raises(ModelMismatch):
        import_index(io.BytesIO(archive), tmp_path / "index", embedder=TinyEmbedder("another"))
    assert not (tmp_path / "index").exists()


def test_an_import_waits_for_nobody_who_writes(archive: bytes, tmp_path: Path):
    with writing(tmp_path / "index"), pytest.raises(IndexBusy):
        import_index(io.BytesIO(archive), tmp_path / "index", embedder=TinyEmbedder())


@pytest.mark.parametrize("name", ["sentences.faiss", "companies.json"])
def test_a_damaged_index_is_not_exported(name: str, folder: Path, tmp_path: Path):
    damaged = tmp_path / "index"
    shutil.copytree(folder, damaged)
    with next(damaged.rglob(name)).open("rb+") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"?")
    written = io.BytesIO()
    with pytest.raises(IndexCorrupt):
        export_index(damaged, written)
    assert written.getvalue() == b""
    with pytest.raises(IndexMissing):
        export_index(tmp_path / "none", written)


def test_one_version_is_exported_while_others_are_published(tmp_path: Path):
    out = tmp_path / "index"
    build([SAMPLE], out, embedder=TinyEmbedder())

    class Slow(io.BytesIO):
        """Publishes twice, so that the version that is exported is pruned, once the first bytes are written."""

        def write(self, data: bytes) -> int:  # type: ignore[override]
            if not self.tell():
                for count in (2, 3):
                    build(sorted(SAMPLE.glob("*.txt"))[:count], out, embedder=TinyEmbedder())
            return super().write(data)

    written = Slow()
    version = export_index(out, written).version
    assert version != current_version(out)[1].version
    index = imported(written.getvalue(), tmp_path / "other")
    assert (index.manifest.version, len(index.policies)) == (version, 5)


def command(*arguments: str | Path, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    line = [sys.executable, "-m", "api.command.cli", "index", *map(str, arguments)]
    return subprocess.run(line, input=stdin, capture_output=True, cwd=ROOT, timeout=120, check=False)


def test_a_pipe_takes_an_index_from_one_folder_to_another(embedder: object, tmp_path: Path):
    build(sorted(SAMPLE.glob("*.txt"))[:1], tmp_path / "index", embedder=embedder)  # type: ignore[arg-type]
    piped = command("export", tmp_path / "index", "-")
    assert (piped.returncode, piped.stderr) == (0, b"")
    told = command("export", tmp_path / "index", tmp_path / "index.tar.gz")
    assert told.returncode == 0
    assert (tmp_path / "index.tar.gz").read_bytes() == piped.stdout
    done = command("import", "-", "--out", tmp_path / "other", stdin=piped.stdout)
    assert (done.returncode, done.stderr) == (0, b"")
    assert files_of(tmp_path / "other") == files_of(tmp_path / "index")
    cut = command("import", "-", "--out", tmp_path / "other", stdin=piped.stdout[:-9])
    assert (cut.returncode, cut.stdout, len(cut.stderr.splitlines())) == (1, b"", 1)


def test_an_export_that_fails_leaves_no_file(tmp_path: Path):
    (tmp_path / "index.tar.gz").write_bytes(b"the one before")
    done = command("export", tmp_path / "none", tmp_path / "index.tar.gz")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, b"", 1)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"index.tar.gz": b"the one before"}
