"""Under which licence an archive is, and whom to name, from its LICENSE and README. It does not know where they lie."""

import re
from collections.abc import Mapping

from index.sources.history_versions import Licence

# Names as SPDX writes them, by what the licence's own text calls itself.
_LICENCES = (
    (re.compile(r"ODC[- ]Attribution|Open Data Commons Attribution|\bODC-?By\b", re.IGNORECASE), "ODC-By-1.0"),
    (re.compile(r"Open Database Licen[cs]e|\bO[Dd]bL\b", re.IGNORECASE), "ODbL-1.0"),
    (re.compile(r"Public Domain Dedication and Licen[cs]e|\bPDDL\b"), "PDDL-1.0"),
    (re.compile(r"CC0 1\.0", re.IGNORECASE), "CC0-1.0"),
    (re.compile(r"(?:Creative Commons )?Attribution-ShareAlike 4\.0|CC[- ]BY-SA 4\.0", re.IGNORECASE), "CC-BY-SA-4.0"),
    (re.compile(r"(?:Creative Commons )?Attribution 4\.0|CC[- ]BY 4\.0", re.IGNORECASE), "CC-BY-4.0"),
)
# A licence names others further down, so only how it begins counts.
_OPENING_CHARS = 1_500
_MAX_CHARS = 200_000
_WHOM = (
    re.compile(r"citation for (?:the )?data ?set[*_: ]*\n+\s*(?P<whom>[^\n]+)", re.IGNORECASE),
    re.compile(r"\battribut\w+[^.\n]*? to [*_]+(?P<whom>[^*_\n]+)[*_]+", re.IGNORECASE),
    re.compile(r"\blicen[cs]e\b\S*(?: \S+)? by (?:the )?(?P<whom>[A-Z][^.\n]+)\.?\s*$", re.MULTILINE),
)
_HEADING = re.compile(r"^#\s+(.+?)\s*#*$", re.MULTILINE)


def licence_of(files: Mapping[str, bytes]) -> Licence | None:
    """The licence among the `files` at the root of an archive: its LICENSE, or what its README names."""
    text = _named(files, "license", "licence", "copying")
    readme = _named(files, "readme")
    if text.strip():
        return Licence(_licence_name(text[:_OPENING_CHARS]) or _first_line(text), text)
    stated = re.search(r"^.*\blicen[cs]e\b.*$", readme, re.IGNORECASE | re.MULTILINE)
    name = _licence_name(readme)
    return Licence(name, stated[0].strip()) if name and stated else None


def attribution_of(files: Mapping[str, bytes], *, title: str) -> str:
    """Whom its README asks to name, as it words it, or `title`."""
    readme = _named(files, "readme")
    for pattern in _WHOM:
        if found := pattern.search(readme):
            return " ".join(found["whom"].split()).strip("*_ ")
    return title


def title_of(files: Mapping[str, bytes], *, otherwise: str) -> str:
    """The first heading of its README, without marks."""
    found = _HEADING.search(_named(files, "readme"))
    return found[1].replace("`", "").replace("*", "").strip() if found else otherwise


def _named(files: Mapping[str, bytes], *stems: str) -> str:
    for name in sorted(files):
        if name.lower().partition(".")[0] in stems:
            return files[name][:_MAX_CHARS].decode("utf-8", "replace")
    return ""


def _licence_name(text: str) -> str | None:
    found = [(match.start(), name) for pattern, name in _LICENCES if (match := pattern.search(text))]
    return min(found)[1] if found else None


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0].strip("#* ")
