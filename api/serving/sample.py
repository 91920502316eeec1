"""The sample index: what answers where no index is named. Built once into the user's cache folder, then opened.

It does not know settings; a folder's name holds a hash of all that the index depends on, so that another model,
other sample files or other code give another folder and never a stale answer.
"""

import hashlib
import time
from pathlib import Path

import platformdirs

import index
from index.build import build
from index.embedding import Embedder
from index.errors import IndexBusy, IndexCorrupt, IndexMissing, IndexOutdated
from index.manifest import FORMAT
from index.policy_index import PolicyIndex
from index.sources.folder import Progress

SAMPLE_POLICIES = Path(index.__file__).parent / "sample"
_WAIT_S = 0.2
# A sample build takes seconds; whoever holds the lock for minutes is not building the sample.
_LONGEST_WAIT_S = 300.0


def sample_folder(embedder: Embedder) -> Path:
    """Where the sample index of `embedder` lies, or will."""
    digest = hashlib.sha256(f"{FORMAT} {embedder.content_hash}".encode())
    package = SAMPLE_POLICIES.parent
    # The code that splits and indexes counts as well: an upgrade must not answer from what the old one made.
    for path in sorted([*package.glob("*.py"), *package.glob("*.toml"), *SAMPLE_POLICIES.iterdir()]):
        if path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return platformdirs.user_cache_path("askpolicy") / f"sample-{digest.hexdigest()[:16]}"


def open_sample_index(embedder: Embedder, *, folder: Path, progress: Progress) -> PolicyIndex:
    """The sample index in `folder`, built first where there is none, or none that opens.

    Two that start at once do not harm each other: one builds, the other waits for it.

    Raises:
        IndexBusy: another process has been writing `folder` for minutes.
        IndexFolderError: `folder` cannot be written.
    """
    give_up_at = time.monotonic() + _LONGEST_WAIT_S
    while True:
        try:
            return PolicyIndex.open(folder, embedder=embedder)
        except (IndexMissing, IndexCorrupt, IndexOutdated):
            pass
        try:
            build([SAMPLE_POLICIES], folder, embedder=embedder, progress=progress)
        except IndexBusy:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(_WAIT_S)
        else:
            return PolicyIndex.open(folder, embedder=embedder)
