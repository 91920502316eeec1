"""An assistant as the settings ask for it: model, index, assistant. It does not know HTTP or the terminal."""

from api.sample import open_sample_index, sample_folder
from api.settings import Settings
from index.embedding import DEFAULT_MODEL, Embedder
from index.embedding import open_embedder as embedder_of
from index.joining import JoiningEmbedder
from index.policy_index import PolicyIndex
from index.sources import Progress
from qa.assistant import Assistant
from qa.reranker import CrossEncoderReranker


def open_embedder(settings: Settings) -> Embedder:
    """The embedding model of `settings`, to be shared by threads.

    Raises:
        ModelError: there is none such.
    """
    return JoiningEmbedder(embedder_of(settings.model or DEFAULT_MODEL))


def open_index(settings: Settings, embedder: Embedder, *, progress: Progress) -> PolicyIndex:
    """The index of `settings`; the sample index, built where need be, where they name none.

    Raises:
        IndexFolderError: the folder named holds no index that this model can read.
    """
    if settings.index is not None:
        return PolicyIndex.open(settings.index, embedder=embedder)
    return open_sample_index(embedder, folder=sample_folder(embedder), progress=progress)


def open_assistant(settings: Settings, embedder: Embedder, *, progress: Progress) -> Assistant:
    """What answers questions under `settings`.

    Raises:
        ModelError: there is no such reranker.
        IndexFolderError: see `open_index`.
    """
    reranker = CrossEncoderReranker(settings.reranker) if settings.reranker else None
    return Assistant(open_index(settings, embedder, progress=progress), embedder, reranker=reranker)
