"""An assistant as the settings ask for it: model, index, assistant. It does not know HTTP or the terminal."""

from pathlib import Path

from api.serving.sample import open_sample_index, sample_folder
from api.settings import Settings
from index.embedding import DEFAULT_MODEL, Embedder
from index.embedding import open_embedder as embedder_of
from index.joining import JoiningEmbedder
from index.manifest import published_version
from index.policy_index import PolicyIndex
from index.sources.folder import Progress
from qa.assistant import Assistant
from qa.judgement import CALIBRATION, Calibration
from qa.reading.reader import open_reader

# Asked once, so that what tells languages (.6 s) is loaded before the first visitor needs it.
_IN_ANOTHER_LANGUAGE = "Verkauft diese Firma meine Daten an Dritte?"


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


class FolderOpener:
    """Opens what is published in the index folder of `settings`, again and again, with one model."""

    def __init__(self, settings: Settings, embedder: Embedder, *, progress: Progress) -> None:
        """Raises `ModelError` where there is no such reader, or no calibration in the file named."""
        self._settings, self._embedder, self._progress = settings, embedder, progress
        self._reader = open_reader(settings.reader)
        self._calibration = Calibration.read(settings.calibration or CALIBRATION, reader=self._reader is not None)

    @property
    def folder(self) -> Path:
        """The index folder."""
        return self._settings.index or sample_folder(self._embedder)

    def newest(self) -> str:
        """See `api.serving.live.Opener`."""
        return published_version(self.folder)

    def open(self) -> Assistant:
        """See `api.serving.live.Opener`."""
        index = open_index(self._settings, self._embedder, progress=self._progress)
        assistant = Assistant(index, self._embedder, reader=self._reader, calibration=self._calibration)
        assistant.understand(_IN_ANOTHER_LANGUAGE)
        return assistant
