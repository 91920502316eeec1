"""Addresses become snapshots: fetched politely, within limits, and stored with where and when they came from."""

import hashlib
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path

import httpx

from index.errors import FetchError, FetchFailed, FetchRefused, SidecarError
from index.sources.fetch_address import MayReach, Resolve, checked_url, is_public, resolve_host, without_credentials
from index.sources.fetch_http import HttpClient, Limits, Response
from index.sources.fetch_robots import REDIRECTS, Robots, joined
from index.sources.fetch_snapshots import Snapshot, Snapshots
from index.sources.fetch_types import checked_type, ending
from index.sources.sidecar import Sidecar

_LONGEST_HEADER_CHARS = 1_000


class FetchOutcome(StrEnum):
    """What became of an address."""

    OK = "ok"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of an address.

    Attributes:
        address: as given, without credentials.
        path: the file that holds it; None where nothing does.
        reason: why it was refused or failed; else empty.
    """

    address: str
    outcome: FetchOutcome
    path: Path | None = None
    reason: str = ""


class Fetcher:
    """Stores snapshots of addresses in a folder, one request at a time."""

    def __init__(
        self,
        out: Path,
        *,
        may_reach: MayReach = is_public,
        resolve: Resolve = resolve_host,
        limits: Limits | None = None,
        ssl_context: ssl.SSLContext | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """A fetcher into the folder `out`.

        Args:
            may_reach: which machines may be connected to, by their IP addresses.
            now: the time in UTC, with its zone.
        """
        self._limits = limits or Limits()
        self._client = HttpClient(resolve=resolve, may_reach=may_reach, limits=self._limits, ssl_context=ssl_context)
        self._robots = Robots(self._client, sleep=sleep)
        self._snapshots, self._now = Snapshots(out), now

    def fetch(self, address: str) -> Fetched:
        """Store what stands at `address` and say what became of it.

        Raises:
            OSError: the folder cannot be written.
        """
        shown = without_credentials(address.strip())
        try:
            url = checked_url(address)
            before = self._snapshots.newest(url)
            final, response = self._answer(url, before)
            if before and response.status == HTTPStatus.NOT_MODIFIED:
                return Fetched(shown, FetchOutcome.UNCHANGED, before.path)
            stored, is_new = self._store(url, final, response)
        except FetchRefused as error:
            return Fetched(shown, FetchOutcome.REFUSED, reason=str(error))
        except (FetchError, SidecarError) as error:
            return Fetched(shown, FetchOutcome.FAILED, reason=str(error))
        return Fetched(shown, FetchOutcome.OK if is_new else FetchOutcome.UNCHANGED, stored.path)

    def _answer(self, url: httpx.URL, before: Snapshot | None) -> tuple[httpx.URL, Response]:
        """The address that answers for `url`, and its answer: 200, or 304 where nothing has changed since `before`."""
        seen = set()
        for _ in range(self._limits.redirects + 1):
            seen.add(url)
            try:
                response = self._asked(url, before)
            except FetchError as error:
                if len(seen) == 1:
                    raise
                raise type(error)(f"redirected to {url}: {error}") from error
            if response.status not in REDIRECTS:
                return url, _checked_status(response)
            if not response.headers.get("location"):
                raise FetchFailed(f"status {response.status} without the address that it redirects to")
            url = joined(url, response.headers["location"])
            if url in seen:
                raise FetchFailed(f"it redirects in a circle, back to {url}")
        raise FetchFailed(f"more than {self._limits.redirects} redirects; the last leads to {url}")

    def _asked(self, url: httpx.URL, before: Snapshot | None) -> Response:
        """The answer of `url` itself, once it may be asked for."""
        self._robots.wait_for(url)
        try:
            return self._client.get(url, headers=_conditions(url, before), check=_check_headers)
        finally:
            self._robots.asked(url)

    def _store(self, url: httpx.URL, final: httpx.URL, response: Response) -> tuple[Snapshot, bool]:
        headers, fetched_at = response.headers, self._now()
        content_type = headers.get("content-type", "")
        suffix = ending(response.body, content_type=content_type, path=final.path)
        sidecar = Sidecar(
            address=str(url),
            final_address=str(final),
            fetched_at=fetched_at,
            status=response.status,
            content_type=_kept(content_type),
            content_language=_kept(headers.get("content-language", "")),
            etag=_kept(headers.get("etag", "")),
            last_modified=_kept(headers.get("last-modified", "")),
            sha256=hashlib.sha256(response.body).hexdigest(),
            archived_on=_archived_on(headers),
        )
        return self._snapshots.store(response.body, sidecar, url=url, ending=suffix)


def _conditions(url: httpx.URL, before: Snapshot | None) -> dict[str, str]:
    """The headers that ask for an answer only if it is another than `before`."""
    if before is None or before.sidecar.final_address != str(url):
        return {}
    known = {"If-None-Match": before.sidecar.etag, "If-Modified-Since": before.sidecar.last_modified}
    return {name: value for name, value in known.items() if value and value.isascii()}


def _check_headers(headers: httpx.Headers) -> None:
    checked_type(headers.get("content-type", ""))


def _checked_status(response: Response) -> Response:
    if response.status in (HTTPStatus.OK, HTTPStatus.NON_AUTHORITATIVE_INFORMATION, HTTPStatus.NOT_MODIFIED):
        return response
    known = {status.value: f" {status.phrase}" for status in HTTPStatus}
    later = response.headers.get("retry-after", "")
    again = f"; try again after {_kept(later)} (its Retry-After)" if later else ""
    raise FetchFailed(f"status {response.status}{known.get(response.status, '')}{again}")


def _kept(header: str) -> str | None:
    """`header` as a sidecar may hold it."""
    return "".join(char for char in header.strip() if char.isprintable())[:_LONGEST_HEADER_CHARS].strip() or None


def _archived_on(headers: httpx.Headers) -> date | None:
    """The day of the snapshot that a web archive has served (RFC 7089)."""
    try:
        return parsedate_to_datetime(headers.get("memento-datetime", "")).date()
    except ValueError:
        return None
