"""Days as people write them, and the day that a document states for itself. It does not know policies."""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit

from index.language.detect import language_of
from index.parsing.document import Document, Kind
from index.parsing.markup import plain

# Languages whose names of months are known here: those that policies of the archives are written in.
_LANGUAGES = ["en", "de", "fr", "es", "it", "nl", "pt", "pl"]
_FIRST_YEAR, _LAST_YEAR = 1990, 2100
_MONTH = r"[^\W\d_]{3,12}\.?"
_DAY = re.compile(
    rf"(?P<iso>\b\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}\b|\d{{4}}年\d{{1,2}}月\d{{1,2}}日)"
    rf"|(?P<day_first>\b\d{{1,2}}(?:st|nd|rd|th|er|º|°)?\.?[\s-]*(?:(?:day\s+)?of\s+|de\s+)?{_MONTH},?[\s-]+(?:de\s+|del\s+)?"
    r"\d{4}\b)"
    rf"|(?P<month_first>\b{_MONTH},?\s*\d{{1,2}}(?:st|nd|rd|th)?[,.]?\s*\d{{4}}\b|\b\d{{4}}\s+{_MONTH}\s+\d{{1,2}}\b)"
    rf"|(?P<numbers>(?<![\d./-])\d{{1,2}}(?P<mark>[-/.])\s?\d{{1,2}}(?P=mark)\s?(?:\d{{4}}|\d{{2}})(?![\d./-]*\d))"
    rf"|(?P<month>\b{_MONTH},?\s+\d{{4}}\b)"
)
# What a document says before the day that it states for itself, in the languages above.
_CUE = re.compile(
    r"\b(?:effective(?:ness)?(?:\s+(?:date|as\s+of|from|since|on|beginning))?|in\s+effect(?:\s+(?:as\s+of|from|since))?|"
    r"(?:takes?|took)\s+effect|(?:went|came)\s+into\s+(?:effect|force)|in\s+force|entry\s+into\s+force|"
    r"valid\s+(?:from|as\s+of|since)|(?:applicable|applies)\s+(?:from|as\s+of)|"
    r"(?:last|latest|most\s+recent(?:ly)?|date\s+of\s+last)?\s*"
    r"(?:updated?|revised|revision|modified|modification|amended|changed|reviewed|posted|published|issued)(?:\s+date)?|"
    r"version(?:\s+date)?|dated|date|as\s+of|"
    r"stand|gültig\s+(?:ab|seit)|(?:letzte|zuletzt)\s+\w+|in\s+kraft(?:\s+(?:seit|ab|getreten))?|fassung\s+vom|"
    r"mise\s+à\s+jour|en\s+vigueur|modifiée?|version\s+du|"
    r"actualizaci[oó]n|actualizad[oa]|vigencia|vigente|en\s+vigor|"
    r"aggiornament[oi]|aggiornat[oa]|in\s+vigore|bijgewerkt|ingangsdatum|versie|"
    r"atualizaç[ãa]o|atualizad[oa]|em\s+vigor|vigência|aktualizacja|zaktualizowan[oya]|obowiązuje|wejścia\s+w\s+życie)\b"
    r"[\s:*_()\[\]“”\"'–—-]*(?:[^\W\d_]+[\s:*_(]+){0,4}?$",
    re.IGNORECASE,
)
# Days of laws and of other versions are not the document's own.
_OTHERS = re.compile(
    r"\b(?:previous(?:ly)?|prior|earlier|older|former|archived?|superseded|history|replaces?|regulation|directive|gdpr|"
    r"ccpa|cpra|act|law|dsgvo|rgpd|since|between|until|before|after|collected|born|accounts?|registered|see|view|"
    r"\w*verordnung|richtlinie|\w*gesetz|siehe|bisherige|loi|règlement|voir|précédente|ley|reglamento|anterior|legge|"
    r"regolamento|precedente|verordening|wet|vorige|lei|regulamento|ustaw\w*|rozporządzeni\w*|poprzedni\w*)\b",
    re.IGNORECASE,
)
# Of 60 documents of services that none of this was tuned on, 59 of the days found were the document's own; one was an
# older version's, alone in its line at the end. A day is found for 78 % of 628 versions of their privacy policies; 4 of
# 1,165 days lie more than 60 days after the version was recorded, and of 869 pairs of versions that follow each other
# 8 go back, as their texts do.
_TITLE_BLOCKS, _OPENING_BLOCKS, _CLOSING_BLOCKS = 2, 14, 8
_STATEMENT_CHARS = 600
_BEFORE_CHARS = 90
_FROM_ON = re.compile(r"(?<=\s)since(?=\s)", re.IGNORECASE)  # "in force since"
# "effective from June 6, 2014 until May 24, 2018"
_ENDED = re.compile(r"[\s,)*_]{1,4}(?:until|till|bis|jusqu|hasta|fino|tot)\b", re.IGNORECASE)
# A line that is nothing but the statement, with at most the document's name before it.
_LABEL = re.compile(
    r"\W*(?:(?:this|the|our|page|date|privacy|policy|notice|statement|document|terms|agreement|version|posted|\d[\d.]*|of|"
    r"use|service|was|is)\W+){0,7}"
    r"(?:last|updated?|effective|revised|version|modified|published|date|dated|stand|letzte|zuletzt|gültig|dernière|mise?|"
    r"en\s+vigueur|última|ultimo|laatst|ostatnia)\b",
    re.IGNORECASE,
)
_LONGEST_LABEL_CHARS = 160
_YEAR = re.compile(r"(?:19|20)\d\d|/\d\d\b")
_NUMBERS = re.compile(r"(?<![\d./-])(\d{1,2})[-/.](\d{1,2})[-/.](?:19|20)?\d\d(?![\d./-]*\d)")
# Top-level domains of two letters under which pages of all countries lie, and those of countries that write 05/04.
_NO_COUNTRIES = frozenset("ai co fm gg io me so to tv us ws".split())
_DAYS_AHEAD = 60


