"""Where a link of an HTML page leads: within the page, to the same site, or out of it."""

import re
from urllib.parse import urlsplit

from index.parsing.html_head import original_address

_SNAPSHOT_PATH = re.compile(
    r"\A(?:https?:)?(?://web\.archive\.org)?/web/\d{4,14}(?:[a-z]{2}_)?/(?P<address>https?:/.+)\Z", re.S
)


def link_sort(href: str, *, address: str | None) -> str:
    """What an address leads to: "anchor", a place on the page at `address`; "site", another page of it; or "web".

    >>> [link_sort(href, address=None) for href in ("#cookies", "/about", "mailto:a@b.example")]
    ['anchor', 'site', 'web']
    >>> link_sort("/web/2015/http://a.example/p#x", address="http://a.example/p")
    'anchor'
    """
    href = href.strip()
    if href.startswith("#"):
        return "anchor"
    snapshot = _SNAPSHOT_PATH.match(href)
    target = snapshot["address"] if snapshot else href
    page = original_address(address) if address else ""
    if "#" in target and page and target.split("#")[0] == page.split("#")[0]:
        return "anchor"
    try:
        parts, own = urlsplit(target), urlsplit(page)
        if parts.scheme in ("http", "https") or target.startswith("//"):
            return "site" if own.hostname and _site(parts.hostname) == _site(own.hostname) else "web"
    except ValueError:
        return "web"
    return "site" if parts.scheme in ("", "javascript", "file") else "web"


def _site(host: str | None) -> str:
    return (host or "").lower().removeprefix("www.")
