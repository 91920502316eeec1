"""How often: requests are counted in each worker's memory, or in one Redis for all. It does not know who asks."""

import asyncio
import math
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from limits.aio.storage import MemoryStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import ConfigurationError, StorageError
from limits.storage import storage_from_string

from api.observability.logs import log
from api.settings import BadSetting

if TYPE_CHECKING:
    from limits import RateLimitItem
    from redis.asyncio import ConnectionPool

_MEMORY = "memory"
# each with the scheme that the client has for it
_REDIS = {"redis": "redis", "rediss": "rediss", "redis+unix": "unix"}
_WITHIN_S = 0.5
_LEFT_ALONE_S = 5.0


class Rates:
    """Counts requests by whose they are.

    While Redis fails, this process counts alone: a limit that each worker has is better than none, and no request waits
    for a Redis that is silent.
    """

    def __init__(
        self, shared: Storage | None = None, *, address: str = "", pool: "ConnectionPool | None" = None
    ) -> None:
        """`shared`: what all workers count in, by connections of `pool`; `address`: what the log calls it."""
        self._shared, self._pool = SlidingWindowCounterRateLimiter(shared) if shared else None, pool
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._address, self._left_alone_until = address, 0.0

    async def retry_after_s(self, rate: "RateLimitItem", *whose: str) -> int | None:
        """Count a request; None where `rate` allows it, else in how many seconds it may be asked again."""
        if self._shared and time.monotonic() >= self._left_alone_until:
            try:
                async with asyncio.timeout(_WITHIN_S):
                    return await _counted(self._shared, rate, whose)
            except (StorageError, TimeoutError) as error:
                self.leave_alone(error)
        return await _counted(self._own, rate, whose)

    async def end(self) -> None:
        """Close what is open to Redis."""
        if self._pool:
            await self._pool.aclose()

    def leave_alone(self, error: Exception) -> None:
        """Count in memory for a while, and tell so once."""
        if time.monotonic() >= self._left_alone_until:
            self._left_alone_until = time.monotonic() + _LEFT_ALONE_S
            why = error.storage_error if isinstance(error, StorageError) else error
            said = f"{type(why).__name__}: {why}".removesuffix(": ")
            log.error("rate_storage_failed", storage=self._address, why=said, retry_in_s=_LEFT_ALONE_S)


def open_rates(uri: str) -> Rates:
    """What counts in the storage `uri`. A Redis that cannot be reached is asked again later.

    Raises:
        BadSetting: there is no such storage, its client is not installed, or it refuses this one; no password is shown.
    """
    scheme, address = uri.partition("://")[0], _without_password(uri)
    if scheme == _MEMORY:
        return Rates()
    if scheme not in _REDIS:
        raise BadSetting(
            f"rate_storage is {address}, expected memory://, redis://HOST:6379/0, rediss://HOST:6379/0 (TLS) "
            f"or redis+unix:///PATH"
        )
    try:
        rates = _redis_rates(uri, address=address)
    except (ConfigurationError, ImportError) as error:
        raise BadSetting(
            f"rate_storage is {address}, and the Redis client is not installed: `pip install 'askpolicy[redis]'`"
        ) from error
    except ValueError:
        # its message may hold a part of the password
        raise BadSetting(
            f"rate_storage is {address}, and not of the form redis://USER:PASSWORD@HOST:6379/0; percent-encode what is "
            f"neither letter nor digit in USER and PASSWORD"
        ) from None
    _check(uri, rates, address=address)
    return rates


def _redis_rates(uri: str, *, address: str) -> Rates:
    from redis.asyncio import ConnectionPool
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    pool = ConnectionPool.from_url(
        _clients_uri(uri),
        socket_connect_timeout=_WITHIN_S,
        socket_timeout=_WITHIN_S,
        retry=Retry(NoBackoff(), 1),
    )
    # coredis, which `limits` would take, has changed: with its release 6 each request failed
    options: dict[str, Any] = {"implementation": "redispy", "connection_pool": pool, "wrap_exceptions": True}
    storage = storage_from_string(f"async+{uri}", **options)
    if not isinstance(storage, Storage):
        raise TypeError(f"expected a storage that can be waited for, got {storage!r}")
    return Rates(storage, address=address, pool=pool)


def _check(uri: str, rates: Rates, *, address: str) -> None:
    """Ask the Redis at `uri` whether it is there; it need not be.

    Raises:
        BadSetting: it is, and refuses this client, or is no Redis.
    """
    from redis import Redis, exceptions
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    client = Redis.from_url(
        _clients_uri(uri),
        socket_connect_timeout=_WITHIN_S,
        socket_timeout=_WITHIN_S,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        with client:
            client.ping()
    except exceptions.BusyLoadingError as error:
        rates.leave_alone(error)
    except (
        exceptions.AuthenticationError,
        exceptions.AuthorizationError,
        exceptions.InvalidResponse,
        exceptions.ResponseError,
    ) as error:
        raise BadSetting(f"rate_storage is {address}, which refuses: {error}") from error
    except (exceptions.RedisError, OSError) as error:
        rates.leave_alone(error)


def _clients_uri(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    return f"{_REDIS[scheme]}://{rest}"


def _without_password(uri: str) -> str:
    """Where a storage is, without what is secret, or its scheme alone.

    >>> _without_password("redis://me:secret@cache.example:6379/0?password=secret")
    'redis://cache.example:6379'
    >>> _without_password("redis://:secret"), _without_password("secret")
    ('redis://', 'no address')
    """
    if "://" not in uri:
        return "no address"
    try:
        parts = urlsplit(uri)
        _ = parts.port  # raises where a password makes it unreadable
    except ValueError:
        return uri.partition("://")[0] + "://"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def times(rate: "RateLimitItem", factor: int) -> "RateLimitItem":
    """`factor` times as many in the same time."""
    return type(rate)(rate.amount * factor, rate.multiples)


def per_second(rate: "RateLimitItem") -> float:
    """How many a second, on average."""
    return rate.amount / rate.get_expiry()


async def _counted(
    limiter: SlidingWindowCounterRateLimiter, rate: "RateLimitItem", whose: tuple[str, ...]
) -> int | None:
    if await limiter.hit(rate, *whose):
        return None
    stats = await limiter.get_window_stats(rate, *whose)
    return max(1, math.ceil(stats.reset_time - time.time()))
