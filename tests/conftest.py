"""What several test modules share: the sample policies, indexed once with the shipped model."""

from pathlib import Path

import pytest

from index.build import build
from index.embedding import Embedder, open_embedder
from index.policy_index import PolicyIndex
from qa.assistant import Assistant
from qa.reading.reader import OnnxReader

pytest_plugins = ["tests.browser"]

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "index" / "sample"


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    return open_embedder()


@pytest.fixture(scope="session")
def reader() -> OnnxReader:
    return OnnxReader()


@pytest.fixture(scope="session")
def assistant(embedder: Embedder, reader: OnnxReader, tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    folder = tmp_path_factory.mktemp("shipped") / "index"
    build([SAMPLE], folder, embedder=embedder)
    return Assistant(PolicyIndex.open(folder, embedder=embedder), embedder, reader=reader)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of labelled data and of more policies, beside the checkout; it is no part of the project."""
    folder = ROOT.parent / "shared"
    if not (folder / "corpus" / "policies").is_dir():
        pytest.skip("needs ../shared with corpus/ and benchmarks/, which is not here")
    return folder