def parse_day(text: str, *, day_first: bool | None = None) -> date | None:
    """The day that `text` names; None where it names none, or may mean two ("04/05/2019").

    Args:
        day_first: whether 04/05 is the fourth of May, where that is known.

    >>> parse_day("20 March 2015"), parse_day("March 20th, 2015"), parse_day("3. Mai 2021")
    (datetime.date(2015, 3, 20), datetime.date(2015, 3, 20), datetime.date(2021, 5, 3))
    >>> parse_day("04/05/2019"), parse_day("25/05/2018"), parse_day("2015-13-40"), parse_day("soon")
    (None, datetime.date(2018, 5, 25), None, None)
    """
    found = _DAY.fullmatch(text.strip(" \t.,;*_()[]"))
    return _day(found, day_first=day_first) if found and not found["month"] else None


@dataclass(frozen=True, slots=True)
class NamedDays:
    """A day, month or year as a text names it: from its `first` day to its `last`, in so many characters."""

    first: date
    last: date
    length: int


def days_at_start(text: str) -> NamedDays | None:
    """The day, month or year that `text` begins with; None where it begins with none.

    >>> days_at_start("May 2016, was it sold?")
    NamedDays(first=datetime.date(2016, 5, 1), last=datetime.date(2016, 5, 31), length=8)
    """
    words = list(re.finditer(r"\S+", text))[:4]
    for count in range(len(words), 0, -1):
        begins = text[: words[count - 1].end()].rstrip(" \t.,;:?!*_()[]")
        named = begins.lstrip(" \t.,;:?!*_()[]")
        found = _DAY.fullmatch(named)
        day = _day(found, day_first=None) if found else None
        if found and day:
            last = day.replace(day=monthrange(day.year, day.month)[1]) if found["month"] else day
            return NamedDays(day, last, len(begins))
        if re.fullmatch(r"(?:19|20)\d\d", named) and _FIRST_YEAR <= int(named) <= _LAST_YEAR:
            return NamedDays(date(int(named), 1, 1), date(int(named), 12, 31), len(begins))
    return None


def last_day(text: str) -> date | None:
    """The last day of the day, month or year that `text` begins with; None where it begins with none.

    >>> last_day("2015, did it sell data?"), last_day("May 2016"), last_day("3 June 2014 or later"), last_day("soon")
    (datetime.date(2015, 12, 31), datetime.date(2016, 5, 31), datetime.date(2014, 6, 3), None)
    """
    named = days_at_start(text)
    return named.last if named else None


def without_days(text: str) -> str:
    """`text` without the days and months of years that it names.

    >>> without_days("Last updated: 3 June 2024."), without_days("Effective May 2023"), without_days("within 30 days")
    ('Last updated: .', 'Effective ', 'within 30 days')
    """
    return _DAY.sub("", text)


