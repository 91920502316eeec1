"""Which companies a question is about, which it merely speaks of, and which it names that are not in the index.

Resolved before anything is searched: a hit of another company is worse than none. A word is a name where the sentence
uses it as one (`qa.question.name_tagger`); the index's names say whose. It does not know passages.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from index.errors import UnknownCompany
from index.language.english import english_words
from index.policies.companies import Company, key
from index.policies.legal_names import is_legal_form, name_of_entity
from index.terms import STOPWORDS, Thesaurus, brands
from qa.question.alike_keys import AlikeKeys
from qa.question.name_runs import goes_on, quoted, runs, with_neighbours
from qa.question.name_tagger import DEALT_WITH, NOT_A_NAME, KnownSpan, NameTagger, Token, tokenize

WELL_KNOWN = Path(__file__).with_name("well_known_names.txt")
# One letter of a name so long may be wrong, or two swapped. Two would make Meyer & Söhne of Meyer and Sons.
_TYPO_FROM = 5
# The first letter of a name up to so long is seldom the wrong one.
_FIRST_LETTER_UP_TO = 7
# Runs of tokens that are compared with all names of the index in one question, so that its cost has a limit.
_MOST_COMPARED = 6
_NEAREST_SIMILARITY = 60.0
_NEAREST = 3
# How likely words of the language that spell a name must be meant as one; a long name word for word hardly needs the
# sentence, a word in lower case needs it more than others. Words that mean nothing else do not need it.
_LONG_NAME_FROM, _CAPITALS_FROM, _LOWER_CASE_FROM = 0.02, 0.25, 0.75
_PAIR_WEIGHS = 0.4
_ABBREVIATION_FROM = 0.99
_CERTAIN_FROM = 0.9
_LONG_NAME_TOKENS = 3
# Beyond a name of the index, to be part of a longer one.
_LONGER_FROM, _WORD_LONGER_FROM = 0.8, 0.95
# A name that merely might be misspelt, such as a strange word in lower case.
_MISSPELT_FROM = 0.05
# That a company is merely dealt with; the only one that is named is seldom so.
_DEALT_WITH_FROM, _ALONE_DEALT_WITH_FROM, _ALONE_AND_UNKNOWN_DEALT_WITH_FROM = 0.6, 0.97, 0.9
# Of the only name of a question that seems to ask all companies.
_PERHAPS_DEALT_WITH_FROM = 0.12

_LEADING_THE = re.compile(r"^the\s+", re.IGNORECASE)
_POSSESSIVE = re.compile(r"(?<=\w)['’]s?(?!\w)", re.IGNORECASE)
_WEB_PREFIX = re.compile(r"^(?:www\.)", re.IGNORECASE)
_ENDING_MARKS = frozenset("?!+")


@dataclass(frozen=True, slots=True)
class Matched:
    """A company that the question names; `matched` is how, at `start:end` of the question."""

    company: Company
    matched: str
    start: int
    end: int


@cache
def well_known() -> frozenset[str]:
    """Keys of well-known names of ordinary words, such as Best Buy (see `eval.well_known_names`)."""
    names = WELL_KNOWN.read_text(encoding="utf-8").splitlines()
    return frozenset(key(form) for name in names for form in (name, _LEADING_THE.sub("", name)))


def companies_of(matched: Iterable[Matched]) -> tuple[Company, ...]:
    """The companies of `matched`, each once, in order."""
    return tuple({match.company.id: match.company for match in matched}.values())


@dataclass(frozen=True, slots=True)
class UnknownName:
    """A company that the question names and the index lacks, with the nearest names that it has, if any are near.

    `certain`: hardly anything speaks for these words being no name. `perhaps_dealt_with`: it may be spoken of merely.
    """

    name: str
    nearest: tuple[str, ...]
    start: int
    end: int
    certain: bool = True
    perhaps_dealt_with: bool = False


@dataclass(frozen=True, slots=True)
class Mentions:
    """What a question says of companies.

    Attributes:
        matched: those that it is about.
        unknown: those that it is about and that the index lacks.
        dealt_with: those that it merely speaks of ("log in with Facebook"), in the index or not.
        bare: the question without the names of those that it is about.
    """

    matched: tuple[Matched, ...]
    unknown: tuple[UnknownName, ...]
    dealt_with: tuple[str, ...]
    bare: str

    @property
    def companies(self) -> tuple[Company, ...]:
        """The companies named, each once, in order."""
        return companies_of(self.matched)

    def with_unknown_dealt_with(self, question: str) -> "Mentions":
        """The same of `question`, if it asks all companies: those unknown are merely dealt with."""
        names = tuple(name.name for name in self.unknown)
        return replace(self, unknown=(), dealt_with=(*self.dealt_with, *names), bare=question)


@dataclass(frozen=True, slots=True)
class _Span:
    """Tokens `first` to before `last`, which name one of `entries`; none, if the index lacks the name."""

    first: int
    last: int
    entries: tuple[tuple[Company, str], ...] = ()


class CompanyNames:
    """The names of an index's companies, to be found in questions."""

    def __init__(self, companies: Sequence[Company], *, lower_case_words: Mapping[str, int]) -> None:
        """`lower_case_words` tells in how many policies a word stands in lower case."""
        self._tagger = NameTagger.shipped()
        self._words_of_policies = Thesaurus.shipped().words | lower_case_words.keys()
        self._alike_words = AlikeKeys([word for word in self._words_of_policies | STOPWORDS if len(word) >= _TYPO_FROM])
        self._lower_case_words = lower_case_words
        self._know(companies)

    def restricted(self, companies: Sequence[Company]) -> "CompanyNames":
        """The names of these companies alone, among the same words."""
        names = copy(self)
        names._know(companies)
        return names

    def _know(self, companies: Sequence[Company]) -> None:
        self.companies = companies
        self._by_key: dict[str, list[tuple[Company, str]]] = defaultdict(list)
        self._ids = {company.id.casefold(): company for company in companies}
        for company in companies:
            for name in company.names:
                self._add(company, name)
        self._short = self._add_short_names(self._lower_case_words)
        for variant, entries in self._by_key.items():
            self._by_key[variant] = _closest(variant, entries)
        self._alike = AlikeKeys([variant for variant in sorted(self._by_key) if variant not in self._short])
        for variant in well_known():
            self._by_key.setdefault(variant, [])
        self._keys = sorted(self._by_key)

    def _add(self, company: Company, name: str) -> None:
        # A question's words are compared without their "'s": "Levi's" may be theirs, or Levi's.
        forms = {name, _LEADING_THE.sub("", name), _POSSESSIVE.sub("", name)}
        if " " in name:
            forms.add(name_of_entity(name))
        for variant in map(key, forms):
            if variant and all(company is not other for other, _ in self._by_key[variant]):
                self._by_key[variant].append((company, name))

    def _add_short_names(self, lower_case_words: Mapping[str, int]) -> set[str]:
        """Let "imgwg" mean imgwg Communications and "Jivo" JivoChat, where the word means nothing and nobody else."""
        shorter: dict[str, dict[str, tuple[Company, str]]] = defaultdict(dict)
        for company in self.companies:
            for name in company.names:
                first = re.match(r"[^\W_]+?(?=[\s-]|(?<=[a-z])[A-Z][a-z])", name)
                word = first[0].lower() if first else ""
                if len(word) >= 4 and word not in english_words() and word not in lower_case_words:
                    shorter[key(word)][company.id] = (company, word)
        added = set()
        for short, owners in shorter.items():
            if len(owners) == 1 and short not in self._by_key:
                self._by_key[short] = list(owners.values())
                added.add(short)
        return added

    def given(self, name: str) -> Company:
        """The company that `name` means: an id, a name, an alias or a domain, in any case.

        Raises:
            UnknownCompany: no company is called so; the message names the nearest.
        """
        by_id = self._ids.get(name.strip().casefold())
        if by_id:
            return by_id
        found = self._by_key.get(key(re.sub(r"^(?:https?://)?(?:www\.)?|/.*$", "", name.strip())))
        if not found:
            raise UnknownCompany(name, list(self.nearest(name)))
        return found[0][0]

    def nearest(self, name: str) -> tuple[str, ...]:
        """Names of up to three companies that are spelt most like `name`, nearest first."""
        typed = key(name)
        found = process.extract(
            typed, self._alike.to(typed), scorer=fuzz.ratio, score_cutoff=_NEAREST_SIMILARITY, limit=_NEAREST * 4
        )
        names = [company.name for matched, _, _ in found for company, _ in self._by_key[matched]]
        return tuple(dict.fromkeys(names))[:_NEAREST]

    def mentions(self, question: str, *, has_subject: bool = False) -> Mentions:
        """The companies that `question` names, known and unknown.

        `has_subject`: whom it is about is known beside it, so that even the only one that it names may be dealt with.
        """
        tokens = tokenize(question)
        spelt = self._spelt(question, tokens)
        known = [KnownSpan(span.first, span.last, self._as_written(question, tokens, span)) for span in spelt]
        probabilities = self._tagger.probabilities(question, tokens, known)
        spans = self._resolved(question, tokens, spelt, probabilities)
        matched: list[Matched] = []
        unknown: list[UnknownName] = []
        dealt_with: list[str] = []
        taken_out: list[tuple[int, int]] = []
        asked = self._asked(spans, probabilities, has_subject=has_subject)
        ids = {
            company.id for span, is_asked in zip(spans, asked, strict=True) if is_asked for company, _ in span.entries
        }
        for span, is_asked in zip(spans, asked, strict=True):
            start, end = tokens[span.first].start, tokens[span.last - 1].end
            name = question[start:end]
            if not is_asked and not any(company.id in ids for company, _ in span.entries):
                dealt_with.append(name)
                continue
            taken_out.append((start, end))
            matched += [Matched(company, name, start, end) for company, _ in span.entries]
            if not span.entries:
                of_name = probabilities[span.first : span.last]
                certain = 1.0 - of_name[:, NOT_A_NAME].min() >= _CERTAIN_FROM
                perhaps = of_name[:, DEALT_WITH].mean() >= _PERHAPS_DEALT_WITH_FROM
                unknown.append(UnknownName(name, (), start, end, bool(certain), bool(perhaps)))
        said = Mentions(tuple(matched), tuple(unknown), tuple(dealt_with), _without(question, taken_out))
        # Beside a company that is there, words in lower case are seldom one that is not: "only with hosts?".
        return self.without_words(question, said) if matched and unknown else said

    def _asked(self, spans: Sequence[_Span], probabilities: np.ndarray, *, has_subject: bool) -> list[bool]:
        """For each of `spans` whether the question is about it; of several that nobody else is asked of, one is."""
        dealt_with = [float(probabilities[span.first : span.last, DEALT_WITH].mean()) for span in spans]
        if len(spans) == 1 and not has_subject:
            most = _ALONE_DEALT_WITH_FROM if spans[0].entries else _ALONE_AND_UNKNOWN_DEALT_WITH_FROM
            return [dealt_with[0] <= most]
        least = _DEALT_WITH_FROM if has_subject else max(_DEALT_WITH_FROM, min(dealt_with, default=0.0))
        return [likely <= least for likely in dealt_with]

    def without_words(self, question: str, said: Mentions) -> Mentions:
        """What `question` says of companies, without unknown ones that are written like words of the language."""
        unknown = tuple(name for name in said.unknown if not self.is_like_words(name.name))
        spans = [(match.start, match.end) for match in said.matched] + [(name.start, name.end) for name in unknown]
        return replace(said, unknown=unknown, bare=_without(question, spans))

    def _spelt(self, question: str, tokens: Sequence[Token]) -> list[_Span]:
        """Every run of tokens that spells a name of the index or a well-known one, used as a name or not."""
        found = []
        for first in range(len(tokens)):
            joined = ""
            for last in range(first, len(tokens)):
                if last > first:
                    between = question[tokens[last - 1].end : tokens[last].start]
                    joined += "and" if "&" in between else ""
                joined += key(_WEB_PREFIX.sub("", tokens[last].text))
                place = bisect_left(self._keys, joined)
                if place == len(self._keys) or not self._keys[place].startswith(joined):
                    break
                if self._keys[place] == joined:
                    found.append(_Span(first, last + 1, tuple(self._by_key[joined])))
        return found

    def _as_written(self, question: str, tokens: Sequence[Token], span: _Span) -> bool:
        typed = question[tokens[span.first].start : tokens[span.last - 1].end]
        return not typed.islower() and any(name.startswith(typed) for _, name in span.entries)

    def _resolved(
        self, question: str, tokens: Sequence[Token], spelt: Sequence[_Span], probabilities: np.ndarray
    ) -> list[_Span]:
        """The names in the question, in order: those of the index, and runs of tokens that are names of none."""
        named = 1.0 - probabilities[:, NOT_A_NAME]
        taken: dict[int, _Span] = {}
        for span in sorted(spelt, key=lambda span: (not span.entries, span.first - span.last, span.first)):
            places = range(span.first, span.last)
            likely = named[span.first : span.last].mean() >= self._known_from(question, tokens, span)
            if likely and taken.keys().isdisjoint(places):
                taken.update(dict.fromkeys(places, span))
        found: list[_Span] = []
        compared = 0
        joined = [goes_on(question, *pair) for pair in pairwise(tokens)]
        scored: list[float] = named.tolist()
        names = [
            likely >= _MISSPELT_FROM and self._may_be_name(token, likely)
            for token, likely in zip(tokens, scored, strict=True)
        ]
        for places in quoted(question, tokens):
            if any(names[place] for place in places):  # a name in quotes ends where they do
                names[places.start : places.stop] = [True] * len(places)
                joined[places.start : places.stop - 1] = [True] * (len(places) - 1)
        for first, last in runs(with_neighbours(names, scored, joined), joined, taken):
            inside = list(dict.fromkeys(taken[place] for place in range(first, last) if place in taken))
            beyond = [
                place
                for place in range(first, last)
                if place not in taken
                and named[place] >= (_LONGER_FROM if self._is_written_as_name(tokens[place]) else _WORD_LONGER_FROM)
                and tokens[place].text.lower() != "the"
                and not is_legal_form(tokens[place].text)
            ]
            if inside and not beyond:
                found += inside
                continue
            left = _MOST_COMPARED - compared
            around = _around(first, last, len(tokens), taken)[:left] if left else []
            compared += len(around)
            misspelt = next(filter(None, (self._misspelt_at(question, tokens, *each) for each in around)), None)
            says_more = any(token.text.lower() not in STOPWORDS for token in tokens[first:last])
            if misspelt:
                found.append(misspelt)
            elif says_more and named[first:last].max() >= _CAPITALS_FROM:
                found.append(_Span(first, last))
        return [_with_article(tokens, span) for span in found]

    def _known_from(self, question: str, tokens: Sequence[Token], span: _Span) -> float:
        """How likely words that spell a name of the index must be meant as one."""
        words = [token.text for token in tokens[span.first : span.last] if token.text.lower() != "the"]
        if _has_its_mark(question, tokens[span.last - 1].end, span) or not self._are_words(words):
            return 0.0
        if len(words) >= _LONG_NAME_TOKENS:
            return _LONG_NAME_FROM
        least = _LOWER_CASE_FROM if all(map(str.islower, words)) else _CAPITALS_FROM
        return least if len(words) < 2 else _PAIR_WEIGHS * least

    def _are_words(self, words: Sequence[str]) -> bool:
        return all(self._is_word(word.lower()) for word in words)

    def is_like_words(self, name: str) -> bool:
        """Whether `name` is written like words of the language: in lower case, and all of them known."""
        return not any(map(self._is_written_as_name, tokenize(name)))

    def _is_written_as_name(self, token: Token) -> bool:
        word = token.text
        return not word.islower() or word in brands() or not (self._is_word(word) or self._misspells_a_word(word))

    def _is_word(self, word: str) -> bool:
        return word in self._words_of_policies or word in english_words()

    def _misspells_a_word(self, word: str) -> bool:
        near = self._alike_words.with_a_typo(word)
        return process.extractOne(word, near, scorer=OSA.distance, score_cutoff=1) is not None

    def _may_be_name(self, token: Token, named: float) -> bool:
        """Whether `token` is taken for a name, or for a strange word that may be a misspelt one."""
        if not self._is_word(token.text.lower()) and (named < _LOWER_CASE_FROM or self._is_written_as_name(token)):
            return named >= _MISSPELT_FROM
        if token.text.isupper() and token.text.lower() in self._words_of_policies:
            return named >= _ABBREVIATION_FROM  # GDPR, IP; or all of the question is in capitals
        return named >= (_LOWER_CASE_FROM if token.text.islower() else _CAPITALS_FROM)

    def _misspelt_at(self, question: str, tokens: Sequence[Token], first: int, last: int) -> _Span | None:
        entries = self._misspelt(question[tokens[first].start : tokens[last - 1].end])
        return _Span(first, last, entries) if entries else None

    def _misspelt(self, name: str) -> tuple[tuple[Company, str], ...]:
        """The companies whose name `name` is with a letter wrong, left out or too many, or two swapped."""
        typed = key(name)
        words = re.findall(r"[^\W_]+", name.lower())
        of_language = len(words) == 1 and self._is_word(words[0])
        if len(typed) < _TYPO_FROM or of_language or not brands().isdisjoint(words):
            return ()
        near = [
            found
            for found, _, _ in process.extract(
                typed, self._alike.with_a_typo(typed), scorer=OSA.distance, score_cutoff=1, limit=9
            )
            if len(found) >= _TYPO_FROM
            and (found[0] == typed[0] or sorted(found[:2]) == sorted(typed[:2]) or len(found) > _FIRST_LETTER_UP_TO)
        ]
        if not near:
            return ()
        best = max(near, key=lambda found: (fuzz.ratio(found, typed), found))
        return tuple(self._by_key[best])


