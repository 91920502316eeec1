"""Which addresses may be asked for, and which machines may be reached. It does not know HTTP."""

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence

import httpx

from index.errors import FetchFailed, FetchRefused

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
"""`resolve(host, port)`: the IP addresses of `host`; raises `FetchFailed` where it has none."""
MayReach = Callable[[IPAddress], bool]
"""Whether an IP address may be connected to."""

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.))*", re.ASCII)
# The spellings that `inet_aton` and browsers take for an IPv4 address: 2130706433, 0x7f.1, 0177.0.0.1.
_IPV4_SPELLING = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+)){0,3}\.?", re.ASCII | re.IGNORECASE)
_CREDENTIALS = re.compile(r"\A([a-z][a-z0-9+.-]*:)?(//)?[^/?#]*@", re.IGNORECASE)
# An IPv4 address behind these stands in the last 32 bits: RFC 6052.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def without_credentials(address: str) -> str:
    """`address` as it may be shown and stored.

    >>> without_credentials("https://me:secret@example.com/a@b"), without_credentials("https://example.com/a@b")
    ('https://…@example.com/a@b', 'https://example.com/a@b')
    """
    return _CREDENTIALS.sub(lambda found: f"{found[1] or ''}{found[2] or ''}…@", address)


def checked_url(address: str) -> httpx.URL:
    """`address` without its fragment.

    Raises:
        FetchRefused: not http or https, with credentials, or no address at all.
    """
    try:
        url = httpx.URL(address.strip())
    except httpx.InvalidURL as error:
        why = "" if "@" in address else f" ({error})"
        raise FetchRefused(f"no address{why}; expected one such as https://example.com/privacy") from error
    if url.scheme not in ("http", "https"):
        raise FetchRefused(f"the scheme is {url.scheme or 'missing'!r}; expected an address with http:// or https://")
    if url.userinfo:
        raise FetchRefused("it holds credentials, which would be stored with the snapshot; give it without them")
    host = url.raw_host.decode("ascii")
    if not (_HOST.fullmatch(host) or _ip_address(host)):
        raise FetchRefused(f"{host!r} is no host name; expected an address such as https://example.com/privacy")
    if not 0 < (url.port or 80) < 65_536:
        raise FetchRefused(f"port {url.port}, expected 1 to 65535")
    return url.copy_with(fragment=None)


def resolve_host(host: str, port: int) -> list[str]:
    """The IP addresses that the system knows for `host`.

    Raises:
        FetchFailed: it has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchFailed(f"the host name {host} was not found ({error}); check the address") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def reachable(host: str, port: int, *, resolve: Resolve, may_reach: MayReach) -> list[str]:
    """The IP addresses of `host`, each of which may be connected to: nothing resolves it a second time.

    Raises:
        FetchRefused: one of them may not.
        FetchFailed: it has none.
    """
    literal = _ip_address(host)
    found = [literal] if literal else [ipaddress.ip_address(address) for address in resolve(host, port)]
    if not found:
        raise FetchFailed(f"the host name {host} was not found; check the address")
    forbidden = [str(address) for address in found if not may_reach(address)]
    if forbidden:
        resolved = "" if host == forbidden[0] else f" is {forbidden[0]}, which"
        raise FetchRefused(f"{host}{resolved} is not a public address; give --allow-private if it is yours")
    return [str(address) for address in found]


def _ip_address(host: str) -> IPAddress | None:
    """The IP address that `host` spells, in any way that a system's resolver takes; None if it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        if not _IPV4_SPELLING.fullmatch(host):
            return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host.removesuffix(".")))
    except OSError:
        return None


def anywhere(_: IPAddress) -> bool:
    """Any machine may be reached."""
    return True


def is_public(address: IPAddress) -> bool:
    """Whether `address`, and one that it wraps, is of the public internet and of one machine.

    >>> [is_public(ipaddress.ip_address(address)) for address in ("1.1.1.1", "10.0.0.1", "::ffff:127.0.0.1")]
    [True, False, False]
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(address.packed[-4:]))
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if inner:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved)
