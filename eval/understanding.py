"""How well questions are understood: names, words that are names elsewhere, turns of a chat, scope and language.

    python -m eval.understanding

The sets in `understanding_sets/` were written before anything was tuned, apart from what the networks are trained on.
No name of `names.txt` is one that the tagger was trained on; the index under test holds those and the training names,
so that a question's name stands among a thousand others.
"""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from eval.misspelling import misspelt
from eval.questions import json_lines
from index.embedding import Embedder, open_embedder
from index.language.english import english_words
from index.policies.companies import Company, key
from qa.question.conversation import parts
from qa.question.language import language_of_question
from qa.question.mentions import CompanyNames, Mentions
from qa.question.scope import Scope
from qa.question.spelling import Spelling
from qa.question.understanding import Understanding

Case = TypeVar("Case")

SETS = Path(__file__).with_name("understanding_sets")
TRAINING_NAMES = Path(__file__).with_name("names") / "names.txt"
_CHAT_COMPANIES = """JivoChat, Mailigen, migme, MightyCall, imgwg, Dropbox, Spotify, Airbnb, Duolingo, Signal,
Target, Wire, Tagged, Evernote, Reddit, Strava, Etsy, Vimeo, Quora, Zoom, Twitch, Bumble, Discover,
The New York Times, O'Reilly"""
_SEED, _FRAMES_OF_A_NAME = 7, 9
_LONG_ENOUGH_FOR_A_TYPO = 6


@dataclass(frozen=True, slots=True)
class Figure:
    """A share of `total` that came out right; `wrong` are the others, for people."""

    name: str
    right: int
    total: int
    wrong: tuple[str, ...]


def figures(embedder: Embedder) -> Iterator[Figure]:
    """Every figure, in the order of the issue that asked for them."""
    held_out, others = _distinct(_lines(SETS / "names.txt"), _lines(TRAINING_NAMES))
    everybody = CompanyNames(_companies([*held_out, *others]), lower_case_words={})
    yield from in_twelve_ways(everybody, [*held_out, *others])
    yield from named(everybody, held_out)
    yield from unknown(CompanyNames(_companies(others), lower_case_words={}), held_out)
    yield words_as_words(everybody)
    yield plain_words(everybody)
    yield from others_dealt_with(everybody, held_out)
    yield from turns()
    yield from scope(embedder)
    yield from several_things()
    yield language()


def in_twelve_ways(names: CompanyNames, asked: Sequence[str]) -> Iterator[Figure]:
    """Every name of the index in a frame of each kind, and with a typo: it is matched, and nobody else."""
    draw = random.Random(_SEED)
    every: list[tuple[list[str], str]] = []
    for kind, frames in _frames_by_kind().items():
        cases = []
        for name in asked:
            frame, other = draw.choice(frames), draw.choice(asked)
            expected = [name, other] if "{Y}" in frame else [name]
            written = name.lower() if kind == "lower" else name
            cases.append((expected, frame.replace("{X}", written).replace("{Y}", other)))
        every += cases
        yield _figure(f"name, {kind}", cases, lambda case: _is(names, case[1], case[0]))
    yield _figure("name, all twelve", every, lambda case: _is(names, case[1], case[0]))
    ordinary = [case for case in every if _is_ordinary(case[0][0])]
    yield _figure("name, all twelve, ordinary words", ordinary, lambda case: _is(names, case[1], case[0]))


