"""Who may ask, what and how often: hosts, API keys, widget tokens, their scopes, rate limits. It knows no questions.

Where there are keys, everything asks for one but what is listed here: whether the service is alive and ready, the pages
and the widget, the schema.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import limits
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.guard.addresses import customer, is_loopback, networks
from api.guard.endpoints import ADMIN, METRICS, NOT_FOR_WIDGETS, endpoint_of
from api.guard.key_ring import KeyRing, LastUse
from api.guard.keys import Key, Secret, found_key
from api.guard.rates import Rates, per_second, times
from api.observability.logs import log
from api.observability.metrics import Metrics
from api.settings import BadSetting, Settings, checked_origin
from api.wire.problems import (
    FOREIGN_HOST,
    FOREIGN_ORIGIN,
    KEY_EXPIRED,
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

_OPEN = frozenset(
    (
        "/",
        "/compare",
        "/timeline",
        "/healthz",
        "/readyz",
        "/docs",
        "/openapi.json",
        "/page.css",
        "/tables.css",
        "/widget.js",
    )
)
_OPEN_PAGES = ("/policies/", "/modules/", "/widget/")
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
# What a browser lets a page of another origin read.
_EXPOSED = ("Retry-After", "X-Request-ID", "X-Index-Version")
_NO_LIMIT = "0"
_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_ADDRESS_RATE, _VISITOR_RATE = "120/minute", "60/minute"
# Fewer visitors than this must not be able to use up a widget token for all.
_FEWEST_TO_USE_UP = 20


def is_local(settings: Settings) -> bool:
    """Whether only this machine asks: it listens on loopback, and no proxy brings others."""
    return is_loopback(settings.host) and not settings.proxies


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may ask under some settings.

    Attributes:
        keys: those that there are now; None: whoever asks may.
        last_use: where the use of keys is noted; None: there are no keys.
        hosts: what `Host` may be; empty: anything.
        origins: whose pages may ask without a token.
        per_key, per_address: requests in a time, of a secret key and of an address without one; None: any number.
        per_visitor, per_token: the same of a visitor with a widget token, and of all its visitors.
    """

    keys: Callable[[], tuple[Key, ...]] | None
    last_use: LastUse | None
    hosts: frozenset[str]
    origins: frozenset[str]
    per_key: "RateLimitItem | None"
    per_address: "RateLimitItem | None"
    per_visitor: "RateLimitItem | None"
    per_token: "RateLimitItem | None"

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
        rules = cls(
            keys=(lambda: ring.keys) if ring else None,
            last_use=LastUse(settings.keys) if settings.keys else None,
            hosts=frozenset(hosts),
            origins=frozenset(settings.origins),
            per_key=_rate(settings.rate_per_key),
            per_address=_rate(settings.rate_per_address or (_NO_LIMIT if local else _ADDRESS_RATE)),
            per_visitor=_rate(settings.rate_per_visitor or (_NO_LIMIT if local else _VISITOR_RATE)),
            per_token=_rate(settings.rate_per_token),
        )
        if rules.per_visitor and rules.per_token:
            visitors = per_second(rules.per_token) / per_second(rules.per_visitor)
            if visitors < _FEWEST_TO_USE_UP:
                mend = f"let rate_per_token be at least {_FEWEST_TO_USE_UP} times rate_per_visitor"
                log.warning("few_visitors_use_up_a_widget_token", visitors=round(visitors, 1), mend=mend)
        return rules

    def check_page_token(self, token: str | None) -> None:
        """Nothing, if the token that the page shows to everybody is made for that, or there is none.

        Raises:
            BadSetting: it is a secret key, or none that is known.
        """
        if token is None:
            return
        found = found_key(self.keys() if self.keys else (), token)
        mend = "make one with `askpolicy keys add NAME --origin ORIGIN --keys FILE`"
        if found is None or not found[0].scope.origins:
            raise BadSetting(
                f"page_token is no widget token of the file of keys, and everybody may read it in the page: {mend}"
            )
        if found[0].ended_at(found[1], datetime.now(UTC)):
            raise BadSetting(f"page_token is the widget token {found[0].name}, which has expired: {mend}")

    def origin_may_ask(self, origin: str) -> bool:
        """Whether a browser may let pages of `origin` ask: it is allowed to all, or some widget token's."""
        tokens = self.keys() if self.keys else ()
        return origin in self.origins or any(origin in key.scope.origins for key in tokens)


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
        key, endpoint, state = None, endpoint_of(path), scope["state"]
        if self._rules.keys is not None:
            found = found_key(self._rules.keys(), _bearer(headers))
            if found is None:
                return _without_key(headers)
            key, state["key"] = found[0], found[0].name
            response = _ended(*found) or _beyond_scope(key, endpoint, scope, headers)
            if response is not None:
                # by name, unless it is public: then anybody may have caused it
                state["is_audited"] = not key.scope.origins
                return response
            self._note_use(found[1])
        elif endpoint == ADMIN:
            return problem(NOT_FOUND, f"{path[:200]!r} is answered only to a key with the endpoint {ADMIN}")
        # Whoever looks at an index asks for this, and fails without it: see `api.routes.work`.
        state["companies"] = (key.scope.companies or None) if key else None
        over_limit = None if endpoint == METRICS else await self._over_limit(key, scope)
        state["is_audited"] = over_limit is None
        return over_limit

    def _note_use(self, secret: Secret) -> None:
        if self._rules.last_use is not None:
            self._rules.last_use.note(secret)

    def _wrong_host(self, headers: Headers) -> str | None:
        host = headers.get("host", "")
        name = host if host.endswith("]") else host.rsplit(":", 1)[0]
        if not self._rules.hosts or name.lower() in self._rules.hosts:
            return None
        return (
            f"Host is {host[:100]!r}, expected {', '.join(sorted(self._rules.hosts))}; whoever runs the service adds "
            f"a name with --hosts"
        )

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
        rules = self._rules
        if key is None:
            if rules.per_address is not None:
                yield "address", rules.per_address, customer(_host(scope))
        elif not key.scope.origins:
            if rules.per_key is not None:
                yield "key", rules.per_key, key.name
        else:
            # A public token is in many hands. They come first: what a visitor is refused must not count for others.
            if rules.per_visitor is not None:
                for network in networks(_host(scope)):
                    yield network.what, times(rules.per_visitor, network.share), f"{key.name} {network.address}"
            if rules.per_token is not None:
                yield "widget token", rules.per_token, key.name


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


