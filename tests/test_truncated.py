"""An index whose files are cut short in place below a running service, and one that may not be written."""

import io
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from index.build import build
from index.embedding import Embedder
from index.manifest import resized_files
from index.policy_index import PolicyIndex
from index.transfer import export_index, import_index
from tests.api_support import ACQUISITION, problem, serving
from tests.conftest import ROOT, SAMPLE
from tests.tiny import TinyEmbedder


def answer(address: str) -> tuple[int, str]:
    """What comes of a question that touches vectors, terms and words."""
    told = httpx.post(f"{address}/v1/ask", json={"question": ACQUISITION}, timeout=60)
    return told.status_code, told.json()["answer"]


def test_files_cut_short_below_a_running_service_end_no_process(embedder: Embedder, tmp_path: Path) -> None:
    build([SAMPLE], tmp_path / "index", embedder=embedder)
    with serving("--index", str(tmp_path / "index"), "--log-level", "error") as (address, process):
        before = answer(address)
        for path in (tmp_path / "index" / "versions").rglob("*"):
            if path.is_file():
                os.truncate(path, 0)
        assert answer(address) == before
        policy = httpx.get(f"{address}/v1/policies/jivochat.com--privacy-policy--2015-03-20", timeout=60)
        assert (policy.status_code, process.poll()) == (200, None)


# As `askpolicy serve`, with an index that is mapped though it is small.
MAPPED = "import index.policy_index as it; it._READ_BYTES = 0; from api.command.cli import main; main()"


@pytest.mark.parametrize("again", ["the same version", "another version"])
def test_a_mapped_index_that_is_cut_short_is_told_and_a_whole_one_serves(
    again: str, embedder: Embedder, tmp_path: Path
) -> None:
    folder = tmp_path / "index"
    build([SAMPLE], folder, embedder=embedder)
    archive = io.BytesIO()
    export_index(folder, archive)
    with serving("--index", str(folder), program=("-c", MAPPED, "serve")) as (address, process):
        before = answer(address)
        for path in (folder / "versions").rglob("*"):
            if path.is_file():
                os.truncate(path, 0)
        told = httpx.post(f"{address}/v1/ask", json={"question": ACQUISITION}, timeout=60)
        assert (problem(told), "damaged" in told.json()["detail"]) == ((503, "/problems/not-ready"), True)
        assert (httpx.get(f"{address}/healthz").status_code, httpx.get(f"{address}/readyz").status_code) == (200, 503)

        if again == "the same version":
            archive.seek(0)
            import_index(archive, folder, embedder=embedder)
        else:
            build([SAMPLE], folder, embedder=embedder)
        give_up_at = time.monotonic() + 60
        while httpx.get(f"{address}/readyz", timeout=60).status_code != 200 and time.monotonic() < give_up_at:
            time.sleep(0.1)
        assert (answer(address), process.poll()) == (before, None)
        process.terminate()
        assert "index_damaged" in process.communicate(timeout=60)[1]


def test_a_mapped_version_that_was_pruned_is_whole(tmp_path: Path) -> None:
    build([SAMPLE], tmp_path, embedder=TinyEmbedder())
    index = PolicyIndex.open(tmp_path, embedder=TinyEmbedder())
    assert resized_files(tmp_path / "versions" / index.manifest.version, index.manifest) == []
    shutil.rmtree(tmp_path / "versions")
    assert resized_files(tmp_path / "versions" / index.manifest.version, index.manifest) == []


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """An index folder with two versions, mounted read-only: root may write what permissions alone forbid."""
    folder, mounted = tmp_path / "index", tmp_path / "mounted"
    for paths in ([SAMPLE], sorted(SAMPLE.glob("*.txt"))[:1]):
        build(paths, folder, embedder=TinyEmbedder())
    mounted.mkdir()
    for command in (["mount", "--bind", folder, mounted], ["mount", "-o", "remount,ro,bind", mounted]):
        if not mount(*command):
            mount("umount", mounted)
            pytest.skip("needs to mount a folder read-only, which only root may outside most containers")
    yield mounted
    mount("umount", mounted)


def mount(*command: str | Path) -> bool:
    """Whether a command that mounts something did."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["rollback", "{folder}"], 1),
        (["build", str(SAMPLE), "--out", "{folder}"], 1),
        (["import", "{folder}/../index.tar.gz", "--out", "{folder}"], 1),
        (["export", "{folder}", "{folder}/index.tar.gz"], 1),
        (["verify", "{folder}"], 0),
        (["show", "{folder}"], 0),
        (["export", "{folder}", "{folder}/../index.tar.gz"], 0),
    ],
)
def test_a_folder_that_is_read_only_is_one_line(arguments: list[str], status: int, read_only: Path) -> None:
    (read_only.parent / "index.tar.gz").write_bytes(b"")
    command = [sys.executable, "-m", "api.command.cli", "index", *(each.format(folder=read_only) for each in arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (status, status)
    if status:
        assert done.stderr.startswith("Error: ")
        assert "Read-only file system" in done.stderr
