"""Whose folder a file lies in: archives keep policies as `Service/Document type.ext`."""

import re
from pathlib import PurePath
from urllib.parse import urlsplit

from index.policies.titles import is_document_type_name

_LANGUAGE = re.compile(
    r"(?:ar|bg|cs|da|de|el|en|es|et|fi|fr|ga|he|hr|hu|it|ja|ko|lt|lv|mt|nl|no|nb|pl|pt|ro|ru|sk|sl|sv|tr|uk|zh)"
    r"(?:[-_][a-zA-Z]{2,4})?\Z"
)
_DATE = re.compile(r"v?\d[\d._-]*\Z")
# Folders of files, not of a service; a service that is called so is recognised by its text.
_GENERAL = frozenset(
    """policies policy privacy legal docs doc documents document downloads download data files file input inputs corpus
    text texts txt html pdf md markdown raw tmp temp test tests sample samples snapshot snapshots archive archives
    version versions home user users src source sources public static content pages page site sites web www assets
    desktop shared share work workspace folder new misc other unsorted inbox out output export import dataset datasets
    privacy-policies privacy_policies companies services vendors suppliers terms tos""".split()
)
_NUMBERED = re.compile(r"[a-z]{0,12}[-_]?\d+\Z|[0-9a-f]{6,}\Z|.*_")


def service_folder(path: str, address: str | None = None) -> str | None:
    """The folder that may be a service's: the nearest of `path` that is no language's or date's.

    A folder that is called by the host of the document's `address`, or a host above that, holds what was fetched from
    there, whoever's it is.

    >>> service_folder("archive/Pebblemail/Privacy Policy.md"), service_folder("Acme/en/2024-01-01/privacy.html")
    ('Pebblemail', 'Acme')
    >>> service_folder("Privacy Policy.md") is service_folder("got/a.example/x.html", "https://a.example/x") is None
    True
    """
    host = "." + urlsplit(address or "").netloc.rpartition("@")[2].lower().replace(":", "-")
    for folder in PurePath(path).parent.parts[::-1]:
        if folder in ("/", "\\", ".", "..") or folder.endswith(":\\"):
            return None
        if host.endswith("." + folder.lower().removeprefix("www.")):
            return None
        if not _LANGUAGE.match(folder) and not _DATE.match(folder):
            return folder
    return None


def is_typed(path: str) -> bool:
    """Whether the file's base name is that of a kind of document."""
    return is_document_type_name(stem_of(path))


def stem_of(path: str) -> str:
    """A file's base name without its ending, "acme.com.md" is "acme.com".

    >>> stem_of("x/acme.com.md"), stem_of("0001.txt")
    ('acme.com', '0001')
    """
    return re.sub(r"\.(?:md|markdown|txt|html?|xhtml|pdf|docx|rst)\Z", "", PurePath(path).name, flags=re.IGNORECASE)


def is_general(folder: str) -> bool:
    """Whether a folder is called as folders of all kinds of files are.

    >>> is_general("downloads"), is_general("d1"), is_general("test_a_policy0"), is_general("Pebblemail")
    (True, True, True, False)
    """
    return folder.casefold() in _GENERAL or _NUMBERED.match(folder) is not None
