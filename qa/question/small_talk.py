"""What a chat says to a turn that is no question about a policy: a short reply of its own."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

EXAMPLES = Path(__file__).with_name("small_talk.toml")
ABOUT_THE_SERVICE = frozenset("doubt what_it_is what_it_can_do which_companies no_legal_advice what_it_stores".split())
_MOST_NAMES = 8


@dataclass(frozen=True, slots=True)
class SmallTalk:
    """A kind of small talk: the reply to it, with blanks, and examples."""

    reply: str
    examples: tuple[str, ...]


def _read() -> dict[str, SmallTalk]:
    entries = tomllib.loads(EXAMPLES.read_text(encoding="utf-8"))
    return {kind: SmallTalk(entry["reply"], tuple(entry["examples"])) for kind, entry in entries.items()}


SMALL_TALK = _read()
"""Every kind of small talk, by name."""


def reply(kind: str, companies: Sequence[str]) -> str:
    """What is said to small talk of `kind` by a chat about `companies`."""
    count = f"{len(companies):,} companies" if len(companies) != 1 else "one company"
    named = ", ".join(companies[:_MOST_NAMES]) + (" ..." if len(companies) > _MOST_NAMES else ".")
    example = f"Does {companies[0]} sell my data?" if companies else "Do they sell my data?"
    return SMALL_TALK[kind].reply.format(count=count, companies=named, example=example)
