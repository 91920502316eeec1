"""What robots.txt allows us at each origin, and how long to wait between two requests (RFC 9309)."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx
from protego import Protego

from index.errors import FetchError, FetchFailed, FetchRefused
from index.sources.fetch_address import checked_url
from index.sources.fetch_http import ROBOT, HttpClient

Origin = tuple[str, bytes, int | None]
REDIRECTS = (301, 302, 303, 307, 308)

DELAY_S = 1.0
"""Between two requests to a host that asks for no delay."""
# Who asks for more would make a list of a hundred addresses take days.
_LONGEST_DELAY_S = 30.0
_MOST_REDIRECTS = 5
# RFC 9309 asks for at least so much; more is hardly meant.
_READ_BYTES = 512_000
_TOO_MANY_REQUESTS, _SERVER_ERROR = 429, 500


@dataclass(frozen=True, slots=True)
class _Rules:
    """What an origin's robots.txt says; `unreadable` is why it could not be read."""

    robots: Protego
    unreadable: FetchError | None = None


class Robots:
    """Asks each origin for its robots.txt once, and waits between two requests to one host."""

    def __init__(
        self,
        client: HttpClient,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._sleep, self._clock = client, sleep, clock
        self._rules: dict[Origin, _Rules] = {}
        self._asked_at: dict[bytes, float] = {}

    def wait_for(self, url: httpx.URL) -> None:
        """Return once `url` may be asked for.

        Raises:
            FetchRefused: robots.txt forbids it, or its server fails to say.
            FetchFailed: its host does not answer.
        """
        origin = (url.scheme, url.raw_host, url.port)
        if origin not in self._rules:
            self._rules[origin] = self._read(url)
        rules = self._rules[origin]
        if rules.unreadable:
            raise type(rules.unreadable)(str(rules.unreadable))
        if not rules.robots.can_fetch(str(url), ROBOT):
            raise FetchRefused(f"{_robots_txt(url)} forbids it to {ROBOT}")
        last = self._asked_at.get(url.raw_host)
        delay = max(DELAY_S, min(rules.robots.crawl_delay(ROBOT) or 0.0, _LONGEST_DELAY_S))
        if last is not None and (left := last + delay - self._clock()) > 0:
            self._sleep(left)

    def asked(self, url: httpx.URL) -> None:
        """Note that `url` was asked for just now."""
        self._asked_at[url.raw_host] = self._clock()

    def _read(self, url: httpx.URL) -> _Rules:
        address = _robots_txt(url)
        try:
            text = self._text(address)
        except FetchRefused as error:
            return _Rules(Protego(), error)
        except FetchFailed as error:
            return _Rules(Protego(), FetchFailed(f"{address} could not be read: {error}"))
        return _Rules(Protego.parse(text))

    def _text(self, address: httpx.URL) -> str:
        """What stands at `address`; nothing, which forbids nothing, where there is no robots.txt."""
        for _ in range(_MOST_REDIRECTS + 1):
            response = self._client.get(address)
            if response.status in REDIRECTS and "location" in response.headers:
                address = joined(address, response.headers["location"])
                continue
            if response.status >= _SERVER_ERROR or response.status == _TOO_MANY_REQUESTS:
                raise FetchRefused(
                    f"{address} answers with status {response.status}, so it is not known what it allows; "
                    f"try again later"
                )
            return response.body[:_READ_BYTES].decode("utf-8-sig", errors="replace")
        return ""


def joined(url: httpx.URL, location: str) -> httpx.URL:
    """Where the redirect `location` leads from `url`.

    Raises:
        FetchRefused: to no address that may be asked for.
    """
    try:
        return checked_url(str(url.join(location)))
    except (httpx.InvalidURL, ValueError) as error:
        raise FetchRefused("it redirects to what is no address") from error
    except FetchRefused as error:
        raise FetchRefused(f"it redirects to an address that is refused: {error}") from error


def _robots_txt(url: httpx.URL) -> httpx.URL:
    return url.copy_with(raw_path=b"/robots.txt", fragment=None)
