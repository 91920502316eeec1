"""Whose policies they are: the claims of all files, weighed against each other.

The first sign that there is decides: `companies.toml`, front matter or a sidecar, the service's folder, the header
line, the title, the site's name, the text's own words, the file's name (`Reason`). It does not know questions.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

from index.policies.claims import Claim, Reason, akin, claim_of, distinct, domain_of, id_of
from index.policies.companies import Company, Related, key
from index.policies.companies_file import Correction, read_corrections, unknown_company
from index.policies.layout import is_general
from index.policies.versions import is_domain
from index.policies.wording import rarest
from index.sources.files import PolicyFile

__all__ = ["Claim", "Reason", "attributed", "claim_of", "identify", "read_corrections", "reasons"]

# Raised where companies come out otherwise.
ATTRIBUTION_VERSION = 2
# A name that so many policies write (Google, Facebook) is no other name of the service in whose folder the file lies.
_WELL_KNOWN = 0.1


def identify(files: Sequence[PolicyFile], *, corrections: Sequence[Correction] = ()) -> tuple[list[str], list[Company]]:
    """As `attributed`, of files as read."""
    claims = [claim_of(file.document, path=file.path) for file in files]
    return attributed(claims, [file.path for file in files], corrections=corrections)


def attributed(
    claims: Sequence[Claim], paths: Sequence[str], *, corrections: Sequence[Correction] = ()
) -> tuple[list[str], list[Company]]:
    """The company id of each file, and the companies, sorted by id.

    A name that only a text gives, and that another company bears or also claims, is nobody's alias.

    Args:
        claims, paths: of each file what it says, and where it is.
        corrections: the entries of each `companies.toml`.
    Raises:
        CompaniesFileError: a correction that matches nothing.
    """
    settled = _in_folders(claims, paths)
    companies = _companies(settled)
    _tell_apart(companies)
    ids = [claim.id for claim in settled]
    for correction in corrections:
        ids = _correct(correction, companies, ids, paths)
    used = set(ids)
    return ids, [companies[company_id] for company_id in sorted(companies) if company_id in used]


def reasons(claims: Sequence[Claim], paths: Sequence[str], *, corrections: Sequence[Correction] = ()) -> list[Reason]:
    """Of each file, which sign told whose it is."""
    corrected = {place for correction in corrections for place in correction.matching(paths)}
    return [
        Reason.CORRECTION if place in corrected else claim.reason
        for place, claim in enumerate(_in_folders(claims, paths))
    ]


def _in_folders(claims: Sequence[Claim], paths: Sequence[str]) -> list[Claim]:
    """The claims, those of a service's folder as that service's."""
    by_folder: dict[str, list[Claim]] = defaultdict(list)
    strangers: Counter[str] = Counter()
    archives: dict[PurePath, set[str]] = defaultdict(set)
    for claim, path in zip(claims, paths, strict=True):
        if claim.folder and claim.typed:
            by_folder[claim.folder].append(claim)
            archives[PurePath(path).parent.parent].add(claim.folder)
        elif claim.folder and not any(akin(claim.folder, name) for name in (claim.name, *claim.own)):
            strangers[claim.folder] += 1
    services = {
        folder
        for folder, members in by_folder.items()
        # a folder of files that are called by their companies is no service's
        if strangers[folder] < len(members) and _is_service(folder, members)
    }
    for siblings in archives.values():
        # Among many folders of services, "hi5" is one too.
        if len(siblings) > 2 and len(siblings & services) * 2 > len(siblings):
            services |= siblings
    return [as_services(claim) if claim.folder in services and _belongs(claim) else claim for claim in claims]


def _names_another(claim: Claim) -> bool:
    """Whether header, metadata or title name somebody else than the folder."""
    strong = claim.reason in (Reason.METADATA, Reason.HEADER, Reason.TITLE, Reason.SITE)
    return strong and not any(akin(claim.folder or "", name) for name in (claim.name, *claim.own))


def _is_service(folder: str, members: Sequence[Claim]) -> bool:
    """Whether a folder with documents called by their type is a service's, and not one for all sorts of files."""
    if any(claim.folder_named for claim in members):
        return True
    others = {key(claim.name) for claim in members if _names_another(claim)}
    if is_general(folder):
        return not others and all(claim.reason is Reason.FILE_NAME for claim in members)
    return len(others) < 2 or len(others) * 2 < len(members)


