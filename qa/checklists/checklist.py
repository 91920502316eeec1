"""A checklist: a TOML file of items, each a question with the answers that it can have and what silence means.

Those that ship stand beside this module. No item has a grade or a weight: what a policy says is told, not judged.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from index.errors import BadChecklist, BadQuestion
from qa.question.understanding import checked_question

FOLDER = Path(__file__).parent
ANSWERS = ("yes", "no", "depends", "states")
MAX_ITEMS = 200
_MAX_BYTES = 1_000_000
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
_TEXTS = {"id": 60, "question": 2_000, "silence": 500, "source": 500}
_OPTIONAL = frozenset({"silence", "source"})


@dataclass(frozen=True, slots=True)
class Item:
    """A question that is put to every company.

    Attributes:
        id: what it is called in tables; unique in its checklist.
        answers: which of `ANSWERS` it can have: of yes or no, or stating what is asked.
        silence: what it means that a policy does not say; may be empty.
        source: the law, standard or person that it comes from; may be empty.
    """

    id: str
    question: str
    answers: tuple[str, ...] = ANSWERS
    silence: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Checklist:
    """Items under a name."""

    name: str
    title: str
    about: str
    items: tuple[Item, ...]


def shipped_names() -> list[str]:
    """The names of the checklists that ship."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def shipped_checklist(name: str) -> Checklist:
    """The checklist called `name` that ships.

    Raises:
        BadChecklist: there is none such.
    """
    if name not in shipped_names():
        near = get_close_matches(name, shipped_names(), n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(shipped_names())}"
        raise BadChecklist(f"no checklist {name[:100]!r}: {hint}")
    return read_checklist(FOLDER / f"{name}.toml")


def open_checklist(name_or_path: str) -> Checklist:
    """The checklist in the file at `name_or_path`, which ends in .toml, or the one called so that ships.

    Raises:
        BadChecklist: there is none such, or the file says something impossible; the message names the place.
    """
    return read_checklist(Path(name_or_path)) if name_or_path.endswith(".toml") else shipped_checklist(name_or_path)


def read_checklist(path: Path) -> Checklist:
    """The checklist that the file at `path` holds.

    Raises:
        BadChecklist: see `open_checklist`.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise BadChecklist(f"{path}: more than {_MAX_BYTES:,} bytes, which no checklist has")
        entries = tomllib.loads(content.decode("utf-8-sig"))
    except OSError as error:
        raise BadChecklist(
            f"{path}: {error.strerror or error}; give a TOML file, or one of {shipped_names()}"
        ) from error
    except ValueError as error:  # tomllib's and that of bytes that are no UTF-8 alike
        raise BadChecklist(f"{path}: not TOML ({error})") from error
    return _checklist(path, entries)


def _checklist(path: Path, entries: Mapping[str, Any]) -> Checklist:
    _check_keys(str(path), entries, {"title", "about", "items"})
    listed = entries.get("items")
    if not isinstance(listed, list) or not listed:
        raise BadChecklist(f"{path}: expected [[items]], each with an id and a question; got none")
    if len(listed) > MAX_ITEMS:
        raise BadChecklist(f"{path}: {len(listed):,} items, expected {MAX_ITEMS} at most")
    items = [_item(f"{path}: item {number}", entry) for number, entry in enumerate(listed, start=1)]
    seen: dict[str, int] = {}
    for number, item in enumerate(items, start=1):
        if item.id in seen:
            raise BadChecklist(f"{path}: items {seen[item.id]} and {number} are both called {item.id!r}; rename one")
        seen[item.id] = number
    title, about = (_text(str(path), entries, name, 500, optional=True) for name in ("title", "about"))
    return Checklist(path.stem, title or path.stem, about, tuple(items))


def _item(where: str, entry: object) -> Item:
    if not isinstance(entry, dict):
        raise BadChecklist(f"{where}: expected a table with an id and a question, got {entry!r}")
    _check_keys(where, entry, {*_TEXTS, "answers"})
    texts = {name: _text(where, entry, name, most, optional=name in _OPTIONAL) for name, most in _TEXTS.items()}
    if not _ID.fullmatch(texts["id"]):
        raise BadChecklist(f"{where}: id is {texts['id']!r}, expected small letters, digits, dots and dashes")
    try:
        texts["question"] = checked_question(texts["question"])
    except BadQuestion as error:
        raise BadChecklist(f"{where}: {error}") from error
    answers = entry.get("answers", list(ANSWERS))
    if not isinstance(answers, list) or not answers or any(answer not in ANSWERS for answer in answers):
        raise BadChecklist(f"{where}: answers is {answers!r}, expected a list of some of {', '.join(ANSWERS)}")
    return Item(**texts, answers=tuple(answers))


def _text(where: str, entry: Mapping[str, Any], name: str, most: int, *, optional: bool = False) -> str:
    value = entry.get(name, "" if optional else None)
    if value is None:
        raise BadChecklist(f"{where}: no {name}; each item needs an id and a question")
    if not isinstance(value, str):
        raise BadChecklist(f"{where}: {name} is {value!r}, expected text in quotes")
    if len(value) > most:
        raise BadChecklist(f"{where}: {name} has {len(value):,} characters, expected {most:,} at most")
    return value


def _check_keys(where: str, entry: Mapping[str, Any], known: set[str]) -> None:
    strange = sorted(set(entry) - known)
    if strange:
        near = get_close_matches(strange[0], known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"expected {', '.join(sorted(known))}"
        raise BadChecklist(f"{where}: {strange[0]!r} is no key of a checklist; {hint}")
