"""What one file says of whose it is: the names it gives itself, and which sign decided."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from index.language.english import english_words
from index.parsing.document import Document
from index.policies.companies import Related, key
from index.policies.layout import is_typed, service_folder, stem_of
from index.policies.legal_names import (
    abbreviates_words,
    defined_names,
    is_legal_form,
    is_name,
    legal_names,
    name_of_entity,
    related,
)
from index.policies.names_in_text import Candidate, NamesInText, domains_in, key_words, label_of
from index.policies.titles import (
    body_of,
    core_of,
    is_title,
    name_left_of,
    names_left_of,
    rare_words,
    titles_of,
)
from index.policies.versions import is_domain, slug
from index.policies.wording import lower_commonness, rarest, words_of
from index.terms import brands

# How far below the text's best name (log odds, see `WEIGHTS`) one in the title is still the name, or another name of
# the same company; from which score a name is believed, beside legal entities and alone. Chosen on one half of the
# archives' services: of those whose text writes their name twice, 123 of 130 are found by it in files with numbered
# names, of the other half 112 of 120. Before, 37 of 92.
_TITLE_MARGIN, _ALIAS_MARGIN, _WORD_MARGIN, _SURE_SCORE, _MIN_SCORE = 3.0, 2.0, 1.0, 2.0, 1.0
# A word of the language is another name only where it does nearly as well, or is written half as often, as the best:
# that takes "Science" from Overleaf and "Japan" from LINE, and no service of either half that it was found by.
_OFTEN = 0.5
_MAX_ALIASES, _MAX_TITLE_WORDS = 12, 5
# A text in which so many names do as well as its own is of several parties: none of them is another name of one.
_MOST_RIVALS = 5
# What so many policies write (Google, California) is not what this one is of, unless it is its first name.
_WELL_KNOWN = 0.1
_MIN_ADDRESSES, _ALWAYS, _MOSTLY = 3, 0.9, 0.5
_ARCHIVES = ("web.archive.org", "archive.org", "github.com", "archive.today")


class Reason(StrEnum):
    """Which sign told whose a policy is, the first that there is in this order."""

    CORRECTION = "companies.toml"
    METADATA = "front matter or sidecar"
    FOLDER = "service folder"
    HEADER = "header line"
    TITLE = "title"
    SITE = "site name"
    TEXT = "text"
    FILE_NAME = "file name"


@dataclass(frozen=True, slots=True)
class Claim:
    """What one file says of its company, its folder's name apart.

    Attributes:
        id, name: of the company, as far as the file alone tells.
        own: names that its header, metadata or title give, `said` ones that its text gives.
        reason: why it is called `name`.
        sure: its header or metadata give the name, or its text uses it again and again.
        folder: the service's folder that it may lie in.
        typed: its base name is that of a kind of document, as in `Service/Privacy Policy.md`.
        folder_name: the folder's name as a company's, spelt as the text spells it where the folder has no capitals.
        folder_named: its text, title or header uses the folder's name as a name.
    """

    id: str
    name: str
    own: tuple[str, ...]
    said: tuple[str, ...]
    domains: tuple[str, ...]
    related: tuple[Related, ...] = ()
    reason: Reason = Reason.TEXT
    sure: bool = False
    folder: str | None = None
    folder_name: str = ""
    typed: bool = False
    folder_named: bool = False

    def as_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> "Claim":
        """The claim that `as_json` gave `entry` for."""
        lists = {name: tuple(entry[name]) for name in ("own", "said", "domains")}
        others = {"related": tuple(Related(**one) for one in entry["related"]), "reason": Reason(entry["reason"])}
        return cls(**(dict(entry) | lists | others))


def claim_of(document: Document, *, path: str) -> Claim:
    """What `document`, read from `path`, says of its company.

    `path` is best absolute: a single file's folder counts too.
    """
    body = body_of(document)
    header = None if document.metadata.company_is_given else document.metadata.company
    titles = titles_of(document)
    legal = legal_names(body)
    stem = name_left_of(stem_of(path))
    folder = service_folder(path, document.metadata.address)
    left = [name for title in titles if is_title(title) for name in names_left_of(title)]
    seeds = [
        name for name in (*left, stem, document.metadata.site_name, header, document.metadata.company, folder) if name
    ]
    names = NamesInText(body, titles=titles, seeds=[seed for seed in seeds if rarest(seed) < _SEED_RARITY])
    candidates = [
        candidate
        for candidate in names.candidates()
        if not is_legal_form(candidate.name)
        and names_left_of(candidate.name)
        and _is_evident(candidate)
        and not abbreviates_words(candidate.name, body)
    ]
    titled = _in_titles(left, candidates)
    named, reason = _named(document, path, header=header, titled=titled, candidates=candidates, legal=legal)
    domain = domain_of(named)
    name = _display_name(named, domain, titled, names)
    own = [named, name]
    if titled and (reason is Reason.TITLE or akin(titled, named)):
        own.append(titled)
    if domain:
        own.append(domain.split(".")[0] if len(domain.split(".")[0]) >= 4 else domain)
    said = [*legal, *map(name_of_entity, legal)]
    said += defined_names(body, (*own, *said))
    domains = _domains(domain, body, (*own, *said))
    if folder != service_folder(path):
        domains.append(_host(document))  # it was fetched from there
    said += _other_names(name, candidates)
    relations = related(body, own, known=said)
    said += [entry.name for entry in relations if entry.kind != "parent"]
    said = [alias for alias in said if is_name(alias) and not abbreviates_words(alias, body)]
    return Claim(
        domain or id_of(named),
        name,
        distinct(own),
        distinct(said, but=own)[:_MAX_ALIASES],
        distinct(domains),
        tuple(relations),
        reason,
        reason in (Reason.METADATA, Reason.HEADER, Reason.SITE) or _is_used(name, legal, candidates),
        folder,
        _folder_name(folder, names) if folder else "",
        is_typed(path),
        bool(folder and (names.count(folder) or any(akin(folder, one) for one in (*left, header or "")))),
    )


def _folder_name(folder: str, names: NamesInText) -> str:
    if folder != folder.lower() or is_domain(folder):
        return folder
    return names.spelling(folder) if names.count(folder) else _as_name(folder)


# Words that many policies write are not looked for in lower case.
_SEED_RARITY = 0.03


def _named(
    document: Document,
    path: str,
    *,
    header: str | None,
    titled: str | None,
    candidates: Sequence[Candidate],
    legal: Sequence[str],
) -> tuple[str, Reason]:
    """The name of the company and the sign that gave it."""
    given, stem = document.metadata.company, name_left_of(stem_of(path))
    if given and document.metadata.company_is_given:
        return given, Reason.METADATA
    if header:
        return header, Reason.HEADER
    if titled:
        return titled, Reason.TITLE
    best = candidates[0] if candidates else None
    site = _site(document, candidates)
    if site:
        return site, Reason.SITE
    written = next((candidate for candidate in candidates if stem and key(candidate.name) == key(stem)), None)
    if written:
        return written.name, Reason.FILE_NAME
    usable = best is not None and is_name(best.name)
    if best and legal and rarest(best.name) >= _WELL_KNOWN and not any(akin(best.name, entity) for entity in legal):
        return name_of_entity(legal[0]), Reason.TEXT
    if best and usable and (best.score >= _SURE_SCORE or (best.score >= _MIN_SCORE and not legal)):
        return name_of_entity(best.name), Reason.TEXT
    if legal:
        return name_of_entity(legal[0]), Reason.TEXT
    if best and usable and best.score > 0 and rarest(best.name) < _SEED_RARITY:
        return name_of_entity(best.name), Reason.TEXT
    host = _host(document)
    if host and not is_name(stem):
        return host, Reason.SITE
    return _as_name(stem or stem_of(path)), Reason.FILE_NAME


def _domains(domain: str | None, body: str, names: Sequence[str]) -> list[str]:
    """Host names that mean the company: those called as it is, and the one that most addresses are of."""
    found = domains_in(body)
    keys = {key(name) for name in names}
    domains = [domain] if domain else []
    domains += [
        host
        for host in sorted(found, key=lambda host: (-found[host], host))
        if key(host.rsplit(".", 1)[0]) in keys or key(host) in keys
    ]
    registered: Counter[str] = Counter()
    for host, count in found.items():
        registered[host[host.rindex(label_of(host)) :]] += count
    for host, count in registered.most_common(1):
        unknown = rarest(label_of(host)) < _SEED_RARITY and not host.endswith(_ARCHIVES)
        if count >= _MIN_ADDRESSES and count * 3 > registered.total() and unknown:
            domains.append(host)
    return domains


def _is_word(name: str) -> bool:
    """Whether `name` is one word of the language: "Sync" would be found where nobody means a company."""
    words = words_of(name)
    return len(words) == 1 and words[0] in english_words() and words[0] not in brands() and not is_domain(name)


def _is_evident(candidate: Candidate) -> bool:
    """Whether more than a capital letter speaks for a name."""
    strong, weak = ("title_first", "label_top", "party_before", "inside"), ("acts", "offers", "policy", "mailed")
    return any(candidate.signs[sign] for sign in (*strong, *(weak if candidate.count > 1 else ())))


def _is_used(name: str, legal: Sequence[str], candidates: Sequence[Candidate]) -> bool:
    """Whether the text uses `name` as its party's again and again, or as its legal entity's."""
    if any(key(name_of_entity(entity)) == key(name) for entity in legal):
        return True
    signs = ("label_top", "party_before", "acts", "offers", "policy")
    found = next((candidate for candidate in candidates if key(candidate.name) == key(name)), None)
    return found is not None and found.count > 2 and any(found.signs[sign] for sign in signs)


def _site(document: Document, candidates: Sequence[Candidate]) -> str | None:
    """What the page says of the site that published it, if it is a name."""
    site = document.metadata.site_name
    host = _host(document)
    for candidate in candidates:
        if site and key(candidate.name) == key(site):
            return candidate.name
    if site and is_name(site):
        return site
    if host:
        labels = {key(label) for label in host.split(".")[:-1]} | {key(host)}
        return next((candidate.name for candidate in candidates if key(candidate.name) in labels), None)
    return None


def _host(document: Document) -> str:
    """Where the document was published; empty where that is an archive of others' pages, or not known."""
    host = urlsplit(document.metadata.address or "").hostname or ""
    return "" if host.endswith(_ARCHIVES) else host.removeprefix("www.")


