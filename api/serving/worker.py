"""One of several worker processes: makes its application of the environment alone, as the server's supervisor needs.

It does not know the server. `python -m api.serving.worker` only opens what a worker would, to tell what is wrong
beforehand.
"""

import faulthandler
import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing import connection

from fastapi import FastAPI

from api.app import create_app
from api.observability.logs import log, show_logs
from api.serving.opening import FolderOpener, open_embedder
from api.settings import Settings
from index.errors import AskPolicyError, IndexFolderError


def create() -> FastAPI:
    """The application of one worker; it opens the index before it serves, if it opens.

    Raises:
        AskPolicyError: the model, the keys or another setting cannot be used.
    """
    faulthandler.enable()  # see `api.serving.server.serve`
    threading.Thread(target=_stop_without_supervisor, daemon=True).start()
    settings = Settings.from_environment(os.environ)
    show_logs(settings)
    opener = _opener(settings)
    try:
        opened = opener.open()
    except IndexFolderError as error:
        # One that is begun again while a damaged version is published waits for a better one, as the others do.
        log.error("index_not_opened", why=str(error))
        opened = None
    return create_app(opener, settings, opened=opened)


def _stop_without_supervisor() -> None:
    """Stop this worker once its supervisor is no more, killed or not: it would hold the port for ever."""
    supervisor = multiprocessing.parent_process()
    if supervisor is not None:
        connection.wait([supervisor.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


def _opener(settings: Settings) -> FolderOpener:
    return FolderOpener(settings, open_embedder(settings), progress=lambda _stage, _done, _all_of_it: None)


if __name__ == "__main__":
    try:
        settings = Settings.from_environment(os.environ)
        opener = _opener(settings)
        create_app(opener, settings, opened=opener.open())
    except AskPolicyError as error:
        sys.exit(f"Error: {error}")
