"""Names that a text uses, and how much each of them is used as the name of the party whose policy it is.

"X collects", "at X", "X's services", an early place and privacy@x.com speak for X; being a word that many policies
write speaks against it, "our representative X" rules it out. How much each sign weighs was learned, see `WEIGHTS`.
"""

import calendar
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from index.policies.companies import key
from index.policies.wording import lower_commonness, rarest, rarest_lower

MAX_CHARS = 150_000
_MAX_WORDS = 5
_MAX_CANDIDATES = 80
_MENTIONS_LOOKED_BEFORE = 20
# No name begins so, though a sentence may: "At Mozilla, we".
_NEVER_FIRST = frozenset(
    "a an and as at by for from how if in on or our please these this to we what when where who why with you".split()
)
# A word that this share of policies writes in lower case is no name only because it is in an address.
_ORDINARY = 0.05

_TOKEN = re.compile(r"[^\W_](?:[\w*]|[’'&+/.-](?=[\w&]))*(?:[+](?!\w)|[!?](?=[ \u00a0][a-z]))?")
_SENTENCE_ENDS = re.compile(r"[.!?:•|“\"]\s*[“\"(*]?\Z")
_MIXED = re.compile(r"\d.*[^\W\d_]|[^\W\d_].*\d")
_NO_NAME = re.compile(
    rf"(?:\d+(?:st|nd|rd|th)|{'|'.join((*calendar.month_name[1:], *calendar.day_name))})\Z", re.IGNORECASE
)
_FORMS = frozenset("Inc LLC Ltd Limited GmbH Corp Corporation Company PLC plc AG AB AS SE LLP SA BV Co".split())
_POSSESSIVE = re.compile(r"[’'][sS]\Z")
_JOINING = frozenset(("of", "&", "for", "the", "de", "and"))
_PARTY_BEFORE = frozenset("at by with to of visit visiting contact contacting from via on using use".split())
_ACTS = frozenset(
    """may will uses use collects collect is are has have does do shares share processes process can takes take provides
    provide respects recognizes believes values might would offers offer understands cares considers reserves strives
    maintains makes employs receives stores keeps sells discloses operates acts also shall must cannot""".split()
)
_OFFERS = frozenset(
    """service services website websites site sites app apps account accounts platform product products user users
    customer customers member members team group software application network community""".split()
)
_POLICY_NOUNS = frozenset("privacy terms cookie cookies data policy policies".split())
# "our hosting is provided by ...", "our representative in the EU is": somebody else, not us; also over a line's end.
_SOMEBODY_ELSE = re.compile(
    r"\b(?:hosting|hosted|payments?|billing|analytics|advertis\w+|processing|support|delivery|maps?|third[- ]part\w+|"
    r"suppliers?|vendors?|processors?|providers? such as)\b[^.\n]{0,60}\Z"
    r"|\b(?:representatives?|(?:data protection|privacy) officers?|dpo|article 27|art\. 27|vertreter\w*|"
    r"datenschutzbeauftragte\w*|représentant\w*|délégué)\b(?:[^.]|\.(?=\w)){0,160}\Z"
    r"|\b(?:subsidiar\w+|affiliates?|part|member|division|unit|brand|trademarks?) (?:companies )?of\s+\W{0,3}\Z",
    re.IGNORECASE,
)
_EMAIL_DOMAIN = re.compile(r"(?<=[\w.+-])@((?:[a-z0-9-]+\.)+[a-z]{2,12})", re.IGNORECASE)
_ADDRESS_DOMAIN = re.compile(
    r"(?<![\w@.-])((?:https?://)?(?:www\.)?)((?:[a-z0-9-]+\.)+[a-z]{2,12})\b(?!@)", re.IGNORECASE
)
_USUAL_ENDING = re.compile(r"\.(?:com|net|org|io|gov|edu|me|co|eu|ai|app|dev|info|de|fr|uk|ie|fi|nl|se|co\.[a-z]{2})$")
_SECOND_LEVEL = frozenset(("co", "com", "org", "ac", "gov", "net", "edu", "or", "ne"))
_LINK = re.compile(r"!?\[([^\]\n]*)\]\((?:[^()\n]|\([^()\n]*\))*\)")
_MARKS = re.compile(r"[*_`#\u00ad\u200b-\u200f\u2060-\u2064\ufeff]+|<[^<>\n]{1,300}>|&nbsp;|\\(?=[^\w\s])")


# Of a logistic regression that picks one of a text's names (conditional logit, L2 .01), fitted on 252 policies of the
# corpus, also cut to 400 and 1,500 characters, and on one half of the archives' services. Its first choice is the
# archive's own name for 86 % of the 118 policies of the other half that write it, and for 73 % of 97 others of the
# corpus; most of the rest is the company behind a service (Google for Gmail). The most frequent name: 37 %.
WEIGHTS = {
    "relative": 2.36,
    "early": 1.7,
    "whole": 0.67,
    "title_first": 0.53,
    "label_top": 2.67,
    "common": -4.26,
    "lower_common": -2.13,
    "words": -0.26,
    "party_before": 1.38,
    "acts": 2.12,
    "offers": 1.03,
    "policy": 0.72,
}


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    start: int
    end: int
    possessive: bool
    namelike: bool
    opens: bool  # a sentence or a line


