"""docs/backup.md: its commands, run as they stand there, against a service that runs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx

from api.guard.keys import add_key
from index.build import build
from index.embedding import Embedder
from index.manifest import current_version
from tests.api_support import ACQUISITION, serving
from tests.conftest import ROOT, SAMPLE

PAGE = (ROOT / "docs" / "backup.md").read_text(encoding="utf-8")


def commands(heading: str) -> list[str]:
    """The blocks of commands under a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def run(script: str, folder: Path) -> str:
    """What the commands print, which must all succeed."""
    tools = folder.parent / "bin"
    if not tools.exists():
        tools.mkdir()
        program = tools / "askpolicy"
        program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m api.command.cli "$@"\n')
        program.chmod(0o755)
    environment = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}"}
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_is_backed_up_is_restored_as_the_page_says(embedder: Embedder, tmp_path: Path) -> None:
    folder = tmp_path / "service"
    (folder / "uploads" / "documents").mkdir(parents=True)
    (folder / "policies").mkdir()
    (folder / "backup").mkdir()
    for path in sorted(SAMPLE.glob("*.txt")):
        shutil.copy(path, folder / "policies")
    shutil.copy(sorted(SAMPLE.glob("*.txt"))[0], folder / "uploads" / "documents" / "upload.txt")
    build([folder / "policies", folder / "uploads" / "documents"], folder / "my-index", embedder=embedder)
    add_key(folder / "keys.json", "me")
    version = current_version(folder / "my-index")[1].version

    for script in commands("Back up"):
        run(script, folder)
    assert (folder / "backup" / "piped.tar.gz").read_bytes() == (folder / "backup" / "index.tar.gz").read_bytes()

    # what is there afterwards is another index, and no documents
    build([SAMPLE / "000_9da1b806df847e6c.txt"], folder / "my-index", embedder=embedder)
    shutil.rmtree(folder / "policies")
    shutil.rmtree(folder / "uploads")
    (folder / "keys.json").unlink()
    with serving("--index", str(folder / "my-index"), "--log-level", "error") as (address, _):

        def answered() -> dict[str, str]:
            answer = httpx.post(f"{address}/v1/ask", json={"question": ACQUISITION}, timeout=60).json()
            return {"outcome": answer["outcome"], "version": answer["index_version"]}

        assert answered()["outcome"] == "unknown_company"
        restore, elsewhere = commands("Restore")
        run(restore, folder)
        for _ in range(200):
            if answered()["version"] == version:
                break
        assert answered() == {"outcome": "answered", "version": version}
    assert "0 texts embedded" in run(elsewhere, folder)
    assert (folder / "keys.json").exists()
