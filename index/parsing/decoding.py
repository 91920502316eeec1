"""Bytes become text, or an error that says what to do. It does not know documents."""

from index.errors import NotText


def decoded(data: bytes, path: str) -> str:
    """`data` as UTF-8, line ends as they are.

    Raises:
        NotText: binary, or not UTF-8.
    """
    if b"\0" in data:
        raise NotText(f"{path}: binary (a zero byte at {data.index(0)}); convert it to text in UTF-8")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotText(
            f"{path}: not UTF-8 (byte 0x{data[error.start]:02x} at {error.start}); "
            f"convert it, for example with `iconv -f WINDOWS-1252 -t UTF-8`"
        ) from error
