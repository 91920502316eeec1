"""Write the well-known names of ordinary words (`qa.question.mentions.WELL_KNOWN`) from two public lists of brands.

    python -m eval.well_known_names NSI SIMPLE_ICONS POLICIES

NSI is `nsi.json` of the name-suggestion-index (BSD-3-Clause), SIMPLE_ICONS `simple-icons.json` of Simple Icons (CC0),
both from npm. Only names are kept whose words are all of the language: of others the spelling tells. Of NSI those that
have an entry in Wikidata and are found in an English-speaking country or everywhere. What more than a few policies of
the folder POLICIES write is no company of its own, such as the European Union, or one that all deal with.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from index.language.english import english_words
from qa.question.mentions import WELL_KNOWN

_IN_POLICIES_AT_MOST = 0.05
_ENGLISH_SPEAKING = frozenset("001 us gb ca au ie nz".split())


def well_known_names(nsi: Path, simple_icons: Path, policies: Path) -> list[str]:
    """The names, sorted."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(policies.glob("*.md"))]
    items = json.loads(nsi.read_text(encoding="utf-8"))["nsi"]
    brands = {name for path, each in items.items() if path.startswith("brands/") for name in _brands(each["items"])}
    icons = {entry["title"] for entry in json.loads(simple_icons.read_text(encoding="utf-8"))}
    ordinary = filter(_is_of_ordinary_words, brands | icons)
    kept = [name for name in ordinary if sum(name in text for text in texts) <= _IN_POLICIES_AT_MOST * len(texts)]
    return sorted(kept, key=lambda name: (name.casefold(), name))


def _brands(items: list[dict[str, Any]]) -> Iterator[str]:
    for item in items:
        places = map(str, item.get("locationSet", {}).get("include", ()))
        name = item["tags"].get("brand:en") or item["tags"].get("brand")
        if name and "brand:wikidata" in item["tags"] and any(_speaks_english(place) for place in places):
            yield name


def _speaks_english(place: str) -> bool:
    return re.split(r"[-.]", place)[0] in _ENGLISH_SPEAKING


def _is_of_ordinary_words(name: str) -> bool:
    words = re.findall(r"[^\W_]+", re.sub(r"['’]s\b", "", name.lower()))
    return len("".join(words)) > 2 and all(word in english_words() for word in words)


if __name__ == "__main__":
    found = well_known_names(*map(Path, sys.argv[1:4]))
    WELL_KNOWN.write_text("".join(f"{name}\n" for name in found), encoding="utf-8")