def _belongs(claim: Claim) -> bool:
    """Whether a file in a service's folder is the service's: one that says otherwise by itself is not."""
    if claim.reason is Reason.METADATA:
        return False
    return claim.typed or not _names_another(claim)


def as_services(claim: Claim) -> Claim:
    """`claim`, whatever the file says of itself, as that of the service in whose folder it lies."""
    folder = claim.folder or ""
    domain = domain_of(folder)
    names = (claim.name, *claim.own)
    own = [claim.folder_name, folder, *(name for name in names if akin(name, folder))]
    others = [name for name in names if claim.sure and not akin(name, folder)]
    parents = tuple(Related(name, "parent") for name in others if rarest(name) >= _WELL_KNOWN)
    said = (*(name for name in others if rarest(name) < _WELL_KNOWN), *claim.said)
    return replace(
        claim,
        id=domain or id_of(folder),
        name=claim.folder_name,
        own=distinct(own),
        said=distinct(said, but=own),
        domains=distinct([*([domain] if domain else []), *claim.domains]),
        related=tuple(dict.fromkeys((*claim.related, *parents))),
        reason=Reason.FOLDER,
    )


def _companies(claims: Sequence[Claim]) -> dict[str, Company]:
    by_id: dict[str, dict[Claim, None]] = defaultdict(dict)
    bearers: dict[str, set[str]] = defaultdict(set)
    claimants: dict[str, set[str]] = defaultdict(set)
    for claim in dict.fromkeys(claims):  # versions of one document claim the same
        by_id[claim.id][claim] = None
        bearers[key(claim.name)].add(claim.id)
        for name in (*claim.own, *claim.said, *claim.domains):
            claimants[key(name)].add(claim.id)
    companies = {}
    for company_id, members in by_id.items():
        name = next(iter(members)).name

        def is_free(alias: str, *, company_id: str = company_id) -> bool:
            return bearers[key(alias)] <= {company_id} and claimants[key(alias)] <= {company_id}

        own = [alias for claim in members for alias in claim.own if bearers[key(alias)] <= {company_id}]
        said = [alias for claim in members for alias in claim.said if is_free(alias)]
        domains = [domain for claim in members for domain in claim.domains if is_free(domain) or domain == company_id]
        related = tuple(dict.fromkeys(entry for claim in members for entry in claim.related))
        companies[company_id] = Company(
            company_id, name, distinct((*own, *said), but=(name, *domains)), distinct(domains), related
        )
    return companies


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
                aliases = distinct((*company.aliases, company.name), but=(company.id,))
                companies[company.id] = replace(
                    company, name=company.id if is_domain(company.id) else company.name, aliases=aliases
                )


def _correct(correction: Correction, companies: dict[str, Company], ids: list[str], paths: Sequence[str]) -> list[str]:
    company_id = correction.company_id
    places = set(correction.matching(paths))
    if not correction.files and company_id not in companies and not correction.partial:
        raise unknown_company(correction, companies)
    ids = [company_id if place in places else old for place, old in enumerate(ids)]
    before = companies.get(company_id) or Company(company_id, correction.name or company_id, (), ())
    name = correction.name or before.name
    domains = distinct((*before.domains, *correction.domains))
    aliases = distinct((*before.aliases, before.name, *correction.aliases), but=(name, *domains))
    companies[company_id] = replace(before, name=name, aliases=aliases, domains=domains)
    return ids
