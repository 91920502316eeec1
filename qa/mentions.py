"""Which companies a question is about, and which it names that are not in the index.

Resolved before anything is searched: a hit of another company is worse than none. Ordinary words ("Target",
"Path", "live") name a company only where a name is due. It does not know passages.
"""

import re
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from index.errors import UnknownCompany
from index.language.english import english_words
from index.policies.companies import Company, key
from index.terms import STOPWORDS, Thesaurus, brands, stem, words

# Letters that may differ in a name of so many letters: tuned on the sample questions' dev half.
_TYPOS = ((5, 0), (9, 1), (99, 2))
_MOST_WORDS = 6
# A word that so many policies write in lower case is an ordinary one (a twentieth of them in a small index).
_ORDINARY_POLICIES = 3
_NEAREST_SIMILARITY = 60.0
_NEAREST = 3

_TOKEN = re.compile(r"(?:https?://)?(?:www\.)?[^\W_]+(?:[-.&'’!+][^\W_]+)*", re.IGNORECASE)
_POSSESSIVE = re.compile(r"(?<=\w)['’]s?$", re.IGNORECASE)
_LEADING_THE = re.compile(r"^the\s+", re.IGNORECASE)
_DOMAIN_ENDING = re.compile(
    r"^[a-z0-9-]+(?:\.[a-z0-9-]+)*"
    r"\.(?:com|net|org|io|me|co|ai|app|de|uk|eu|us|gov|edu|tv|info|biz|dev|fr|nl|ru|in|ca|au|lv)$"
)
_AUXILIARIES = frozenset(
    """does do did will would can could has have had is are was were may might should
    doesn't don't isn't won't can't didn't""".split()
)
_PERSONS = frozenset(
    """i you we they he she it this that these those there someone anyone everyone nobody people users user customers
    customer visitors children kids kid child minors parents parent employees staff advertisers advertiser hackers
    police government strangers anybody somebody who what which""".split()
)
_NAME_FOLLOWS = frozenset("about at of by for on regarding re concerning does did".split())
_JOINS = frozenset("and or vs versus than & nor".split())
_WITH = frozenset("with to through via using into against from and or".split())
# "can I log in with Facebook": the company deals with whoever is named behind these.
_HANDS_OVER = frozenset(
    """share shares shared sharing sell sells sold give gives given disclose discloses pass passes send sends sent
    transfer transfers transferred log login sign signin connect connected link linked integrate integrated sync
    use uses using""".split()
)
_PRODUCTS = frozenset("analytics ads adsense adwords pay play maps pixel button plugin login fonts".split())
_TERSE_NOUNS = frozenset("data privacy cookies cookie gdpr ccpa retention policy account security terms".split())
# Capitalised, and no company: law, places, the calendar.
_PROPER = frozenset(
    """gdpr ccpa cpra coppa hipaa ferpa pipeda lgpd iso soc eu uk us usa u.s eea dpo ip dns sms gps ai ml api url
    html vpn ssl tls pci pii phi ssn id faq ceo cto ciso dpa scc sccs nda sla tos eula america american california
    californian californians virginia colorado nevada texas washington europe european europeans germany german
    france french britain british england ireland irish latvia latvian singapore china chinese russia russian india
    indian canada canadian australia australian japan japanese brazil brazilian switzerland swiss english spanish
    january february march april may june july august september october november december monday tuesday wednesday
    thursday friday saturday sunday christmas internet web english wi-fi wifi android ios iphone ipad mac windows
    linux bluetooth usb article section shield harbor harbour safe mr mrs ms dr""".split()
)


@cache
def english_words_by_shape() -> dict[tuple[str, int], list[str]]:
    """The same words by first letter and length: a misspelt one is looked for among few."""
    shapes: dict[tuple[str, int], list[str]] = defaultdict(list)
    for word in sorted(english_words()):
        shapes[word[:1], len(word)].append(word)
    return dict(shapes)


@dataclass(frozen=True, slots=True)
class Matched:
    """A company that the question names; `matched` is how, at `start:end` of the question."""

    company: Company
    matched: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class UnknownName:
    """A company that the question names and the index lacks, with the nearest names that it has.

    Attributes:
        certain: the name stands where a company's must ("does X ...", "X's"), not merely where it might.
    """

    name: str
    nearest: tuple[str, ...]
    start: int
    end: int
    certain: bool


