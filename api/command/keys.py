"""`askpolicy keys`: make, rotate, list and remove API keys and widget tokens. It does not know how they are kept."""

import json
import os
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from api.guard.endpoints import ENDPOINTS
from api.settings import Settings, checked_origin

if TYPE_CHECKING:
    from api.guard.key_ring import LastUse
    from api.guard.keys import Key

_DURATION = re.compile(r"(\d{1,5}) ?([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(text: str) -> timedelta:
    """The time that `text` names.

    >>> str(duration("7d")), str(duration("12 h"))
    ('7 days, 0:00:00', '12:00:00')

    Raises:
        ValueError: it names none; the message says what is expected.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None and text.strip() != "0":
        raise ValueError(f"{text[:80]!r} is no duration, expected one such as 90d, 12h, 30m, 2w or 0")
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta(0)


def end_at(text: str, now: datetime) -> datetime:
    """When what lasts for `text` ends: a day, in UTC and to its end, or a duration from `now` on.

    >>> str(end_at("2027-01-31", datetime(2026, 12, 1, tzinfo=UTC)))
    '2027-02-01 00:00:00+00:00'

    Raises:
        ValueError: it is neither, or over by `now`.
    """
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        day = None
    try:
        last = datetime(day.year, day.month, day.day, tzinfo=UTC) if day else now
        end = last + (timedelta(days=1) if day else duration(text))
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"{text[:80]!r} is no day and no duration, expected 2027-01-31 or 90d, 12h, 30m, 2w"
        ) from error
    if end <= now:
        raise ValueError(f"{text[:80]!r} is over already")
    return end


class _End(click.ParamType[datetime]):
    """A day or a duration, as the moment when it ends."""

    name = "end"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """See click."""
        try:
            return value if isinstance(value, datetime) else end_at(value, datetime.now(UTC).replace(microsecond=0))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Overlap(click.ParamType[timedelta]):
    """A duration."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """See click."""
        try:
            return value if isinstance(value, timedelta) else duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.group()
def keys() -> None:
    """Make, rotate, list and remove API keys and widget tokens."""


_keys_option = click.option(
    "--keys",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file of keys; left out: $ASKPOLICY_KEYS.",
)
_expires_option = click.option(
    "--expires",
    "expires_at",
    metavar="DAY|DURATION",
    type=_End(),
    help="End the key with this day (UTC), such as 2027-01-31, or after so long: 90d, 12h, 30m, 2w.",
)


@keys.command()
@click.argument("name")
@click.option(
    "--origin",
    "origins",
    metavar="ORIGIN",
    multiple=True,
    help="Make a public widget token for pages of ORIGIN, such as https://shop.example; may be given several times.",
)
@click.option(
    "--company",
    "companies",
    metavar="COMPANY",
    multiple=True,
    help="Let it see this company alone, by id, name or domain; may be given several times.",
)
@click.option(
    "--endpoint",
    "endpoints",
    type=click.Choice(ENDPOINTS),
    multiple=True,
    help="Let it call this endpoint alone; may be given several times. `admin` must be named, `metrics` must with "
    "--company; `mcp` needs those of its tools beside it.",
)
@_expires_option
@_keys_option
def add(
    *,
    name: str,
    origins: tuple[str, ...],
    companies: tuple[str, ...],
    endpoints: tuple[str, ...],
    expires_at: datetime | None,
    path: Path | None,
) -> None:
    """Make a key called NAME and print it, once: only its hash is kept.

    A key is a secret of whoever calls the service. With --origin it is a token for a widget, which may stand in a
    page: it asks only from pages of that origin. A running service knows it within a second.
    """
    from api.guard.keys import add_key

    try:
        checked = [checked_origin(origin) for origin in origins]
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--origin") from error
    secret = add_key(
        _keys_file(path), name, origins=checked, companies=companies, endpoints=endpoints, expires_at=expires_at
    )
    click.echo(secret)


@keys.command()
@click.argument("name")
@click.option(
    "--overlap",
    metavar="DURATION",
    type=_Overlap(),
    default="7d",
    show_default=True,
    help="So long the secret before it works, too: 7d, 12h, 30m, or 0.",
)
@_expires_option
@_keys_option
def rotate(*, name: str, overlap: timedelta, expires_at: datetime | None, path: Path | None) -> None:
    """Give the key called NAME a new secret and print it, once; the one before it works until the overlap ends.

    `askpolicy keys list` tells whether that one is still used.
    """
    from api.guard.key_ring import LastUse
    from api.guard.keys import read_keys, rotate_key

    file = _keys_file(path)
    secret = rotate_key(file, name, overlap=overlap, expires_at=expires_at)
    LastUse(file).forget_others(read_keys(file))
    click.echo(secret)


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_keys_option
def list_keys(*, as_json: bool, path: Path | None) -> None:
    """List the keys: name, origins, companies, endpoints, end, last use. No secret is kept, so none is shown.

    The last use is known to a minute.
    """
    from api.guard.key_ring import LastUse
    from api.guard.keys import read_keys

    file = _keys_file(path)
    found, last_use = read_keys(file), LastUse(file)
    if as_json:
        click.echo(json.dumps([_entry(key, last_use) for key in found], ensure_ascii=False, indent=2))
        return
    for key in found:
        click.echo("\n".join(_lines(key, last_use)))


@keys.command()
@click.argument("name")
@_keys_option
def remove(*, name: str, path: Path | None) -> None:
    """Answer no more requests with the key called NAME; a running service knows it within a second."""
    from api.guard.key_ring import LastUse
    from api.guard.keys import read_keys, remove_key

    file = _keys_file(path)
    remove_key(file, name)
    LastUse(file).forget_others(read_keys(file))
    click.echo(f"{name}: removed")


# what it was called before; a release longer
keys.add_command(click.Command("revoke", callback=remove.callback, params=remove.params, help=remove.help, hidden=True))


def _keys_file(path: Path | None) -> Path:
    found = path or Settings.from_environment(os.environ).keys
    if found is None:
        raise click.UsageError("no file of keys is named: give --keys FILE, or set ASKPOLICY_KEYS")
    return found


def _lines(key: "Key", last_use: "LastUse") -> list[str]:
    now, scope = datetime.now(UTC), key.scope
    end = f"{_shown(scope.expires_at)}" if scope.expires_at else ""
    over = bool(scope.expires_at and scope.expires_at <= now)
    used = last_use.of(key)
    columns = [
        key.name,
        f"made {key.made_on}",
        f"widget token for {_listed(scope.origins)}" if scope.origins else "secret key",
        f"companies: {_listed(scope.companies) or 'all'}",
        f"endpoints: {_listed(scope.endpoints) or _all_endpoints(key)}",
        (f"expired {end}" if over else f"expires {end}") if end else "never expires",
        f"last used {_shown(used)}" if used else "not used yet",
    ]
    lines = ["  ".join(columns)]
    for secret in key.secrets:
        if secret.until and not over:
            used = last_use.of_secret(secret)
            what = "ended" if secret.until <= now else "works until"
            told = f"last used {_shown(used)}" if used else "not used yet"
            lines.append(f"  a secret before the last rotation {what} {_shown(secret.until)}  {told}")
    return lines


def _entry(key: "Key", last_use: "LastUse") -> dict[str, Any]:
    scope = key.scope
    return {
        "name": key.name,
        "made_on": key.made_on,
        "origins": scope.origins,
        "companies": scope.companies,
        "endpoints": scope.endpoints,
        "expires_at": _iso(scope.expires_at),
        "last_used_at": _iso(last_use.of(key)),
        "secrets": [
            {"until": _iso(each.until), "last_used_at": _iso(last_use.of_secret(each))} for each in key.secrets
        ],
    }


def _all_endpoints(key: "Key") -> str:
    left_out = [name for name in ENDPOINTS if not key.scope.includes(name)]
    return f"all but {' and '.join(left_out)}"


def _listed(values: Sequence[str]) -> str:
    return ", ".join(values)


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
