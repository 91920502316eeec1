"""Where log lines go and how they look: structlog over the standard library's logging, on stderr.

A line is an event with fields. Questions are no field unless the settings say so, and addresses of people never are.
It does not know what is logged.
"""

import logging
import sys
import unicodedata
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.stdlib import ProcessorFormatter

from api.settings import Settings

_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]

# Until `show_logs` is called, lines go where the standard library's do.
structlog.configure(
    processors=[structlog.stdlib.filter_by_level, *_SHARED, ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)

_NAME = "askpolicy"
log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(_NAME)


def show_logs(settings: Settings) -> None:
    """Write log lines to stderr from now on, as `settings` say."""
    last: list[structlog.typing.Processor] = [structlog.processors.JSONRenderer(ensure_ascii=False)]
    if settings.log_format == "text":
        last = [_printable, _text_renderer()]
    else:
        last = [structlog.processors.format_exc_info, *last]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        ProcessorFormatter(foreign_pre_chain=_SHARED, processors=[ProcessorFormatter.remove_processors_meta, *last])
    )
    # libraries that are talkative set their own levels
    handler.addFilter(lambda record: record.name == _NAME or record.levelno >= logging.WARNING)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(_NAME).setLevel(settings.log_level.upper())


def _text_renderer() -> structlog.dev.ConsoleRenderer:
    # a plain traceback: the usual one shows the values of variables, and a question is one
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
    )


def _printable(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Fields without what a terminal obeys; a traceback keeps its lines."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = "".join("?" if unicodedata.category(c) in ("Cc", "Cf") else c for c in value)
    return event
