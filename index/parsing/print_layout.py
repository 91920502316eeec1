"""Text that was taken from printed pages: its page headers go, and its words and paragraphs are put together again.

It does not know blocks.
"""

import re
from collections import Counter
from functools import cache

# "Page 1 of 2", "- 3 -", "12 | Privacy Policy"
_PAGE = re.compile(
    r"\bpage\s+\d{1,4}(?:\s*(?:of|/)\s*\d{1,4})?\b|^\W{0,3}\d{1,4}\W{0,3}$|\b\d{1,4}\s*/\s*\d{1,4}$", re.IGNORECASE
)
_DIGITS = re.compile(r"\d+")
_BROKEN_WORD = re.compile(
    r"(?<![^\W\d_])(?P<head>[^\W\d_]{2,40})(?P<hyphen>[-\u2010\u00ad])[ \t]*\r?\n(?:[ \t]*\r?\n)?[ \t]*"
    r"(?P<tail>[a-zß-ÿ]{2,40})"
)
_LEAST_BROKEN_WORDS = 3
_LONGEST_FURNITURE_CHARS = 120
_SENTENCE_END = re.compile(r"[.:;!?][”\"’')\]]*$")


def is_of_print(text: str) -> bool:
    """Whether `text` was taken from printed pages: form feeds, page headers, words broken at line ends."""
    if "\f" in text:
        return True
    pages = sum(1 for line in text.splitlines() if len(line) <= _LONGEST_FURNITURE_CHARS and _is_page_line(line))
    broken = len(_BROKEN_WORD.findall(text))
    return (pages >= 2 and broken >= 1) or broken >= _LEAST_BROKEN_WORDS


def without_print_layout(text: str) -> tuple[str, str | None]:
    """`text` without page headers and footers, its broken words and parted paragraphs joined; and the page header."""
    lines = [line.rstrip(" \t\r") for line in text.replace("\f", "\n\f\n").split("\n")]
    furniture = _furniture(lines)
    kept: list[str] = []
    page_ended = False
    for line in lines:
        if line == "\f" or line.strip("\f ") in furniture:
            page_ended = True
            continue
        words = line.replace("\f", "")
        if page_ended and not words.strip():
            continue
        if page_ended:
            _end_page(kept, words)
            page_ended = False
        kept.append(words)
    headers = Counter(_PAGE.sub("", line).strip(" |·-–—") for line in lines if line.strip("\f ") in furniture)
    running = max((words for words in headers if words), key=lambda words: headers[words], default=None)
    return _BROKEN_WORD.sub(_joined, "\n".join(kept) + "\n"), running


def _end_page(kept: list[str], following: str) -> None:
    """Part or join what stands on both sides of a page's end: a sentence goes on, a paragraph begins."""
    while kept and not kept[-1].strip():
        kept.pop()
    goes_on = kept and not _SENTENCE_END.search(kept[-1]) and following.lstrip()[:1].islower()
    if kept and not goes_on:
        kept.append("")


def _furniture(lines: list[str]) -> set[str]:
    """The lines that stand on several pages with the same words, numbers aside, and tell a page's number."""
    short = [line.strip() for line in lines if 0 < len(line.strip()) <= _LONGEST_FURNITURE_CHARS]
    shapes = Counter(_DIGITS.sub("#", line) for line in short)
    numbered = {line for line in short if _is_page_line(line) and shapes[_DIGITS.sub("#", line)] >= 2}
    beside_form_feeds = Counter(
        line.strip()
        for at, feed in enumerate(lines)
        if feed == "\f"
        for line in _nearest(lines, at)
        if len(line) <= _LONGEST_FURNITURE_CHARS
    )
    return numbered | {line for line, count in beside_form_feeds.items() if count >= 2}


def _nearest(lines: list[str], feed: int) -> list[str]:
    """The lines that hold words next above and below a form feed."""
    above = next((lines[at] for at in range(feed - 1, -1, -1) if lines[at].strip("\f ")), "")
    below = next((lines[at] for at in range(feed + 1, len(lines)) if lines[at].strip("\f ")), "")
    return [line for line in (above, below) if line]


def _is_page_line(line: str) -> bool:
    return _PAGE.search(line.strip()) is not None


def _joined(found: re.Match[str]) -> str:
    """A broken word whole: "geolo-" and "cation" without the hyphen, "long-" and "term" with it."""
    head, tail = found["head"], found["tail"]
    return head + tail if joins_without_hyphen(head, tail) else f"{head}-{tail}"


def joins_without_hyphen(head: str, tail: str) -> bool:
    """Whether `head` and `tail`, parted at a line's end, are one word: by what the language knows.

    >>> joins_without_hyphen("geolo", "cation"), joins_without_hyphen("long", "term")
    (True, False)
    """
    known = _known_words()
    whole = (head + tail).lower()
    return whole in known or not (head.lower() in known and tail.lower() in known)


@cache
def _known_words() -> frozenset[str]:
    from spellchecker import SpellChecker

    return frozenset(SpellChecker(language="en").word_frequency.words())
