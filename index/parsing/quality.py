"""Whether a document is a policy at all, or a log-in page, an error, a picker of countries, a menu."""

import json
import re
from functools import cache
from pathlib import Path

from index.language.sentences import sentence_spans
from index.parsing.document import Document, Kind
from index.parsing.markup import plain
from index.terms import stem, words

PAGE_WORDS = Path(__file__).with_name("page_words.json")
# A document with so many words in sentences is no page of the other kinds, whatever they say.
_ENOUGH_WORDS = 150
_LEAST_SENTENCE_WORDS = 3
# Of so many words or more at least this share is in sentences: a menu with a footer has less.
_MENU_WORDS, _LEAST_SENTENCE_SHARE = 40, 0.25
# Below this sum of log-ratios a document is no policy. Of pages that Open Terms Archive recorded where an extraction
# failed, and that nothing here was fitted on: see `tests/test_quality.py`.
_LEAST_LOG_RATIO, _SURE_LOG_RATIO = -5.0, 4.0
_ENDS = re.compile(r"[.!?:;。！？।؟][”\"’')\]»*⁰¹²³⁴⁵⁶⁷⁸⁹]*$")
_LATIN_WORD = re.compile(r"[A-Za-z]")


def why_no_policy(document: Document, *, language: str) -> str | None:
    """Why `document` is no policy, in words that go behind its path; None for one that may be.

    Args:
        language: what it is written in; of others than English only documents without any sentence are told.
    """
    sentences, total = _sentences(document)
    if not sentences:
        return f"no policy: {total} words of headings, links and names, and no sentence; leave it out or fetch it again"
    running = sum(len(sentence.split()) for sentence in sentences)
    if running >= _ENOUGH_WORDS or language != "en":
        return None
    log_ratio = sum(page_log_ratio(sentence) for sentence in sentences)
    if total >= _MENU_WORDS and running < _LEAST_SENTENCE_SHARE * total and log_ratio < _SURE_LOG_RATIO:
        return f"no policy: of {total} words only {running} are in sentences, as in a menu; fetch it again"
    if log_ratio < _LEAST_LOG_RATIO:
        shown = " ".join(sentences)[:60].rsplit(" ", 1)[0]
        return f"no policy, but a page such as a log-in or an error (“{shown} …”); leave it out or fetch it again"
    return None


def page_log_ratio(sentence: str) -> float:
    """How much likelier a policy says `sentence` than a page that is none: a log-ratio, below 0 for such a page."""
    weights = _weights()
    return sum(weights.get(stemmed, 0.0) for stemmed in set(content_stems(sentence)))


def content_stems(sentence: str) -> list[str]:
    """The stems of all words of `sentence`: here "we" and "you" tell as much as others."""
    return [stem(word) for word in words(sentence)]


def _sentences(document: Document) -> tuple[list[str], int]:
    """The running sentences of `document`, each once, and how many words it has in all."""
    found, total = [], 0
    for block in document.blocks:
        shown = plain(document.text[block.start : block.end], document.markup)
        total += len(shown.split())
        governed = bool(block.lead_ins) or block.kind is Kind.ROW
        if block.kind is Kind.HEADING or not (governed or _ENDS.search(shown) or not _LATIN_WORD.search(shown)):
            continue
        for start, end in sentence_spans(document.text, block.start, block.end):
            sentence = plain(document.text[start:end], document.markup)
            if governed or len(sentence.split()) >= _LEAST_SENTENCE_WORDS or not _LATIN_WORD.search(sentence):
                found.append(sentence)
    return list(dict.fromkeys(found)), total


@cache
def _weights() -> dict[str, float]:
    weights: dict[str, float] = json.loads(PAGE_WORDS.read_text(encoding="utf-8"))
    return weights
