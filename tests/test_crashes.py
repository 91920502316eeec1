"""A build that is killed, or whose disk is full: the version before serves on, and the next build succeeds."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from index.build import build
from index.errors import IndexFolderError
from index.manifest import check, current_version
from index.policy_index import PolicyIndex
from tests.tiny import TinyEmbedder

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "index" / "sample"
MOMENTS = 10
# A build in a process of its own that says when it begins; every second one indexes one policy more.
BUILDS = """
import sys
from pathlib import Path
from index.build import build
from tests.tiny import TinyEmbedder
folder, sample = Path(sys.argv[1]), Path(sys.argv[2])
print("ready", flush=True)
for number in range(10_000):
    paths = [sample] if number % 2 else sorted(sample.glob("*.txt"))[:4]
    build(paths, folder, embedder=TinyEmbedder())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    build([SAMPLE], tmp_path / "index", embedder=TinyEmbedder())
    return tmp_path / "index"


def answer(folder: Path) -> tuple[int, list[int]]:
    """What the index that serves finds."""
    index = PolicyIndex.open(folder, embedder=TinyEmbedder())
    question = TinyEmbedder().embed_questions(["do you sell my data"])[0]
    return len(index.policies), index.passage_vectors.search(question, k=10)[0].tolist()


def test_a_build_killed_at_any_moment_leaves_a_whole_version(folder: Path):
    whole = [answer(folder)]
    build(sorted(SAMPLE.glob("*.txt"))[:4], folder, embedder=TinyEmbedder())
    whole.append(answer(folder))
    draw = Random(1)
    for _ in range(MOMENTS):
        arguments = [sys.executable, "-c", BUILDS, str(folder), str(SAMPLE)]
        with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE) as builder:
            assert builder.stdout
            builder.stdout.readline()
            time.sleep(draw.uniform(0, 2))
            builder.send_signal(signal.SIGKILL)
        assert answer(folder) in whole
        check(*current_version(folder))
    build([SAMPLE], folder, embedder=TinyEmbedder())
    assert answer(folder) == whole[0]
    assert not [path for path in (folder / "versions").iterdir() if path.name.startswith(".")]


@pytest.mark.skipif(sys.platform != "linux", reason="needs the limit on a file's size to act as Linux has it")
@pytest.mark.parametrize("most_bytes", [1, 200, 4_000, 30_000])
def test_a_full_disk_is_told_and_the_version_before_serves(folder: Path, most_bytes: int):
    before = answer(folder)
    child = os.fork()
    if not child:  # a limit on sizes cannot be lifted again, so it is set in a process of its own
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
        try:
            build(sorted(SAMPLE.glob("*.txt"))[:4], folder, embedder=TinyEmbedder())
        except IndexFolderError as error:
            os._exit(0 if "still serves" in str(error) else 2)
        finally:
            os._exit(3)  # it went well, or another error came
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert answer(folder) == before
    assert not [path for path in (folder / "versions").iterdir() if path.name.startswith(".")]