@dataclass(frozen=True, slots=True)
class _Mention:
    first: int
    last: int
    whole: bool  # no name goes on before or behind it


@dataclass(frozen=True, slots=True)
class Candidate:
    """A name that the text uses.

    Attributes:
        score: the log odds, up to a constant of the text, that it is the name of whose policy it is.
        count: how often it is written.
        signs: what spoke for and against it, as `WEIGHTS` names them.
    """

    name: str
    score: float
    count: int
    signs: Mapping[str, float]


def readable(text: str) -> str:
    """`text` without addresses of links and marks, line by line; its offsets are not those of `text`.

    >>> readable("**[Acme](https://acme.com)’s** policy")
    'Acme’s policy'
    """
    return _MARKS.sub("", _LINK.sub(r"\1", text)).replace("&amp;", "&").replace("\u00a0", " ")


def domains_in(text: str) -> Counter[str]:
    """Host names in mail and web addresses of `text`.

    A bare word counts where it ends as most addresses do: a full stop without a space looks the same.
    """
    found = Counter(domain.lower() for domain in _EMAIL_DOMAIN.findall(text))
    for sure, domain in _ADDRESS_DOMAIN.findall(text):
        if sure or _USUAL_ENDING.search(domain.lower()):
            found[domain.lower().removeprefix("www.")] += 1
    return found


def label_of(domain: str) -> str:
    """The part of a host name that somebody registered, without its ending.

    >>> label_of("privacy.jivochat.com"), label_of("bbc.co.uk"), label_of("mig.me")
    ('jivochat', 'bbc', 'mig')
    """
    labels = domain.split(".")
    if len(labels) >= 3 and labels[-2] in _SECOND_LEVEL and len(labels[-1]) == 2:
        labels = labels[:-1]
    return labels[-2] if len(labels) >= 2 else labels[0]


