"""The code of the chat: types by tsc, ESLint, the bundle that is served, the catalogues of its strings."""

import filecmp
import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WEB = ROOT / "api" / "web"
TOOLS = ROOT / "tests" / "node_modules" / ".bin"


def run_tool(name: str, *arguments: str, folder: Path = ROOT) -> str:
    """What a tool of npm says of the code; nothing where it finds nothing."""
    tool = TOOLS / name
    if not tool.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is missing: run `npm ci --prefix tests`")
        pytest.skip(f"{name} is missing: run `npm ci --prefix tests`")
    done = subprocess.run([tool, *arguments], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    return done.stdout + done.stderr


def test_tsc_finds_no_fault() -> None:
    assert run_tool("tsc", "-p", "tests/jsconfig.json") == ""


def test_eslint_finds_no_fault() -> None:
    assert run_tool("eslint", "--config", "tests/eslint.config.mjs", "--max-warnings", "0", "api/web/chat") == ""


def test_the_bundle_is_made_of_the_modules_as_they_are(tmp_path: Path) -> None:
    script = json.loads((ROOT / "tests" / "package.json").read_text(encoding="utf-8"))["scripts"]["bundle"]
    chosen = [each for each in shlex.split(script) if each.startswith("--") and not each.startswith("--outdir")]
    # from where npm runs it, for the names of the parts tell the paths too
    assert (
        run_tool("esbuild", "../api/web/chat/widget.js", *chosen, f"--outdir={tmp_path}", folder=ROOT / "tests") == ""
    )
    made = {path.relative_to(tmp_path) for path in tmp_path.rglob("*.js")}
    kept = {path.relative_to(WEB / "bundle") for path in (WEB / "bundle").rglob("*.js")}
    assert made == kept, "run `make bundle`"
    _, other, missing = filecmp.cmpfiles(tmp_path, WEB / "bundle", map(str, sorted(made)), shallow=False)
    assert (other, missing) == ([], []), "run `make bundle`"


def test_no_module_is_longer_than_one_reads() -> None:
    longest = max(len(path.read_text(encoding="utf-8").splitlines()) for path in (WEB / "chat").rglob("*.js"))
    assert longest <= 400


def test_every_string_of_the_catalogue_is_used() -> None:
    catalogue = (WEB / "chat" / "strings" / "en.js").read_text(encoding="utf-8")
    names = re.findall(r"^  (\w+):", catalogue, re.MULTILINE)
    code = "".join(path.read_text(encoding="utf-8") for path in (WEB / "chat").glob("*.js"))
    assert [name for name in names if not re.search(rf'\bwords\.{name}\b|"{name}"', code)] == []
