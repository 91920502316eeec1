"""The settings of a running askpolicy, and the only reader of the environment. It does not know what they set.

Every field of `Settings` is a variable `ASKPOLICY_<FIELD>` and, of `askpolicy serve`, a flag. `python -m api.settings`
prints the table that the README shows.
"""

import difflib
import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from index.errors import AskPolicyError

_PREFIX = "ASKPOLICY_"


class BadSetting(AskPolicyError):
    """A setting whose value cannot be used; the message names its variable or flag."""


class _Listed(click.ParamType[tuple[str, ...]]):
    """Several values, separated by commas; each is checked alone."""

    name = "list"

    def __init__(self, checked: Callable[[str], str]) -> None:
        self._checked = checked

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """See click."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(self._checked(each.strip()) for each in value.split(",") if each.strip())
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Checked(click.ParamType[str]):
    """Text that a function checks and tidies."""

    def __init__(self, name: str, checked: Callable[[str], str]) -> None:
        self.name = name
        self._checked = checked

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """See click."""
        try:
            return self._checked(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Duration(click.FloatRange):
    """Seconds; "nan", which is neither too little nor too much, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """See click."""
        seconds = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is not a valid number of seconds", param, ctx)
        return seconds


def checked_origin(text: str) -> str:
    """`text` as a browser sends it in `Origin`.

    >>> checked_origin("https://Shop.example:443/")
    'https://shop.example'

    Raises:
        ValueError: it is none; the message says what is expected.
    """
    expected = f"{text!r} is no origin, expected one such as https://shop.example or http://localhost:8080"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(expected) from error
    host = parts.hostname or ""
    whole = parts.scheme in ("http", "https") and not (parts.username or parts.query or parts.fragment)
    if not (whole and parts.path in ("", "/") and re.fullmatch(r"[a-z0-9_.-]+|[0-9a-f:.]+", host)):
        raise ValueError(expected)
    usual = {"http": 80, "https": 443}[parts.scheme]
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port not in (None, usual) else "")


def _checked_network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError as error:
        raise ValueError(f"{text!r} is no address and no network, expected one such as 10.0.0.0/8") from error


def _checked_host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.:\[\]-]+", text):
        raise ValueError(f"{text!r} is no host, expected one such as policies.example")
    return text.lower()


def _checked_rate(text: str) -> str:
    if text == "0":
        return text
    if not re.fullmatch(r"[1-9]\d{0,8} ?(/|per) ?(\d{1,4} ?)?(second|minute|hour|day)s?", text):
        raise ValueError(f"{text!r} is no rate, expected one such as 120/minute or 5/second, or 0 for none")
    return text


def _checked_url(text: str) -> str:
    if urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).hostname:
        raise ValueError(f"{text!r} is no address of a collector, expected one such as http://localhost:4318")
    return text


_Seconds = _Duration(0.1, 3_600)
_Folder = click.Path(path_type=Path, file_okay=False)
_File = click.Path(path_type=Path, dir_okay=False)
_Rate = _Checked("rate", _checked_rate)