def effective_on(document: Document) -> date | None:
    """The day that `document` states for itself: from when it holds or when it was last changed, whichever is later.

    It stands near the beginning, else near the end, behind words such as "effective" or "last updated", or alone in its
    line; else it is the first line anywhere that says nothing else. A month without a day is its first day. Days of
    laws and of other versions do not count, nor does 04/05/2019 where nothing tells which of two days that is.
    """
    if document.metadata.effective_on:
        return document.metadata.effective_on
    blocks = [block for block in document.blocks if block.kind is not Kind.ROW]
    order = _Order(document)
    opening, closing = blocks[:_OPENING_BLOCKS], blocks[_OPENING_BLOCKS:][-_CLOSING_BLOCKS:]
    for part in (opening, closing):
        stated: list[date] = []
        for block in part:
            end = min(block.end, block.start + _STATEMENT_CHARS)
            titles = block.kind is Kind.HEADING and block in blocks[:_TITLE_BLOCKS]
            words = plain(document.text[block.start : end], document.markup)
            # At the end a day alone in its line is an earlier version's: "08 February 2016 ›".
            stated += _stated(words, order, anywhere=titles, alone=part is opening)
        if stated:
            return max(stated)
    for block in blocks[_OPENING_BLOCKS:-_CLOSING_BLOCKS]:
        if block.end - block.start <= _LONGEST_LABEL_CHARS and _YEAR.search(document.text, block.start, block.end):
            words = plain(document.text[block.start : block.end], document.markup)
            stated = list(_stated(words, order)) if _LABEL.match(words) else []
            if stated:
                return max(stated)
    return None


class _Order:
    """Whether a document writes 4 May as 04/05; found out when it is asked for, as few documents need it."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def day_first(self, numbers: str) -> bool | None:
        """Whether `numbers` ("04/05/2019") begin with the day; None where nothing tells.

        What tells is, in this order, the document's other dates; its language (all but English have the day first); the
        country of its address; and that nobody has seen it long before the day that it states.
        """
        document = self._document
        firsts = [(int(one), int(other)) for one, other in _NUMBERS.findall(document.text)]
        day_first = any(one > 12 >= other for one, other in firsts)
        month_first = any(other > 12 >= one for one, other in firsts)
        if day_first != month_first:
            return day_first
        host = urlsplit(document.metadata.address or "").hostname or ""
        country = host.rpartition(".")[2]
        if host.endswith("archive.org") or len(country) != 2 or country in _NO_COUNTRIES:
            country = ""
        if country or language_of(document) != "en":
            return True
        seen = document.metadata.archived_on
        if seen:
            readings = [parse_day(numbers, day_first=order) for order in (True, False)]
            late = [bool(day and (day - seen).days > _DAYS_AHEAD) for day in readings]
            if late[0] != late[1]:
                return late[1]
        return None


def _stated(words: str, order: _Order, *, anywhere: bool = False, alone: bool = False) -> Iterator[date]:
    """The days that `words` state: behind a cue, or `alone` in the line, or `anywhere`."""
    first = True
    for found in _DAY.finditer(words):
        before = words[max(0, found.start() - _BEFORE_CHARS) : found.start()]
        sentence = re.split(r"(?<=[^\W\d_]{3})[.;!?]\s", before)[-1]
        is_all = alone and len(words.split()) <= len(found[0].split()) + 1
        cue = _CUE.search(sentence)
        ended = _ENDED.match(words, found.end())
        others = ended or (cue and _OTHERS.search(sentence[: cue.start()] + _FROM_ON.sub(" ", cue[0])))
        if (anywhere or is_all or cue) and not others and (first or cue):
            day = _day(found, day_first=order.day_first(found[0]) if found["numbers"] else None)
            if day:
                yield day
        first = False


def _day(found: re.Match[str], *, day_first: bool | None) -> date | None:
    numbers = [int(number) for number in re.findall(r"\d+", found[0])]
    try:
        if found["iso"]:
            year, month, day = numbers
        elif found["numbers"]:
            one, other, year = numbers
            if one <= 12 and other <= 12 and one != other:
                # 4 May or 5 April: with dots it is the day that comes first, unless other dates tell otherwise
                day_first = day_first if day_first is not None else True if found["mark"] == "." else None
                if day_first is None:
                    return None
            else:
                day_first = one > 12 or one == other
            day, month = (one, other) if day_first else (other, one)
            year += 2000 if year < 100 else 0
        else:
            return _in_words(found)
        made = date(year, month, day)
    except ValueError:
        return None
    return made if _FIRST_YEAR <= made.year <= _LAST_YEAR else None


def _in_words(found: re.Match[str]) -> date | None:
    import dateparser

    words = re.sub(r"(?<=\d)(?:st|nd|rd|th|er|º|°)\b|\b(?:day\s+)?of\b|\bdel?\b", " ", found[0])
    words = " ".join(re.sub(r"[.-]", " ", words).split())
    year = int(re.findall(r"\d{4}", words)[-1])
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return None
    settings = {"PREFER_DAY_OF_MONTH": "first", "REQUIRE_PARTS": ["month", "year"], "DATE_ORDER": "DMY"}
    parsed = dateparser.parse(words, languages=_LANGUAGES, settings=settings)
    return parsed.date() if parsed else None