class NamesInText:
    """The names of one text, each with where it is written and the signs around it."""

    def __init__(self, text: str, *, titles: Sequence[str] = (), seeds: Iterable[str] = ()) -> None:
        """`titles` are lines that name the document, the likeliest first; `seeds` are names in whatever case."""
        raw = text[:MAX_CHARS]
        self.text = readable(raw)
        self._domains = domains_in(raw)
        self._labels: Counter[str] = Counter()
        for domain, count in self._domains.items():
            self._labels[key(label_of(domain))] += count
            self._labels[key(domain)] += count
        self._mailed = {key(label_of(domain.lower())) for domain in _EMAIL_DOMAIN.findall(raw)}
        self._titles = [f" {key_words(title)} " for title in titles]
        labels = {name for name in self._labels if len(name) > 2 and lower_commonness(name) < _ORDINARY}
        self._words = _words(self.text, labels | {key(word) for seed in seeds for word in seed.split()})
        self._mentions: dict[str, list[_Mention]] = defaultdict(list)
        self._spelt: dict[str, Counter[str]] = defaultdict(Counter)
        self._collect()

    def candidates(self) -> list[Candidate]:
        """The names, best first."""
        chosen = self._likely()
        most = max((len(self._mentions[name]) for name in chosen), default=1)
        found = []
        for name in chosen:
            signs, is_ours = self._signs(name, most)
            if not is_ours:
                continue
            score = sum(weight * signs[sign] for sign, weight in WEIGHTS.items())
            found.append(Candidate(self.spelling(name), score, len(self._mentions[name]), signs))
        return sorted(found, key=lambda candidate: (-candidate.score, candidate.name))

    def count(self, name: str) -> int:
        """How often the text writes `name` as a name."""
        return len(self._mentions.get(key(name), ()))

    def spelling(self, name: str) -> str:
        """`name`, or a key, as the text writes it most often."""
        spelt = self._spelt.get(key(name))
        if not spelt:
            return name
        # Most frequent first; mixed case before a lone kind of letters; then by spelling, to be the same always.
        return max(spelt, key=lambda word: (spelt[word], not word.isupper() and not word.islower(), word))

    def _collect(self) -> None:
        first = 0
        while first < len(self._words):
            if not self._words[first].namelike:
                first += 1
                continue
            last = first
            while self._goes_on(last):
                last += 1 if self._words[last + 1].namelike else 2
            self._add_run(first, last)
            first = last + 1

    def _goes_on(self, last: int) -> bool:
        """Whether the name whose last word so far is `last` has another word."""
        for ahead in (1, 2):
            if last + ahead >= len(self._words):
                return False
            word, before = self._words[last + ahead], self._words[last + ahead - 1]
            if self.text[before.end : word.start] not in (" ", " & "):
                return False
            if before.possessive and key(before.text + word.text) not in self._labels:
                return False  # but letsencrypt.org is Let's Encrypt's
            if word.namelike:
                return True
            if word.text not in _JOINING:
                return False
        return False

    def _add_run(self, first: int, last: int) -> None:
        for start in range(first, last + 1):
            if start < last and self._words[start].text.casefold() in _NEVER_FIRST:
                continue
            for end in range(start, min(last, start + _MAX_WORDS - 1) + 1):
                if self._words[start].namelike and self._words[end].namelike:
                    name = self.text[self._words[start].start : self._words[end].end]
                    bare = _POSSESSIVE.sub("", name)
                    compared = key(bare)
                    if compared and not bare.isdigit():
                        ends = end == last or self._words[end + 1].text in _FORMS
                        begins = start == first or (start == first + 1 and self._words[first].opens)
                        whole = begins and ends
                        self._mentions[compared].append(_Mention(start, end, whole))
                        self._spelt[compared][bare] += 1

    def _likely(self) -> list[str]:
        def worth(name: str) -> float:
            count = len(self._mentions[name])
            titled = any(f" {words} " in title for words in [key_words(self.spelling(name))] for title in self._titles)
            early = self._mentions[name][0].first < 150
            return count + 20 * titled + 5 * early + 5 * (name in self._labels)

        names = [name for name in self._mentions if len(name) > 1 or self._titles]
        return sorted(names, key=lambda name: (-worth(name), name))[:_MAX_CANDIDATES]

    def _signs(self, name: str, most: int) -> tuple[dict[str, float], bool]:
        """What `WEIGHTS` names and some signs more, and whether it is not mostly a supplier's or representative's."""
        mentions = self._mentions[name]
        count = len(mentions)
        spelt = self.spelling(name)
        words = key_words(spelt)
        around: Counter[str] = Counter()
        for mention in mentions[:60]:
            around.update(self._around(mention))
        seen = min(count, 60)
        labels = self._labels.get(name, 0)
        titled = [place for place, title in enumerate(self._titles) if f" {words} " in title]
        signs = {
            "relative": count / most,
            "early": 1 / (1 + mentions[0].first / 40),
            "whole": sum(mention.whole for mention in mentions) / count,
            "title_first": 1 / (1 + titled[0]) if titled else 0.0,
            "label_top": float(bool(labels) and labels == max(self._labels.values())),
            "common": rarest(spelt),
            "lower_common": rarest_lower(spelt),
            "words": float(spelt.count(" ")),
            "possessive": sum(self._words[mention.last].possessive for mention in mentions) / count,
            "article": sum(self._has_article(mention) for mention in mentions) / count,
            "mailed": float(name in self._mailed),
            "inside": float(any(mention.whole and not self._words[mention.first].opens for mention in mentions)),
            **{sign: around[sign] / seen for sign in ("party_before", "acts", "offers", "policy")},
        }
        looked_at = mentions[:_MENTIONS_LOOKED_BEFORE]
        others = sum(is_somebody_else(self.text, self._words[mention.first].start) for mention in looked_at)
        return signs, others * 2 < len(looked_at)

    def _has_article(self, mention: _Mention) -> bool:
        before = self._words[mention.first - 1] if mention.first else None
        return before is not None and before.text in ("the", "The") and not self._words[mention.first].opens

    def _around(self, mention: _Mention) -> Iterable[str]:
        """The signs of one mention."""
        first, last = self._words[mention.first], self._words[mention.last]
        if mention.first and not first.opens and self._words[mention.first - 1].text.casefold() in _PARTY_BEFORE:
            yield "party_before"
        after = self._words[mention.last + 1] if mention.last + 1 < len(self._words) else None
        if after and not after.opens and self.text[last.end : after.start] == " ":
            word = after.text.casefold()
            if word in _OFFERS:
                yield "offers"
            elif word in _POLICY_NOUNS:
                yield "policy"
            elif word in _ACTS:
                yield "acts"


def is_somebody_else(text: str, place: int) -> bool:
    """Whether what stands before `text[place:]` says that a supplier, a representative or a parent is named there.

    >>> is_somebody_else("Our representative in the EU is VeraSafe", 32), is_somebody_else("At Acme, we", 3)
    (True, False)
    """
    return _SOMEBODY_ELSE.search(text, max(0, place - 240), place) is not None


def key_words(name: str) -> str:
    """`name` word by word as names are compared: "ben and jerrys" never matches inside a word."""
    return " ".join(filter(None, (key(_POSSESSIVE.sub("", word)) for word in re.split(r"[\s|/()–—,:]+", name))))


def _words(text: str, names: Set[str]) -> list[_Word]:
    """The words of `text`; one is like a name by its capitals, or as one of `names`."""
    words: list[_Word] = []
    for match in _TOKEN.finditer(text):
        word = match[0]
        bare = _POSSESSIVE.sub("", word)
        gap = text[words[-1].end : match.start()] if words else "\n"
        opens = gap != " " and ("\n" in gap or _SENTENCE_ENDS.search(gap) is not None)
        namelike = bare != bare.lower() or (not bare.isalpha() and _MIXED.search(bare) is not None)
        namelike = namelike and not _NO_NAME.match(bare)
        namelike = namelike or (bool(names) and key(bare) in names)
        words.append(_Word(word, match.start(), match.end(), word != bare, namelike, opens))
    return words
