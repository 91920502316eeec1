"""The index of every version of an archive, built once and kept: tens of minutes on two cores the first time."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from eval.questions import LabelError
from index.build import build
from index.embedding import Embedder
from index.policy_index import PolicyIndex
from index.sources.folder import Progress


def history_index(bundle: Path, kept: Path, *, embedder: Embedder, progress: Progress = lambda *_: None) -> PolicyIndex:
    """The index of all versions in `bundle`, a git bundle of an archive; of the one in `kept` what still holds.

    Raises:
        LabelError: `bundle` is no bundle, or git is not there.
    """
    folder = kept / f"{bundle.stem}-{bundle_hash(bundle)[:12]}"
    repository = folder / bundle.stem
    if not repository.is_dir():
        _clone(bundle, repository)
    out = folder / f"index-{embedder.content_hash[:12]}"
    build([], out, embedder=embedder, histories=[repository], progress=progress)
    return PolicyIndex.open(out, embedder=embedder)


def bundle_hash(bundle: Path) -> str:
    """SHA-256 of the file."""
    with bundle.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _clone(bundle: Path, repository: Path) -> None:
    """A bare clone of `bundle`, whole or absent."""
    unfinished = repository.with_name(f".{repository.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    command = ["git", "clone", "--quiet", "--bare", str(bundle.resolve()), str(unfinished)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise LabelError(f"{bundle}: git is not installed, which opens bundles") from error
    except subprocess.CalledProcessError as error:
        raise LabelError(f"{bundle}: no bundle that git can open ({error.stderr.strip()}); fetch it again") from error
    unfinished.rename(repository)