def _about(kind: Any, words: str, *, default_words: str | None = None) -> dict[str, Any]:
    """What values a field takes, what it does, and what is used where nobody sets it."""
    return {"kind": kind, "words": words, "default_words": default_words}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What can be set from outside; each field's words are in its definition."""

    index: Path | None = field(
        default=None, metadata=_about(_Folder, "The index folder.", default_words="the sample index, built once")
    )
    model: str | None = field(
        default=None,
        metadata=_about(str, "A sentence-transformers model by name or folder.", default_words="the embedded one"),
    )
    reader: str = field(
        default="shipped",
        metadata=_about(str, "What reads the best passages: `none`, or the folder of another reader."),
    )
    calibration: Path | None = field(
        default=None,
        metadata=_about(
            _File, "The file that `python -m eval calibrate` wrote for other models.", default_words="the shipped one"
        ),
    )
    host: str = field(default="127.0.0.1", metadata=_about(str, "The address to listen on."))
    port: int = field(
        default=8_000, metadata=_about(click.IntRange(0, 65_535), "The port to listen on; 0 takes any free one.")
    )
    workers: int = field(
        default=1, metadata=_about(click.IntRange(1, 64), "Processes that answer; they share the index by memory map.")
    )
    keys: Path | None = field(
        default=None,
        metadata=_about(
            _File, "The file of API keys that `askpolicy keys` writes.", default_words="no key is asked for"
        ),
    )
    open_to_all: bool = field(
        default=False, metadata=_about(click.BOOL, "Listen on other addresses than loopback without API keys.")
    )
    page_token: str | None = field(
        default=None, metadata=_about(str, "The widget token that the page at `/` asks with.", default_words="none")
    )
    origins: tuple[str, ...] = field(
        default=(),
        metadata=_about(
            _Listed(checked_origin), "Origins whose pages may ask, by commas.", default_words="widget tokens' own"
        ),
    )
    hosts: tuple[str, ...] = field(
        default=(),
        metadata=_about(
            _Listed(_checked_host),
            "Names that a request's `Host` may have, by commas.",
            default_words="any; on loopback, loopback's",
        ),
    )
    proxies: tuple[str, ...] = field(
        default=(),
        metadata=_about(
            _Listed(_checked_network),
            "Addresses of proxies whose `X-Forwarded-For` is believed, by commas.",
            default_words="none",
        ),
    )
    rate_per_key: str = field(
        default="600/minute", metadata=_about(_Rate, "Requests that each secret API key has; 0: no limit.")
    )
    rate_per_visitor: str | None = field(
        default=None,
        metadata=_about(
            _Rate,
            "Requests that each visitor (by address) has with a widget token; 0: no limit.",
            default_words="60/minute; on loopback without proxies no limit",
        ),
    )
    rate_per_token: str = field(
        default="6000/minute",
        metadata=_about(_Rate, "Requests that all visitors of a widget token have; 0: no limit."),
    )
    rate_per_address: str | None = field(
        default=None,
        metadata=_about(
            _Rate,
            "Requests that each address without a key has; 0: no limit.",
            default_words="120/minute; on loopback without proxies no limit",
        ),
    )
    rate_storage: str = field(
        default="memory://",
        repr=False,  # it may hold a password
        metadata=_about(
            str, "Where requests are counted: in each worker's memory, or in a Redis for all (redis://HOST:6379/0)."
        ),
    )
    max_body_bytes: int = field(
        default=524_288, metadata=_about(click.IntRange(1_024, 100_000_000), "What a request's body may have.")
    )
    max_connections: int = field(
        default=1_000, metadata=_about(click.IntRange(1, 100_000), "Connections that each worker holds.")
    )
    max_running: int = field(
        default=0,
        metadata=_about(
            click.IntRange(0, 1_000), "Questions that each worker answers at once.", default_words="4 a core"
        ),
    )
    max_waiting: int = field(
        default=0,
        metadata=_about(
            click.IntRange(0, 100_000),
            "Questions that may wait in each worker; further ones get 503 at once.",
            default_words="as many as are answered in time",
        ),
    )
    answer_timeout_s: float = field(
        default=8.0, metadata=_about(_Seconds, "Seconds for an answer, waiting included; beyond, 503 is told.")
    )
    read_timeout_s: float = field(
        default=10.0, metadata=_about(_Seconds, "Seconds for a request to arrive, and for its answer to be taken.")
    )
    keep_alive_s: int = field(
        default=15, metadata=_about(click.IntRange(1, 3_600), "Seconds that an idle connection is kept.")
    )
    stop_timeout_s: int = field(
        default=9, metadata=_about(click.IntRange(1, 3_600), "Seconds for what is under way when it is stopped.")
    )
    uploads: Path | None = field(
        default=None,
        metadata=_about(
            _Folder,
            "The folder of documents that keys for administration upload; it is indexed beside what the index is of.",
            default_words="nothing can be uploaded",
        ),
    )
    watch_s: float = field(
        default=1.0, metadata=_about(_Seconds, "Seconds between looks for a newly published index version.")
    )
    log_format: str = field(default="text", metadata=_about(click.Choice(["text", "json"]), "How log lines look."))
    log_level: str = field(
        default="info",
        metadata=_about(
            click.Choice(["debug", "info", "warning", "error"]), "What is logged; `info` has a line a request."
        ),
    )
    log_questions: bool = field(default=False, metadata=_about(click.BOOL, "Log the questions that are asked, too."))
    audit_log: Path | None = field(
        default=None,
        metadata=_about(
            _File,
            "The file of JSON lines that tells who asked what kind of thing, when, and what came of it.",
            default_words="none",
        ),
    )
    audit_questions: bool = field(
        default=False, metadata=_about(click.BOOL, "Write the questions into the audit log, too.")
    )
    audit_addresses: bool = field(
        default=False, metadata=_about(click.BOOL, "Write the addresses of those who ask into the audit log, too.")
    )
    audit_max_bytes: int = field(
        default=100_000_000,
        metadata=_about(
            click.IntRange(0, 1_000_000_000_000),
            "From this size on the audit log becomes FILE.1 and a new one begins; 0: never, another program does it.",
        ),
    )
    audit_files: int = field(
        default=10,
        metadata=_about(click.IntRange(1, 1_000), "Audit logs that are kept beside the one that is written."),
    )
    traces: str | None = field(
        default=None,
        metadata=_about(
            _Checked("url", _checked_url),
            "The OpenTelemetry collector (OTLP over HTTP) that gets traces.",
            default_words="no traces",
        ),
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings that `environment` names; an empty value counts as none.

        Raises:
            BadSetting: a value is not what its setting takes.
        """
        given = {}
        for each in fields(cls):
            value = environment.get(variable(each))
            if value:
                given[each.name] = _converted(each, value)
        return cls(**given)

    def as_environment(self) -> dict[str, str]:
        """The variables that `from_environment` makes these settings of."""
        values = {variable(each): getattr(self, each.name) for each in fields(self)}
        return {
            name: ",".join(value) if isinstance(value, tuple) else str(value)
            for name, value in values.items()
            if value not in (None, ())
        }


def variable(each: "Field[Any]") -> str:
    """The environment variable of a field."""
    return _PREFIX + each.name.upper()


def flag(each: "Field[Any]") -> str:
    """The flag of a field."""
    return "--" + each.name.replace("_", "-")


def likely_misspelt(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables that nearly are those of settings, each with the one that may be meant.

    >>> likely_misspelt({"ASKPOLICY_PROT": "80", "ASKPOLICY_PORT": "81", "ASKPOLICY_SERVICE_HOST": "x"})
    {'ASKPOLICY_PROT': 'ASKPOLICY_PORT'}
    """
    known = [each.name.upper() for each in fields(Settings)]
    strange = [name[len(_PREFIX) :] for name in environment if name.startswith(_PREFIX)]
    # names that others set, such as ASKPOLICY_SERVICE_HOST, are far from all
    near = {name: difflib.get_close_matches(name, known, n=1, cutoff=0.65) for name in strange if name not in known}
    return {_PREFIX + name: _PREFIX + found[0] for name, found in near.items() if found}


def default_words(each: "Field[Any]") -> str:
    """What is used where nobody sets the field."""
    words: str | None = each.metadata["default_words"]
    if words:
        return words
    return {True: "yes", False: "no"}[each.default] if isinstance(each.default, bool) else str(each.default)


def settings_table() -> str:
    """All settings as a table in Markdown."""
    rows = [
        f"| `{variable(each)}` | `{flag(each)}` | {default_words(each)} | {each.metadata['words']} |"
        for each in fields(Settings)
    ]
    return "\n".join(["| variable | flag of `serve` | default | |", "| --- | --- | --- | --- |", *rows])


def _converted(each: "Field[Any]", value: str) -> Any:
    kind = click.types.convert_type(each.metadata["kind"])
    try:
        # int() reads other scripts' digits and "1_000", which a person hardly means
        if isinstance(kind, click.IntRange) and not (value.isascii() and value.lstrip("-").isdigit()):
            kind.fail(f"{value[:80]!r} is not a valid whole number")
        return kind.convert(value, None, None)
    except click.BadParameter as error:
        raise BadSetting(f"{variable(each)}: {error.message.rstrip('.')}: {each.metadata['words']}") from error


if __name__ == "__main__":
    click.echo(settings_table())