def _in_titles(left: Sequence[str], candidates: Sequence[Candidate]) -> str | None:
    """What the titles' rests call the company, if the text uses it as a name, or nothing else is called so."""
    best = candidates[0].score if candidates else 0.0
    for rest in left:
        core = core_of(rest)
        if len(rest.split()) > _MAX_TITLE_WORDS:
            continue
        rare = set(rare_words(rest))
        words = f" {key_words(rest)} "
        within = [
            candidate
            for candidate in candidates
            if f" {key_words(candidate.name)} " in words and rare <= set(words_of(candidate.name))
        ]
        within.sort(key=lambda candidate: key_words(candidate.name) != key_words(core))
        known = bool(rare) or (bool(within) and (within[0] is candidates[0] or rarest(within[0].name) < _WELL_KNOWN))
        if within and known and within[0].score >= best - _TITLE_MARGIN and is_name(within[0].name):
            return name_of_entity(within[0].name)
        if rare and not within:
            return core
    return None


def _other_names(name: str, candidates: Sequence[Candidate]) -> list[str]:
    """Names that the text uses for the same company, or for what it offers under its name."""
    best = candidates[0].score if candidates else 0.0
    rivals = [
        candidate
        for candidate in candidates
        if candidate.score >= best - _ALIAS_MARGIN and candidate.count > 1 and not akin(candidate.name, name)
    ]
    found = []
    for candidate in candidates:
        if key(candidate.name) == key(name) and candidate.count > 2:
            if candidate.signs["possessive"] > _ALWAYS:
                found.append(f"{candidate.name}'s")
            if candidate.signs["article"] > _MOSTLY:
                found.append(f"The {candidate.name}")
        if key(candidate.name) == key(name) or not is_name(candidate.name):
            continue
        if key(name_of_entity(candidate.name)) == key(name):
            found.append(candidate.name)
        if candidate.count < 2:
            continue
        inside, around = key_words(candidate.name), key_words(name)
        extra = set(words_of(candidate.name)) - set(words_of(name))
        alone = candidate.signs["whole"] >= 0.5
        speaks = candidate.signs["acts"] + candidate.signs["offers"]
        within = f" {inside} " in f" {around} "
        unusual = rarest(candidate.name) < _WELL_KNOWN and not within and len(rivals) <= _MOST_RIVALS
        ordinary = _is_word(candidate.name) and not f"{around} ".startswith(f"{inside} ")
        if ordinary and candidate.score < best - _WORD_MARGIN and candidate.signs["relative"] < _OFTEN:
            continue
        if (
            (within and alone and not ordinary and rarest(candidate.name) < _SEED_RARITY)
            or (f" {around} " in f" {inside} " and alone and all(lower_commonness(word) < 0.7 for word in extra))
            or key(name) == initials(candidate.name)
            or key(candidate.name) == initials(name)
            or (unusual and candidate.score >= best - _ALIAS_MARGIN)
            or (unusual and candidate.count >= 5 and candidate.signs["relative"] >= 0.3 and speaks >= 0.05)
            or (unusual and (candidate.signs["label_top"] or candidate.signs["mailed"]))
        ):
            found.append(candidate.name)
    return found


