"""What an HTML page says of itself beside its text: title, language, address, site, and when it was archived."""

import re
from datetime import date, datetime
from urllib.parse import urlsplit

from index.parsing.document import Metadata
from index.parsing.html_tree import Element

_WAYBACK_DAY = re.compile(r"FILE ARCHIVED ON \d{1,2}:\d\d:\d\d (?P<day>[A-Z][a-z]{2} \d{1,2}, \d{4})")
_WAYBACK_ADDRESS = re.compile(
    r"\Ahttps?://web\.archive\.org/web/(?P<day>\d{8})\d{0,6}(?:[a-z]{2}_)?/(?P<address>.+)\Z", re.DOTALL
)
_SAVED_FROM = re.compile(r"<!--\s*saved from url=\(\d{1,6}\)(?P<address>\S{1,2000})\s*-->")
_SINGLE_FILE = re.compile(
    r"<!--\s*Page saved with SingleFile\s+url:\s*(?P<address>\S{1,2000})\s+saved date:\s*[A-Z][a-z]{2} "
    r"(?P<day>[A-Z][a-z]{2} \d{1,2} \d{4})"
)
_TITLE_PARTS = re.compile(r"\s+[|–—·•»:-]+\s+|\s*[|»]\s*")
_SPACE = re.compile(r"\s+")
_COMMENTS_WITHIN_CHARS = 4096
_MAX_CHARS = 300


def metadata_of(root: Element, text: str, *, first_heading: str | None) -> Metadata:
    """What the page `root`, parsed from `text`, says of itself; `first_heading` tells its title from its site's."""
    meta = _meta(root)
    site_name = _words(meta.get("og:site_name") or meta.get("application-name"))
    ends = text[:_COMMENTS_WITHIN_CHARS], text[-_COMMENTS_WITHIN_CHARS:]
    saved = next((found for end in ends if (found := _SINGLE_FILE.search(end))), None)
    from_url = next((found for end in ends if (found := _SAVED_FROM.search(end))), None)
    addresses = [
        *(link.get("href") for link in root.iter("link") if "canonical" in (link.get("rel") or "").lower().split()),
        meta.get("og:url"),
        saved["address"] if saved else None,
        from_url["address"] if from_url else None,
    ]
    address = next((url for given in addresses if (url := web_address(given))), None)
    titles = [*(title.text for title in root.iter("title") if title.getparent() is not None), meta.get("og:title")]
    title = next((words for given in titles if (words := _words(given))), None)
    return Metadata(
        title=_without_site(title, site_name=site_name, heading=first_heading) if title else None,
        language=_words(root.get("lang") or root.get("xml:lang")),
        archived_on=_archived_on(text, saved, addresses),
        address=address,
        site_name=site_name,
    )


def _meta(root: Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for element in root.iter("meta"):
        name = element.get("property") or element.get("name")
        content = element.get("content")
        if name and content:
            found.setdefault(name.lower(), content)
    return found


def _words(value: str | None) -> str | None:
    return _SPACE.sub(" ", value).strip()[:_MAX_CHARS] or None if value else None


def web_address(given: str | None) -> str | None:
    """`given` if it is a whole address of http or https.

    >>> web_address(" https://a.example/privacy "), web_address("/privacy"), web_address("javascript:x")
    ('https://a.example/privacy', None, None)
    """
    address = (given or "").strip()
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return address if parts.scheme in ("http", "https") and parts.hostname and " " not in address else None


def _without_site(title: str, *, site_name: str | None, heading: str | None) -> str:
    """`title` without the site's name where it is plain which of its parts that is.

    >>> _without_site("Privacy Policy | Acme", site_name=None, heading="Privacy Policy")
    'Privacy Policy'
    >>> _without_site("Acme - Privacy Policy", site_name="Acme", heading=None)
    'Privacy Policy'
    >>> _without_site("Privacy - Acme", site_name=None, heading="Your data")
    'Privacy - Acme'
    """
    parts = [part.strip() for part in _TITLE_PARTS.split(title) if part.strip()]
    if len(parts) < 2:
        return title
    if site_name:
        rest = [part for part in (parts[0], parts[-1]) if part.casefold() == site_name.casefold()]
        if rest and title.endswith(rest[0]):
            return title[: -len(rest[0])].rstrip(" |–—·•»:-") or title
        if rest:
            return title[len(rest[0]) :].lstrip(" |–—·•»:-") or title
    same = [part for part in parts if heading and part.casefold() == heading.casefold()]
    return same[0] if same else title


def _archived_on(text: str, saved: re.Match[str] | None, addresses: list[str | None]) -> date | None:
    """The day that an archive or a browser stored the page, by its own mark."""
    wayback = _WAYBACK_DAY.search(text)
    if wayback:
        return _day(wayback["day"], "%b %d, %Y")
    for address in addresses:
        snapshot = _WAYBACK_ADDRESS.match(address or "")
        if snapshot:
            return _day(snapshot["day"], "%Y%m%d")
    return _day(saved["day"], "%b %d %Y") if saved else None


def _day(given: str, pattern: str) -> date | None:
    try:
        return datetime.strptime(given, pattern).date()
    except ValueError:
        return None


def original_address(address: str) -> str:
    """The address of the page itself where `address` is that of a snapshot of it.

    >>> original_address("https://web.archive.org/web/20150320123456/http://a.example/")
    'http://a.example/'
    """
    snapshot = _WAYBACK_ADDRESS.match(address)
    return snapshot["address"] if snapshot else address
