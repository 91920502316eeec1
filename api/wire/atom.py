"""A company's changes as an Atom feed (RFC 4287), for feed readers. It does not know HTTP."""

import re
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time
from html import escape
from urllib.parse import quote
from xml.etree import ElementTree as ET

from api.wire.changes import segments
from index.parsing.document import Markup
from index.parsing.markup import plain
from index.policies.changes import Change, ChangeKind, Stretch
from index.policies.companies import Company
from qa.changes import VersionChange

MEDIA_TYPE = "application/atom+xml"
ENTRIES = 50
_NAMESPACE = "http://www.w3.org/2005/Atom"
# What XML 1.0 cannot hold, even escaped.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MOST_PASSAGES, _MOST_PASSAGE_CHARS = 100, 2_000
_BEGINNINGS = {
    ChangeKind.ADDED: "Added",
    ChangeKind.REMOVED: "Removed",
    ChangeKind.REWORDED: "Reworded",
    ChangeKind.MOVED: "Moved",
}


def feed_of(company: Company, changes: Sequence[VersionChange], *, built_at: datetime) -> bytes:
    """The feed of `company`: an entry for each of its versions that changed something, the newest first.

    Ids are made of the company's and the policies' ids, so they stay when the index is built anew. Addresses are
    relative to the feed's own, `/v1/changes.atom`.

    Args:
        built_at: when the feed is from that has no entry; the others are from their newest one's day.
    """
    ET.register_namespace("", _NAMESPACE)
    feed = ET.Element(f"{{{_NAMESPACE}}}feed")
    _child(feed, "id", _id("feed", company.id))
    _child(feed, "title", f"Changes in {company.name}'s policies")
    _child(feed, "updated", _moment(changes[0]) if changes else built_at.astimezone(UTC).isoformat(timespec="seconds"))
    _child(feed, "link", rel="self", type=MEDIA_TYPE, href=f"changes.atom?company={quote(company.id, safe='')}")
    _child(_child(feed, "author"), "name", company.name)
    _child(feed, "generator", "askpolicy")
    for changed in changes:
        _entry(feed, changed)
    body: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return body


def _entry(feed: ET.Element, changed: VersionChange) -> None:
    entry = _child(feed, "entry")
    _child(entry, "id", _id("version", changed.after.id))
    _child(entry, "title", f"{changed.company.name}, {changed.after.title}: {changed.in_words}")
    _child(entry, "updated", _moment(changed))
    _child(entry, "link", rel="alternate", type="text/html", href=f"../policies/{quote(changed.after.id, safe='')}")
    if changed.after.attribution or changed.after.licence:
        _child(entry, "rights", " · ".join(filter(None, (changed.after.attribution, changed.after.licence))))
    _child(entry, "content", "".join(_html(changed)), type="html")


def _html(changed: VersionChange) -> Iterator[str]:
    if changed.before is None:
        yield "<p>The first version that was recorded.</p>"
        return
    shown = [change for change in changed.changes if change.kind in _BEGINNINGS]
    for change in shown[:_MOST_PASSAGES]:
        place = change.after or change.before
        heading = f" under “{place.heading[-1]}”" if place and place.heading else ""
        yield f"<p><b>{escape(_BEGINNINGS[change.kind] + heading)}</b></p>"
        yield from _passages(change, changed)
    if len(shown) > _MOST_PASSAGES:
        yield f"<p>And {len(shown) - _MOST_PASSAGES:,} more.</p>"


def _passages(change: Change, changed: VersionChange) -> Iterator[str]:
    if change.kind is ChangeKind.MOVED and change.after:
        yield f"<p>{escape(_short(plain(change.after.text, changed.after.markup)))}</p>"
        return
    if change.before and changed.before:
        words = _marked(change.before, "del", whole=not change.after, of=changed.before.markup)
        yield f"<blockquote>{words}</blockquote>"
    if change.after:
        words = _marked(change.after, "ins", whole=not change.before, of=changed.after.markup)
        yield f"<blockquote>{words}</blockquote>"


def _marked(stretch: Stretch, tag: str, *, whole: bool, of: Markup) -> str:
    """The words of a passage, all of them or the changed ones within `tag`."""
    if whole:
        return f"<{tag}>{escape(_short(plain(stretch.text, of)))}</{tag}>"
    words, room = [], _MOST_PASSAGE_CHARS
    for text, is_changed in segments(stretch, of):
        words.append(f"<{tag}>{escape(text[:room])}</{tag}>" if is_changed else escape(text[:room]))
        room -= len(text)
        if room <= 0:
            words.append("…")
            break
    return " ".join(words)


def _short(text: str) -> str:
    return text if len(text) <= _MOST_PASSAGE_CHARS else text[:_MOST_PASSAGE_CHARS] + "…"


def _child(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, f"{{{_NAMESPACE}}}{name}", attributes)
    child.text = _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text) or None
    return child


def _id(*names: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, "\t".join(("askpolicy changes", *names))).urn


def _moment(changed: VersionChange) -> str:
    """The day of a version; an archive tells no hour that the index keeps."""
    return datetime.combine(changed.day, time(), UTC).isoformat(timespec="seconds")
