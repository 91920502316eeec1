"""Which language a document is in, and whether it is one that is read."""

from functools import cache
from typing import Any

from index.parsing.document import Document, Kind
from index.parsing.markup import plain

READ_LANGUAGES = frozenset({"en"})
"""What questions and passages are understood in; documents of other languages are kept and marked."""

# Enough to tell languages apart, taken from the whole document: a page may open in another language than it goes on in.
_SAMPLE_CHARS, _LEAST_CHARS = 4_000, 40
_LEAST_PROBABILITY = 0.6
_NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "et": "Estonian", "fa": "Persian", "fi": "Finnish", "fr": "French",
    "he": "Hebrew",     "hi": "Hindi",
    "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "is": "Icelandic", "it": "Italian",
    "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "ms": "Malay",
    "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
    "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "th": "Thai", "tr": "Turkish",
    "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip


def language_of(document: Document) -> str:
    """A BCP 47 tag of what most of `document` is written in; of a text too short to tell, what it declares, or "en"."""
    declared = (document.metadata.language or "").lower().replace("_", "-").partition("-")[0]
    shown = _sample(document)
    if sum(character.isalpha() for character in shown) < _LEAST_CHARS:
        return declared or language_of_words(shown, unsure="en")
    return language_of_words(shown, unsure=declared or "en")


def language_of_words(words: str, *, unsure: str) -> str:
    """The language of `words`, or `unsure` where they do not tell.

    >>> language_of_words("Wir verkaufen Ihre Daten nicht an Dritte.", unsure="en")
    'de'
    """
    tag, probability = _identifier().classify(words)
    return str(tag) if probability >= _LEAST_PROBABILITY else unsure


def can_read(language: str) -> bool:
    """Whether documents in `language` are understood."""
    return language.partition("-")[0] in READ_LANGUAGES


def language_name(language: str) -> str:
    """`language` as English calls it; the tag itself where that is not known here."""
    return _NAMES.get(language.partition("-")[0], f"the language “{language}”")


def _sample(document: Document) -> str:
    """Words of all parts of the running text of `document`."""
    spans = [(block.start, block.end) for block in document.blocks if block.kind is not Kind.HEADING]
    spans = spans or [(block.start, block.end) for block in document.blocks]
    total = sum(end - start for start, end in spans)
    share = min(1.0, _SAMPLE_CHARS / max(total, 1))
    parts = [document.text[start : start + max(1, int((end - start) * share))] for start, end in spans]
    if share < 1.0 and len(parts) > 200:
        parts = [document.text[start:end] for start, end in spans[:: max(1, int(1 / share))]]
    return plain(" ".join(parts)[: 2 * _SAMPLE_CHARS], document.markup)


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(sorted(_NAMES))
    return identifier
