"""Which parser reads a file: by its content, and by its ending only where the content does not say."""

from index.parsing.document import Document
from index.parsing.markdown import parse_markdown


def parse(data: bytes, *, path: str) -> Document:
    """The document that `data` is.

    Raises:
        PolicyError: it cannot be read as any format that is known; the message names `path` and says what to do.
    """
    return parse_markdown(data, path=path)
