"""Whose policy it is: each company's id, name, aliases and domains, found in its files.

Brand, legal entity and domain all differ in real policies: jivochat.com is JivoChat is JivoSite, Inc.
What a policy says of itself counts; whom else it mentions does not. It does not know questions.
"""

import hashlib
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from cleanco import basename

from index.errors import CompaniesFileError
from index.parsing.markup import plain
from index.policies.companies import Company, key
from index.policies.passages import title_of
from index.policies.versions import is_domain, slug
from index.sources.files import PolicyFile
from index.terms import brands

# Raised where companies come out otherwise.
ATTRIBUTION_VERSION = 1
# How far from its beginning and its end a policy says who "we" are.
_OPENING_CHARS, _CLOSING_CHARS = 2_500, 1_500

_WORD = r"(?:[a-z]{1,6}(?=[A-Z]))?[A-Z0-9][\w&’'+-]*(?:\.[a-z]{2,}|\.(?=[A-Z]))?"
_FORM = (
    r"(?:Inc|LLC|L\.L\.C|Ltd|Limited|GmbH|Corp|Corporation|PLC|plc|B\.?V|N\.?V|S\.?A\.?S?|S\.?[Rr]\.?[Ll]|S\.?L|S\.p\.A|"
    r"AG|A/S|AB|AS|ASA|Oy|ApS|SE|LLP|L\.P|LP|PBC|Pte\.? Ltd|Pvt\.? Ltd|Pty\.? Ltd|Co\.,? Ltd|"
    r"K\.K|Kft|s\.r\.o|d\.o\.o|Foundation|e\.V)"
)
_LEGAL = rf"(?:{_WORD}[ \u00a0]+(?:(?:of|and|&|the|for|de)[ \u00a0]+)?){{0,5}}{_WORD},?[ \u00a0]+{_FORM}\b\.?"
# "we (Project Goth, Inc., ...)", "operated by X Ltd", "(c) 2020 X LLC", "is an iMedia Ltd. service"
_OWN_LEGAL = re.compile(
    rf"\b(?i:we|us|operated by|owned by|provided by|published by|managed by|controller is|"
    rf"copyright(?: ©)?(?: \d{{4}})?)[\s,(:“\"*]{{1,4}}(?P<after>{_LEGAL})"
    rf"|©(?: ?\d{{4}})?,? ?(?P<marked>{_LEGAL})"
    rf"|\bis an? (?P<parent>{_LEGAL}) (?:service|company|brand|product|website|app)\b"
)
# "JivoSite, Inc. (“JivoSite”)", "Infratel US, Inc., a Washington corporation (together with ..., “we,” or “us”)"
_DEFINED_LEGAL = re.compile(rf"(?P<legal>{_LEGAL})[^.()\n]{{0,60}}\((?P<definition>[^()\n]{{2,160}})\)")
# "JivoSite, Inc., attention: Webmaster, 525 W. Remington Drive": an address names the one who may be written to.
_ADDRESSED_LEGAL = re.compile(rf"(?:^|\n|: ?)[ \t>*_]*(?P<legal>{_LEGAL})(?=[ \t*_]*(?:[,–—-]|\n))(?=[^\d]{{0,80}}\d)")
# "our hosting is provided by ...": a supplier, not us
_SUPPLIES = re.compile(
    r"\b(?:hosting|hosted|payments?|billing|analytics|advertis\w+|processing|support|delivery|maps?|third[- ]part\w+)"
    r"\b[^.\n]{0,60}$",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[“\"‘']([^“”\"‘’'\n]{2,40}?)[”\"’']")
_FIRST_PERSON = frozenset(("we", "us", "our", "ours"))
_MOST_LEGAL_NAMES = 4
_EMAIL_DOMAIN = re.compile(r"(?<=[\w.+-])@((?:[a-z0-9-]+\.)+[a-z]{2,12})", re.IGNORECASE)
_ADDRESS_DOMAIN = re.compile(r"(?<![\w@.-])((?:https?://)?(?:www\.)?)((?:[a-z0-9-]+\.)+[a-z]{2,12})\b", re.IGNORECASE)
_USUAL_ENDING = re.compile(r"\.(?:com|net|org|io|gov|edu|me|co|eu|ai|app|dev|info|de|fr|uk|ie|fi|nl|se|co\.[a-z]{2})$")
_POLICY_WORDS = re.compile(
    r"\b(?:(?:website|web site|online|mobile|app|global|general|customer|user|consumer|data|our|the|your|updated?|"
    r"eu|us|uk|u\.s\.)\s+)*"
    r"(?:privacy(?:\s*(?:and|&|/)\s*(?:cookies?|security|data protection))*(?:\s+protection)?\s*"
    r"(?:policy|policies|notice|statement|charter|centre|center|agreement|summary|rules)?|"
    r"cookies? (?:policy|notice)|data (?:protection )?(?:policy|notice|privacy)|"
    r"terms (?:of (?:use|service)|and conditions)|legal notices?)\b",
    re.IGNORECASE,
)
_GENERIC = frozenset(
    """we us our ours you your user users company companies site sites website websites web service services app apps
    application platform policy privacy privacypolicy notice agreement terms personal information data personaldata
    personalinformation controller processor customer customers client clients member members party parties product
    products software group affiliates partners inc ltd llc home index introduction overview welcome effective date
    last updated children cookies gdpr ccpa the this these program games game end-user eu uk usa collectively content
    subscriber provider owner operator licensor publisher developer visitor visitors device account general contents
    summary scope""".split()
)
_ENDINGS_OF_FILES = re.compile(
    r"\.(?:md|markdown|txt)$|(?:^|[_-])(?:privacy|policy|privacypolicy)(?=[_-]|$)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Claim:
    """What one file says of its company; `own` names come from header and title, `said` ones from the text."""

    id: str
    name: str
    own: tuple[str, ...]
    said: tuple[str, ...]
    domains: tuple[str, ...]


def identify(
    files: Sequence[PolicyFile], *, corrections: Mapping[str, object] | None = None
) -> tuple[list[str], list[Company]]:
    """As `attributed`, of files as read."""
    return attributed([claim_of(file) for file in files], [file.path for file in files], corrections=corrections)


def attributed(
    claims: Sequence[Claim], paths: Sequence[str], *, corrections: Mapping[str, object] | None = None
) -> tuple[list[str], list[Company]]:
    """The company id of each file, and the companies, sorted by id.

    A name that only a text gives, and that another company bears or also claims, is nobody's alias.

    Args:
        claims, paths: of each file what it says, and where it is.
        corrections: the content of a `companies.toml`, see `read_corrections`.
    """
    by_id: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        by_id[claim.id].append(claim)
    borne: dict[str, set[str]] = defaultdict(set)
    said: dict[str, set[str]] = defaultdict(set)
    for claim in claims:
        for name in (claim.name, *claim.own):
            borne[key(name)].add(claim.id)
        for name in (*claim.said, *claim.domains):
            said[key(name)].add(claim.id)
    companies = {}
    for company_id, members in by_id.items():
        own = [name for claim in members for name in claim.own]
        kept = [
            name
            for claim in members
            for name in claim.said
            if borne[key(name)] <= {company_id} and said[key(name)] == {company_id}
        ]
        domains = [
            domain
            for claim in members
            for domain in claim.domains
            if borne[key(domain)] <= {company_id} and said[key(domain)] == {company_id}
        ]
        name = members[0].name
        companies[company_id] = Company(
            company_id, name, _distinct((*own, *kept), but=(name, *domains)), _distinct(domains)
        )
    _tell_apart(companies)
    ids = [claim.id for claim in claims]
    for company_id, entry in (corrections or {}).items():
        ids = _correct(company_id, entry, companies, ids, paths)
    used = set(ids)
    return ids, [companies[company_id] for company_id in sorted(companies) if company_id in used]


def _tell_apart(companies: dict[str, Company]) -> None:
    """Name companies by their domain where another has the same name and the better claim to it."""
    namesakes: dict[str, list[Company]] = defaultdict(list)
    for company in companies.values():
        namesakes[key(company.name)].append(company)
    for name, sharers in namesakes.items():
        for company in sharers if len(sharers) > 1 else ():
            if (is_domain(company.id) and key(company.id.split(".")[0]) != name) or any(
                key(other.id) == name for other in sharers if other is not company
            ):
                aliases = _distinct((*company.aliases, company.name), but=(company.id,))
                companies[company.id] = replace(
                    company, name=company.id if is_domain(company.id) else company.name, aliases=aliases
                )


def read_corrections(path: Path) -> dict[str, object]:
    """The entries of a `companies.toml`: a table for each company id.

    `name` replaces the name; `aliases` and `domains` are added; `files` gives those files (by name) to
    the company, whatever they say of themselves.

    Raises:
        CompaniesFileError: not TOML, or an entry of another shape.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CompaniesFileError(f'{path}: not TOML ({error}); expected tables such as ["example.com"]') from error
    for company_id, entry in entries.items():
        lists = (
            [entry.get(field, []) for field in ("aliases", "domains", "files")] if isinstance(entry, dict) else [None]
        )
        well_formed = (
            isinstance(entry, dict)
            and set(entry) <= {"name", "aliases", "domains", "files"}
            and isinstance(entry.get("name", ""), str)
            and all(isinstance(values, list) and all(isinstance(value, str) for value in values) for values in lists)
        )
        if not well_formed:
            raise CompaniesFileError(
                f"{path}: [{company_id}] is {entry!r}; expected a table of `name` (text) and of "
                f"`aliases`, `domains` and `files` (lists of texts)"
            )
    return entries


def _correct(
    company_id: str, entry: object, companies: dict[str, Company], ids: list[str], paths: Sequence[str]
) -> list[str]:
    if not isinstance(entry, dict):
        raise TypeError(
            f"corrections[{company_id!r}] is {type(entry).__name__}, expected what read_corrections returns"
        )
    given = set(entry.get("files", ()))
    ids = [company_id if PurePath(path).name in given else old for path, old in zip(paths, ids, strict=True)]
    before = companies.get(company_id) or Company(company_id, entry.get("name", company_id), (), ())
    name = entry.get("name", before.name)
    domains = _distinct((*before.domains, *entry.get("domains", ())))
    aliases = _distinct((*before.aliases, before.name, *entry.get("aliases", ())), but=(name, *domains))
    companies[company_id] = replace(before, name=name, aliases=aliases, domains=domains)
    return ids


def claim_of(file: PolicyFile) -> Claim:
    """What `file` says of its company."""
    body = file.text[file.body_start :]
    title = title_of(file.document)
    titled = _name_in_title(title)
    named = file.named or titled or _name_of_file(file.path)
    domain = _domain_of(named)
    opening, closing = body[:_OPENING_CHARS], body[-_CLOSING_CHARS:]
    # A file name is a guess: a legal entity that the policy itself names is better.
    legal = _legal_names(opening, closing)
    if not file.named and not titled and legal:
        named = legal[0]
    own = [named]
    if titled and (not file.named or _akin(titled, named)):
        own.append(titled)
    name = _display_name(named, domain, titled, body)
    own.append(name)
    if domain:
        own.append(domain.split(".")[0] if len(domain.split(".")[0]) >= 4 else domain)
    said = [*legal, *(basename(entity) for entity in legal)]
    said += _defined_names(opening, (*own, *said))
    said = [alias for alias in said if _usable(alias)]
    domains = [domain] if domain else []
    keys = {key(alias) for alias in (*own, *said)}
    domains += [found for found in _domains_in(body) if key(found.rsplit(".", 1)[0]) in keys or key(found) in keys]
    return Claim(domain or _id_of(named), name, _distinct(own), _distinct(said, but=own), _distinct(domains))


def _distinct(names: Iterable[str], but: Iterable[str] = ()) -> tuple[str, ...]:
    """`names` without repeats or those in `but`, as typed apart from case: "migme" and "Migme" are one."""
    seen = {name.casefold() for name in but}
    kept: list[str] = []
    for name in names:
        if name and name.casefold() not in seen:
            seen.add(name.casefold())
            kept.append(name)
    return tuple(kept)


def _name_in_title(title: str | None) -> str | None:
    """What is left of a title when the words for "privacy policy" are gone.

    >>> _name_in_title("imgwg Communications Privacy Policy"), _name_in_title("privacy policy | migme")
    ('imgwg Communications', 'migme')
    >>> _name_in_title("Privacy Policy"), _name_in_title("How we use your data")
    (None, None)
    """
    if not title or not _POLICY_WORDS.search(title):
        return None
    rest = re.sub(r"\(.*?\)|\b(?:19|20)\d\d\b", " ", _POLICY_WORDS.sub("|", title))
    parts = [
        re.sub(
            r"^(?:of|for|at|by|from|to|the)\s+|\s+(?:of|for|and|&|-)$|['’]s$",
            "",
            part.strip(" \t-–—:,.·•*_#"),
            flags=re.IGNORECASE,
        )
        for part in re.split(r"[|•·»]| [-–—] ", rest)
    ]
    usable = [
        part
        for part in parts
        if _usable(part)
        and len(part.split()) <= 5
        and "," not in part
        and not re.search(r"\b(?:how|what|your|we|is|on|in)\b", part, re.IGNORECASE)
    ]
    return usable[0] if usable else None


def _name_of_file(path: str) -> str:
    """The file's name without words for "privacy policy"; its folder's where nothing else is left of it.

    >>> _name_of_file("x/acme_widgets.txt"), _name_of_file("policies/globex/privacy.md")
    ('Acme Widgets', 'Globex')
    """
    stem = _ENDINGS_OF_FILES.sub(" ", PurePath(path).name)
    name = re.sub(r"[_\s]+", " ", _ENDINGS_OF_FILES.sub(" ", stem)).strip(" -")
    if not _usable(name):
        folder = PurePath(path).parent.name
        name = re.sub(r"[_\s]+", " ", folder) if _usable(folder) else PurePath(path).stem
    return name if is_domain(name) or re.search(r"[A-Z]", name) else name.title()


def _domain_of(named: str) -> str | None:
    bare = re.sub(r"^(?:https?://)?(?:www\.)?|/$", "", named.strip().lower())
    return bare if is_domain(bare) else None


def _id_of(named: str) -> str:
    """A slug of the name; where that loses letters, a hash of the name behind it, so that no two names share one.

    >>> _id_of("imgwg Communications"), _id_of("Café & Co."), _id_of("C++") == _id_of("C#")
    ('imgwg-communications', 'cafe-co', False)
    """
    short = slug(named)
    if key(short) == key(named.replace("&", " ")) and not re.search(r"[+#]", named):
        return short
    return f"{short}-{hashlib.sha256(named.casefold().encode()).hexdigest()[:8]}"


def _akin(one: str, other: str) -> bool:
    """Whether one name is within the other, as "migme" is in "mig.me"."""
    a, b = key(one), key(other)
    return bool(a and b) and (a in b or b in a)


def _display_name(named: str, domain: str | None, titled: str | None, body: str) -> str:
    """The name as the policy itself writes it: "JivoChat" for jivochat.com, "migme" for mig.me."""
    if not domain:
        return named
    label, whole = key(domain.split(".")[0]), key(domain)
    if titled and key(titled) in (label, whole):
        return titled
    spelt: Counter[str] = Counter(
        word
        for word in re.findall(r"(?<![\w@./-])[^\W_][\w’'-]{0,60}+(?![\w-]*[@/]|\.\w)", body)
        if key(word) in (label, whole)
    )
    if spelt:
        # Most frequent first; mixed case before a lone kind of letters; then by spelling, to be the same always.
        return max(spelt, key=lambda word: (spelt[word], not word.isupper() and not word.islower(), word))
    return domain


def _legal_names(opening: str, closing: str) -> list[str]:
    """Legal entities that the policy calls itself, the opening's first."""
    found = [(match.start(), match["legal"]) for match in _DEFINED_LEGAL.finditer(opening) if _names_us(match)]
    for offset, part in ((0, opening), (len(opening), closing)):
        found += [
            (offset + match.start(), match["after"] or match["marked"] or match["parent"])
            for match in _OWN_LEGAL.finditer(part)
            if not _SUPPLIES.search(part, max(0, match.start() - 80), match.start())
        ]
    found += [(len(opening) + match.start(), match["legal"]) for match in _ADDRESSED_LEGAL.finditer(closing)]
    entities = []
    for _, words in sorted(found):
        entity = re.sub(
            r"^(?:[\d–-]+|The|By|At|Of|Copyright|Contact|To|Attn|When|If|For|In|Welcome)\s+", "", plain(words)
        ).strip(" ,")
        dotted = entity + "." if re.search(r"\b(?:Inc|Ltd|Corp|Co|L\.L\.C|B\.V|S\.A)$", entity) else entity
        # "operated by Google LLC" is said of a tool that the company uses
        if _usable(basename(dotted)) and len(dotted) <= 60 and basename(dotted).lower() not in brands():
            entities.append(dotted)
    return list(dict.fromkeys(entities))[:_MOST_LEGAL_NAMES]


def _names_us(match: re.Match[str]) -> bool:
    quoted = _quoted(match["definition"])
    return any(word.casefold() in _FIRST_PERSON or key(word) in key(match["legal"]) for word in quoted)


def _quoted(definition: str) -> list[str]:
    return [words.strip(" ,.") for words in _QUOTED.findall(plain(definition))]


def _defined_names(opening: str, known: Iterable[str]) -> list[str]:
    """Names that a definition gives to "us": `JivoSite, Inc. (“JivoSite”)`, `(“Infratel,” “we,” or “us”)`."""
    known_keys = [known_key for known_key in map(key, known) if len(known_key) > 3]
    names = []
    for definition in re.finditer(r"\(([^()\n]{2,160})\)", opening):
        quoted = _quoted(definition[1])
        before = key(opening[max(0, definition.start() - 60) : definition.start()])
        follows_us = any(before.endswith(known_key) for known_key in known_keys)
        if follows_us or any(word.casefold() in _FIRST_PERSON for word in quoted):
            names += [words for words in quoted if re.match(r"[a-z]{0,6}[A-Z0-9]", words) and len(words.split()) <= 3]
    return names


def _usable(name: str) -> bool:
    words = name.split()
    return (
        bool(re.search(r"[^\W\d_]", name))
        and len(key(name)) >= 3
        and not all(word.strip(".,").casefold() in _GENERIC for word in words)
    )


def _domains_in(body: str) -> list[str]:
    """Host names in mail and web addresses of `body`, the most frequent first.

    A bare word counts where it ends as most addresses do: a full stop without a space looks the same.
    """
    found = Counter(domain.lower() for domain in _EMAIL_DOMAIN.findall(body))
    for sure, domain in _ADDRESS_DOMAIN.findall(body):
        if sure or _USUAL_ENDING.search(domain.lower()):
            found[domain.lower()] += 1
    return [domain for domain, _ in sorted(found.items(), key=lambda entry: (-entry[1], entry[0]))]
