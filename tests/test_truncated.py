"""An index whose files are cut short in place below a running service, and one that may not be written."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from index.build import build
from index.embedding import Embedder
from tests.api_support import ACQUISITION, serving
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