@dataclass(frozen=True, slots=True)
class Mentions:
    """What a question says of companies; `bare` is the question without their names.

    An unknown name that policies write stays in `bare`: whether data goes to Facebook is a matter to search for.
    """

    matched: tuple[Matched, ...]
    unknown: tuple[UnknownName, ...]
    bare: str

    @property
    def companies(self) -> tuple[Company, ...]:
        """The companies named, each once, in order."""
        return tuple({match.company.id: match.company for match in self.matched}.values())


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start: int
    end: int
    key: str
    word: str  # lower case, without a possessive ending
    possessive: bool


class CompanyNames:
    """The names of an index's companies, to be found in questions."""

    def __init__(
        self,
        companies: Sequence[Company],
        *,
        lower_case_words: Mapping[str, int],
        policy_count: int,
        written: Container[str] = frozenset(),
    ) -> None:
        """`lower_case_words` tells in how many policies a word stands in lower case, `written` the stems of all."""
        self._written = written
        self._brands = brands()
        self._companies = companies
        enough = max(1, min(_ORDINARY_POLICIES, policy_count // 20))
        seen = {word for word, count in lower_case_words.items() if count >= enough}
        self._ordinary_words = (seen | Thesaurus.shipped().words) - self._brands
        self._ordinary_stems = {stem(word) for word in self._ordinary_words}
        self._common_words = {word for word, count in lower_case_words.items() if count > enough}
        self._by_key: dict[str, list[tuple[Company, str]]] = defaultdict(list)
        self._ids = {company.id.casefold(): company for company in companies}
        for company in companies:
            for name in company.names:
                self._add(company, name, own=name == company.name or name in company.domains)
        self._add_short_names()
        for variant, entries in self._by_key.items():
            self._by_key[variant] = _closest(variant, entries)
        self._keys = sorted(self._by_key)

    def _add(self, company: Company, name: str, *, own: bool) -> None:
        if not own and name.lower() in self._common_words:
            return
        # A question's words are compared without their "'s": "Levi's" may be theirs, or Levi's.
        for variant in {key(name), key(_LEADING_THE.sub("", name)), key(_POSSESSIVE.sub("", name))}:
            if variant and all(company is not other for other, _ in self._by_key[variant]):
                self._by_key[variant].append((company, name))

    def _add_short_names(self) -> None:
        """Let "imgwg" mean imgwg Communications and "Jivo" JivoChat, where the word means nothing and nobody else."""
        shorter: dict[str, dict[str, tuple[Company, str]]] = defaultdict(dict)
        for company in self._companies:
            for name in company.names:
                first = re.match(r"[^\W_]+?(?=[\s-]|(?<=[a-z])[A-Z][a-z])", name)
                if first and len(first[0]) >= 4 and stem(first[0].lower()) not in self._ordinary_stems:
                    shorter[key(first[0])][company.id] = (company, first[0])
        for short, owners in shorter.items():
            if len(owners) == 1 and short not in self._by_key and short not in STOPWORDS:
                self._by_key[short] = list(owners.values())

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
        found = process.extract(
            key(name), self._keys, scorer=fuzz.ratio, score_cutoff=_NEAREST_SIMILARITY, limit=_NEAREST * 4
        )
        names = [company.name for matched, _, _ in found for company, _ in self._by_key[matched]]
        return tuple(dict.fromkeys(names))[:_NEAREST]

    def mentions(self, question: str) -> Mentions:
        """The companies that `question` names, known and unknown."""
        tokens = [_token(match) for match in _TOKEN.finditer(question)]
        matched: list[Matched] = []
        taken: set[int] = set()
        for size in range(min(_MOST_WORDS, len(tokens)), 0, -1):
            for find in (self._exact, self._misspelt):
                for first in range(len(tokens) - size + 1):
                    places = range(first, first + size)
                    if taken.isdisjoint(places):
                        found = find(question, tokens, first, size)
                        if found:
                            matched += found
                            taken.update(places)
        matched = self._asked_about(tokens, sorted(matched, key=lambda match: match.start))
        unknown = self._unknown(question, tokens, taken)
        idle = [
            name
            for name in unknown
            if not all(stem(word) in self._written for word in words(name.name) if word not in STOPWORDS)
        ]
        spans = [(match.start, match.end) for match in matched] + [(name.start, name.end) for name in idle]
        return Mentions(tuple(matched), tuple(unknown), _without(question, spans))

    def _asked_about(self, tokens: list[_Token], matched: list[Matched]) -> list[Matched]:
        """`matched` without companies that another one merely deals with ("does Mailigen use Google Analytics").

        And without words of the language that some company is called by: "who is the data controller for Mailigen".
        """
        if len({match.company.id for match in matched}) < 2:
            return matched
        kept = []
        for match in matched:
            before = [token.word for token in tokens if token.end <= match.start]
            after = [token.word for token in tokens if token.start >= match.end]
            handed = bool(before) and before[-1] in _WITH - {"and", "or"} and not _HANDS_OVER.isdisjoint(before)
            product = bool(after) and after[0] in _PRODUCTS
            own = [token for token in tokens if match.start <= token.start < match.end]
            words_alone = match.matched.islower() and all(self._is_ordinary(token) for token in own)
            if not (handed or product or words_alone):
                kept.append(match)
        return kept or matched

    def _exact(self, question: str, tokens: list[_Token], first: int, size: int) -> list[Matched]:
        group = tokens[first : first + size]
        start, end = group[0].start, group[-1].end - _possessive_length(group[-1])
        typed = question[start:end]
        # "Let's Encrypt" keeps the 's that a possessive loses
        entries = self._by_key.get("".join(token.key for token in group)) or self._by_key.get(key(typed))
        if not entries:
            return []
        return [
            Matched(company, typed, start, end)
            for company, name in entries
            if self._means_it(question, tokens, first, size, name)
        ]

    def _means_it(self, question: str, tokens: list[_Token], first: int, size: int, name: str) -> bool:
        """Whether these words name a company here, and are not words of the language."""
        group = tokens[first : first + size]
        name = name if group[0].word == "the" else _LEADING_THE.sub("", name)
        if size > 1 or len(name.split()) > 1:
            # "my space" is no MySpace: ordinary words run together name nobody, "mig me" does
            same_words = size == len(name.split())
            return (
                same_words or not all(self._is_ordinary(token) for token in group) or name.lower() in question.lower()
            )
        token = group[0]
        if token.word not in self._common_words and token.word not in STOPWORDS:
            return True
        as_written = token.text.startswith(name) and not name.islower()
        return (as_written and first > 0 and not question.isupper()) or self._name_is_due(tokens, first, size)

    def _misspelt(self, question: str, tokens: list[_Token], first: int, size: int) -> list[Matched]:
        group = tokens[first : first + size]
        if size > 3 or any(token.word in self._brands for token in group):
            return []
        if any(token.word in STOPWORDS for token in group) or all(self._is_ordinary(token) for token in group):
            return []
        typed_key = "".join(token.key for token in group)
        allowed = next(typos for length, typos in _TYPOS if len(typed_key) < length or length == 99)
        if not allowed:
            return []
        if size > 1 and any(token.key in self._by_key for token in group) and any(map(self._is_ordinary, group)):
            return []  # "Microsoft share" is no misspelt Microsoft Store
        near = [
            found
            for found, _, _ in process.extract(
                typed_key, self._keys, scorer=OSA.distance, score_cutoff=allowed, limit=9
            )
            if len(found) >= 5 and found[0] == typed_key[0]
        ]
        if not near:
            return []
        best = max(near, key=lambda found: (fuzz.ratio(found, typed_key), found))
        if size > 1 and any(token.key == best for token in group):
            return []  # "Mailigen vs" is Mailigen and a word
        start, end = group[0].start, group[-1].end - _possessive_length(group[-1])
        return [Matched(company, question[start:end], start, end) for company, _ in self._by_key[best]]

    def _is_ordinary(self, token: _Token) -> bool:
        return token.word in STOPWORDS or token.word in self._ordinary_words or stem(token.word) in self._ordinary_stems

    def _name_is_due(self, tokens: list[_Token], first: int, size: int) -> bool:
        """Whether a company's name must stand at `first`: "does _ share", "_'s policy", "about _"."""
        last = first + size - 1
        if tokens[last].possessive:
            return True
        before = tokens[first - 1].word if first else ""
        after = tokens[last + 1].word if last + 1 < len(tokens) else ""
        begins_clause = first < 2 or tokens[first - 2].word not in _PERSONS - {"who", "what", "which"}
        if before in _AUXILIARIES and after and after not in _AUXILIARIES and begins_clause:
            return True
        if (first == 0 and after in _TERSE_NOUNS) or (before == "my" and after == "account"):
            return True
        return after == "privacy" or (before in _NAME_FOLLOWS and not after)

    def _unknown(self, question: str, tokens: list[_Token], taken: set[int]) -> list[UnknownName]:
        found: list[UnknownName] = []
        place = 0
        while place < len(tokens):
            size = self._length_of_name(tokens, place, taken)
            if size and self._is_asked_about(tokens, place, size, taken):
                last = tokens[place + size - 1]
                start, end = tokens[place].start, last.end - _possessive_length(last)
                name = question[start:end]
                certain = _DOMAIN_ENDING.match(tokens[place].word) is not None or self._name_is_due(tokens, place, size)
                found.append(UnknownName(name, self.nearest(name), start, end, certain))
            place += max(size, 1)
        return found

    def _length_of_name(self, tokens: list[_Token], place: int, taken: set[int]) -> int:
        """How many tokens from `place` on make the name of a company that is not in the index; 0 if none do."""
        if place in taken or not self._begins_name(tokens, place):
            return 0
        size = 1
        while place + size < len(tokens) and place + size not in taken and not tokens[place + size - 1].possessive:
            token = tokens[place + size]
            if not token.text[0].isupper() or token.word in STOPWORDS or token.word in _PROPER:
                break
            size += 1
        return size

    def _begins_name(self, tokens: list[_Token], place: int) -> bool:
        token = tokens[place]
        never = token.word in STOPWORDS or token.word in _PERSONS or token.word in _PROPER or token.word in _AUXILIARIES
        if never or len(token.key) < 2 or token.key.isdigit() or "'" in token.word or "’" in token.word:
            return False
        if token.word in self._brands or _DOMAIN_ENDING.match(token.word):
            return True
        if self._is_ordinary(token):
            return False
        if "-" in token.word and all(part in english_words() for part in token.word.split("-")):
            return False
        due = self._name_is_due(tokens, place, 1)
        if any(letter.isupper() for letter in (token.text[1:] if place == 0 else token.text)):
            return due or len(token.key) > 3 or not token.text.isupper()  # "I live in LA"
        if due:
            return tokens[place - 1].word not in _NAME_FOLLOWS or token.word not in english_words()
        return len(token.key) >= 4 and not self._misspells_a_word(token.word)

    def _misspells_a_word(self, word: str) -> bool:
        if word in english_words():
            return True
        typos = 1 if len(word) < 8 else 2
        return any(
            process.extractOne(
                word, english_words_by_shape().get((word[:1], length), ()), scorer=OSA.distance, score_cutoff=typos
            )
            for length in range(len(word) - typos, len(word) + typos + 1)
        )

    def _is_asked_about(self, tokens: list[_Token], place: int, size: int, taken: set[int]) -> bool:
        """Whether an unknown name is one that the question is about, and not whom the company deals with."""
        before = tokens[place - 1].word if place else ""
        after = tokens[place + size].word if place + size < len(tokens) else ""
        if taken:
            beside = (place - 2 in taken and before in _JOINS) or (place + size + 1 in taken and after in _JOINS)
            follows = place - 1 in taken or place + size in taken  # "Mailigen, Facebook"; no word between
            compares = bool({"compare", "compared", "comparing"} & {token.word for token in tokens})
            return (
                beside
                or follows
                or (compares and before in ("with", "to"))
                or (before in _AUXILIARIES and self._name_is_due(tokens, place, size))
            )
        handed = any(token.word in _HANDS_OVER for token in tokens[:place])
        return not (before in _WITH and handed)


def _closest(variant: str, entries: list[tuple[Company, str]]) -> list[tuple[Company, str]]:
    """Of the companies that go by one name, those whose id or own name it is; else all."""
    by_id = [entry for entry in entries if key(entry[0].id) == variant]
    by_name = [entry for entry in entries if key(entry[0].name) == variant]
    return by_id or by_name or entries


def _token(match: re.Match[str]) -> _Token:
    text = match[0]
    possessive = _POSSESSIVE.search(text) is not None
    bare = re.sub(r"^(?:https?://)?(?:www\.)?", "", _POSSESSIVE.sub("", text), flags=re.IGNORECASE)
    return _Token(text, match.start(), match.end(), key(bare), bare.lower(), possessive)


def _possessive_length(token: _Token) -> int:
    found = _POSSESSIVE.search(token.text)
    return len(found[0]) if found else 0


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
