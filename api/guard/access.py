"""Who may ask, and how often: hosts, API keys, widget tokens and their origins, rate limits. It knows no questions.

Where there are keys, everything asks for one but what is listed here: whether the service is alive and ready, the pages
and the widget, the schema.
"""

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import limits
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.guard.keys import Key, KeyRing, found_key
from api.guard.rates import Rates
from api.observability.metrics import Metrics
from api.settings import BadSetting, Settings, checked_origin
from api.wire.problems import (
    FOREIGN_HOST,
    FOREIGN_ORIGIN,
    KEY_MISSING,
    KEY_SCOPE,
    KEY_UNKNOWN,
    NOT_FOUND,
    TOO_MANY_REQUESTS,
    WIDGET_TOKEN,
    problem,
)

if TYPE_CHECKING:
    from limits import RateLimitItem

_OPEN = frozenset(("/", "/healthz", "/readyz", "/docs", "/openapi.json", "/page.css", "/widget.js"))
_OPEN_PAGES = "/policies/"
_ADMINISTRATION = "/v1/admin/"
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
# What a browser lets a page of another origin read.
_EXPOSED = ("Retry-After", "X-Request-ID", "X-Index-Version")
_NO_LIMIT = "0"
_ADDRESS_RATE = "120/minute"
# Of an IPv6 address this much is one customer's.
_CUSTOMER_BITS = 64


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`, an address.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0"), is_loopback("nonsense")
    (True, True, False, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_local(settings: Settings) -> bool:
    """Whether only this machine asks: it listens on loopback, and no proxy brings others."""
    return is_loopback(settings.host) and not settings.proxies


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may ask under some settings.

    Attributes:
        keys: those that may, as of now; None: whoever asks.
        hosts: what `Host` may be; empty: anything.
        origins: whose pages may ask without a token.
        per_key, per_address: requests in a time; None: any number.
    """

    keys: Callable[[], tuple[Key, ...]] | None
    hosts: frozenset[str]
    origins: frozenset[str]
    per_key: "RateLimitItem | None"
    per_address: "RateLimitItem | None"

    @classmethod
    def of(cls, settings: Settings) -> "Rules":
        """The rules that `settings` ask for.

        Raises:
            KeysError: the file of keys cannot be read.
        """
        ring = KeyRing(settings.keys) if settings.keys else None
        local = is_local(settings)
        # A page of another site must not reach this machine by a name that it points here.
        hosts = settings.hosts or (LOOPBACK_NAMES if local and ring is None else ())
        return cls(
            keys=(lambda: ring.keys) if ring else None,
            hosts=frozenset(hosts),
            origins=frozenset(settings.origins),
            per_key=_rate(settings.rate_per_key),
            per_address=_rate(settings.rate_per_address or (_NO_LIMIT if local else _ADDRESS_RATE)),
        )

    def check_page_token(self, token: str | None) -> None:
        """Nothing, if the token that the page shows to everybody is made for that, or there is none.

        Raises:
            BadSetting: it is a secret key, or none that is known.
        """
        found = found_key(self.keys() if self.keys else (), token) if token is not None else None
        if token is not None and (found is None or not found.origins):
            raise BadSetting(
                "page_token is no widget token of the file of keys, and everybody may read it in the page: make one "
                "with `askpolicy keys add NAME --origin ORIGIN --keys FILE`"
            )

    def origin_may_ask(self, origin: str) -> bool:
        """Whether a browser may let pages of `origin` ask: it is allowed to all, or some widget token's."""
        tokens = self.keys() if self.keys else ()
        return origin in self.origins or any(origin in key.origins for key in tokens)


def may_administrate(key: Key | None) -> bool:
    """Whether a request with `key` may change what is in the index."""
    return key is not None and "admin" in key.endpoints


class Access:
    """Middleware: lets in who may ask, and tells the others why not and what to do."""

    def __init__(self, app: ASGIApp, *, rules: Rules, rates: Rates, metrics: Metrics) -> None:
        self._app, self._rules, self._rates, self._metrics = app, rules, rates, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        response = await self._refused(scope)
        await (response or self._app)(scope, receive, send)

    async def _refused(self, scope: Scope) -> Response | None:
        headers, path = Headers(scope=scope), scope["path"]
        wrong_host = self._wrong_host(headers)
        if wrong_host is not None:
            return problem(FOREIGN_HOST, wrong_host)
        if path in _OPEN or path.startswith(_OPEN_PAGES):
            return None
        key = None
        if self._rules.keys is not None:
            key = found_key(self._rules.keys(), _bearer(headers))
            response = self._without_right(key, scope, headers)
            if response is not None:
                return response
        if path.startswith(_ADMINISTRATION) and not may_administrate(key):
            if key is None:
                return problem(NOT_FOUND, f"{path[:200]!r} is answered only to a key for administration")
            return problem(KEY_SCOPE, "this key only asks; whoever runs the service can make one for administration")
        scope["state"]["key"] = key.name if key else None
        return None if path == "/metrics" else await self._over_limit(key, scope)

    def _wrong_host(self, headers: Headers) -> str | None:
        host = headers.get("host", "")
        name = host if host.endswith("]") else host.rsplit(":", 1)[0]
        if not self._rules.hosts or name.lower() in self._rules.hosts:
            return None
        return (
            f"Host is {host[:100]!r}, expected {', '.join(sorted(self._rules.hosts))}; whoever runs the service adds "
            f"a name with --hosts"
        )

    def _without_right(self, key: Key | None, scope: Scope, headers: Headers) -> Response | None:
        challenge = {"WWW-Authenticate": "Bearer"}
        if key is None:
            if not headers.get("authorization"):
                return problem(KEY_MISSING, "send the header Authorization: Bearer KEY", headers=challenge)
            detail = "the header Authorization holds no key that is known here; ask whoever runs the service for one"
            return problem(KEY_UNKNOWN, detail, headers=challenge)
        if key.origins and scope["path"] == "/metrics":
            return problem(WIDGET_TOKEN, "a widget token only asks; send an API key")
        origin = _origin(scope, headers)
        if key.origins and origin not in key.origins:
            got = f"it came from {origin[:100]!r}" if origin else "it came without an Origin"
            return problem(FOREIGN_ORIGIN, f"this widget token is for pages of {', '.join(key.origins)}; {got}")
        return None

    async def _over_limit(self, key: Key | None, scope: Scope) -> Response | None:
        for what, rate, whose in self._limits(key, scope):
            retry_after_s = await self._rates.retry_after_s(rate, what, whose)
            if retry_after_s is None:
                continue
            self._metrics.rate_limited(what)
            detail = f"this {what} has {rate}; ask again in {retry_after_s} s"
            return problem(TOO_MANY_REQUESTS, detail, headers={"Retry-After": str(retry_after_s)})
        return None

    def _limits(self, key: Key | None, scope: Scope) -> Iterator[tuple[str, "RateLimitItem", str]]:
        # A public token is in many hands. The address comes first: what it is refused must not count for the others.
        if (key is None or key.origins) and self._rules.per_address is not None:
            yield "address", self._rules.per_address, _customer(scope)
        if key is not None and self._rules.per_key is not None:
            yield "key", self._rules.per_key, key.name


class Cors(CORSMiddleware):
    """Middleware: what a browser may let other sites' pages read; the list is asked each time, for keys change."""

    def __init__(self, app: ASGIApp, *, rules: Rules) -> None:
        super().__init__(
            app,
            allow_methods=("GET", "POST"),
            allow_headers=("Authorization", "Content-Type", "X-Request-ID"),
            expose_headers=_EXPOSED,
            max_age=600,
        )
        self._rules = rules

    def is_allowed_origin(self, origin: str) -> bool:
        """See Starlette."""
        return self._rules.origin_may_ask(origin)

    def preflight_response(self, request_headers: Headers) -> Response:
        """See Starlette; a refusal is a problem like all others."""
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        detail = f"pages of {request_headers['origin'][:100]!r} may not send this here: {bytes(response.body).decode()}"
        return problem(FOREIGN_ORIGIN, detail, headers={"Vary": "Origin"})


def _rate(text: str) -> "RateLimitItem | None":
    return None if text == _NO_LIMIT else limits.parse(text)


def _bearer(headers: Headers) -> str:
    kind, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else ""


def _origin(scope: Scope, headers: Headers) -> str:
    """Where the page that asks is from; a browser sends no Origin when a page reads from its own server."""
    origin = headers.get("origin", "")
    if not origin and headers.get("sec-fetch-site") == "same-origin":
        try:
            return checked_origin(f"{scope['scheme']}://{headers.get('host', '')}")
        except ValueError:
            return ""
    return origin


def _customer(scope: Scope) -> str:
    """The address, or the part of it that one customer has."""
    host = (scope.get("client") or ("unknown", 0))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return str(host)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, _CUSTOMER_BITS), strict=False))
    return str(address)
