"""The programs that turn one format into another: LibreOffice, Chromium, pandoc."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_TIMEOUT_S = 240


class MissingTool(RuntimeError):
    """A program that makes some of the files is not on this machine."""


def chromium_pdf(html: Path, pdf: Path) -> None:
    """Print a page as the browser does; its CSS says what runs at the head and the foot."""
    program = next((found for name in _CHROMIUM if (found := shutil.which(name))), None)
    if program is None:
        raise MissingTool("chromium is not installed: apt-get install chromium, or leave the printed pages out")
    with TemporaryDirectory() as profile:
        _run(
            [
                program, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
                f"--user-data-dir={profile}", f"--print-to-pdf={pdf}", html.resolve().as_uri(),
            ]
        )  # fmt: skip


def libreoffice(files: Sequence[Path], kind: str, out: Path) -> None:
    """Convert files into `out`, all in one run; `kind` is the ending that they get."""
    program = shutil.which("soffice")
    if program is None:
        raise MissingTool("soffice is not installed: apt-get install libreoffice-writer, or leave its files out")
    with TemporaryDirectory() as profile:
        _run(
            [
                *(program, f"-env:UserInstallation={Path(profile).as_uri()}", "--headless", "--convert-to", kind),
                *("--outdir", str(out), *map(str, files)),
            ]
        )


def pandoc(source: Path, target: Path) -> None:
    """Convert one file; the endings say which formats."""
    program = shutil.which("pandoc")
    if program is None:
        raise MissingTool("pandoc is not installed: apt-get install pandoc, or leave its files out")
    _run([program, "--standalone", str(source), "--output", str(target)])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