def named(names: CompanyNames, asked: Sequence[str]) -> Iterator[Figure]:
    """Names of the index, each in several frames: they are matched, and nobody else."""
    draw = random.Random(_SEED)
    frames = [entry["frame"] for entry in _rows("frames")]
    pairs = [entry["frame"] for entry in _rows("two")]
    single = [(name, question) for name in asked for question in _in_frames(name, frames, draw)]
    yield _figure("name, one company", single, lambda case: _is(names, case[1], [case[0]]))
    ordinary = [case for case in single if _is_ordinary(case[0])]
    yield _figure("name, of ordinary words", ordinary, lambda case: _is(names, case[1], [case[0]]))
    double = [(name, draw.choice(asked), draw.choice(pairs)) for name in asked]
    yield _figure(
        "names, two companies",
        [case for case in double if case[0] != case[1]],
        lambda case: _is(names, case[2].replace("{X}", case[0]).replace("{Y}", case[1]), case[:2]),
    )
    typos = [
        (name, draw.choice(frames).replace("{X}", misspelt(name, draw.randrange(len(name) - 1), draw)))
        for name in asked
        if len(key(name)) >= _LONG_ENOUGH_FOR_A_TYPO
    ]
    yield _figure("name, with a typo", typos, lambda case: _is(names, case[1], [case[0]]))


def unknown(names: CompanyNames, asked: Sequence[str]) -> Iterator[Figure]:
    """Names that the index lacks: reported as unknown, and no company is matched."""
    draw = random.Random(_SEED)
    by_kind = _frames_by_kind()
    asked = [name for name in asked if not any(_is_said_with(name, known.name) for known in names.companies)]
    cases = [
        choice.replace("{X}", name.lower() if kind == "lower" else name).replace("{Y}", draw.choice(asked))
        for name in asked
        for kind, frames in by_kind.items()
        for choice in [draw.choice(frames)]
    ]
    said = {question: names.mentions(question) for question in cases}
    yield _figure("unknown name, told", cases, lambda case: bool(said[case].unknown))
    yield _figure("unknown name, nobody else", cases, lambda case: not said[case].matched)


def words_as_words(names: CompanyNames) -> Figure:
    """Words that are names elsewhere: no company is matched."""
    return _figure(
        "words as words", [entry["question"] for entry in _rows("words")], lambda case: not names.mentions(case).matched
    )


def plain_words(names: CompanyNames) -> Figure:
    """Ordinary words that are companies' names too, in sentences that name nobody: no company is matched."""
    said = {question: names.mentions(question) for question in _lines(SETS / "plain_words.txt")}
    return _figure("words as words, natural", list(said), lambda case: not said[case].matched)


def others_dealt_with(names: CompanyNames, asked: Sequence[str]) -> Iterator[Figure]:
    """A company that another one deals with: the question is about that other one alone."""
    draw = random.Random(_SEED)
    frames = [entry["frame"] for entry in _rows("dealt")]
    cases = [(name, draw.choice(asked), draw.choice(frames)) for name in asked]
    filled = [(x, frame.replace("{X}", x).replace("{Y}", y)) for x, y, frame in cases if x != y]
    yield _figure("another merely dealt with", filled, lambda case: _is(names, case[1], [case[0]]))


def turns() -> Iterator[Figure]:
    """Turns of chats, by kind: companies and topic, or small talk."""
    names = [" ".join(name.split()) for name in _CHAT_COMPANIES.split(",")]
    understanding = Understanding(CompanyNames(_companies(names), lower_case_words={}), Spelling({}))

    def right(turn: dict[str, Any]) -> bool:
        if not any(map(str.isalnum, turn["question"])):
            return False
        query = understanding.query(turn["question"], history=turn["history"])
        if turn["small_talk"] or query.small_talk:
            return turn["small_talk"] and bool(query.small_talk)
        words = query.standalone.lower()
        return {company.name for company in query.companies} == set(turn["companies"]) and all(
            any(stem in words for stem in stems) for stems in turn["needs"]
        )

    every = _rows("turns")
    for kind in dict.fromkeys(turn["kind"] for turn in every):
        yield _figure(f"turn: {kind}", [turn for turn in every if turn["kind"] == kind], right)
    yield _figure("turns, all", every, right)