def initials(name: str) -> str:
    """The first letters of a name of several words.

    >>> initials("Philip Morris International"), initials("Acme")
    ('pmi', '')
    """
    words = words_of(name)
    return "".join(word[0] for word in words) if len(words) > 1 else ""


def _as_name(stem: str) -> str:
    """A file's base name as a name: "acme_widgets" is "Acme Widgets"."""
    name = re.sub(r"[_\s]+", " ", stem).strip(" -")
    return name if is_domain(name) or re.search(r"[A-Z]", name) else name.title()


def distinct(names: Iterable[str], but: Iterable[str] = ()) -> tuple[str, ...]:
    """`names` without repeats or those in `but`, as typed apart from case: "migme" and "Migme" are one."""
    seen = {name.casefold() for name in but}
    kept: list[str] = []
    for name in names:
        if name and name.casefold() not in seen:
            seen.add(name.casefold())
            kept.append(name)
    return tuple(kept)


def domain_of(named: str) -> str | None:
    """`named` as a host name, if it is one."""
    bare = re.sub(r"^(?:https?://)?(?:www\.)?|/$", "", named.strip().lower())
    return bare if is_domain(bare) else None


def id_of(named: str) -> str:
    """A slug of the name; where that loses letters, a hash of the name behind it, so that no two names share one.

    >>> id_of("imgwg Communications"), id_of("Café & Co."), id_of("C++") == id_of("C#")
    ('imgwg-communications', 'cafe-co', False)
    """
    short = slug(named)
    if key(short) == key(named.replace("&", " ")) and not re.search(r"[+#]", named):
        return short
    return f"{short}-{hashlib.sha256(named.casefold().encode()).hexdigest()[:8]}"


def akin(one: str, other: str) -> bool:
    """Whether one name is within the other, as "migme" is in "mig.me"."""
    a, b = key(one), key(other)
    return bool(a and b) and (a in b or b in a)


def _display_name(named: str, domain: str | None, titled: str | None, names: NamesInText) -> str:
    """The name as the policy itself writes it: "JivoChat" for jivochat.com, "migme" for mig.me."""
    if not domain:
        return named
    label, whole = domain.split(".")[0], domain
    if titled and key(titled) in (key(label), key(whole)):
        return titled
    written = next((names.spelling(one) for one in (label, whole) if names.count(one)), domain)
    return named if key(named) == key(written) and not named.islower() else written
