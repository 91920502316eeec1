"""Addresses, and how much of them is one visitor's. It does not know what is counted."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

# Of an IPv6 address this much is one customer's, and this much one network's: a line to a home may bring 256 of the
# first, a company's 65,536.
_CUSTOMER_BITS, _NETWORK_BITS = 64, 48
_CUSTOMERS_OF_A_NETWORK = 8


@dataclass(frozen=True, slots=True)
class Network:
    """What is counted as one.

    Attributes:
        what: it is, in words.
        share: how many visitors' worth of requests it has.
    """

    what: str
    address: str
    share: int = 1


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`, an address.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0"), is_loopback("nonsense")
    (True, True, False, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def customer(host: str) -> str:
    """The address, or the part of it that one customer has.

    >>> customer("192.0.2.1"), customer("::ffff:192.0.2.1"), customer("2001:db8::1"), customer("unknown")
    ('192.0.2.1', '192.0.2.1', '2001:db8::/64', 'unknown')
    """
    return next(networks(host)).address


def networks(host: str) -> Iterator[Network]:
    """The visitor at `host`, and the network that may bring many such.

    >>> [(each.what, each.address, each.share) for each in networks("2001:db8:1:2::3")]
    [('visitor', '2001:db8:1:2::/64', 1), ('network', '2001:db8:1::/48', 8)]
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        yield Network("visitor", host)
        return
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else address
    if mapped is not None:
        yield Network("visitor", str(mapped))
        return
    yield Network("visitor", _part(address, _CUSTOMER_BITS))
    yield Network("network", _part(address, _NETWORK_BITS), _CUSTOMERS_OF_A_NETWORK)


def _part(address: ipaddress.IPv4Address | ipaddress.IPv6Address, bits: int) -> str:
    return str(ipaddress.ip_network((address, bits), strict=False))