def scope(embedder: Embedder) -> Iterator[Figure]:
    """Questions on either side of the border, companies' names taken out."""
    told = Scope(embedder)
    chat = re.compile("|".join(re.escape(" ".join(name.split())) for name in _CHAT_COMPANIES.split(",")), re.IGNORECASE)
    rows = _rows("scope")
    topics = [chat.sub("", row["question"]).strip() or row["question"] for row in rows]
    vectors = embedder.embed_questions(topics)
    outside = {
        row["question"]: told.probability_outside(topic, vector) > 0.5
        for row, topic, vector in zip(rows, topics, vectors, strict=True)
    }
    for inside, name in ((True, "scope, inside"), (False, "scope, outside")):
        yield _figure(
            name,
            [row for row in rows if row["in_scope"] == inside],
            lambda row: outside[row["question"]] != row["in_scope"],
        )


def several_things() -> Iterator[Figure]:
    """Questions that ask two or three things, and those that look alike and ask one. Half of them tuned the rules."""
    rows = _rows("parts")
    several = [row for row in rows if row["split"]]
    yield _figure("several things: parted", several, lambda row: len(parts(row["question"])) == len(row["parts"]))
    yield _figure(
        "one thing: left whole", [row for row in rows if not row["split"]], lambda row: len(parts(row["question"])) == 1
    )


def language() -> Figure:
    """Questions in other languages, short ones too."""
    return _figure(
        "other languages", _lines(SETS / "foreign.txt"), lambda line: language_of_question(line.split("\t")[1]) != "en"
    )


def _is(names: CompanyNames, question: str, expected: Sequence[str]) -> bool:
    said: Mentions = names.mentions(question)
    return not said.unknown and {company.name for company in said.companies} == set(expected)


def _in_frames(name: str, frames: Sequence[str], draw: random.Random) -> list[str]:
    """`name` in frames as they are, in lower case, and in the frame that LegalBench-RAG's questions begin with."""
    chosen = draw.sample(frames, _FRAMES_OF_A_NAME)
    lower = [frame.lower().replace("{x}", name.lower()) for frame in chosen[-3:]]
    consider = f'Consider "{name}"\'s privacy policy; {draw.choice(_PLAIN)}'
    return [*(frame.replace("{X}", name) for frame in chosen[:-3]), *lower, consider]


_PLAIN = (
    "who can see the things I delete?", "does it track location?", "how long is data kept after I close my account?",
    "can I use it without giving my name?", "are children allowed?", "will my contacts be uploaded?",
)  # fmt: skip


def _frames_by_kind() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in _rows("kinds"):
        found.setdefault(entry["kind"], []).append(entry["frame"])
    return found


def _is_said_with(name: str, other: str) -> bool:
    """Whether one name is the other with a word more: Xfinity is no stranger to Xfinity Residential Services."""
    shorter, longer = sorted((name.lower().split(), other.lower().split()), key=len)
    return longer[: len(shorter)] == shorter


def _is_ordinary(name: str) -> bool:
    return all(word in english_words() for word in re.findall(r"[^\W\d_]+", name.lower()))


def _distinct(first: Sequence[str], second: Sequence[str]) -> tuple[list[str], list[str]]:
    """Both lists without names that another one reads like: "wikimedia", "Wikimedia"."""
    counts = Counter(key(re.sub(r"(?i)^the ", "", name)) for name in (*first, *second))

    def kept(names: Sequence[str]) -> list[str]:
        return [name for name in names if counts[key(re.sub(r"(?i)^the ", "", name))] == 1]

    return kept(first), kept(second)


def _companies(names: Sequence[str]) -> list[Company]:
    return [Company(name.casefold(), name, (), ()) for name in names]


def _figure(name: str, cases: Sequence[Case], right: Callable[[Case], bool]) -> Figure:
    wrong = tuple(str(case) for case in cases if not right(case))
    return Figure(name, len(cases) - len(wrong), len(cases), wrong)


def _rows(name: str) -> list[dict[str, Any]]:
    return [row for _, row in json_lines(SETS / f"{name}.jsonl")]


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    for figure in figures(open_embedder()):
        print(f"{figure.name:34} {figure.right / figure.total:7.1%} of {figure.total:,}")