def _around(first: int, last: int, count: int, taken: Mapping[int, _Span]) -> list[tuple[int, int]]:
    """A run of tokens, and the run with a token or two more or one less: where a name ends is uncertain."""
    spans = [(first, last), (first - 1, last), (first, last + 1), (first, last - 1), (first - 2, last)]
    others = taken.keys() - range(first, last)
    return [
        (begin, end)
        for begin, end in spans
        if 0 <= begin < end <= count and others.isdisjoint(range(begin, end)) and end - begin > (last - first) // 2
    ]


def _with_article(tokens: Sequence[Token], span: _Span) -> _Span:
    """`span` with the "The" before it, if the index lacks the name and no sentence explains the capital."""
    capital = span.first > 1 and tokens[span.first - 1].text == "The" and not span.entries
    return replace(span, first=span.first - 1) if capital else span


def _has_its_mark(question: str, end: int, span: _Span) -> bool:
    """Whether the mark that a name ends with stands at `end`, within the question: "Guess? keeps", "Yahoo!'s"."""
    mark = question[end : end + 1]
    return mark in _ENDING_MARKS and end + 1 < len(question) and any(name.endswith(mark) for _, name in span.entries)


def _closest(variant: str, entries: list[tuple[Company, str]]) -> list[tuple[Company, str]]:
    """Of the companies that go by one name, those whose id or own name it is; else all."""
    by_id = [entry for entry in entries if key(entry[0].id) == variant]
    by_name = [entry for entry in entries if key(entry[0].name) == variant]
    return by_id or by_name or entries


def _without(question: str, spans: Iterable[tuple[int, int]]) -> str:
    """`question` with the names at `spans` taken out, and tidied.

    >>> _without("does JivoChat's owner, JivoSite, notify me?", [(5, 13), (23, 31)])
    'does owner, notify me?'
    """
    pieces, position = [], 0
    for start, end in sorted(spans):
        pieces.append(question[position:start])
        position = end
    rest = "".join((*pieces, question[position:]))
    rest = re.sub(r"(?<![\w])['’]s\b|(?<=[\s(])['’]s?(?=\s)", " ", rest)
    rest = re.sub(r"\s+", " ", rest)
    rest = re.sub(r"\s+([,?.!;:])", r"\1", rest)
    rest = re.sub(r"([,;:])(?:\s*[,;:])+", r"\1", rest)
    return rest.strip(" ,;:-")
