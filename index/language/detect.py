"""Which language a document is in, and whether it is one that is read."""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

from index.parsing.document import Document, Kind
from index.parsing.markup import plain

READ_LANGUAGES = frozenset({"en"})
"""What questions and passages are understood in; documents of other languages are kept and marked."""

# Parts from all over a document, each judged alone: a page may open in another language than it goes on in, and a
# sample of several languages together looks like a third one: taken so, 4 of 1,848 versions of the archives' documents,
# long English terms with their translations, were Spanish or German. Of the same, 12 come out otherwise than by lingua
# now: menus, lists of countries and texts of fewer than 25 words.
_PARTS, _PART_CHARS, _LEAST_CHARS = 10, 400, 40
_LEAST_PROBABILITY = 0.6
_NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "et": "Estonian", "fa": "Persian", "fi": "Finnish", "fr": "French",
    "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "is": "Icelandic",
    "it": "Italian", "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "ms": "Malay",
    "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
    "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "th": "Thai", "tr": "Turkish",
    "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip


def language_of(document: Document) -> str:
    """A BCP 47 tag of what most of `document` is written in; of a text too short to tell, what it declares, or "en"."""
    declared = (document.metadata.language or "").lower().replace("_", "-").partition("-")[0]
    parts = list(_parts(document))
    if sum(character.isalpha() for part in parts for character in part) < _LEAST_CHARS:
        return declared or language_of_words(" ".join(parts), unsure="en")
    likely: Counter[str] = Counter()
    chars: Counter[str] = Counter()
    for part in parts:
        tag, probability = _identifier().classify(part)
        likely[tag] += probability * len(part)
        chars[tag] += len(part)
    [(most, likelihood)] = likely.most_common(1)
    opening = next(iter(likely))
    if likelihood < 2 * likely[opening]:
        most, likelihood = opening, likely[opening]  # of a text and its translations, the text
    return most if likelihood >= _LEAST_PROBABILITY * chars[most] else declared or "en"


def language_of_words(words: str, *, unsure: str) -> str:
    """The language of `words`, or `unsure` where they do not tell.

    >>> language_of_words("Wir verkaufen Ihre Daten nicht an Dritte.", unsure="en")
    'de'
    """
    tag, probability = classified(words)
    return tag if probability >= _LEAST_PROBABILITY else unsure


def classified(words: str) -> tuple[str, float]:
    """The likeliest language of `words`, and its probability."""
    tag, probability = _identifier().classify(words)
    return str(tag), float(probability)


def can_read(language: str) -> bool:
    """Whether documents in `language` are understood."""
    return language.partition("-")[0] in READ_LANGUAGES


def language_name(language: str) -> str:
    """`language` as English calls it; the tag itself where that is not known here."""
    return _NAMES.get(language.partition("-")[0], f"the language “{language}”")


def _parts(document: Document) -> Iterator[str]:
    """Parts of the running text of `document`, evenly spread, in reading order."""
    spans = [(block.start, block.end) for block in document.blocks if block.kind is not Kind.HEADING]
    spans = spans or [(block.start, block.end) for block in document.blocks]
    total = sum(end - start for start, end in spans)
    share = min(1.0, _PARTS * _PART_CHARS / max(total, 1))
    part: list[str] = []
    chars = passed = 0
    for start, end in spans:
        # Of each block its share, so that many short ones are taken as they stand in one part.
        taken = end - start if share == 1.0 else max(0, int((passed + end - start) * share) - int(passed * share))
        passed += end - start
        part.append(document.text[start : start + taken])
        chars += taken
        if chars >= _PART_CHARS:
            yield plain(" ".join(part), document.markup)
            part, chars = [], 0
    yield plain(" ".join(part), document.markup)


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(sorted(_NAMES))
    return identifier