def _without_key(headers: Headers) -> Response:
    if not headers.get("authorization"):
        return problem(KEY_MISSING, "send the header Authorization: Bearer KEY", headers=_CHALLENGE)
    detail = "the header Authorization holds no key that is known here; ask whoever runs the service for one"
    return problem(KEY_UNKNOWN, detail, headers=_CHALLENGE)


def _ended(key: Key, secret: Secret) -> Response | None:
    since = key.ended_at(secret, datetime.now(UTC))
    if since is None:
        return None
    what, mend = "this key expired", "ask whoever runs the service for another"
    if secret.until == since:
        what, mend = "this key's secret was exchanged, and ended", "send the new one"
    return problem(KEY_EXPIRED, f"{what} at {since.astimezone(UTC):%Y-%m-%d %H:%M} UTC; {mend}", headers=_CHALLENGE)


def _beyond_scope(key: Key, endpoint: str | None, scope: Scope, headers: Headers) -> Response | None:
    may = key.scope
    if may.origins and endpoint in NOT_FOR_WIDGETS:
        return problem(WIDGET_TOKEN, "a widget token only asks; send an API key")
    origin = _origin(scope, headers)
    if may.origins and origin not in may.origins:
        got = f"it came from {origin[:100]!r}" if origin else "it came without an Origin"
        return problem(FOREIGN_ORIGIN, f"this widget token is for pages of {', '.join(may.origins)}; {got}")
    if may.includes(endpoint):
        return None
    allowed = ", ".join(may.endpoints) or "other endpoints"
    asked = f"the endpoint {endpoint}" if endpoint else f"{scope['path'][:200]!r}"
    return problem(
        KEY_SCOPE, f"this key is for {allowed}, and not for {asked}; whoever runs the service can make another"
    )


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


def _host(scope: Scope) -> str:
    """Who asks, as the trusted proxies tell it."""
    return str((scope.get("client") or ("unknown", 0))[0])
