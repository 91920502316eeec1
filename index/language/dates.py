"""Days as people write them, and the day that a document states for itself. It does not know policies."""

import re
from collections.abc import Iterator
from datetime import date

from index.parsing.document import Document, Kind
from index.parsing.markup import plain

# Languages whose names of months are known here: those that policies of the archives are written in.
_LANGUAGES = ["en", "de", "fr", "es", "it", "nl", "pt", "pl"]
_FIRST_YEAR, _LAST_YEAR = 1990, 2100
_MONTH = r"[^\W\d_]{3,12}\.?"
_DAY = re.compile(
    rf"(?P<iso>\b\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}\b)"
    rf"|(?P<day_first>\b\d{{1,2}}(?:st|nd|rd|th|er|º|°|\.)?\s+(?:(?:day\s+)?of\s+|de\s+)?{_MONTH},?\s+(?:de\s+|del\s+)?\d{{4}}\b)"
    rf"|(?P<month_first>\b{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}}\b)"
    rf"|(?P<numbers>\b\d{{1,2}}[-/.]\d{{1,2}}[-/.]\d{{4}}\b)"
    rf"|(?P<month>\b{_MONTH},?\s+\d{{4}}\b)"
)
# What a document says before the day that it states for itself, in the languages above.
_CUE = re.compile(
    r"\b(?:effective(?:ness)?(?:\s+(?:date|as\s+of|from|since|on|beginning))?|in\s+effect(?:\s+(?:as\s+of|from|since))?|"
    r"takes?\s+effect|in\s+force|entry\s+into\s+force|valid\s+(?:from|as\s+of)|applicable\s+(?:from|as\s+of)|"
    r"(?:last|latest|most\s+recent(?:ly)?|date\s+of\s+last)?\s*"
    r"(?:updated?|revised|revision|modified|modification|amended|changed|reviewed|posted|published|issued)(?:\s+date)?|"
    r"version(?:\s+date)?|dated|date|as\s+of|"
    r"stand|gültig\s+(?:ab|seit)|(?:letzte|zuletzt)\s+\w+|in\s+kraft(?:\s+(?:seit|ab|getreten))?|fassung\s+vom|"
    r"mise\s+à\s+jour|en\s+vigueur|modifiée?|version\s+du|"
    r"actualizaci[oó]n|actualizad[oa]|vigencia|vigente|en\s+vigor|"
    r"aggiornament[oi]|aggiornat[oa]|in\s+vigore|bijgewerkt|ingangsdatum|versie|"
    r"atualizaç[ãa]o|atualizad[oa]|em\s+vigor|vigência|aktualizacja|obowiązuje)\b"
    r"[\s:*_()\[\]“”\"'–—-]*(?:[^\W\d_]+[\s:*_(]+){0,4}?$",
    re.IGNORECASE,
)
# Days of laws and of other versions are not the document's own.
_OTHERS = re.compile(
    r"\b(?:previous(?:ly)?|prior|earlier|older|former|archived?|superseded|history|replaces?|regulation|directive|gdpr|"
    r"ccpa|cpra|act|law|dsgvo|rgpd|since|between|until|before|after|collected|born|accounts?|registered)\b",
    re.IGNORECASE,
)
_TITLE_BLOCKS, _OPENING_BLOCKS, _CLOSING_BLOCKS = 2, 14, 8
_LONGEST_STATEMENT_CHARS = 600
_BEFORE_CHARS = 90


def parse_day(text: str) -> date | None:
    """The day that `text` names; None where it names none, or may mean two ("04/05/2019").

    >>> parse_day("20 March 2015"), parse_day("March 20th, 2015"), parse_day("3. Mai 2021")
    (datetime.date(2015, 3, 20), datetime.date(2015, 3, 20), datetime.date(2021, 5, 3))
    >>> parse_day("04/05/2019"), parse_day("25/05/2018"), parse_day("2015-13-40"), parse_day("soon")
    (None, datetime.date(2018, 5, 25), None, None)
    """
    found = _DAY.fullmatch(text.strip(" \t.,;*_()[]"))
    return _day(found) if found else None


def effective_on(document: Document) -> date | None:
    """The day that `document` states for itself: from when it holds or when it was last changed, whichever is later.

    It stands near the beginning, else near the end, behind words such as "effective" or "last updated", or alone in its
    line. A month without a day is its first day. Days of laws and of other versions do not count.
    """
    if document.metadata.effective_on:
        return document.metadata.effective_on
    blocks = document.blocks
    for part in (blocks[:_OPENING_BLOCKS], blocks[_OPENING_BLOCKS:][-_CLOSING_BLOCKS:]):
        stated: list[date] = []
        for block in part:
            if block.kind is not Kind.ROW and block.end - block.start <= _LONGEST_STATEMENT_CHARS:
                words = plain(document.text[block.start : block.end], document.markup)
                titles = block.kind is Kind.HEADING and block in blocks[:_TITLE_BLOCKS]
                stated += _stated(words, anywhere=titles)
        if stated:
            return max(stated)
    return None


def _stated(words: str, *, anywhere: bool) -> Iterator[date]:
    """The days that `words` state: behind a cue, or all that they say, or `anywhere`."""
    first = True
    for found in _DAY.finditer(words):
        before = words[max(0, found.start() - _BEFORE_CHARS) : found.start()]
        sentence = re.split(r"(?<=[^\W\d_]{3})[.;!?]\s", before)[-1]
        alone = len(words.split()) <= len(found[0].split()) + 1
        cue = _CUE.search(sentence)
        if (anywhere or alone or (cue and not _OTHERS.search(sentence[: cue.end()]))) and (first or cue):
            day = _day(found)
            if day:
                yield day
        first = False


def _day(found: re.Match[str]) -> date | None:
    numbers = [int(number) for number in re.findall(r"\d+", found[0])]
    try:
        if found["iso"]:
            year, month, day = numbers
        elif found["numbers"]:
            one, other, year = numbers
            if one <= 12 and other <= 12 and one != other and "." not in found[0]:
                return None  # 4 May or 5 April: nothing here tells
            day, month = (other, one) if other > 12 and "." not in found[0] else (one, other)
        else:
            return _in_words(found)
        made = date(year, month, day)
    except ValueError:
        return None
    return made if _FIRST_YEAR <= made.year <= _LAST_YEAR else None


def _in_words(found: re.Match[str]) -> date | None:
    import dateparser

    words = re.sub(r"(?<=\d)(?:st|nd|rd|th|er|º|°)\b|\b(?:day\s+)?of\b|\bdel?\b", " ", found[0])
    words = " ".join(words.replace(".", " ").split())
    year = int(re.findall(r"\d{4}", words)[-1])
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return None
    settings = {"PREFER_DAY_OF_MONTH": "first", "REQUIRE_PARTS": ["month", "year"], "DATE_ORDER": "DMY"}
    parsed = dateparser.parse(words, languages=_LANGUAGES, settings=settings)
    return parsed.date() if parsed else None
