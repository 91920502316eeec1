"""Whose the archives' privacy policies are: found with their folders, and by their texts alone.

`python -m eval.attribution ARCHIVE...` reads the newest `Service/Privacy Policy*.md` of bare clones of Open Terms
Archive's repositories. The service's name is the archive's own; held-out services are counted, their texts not shown.
"""

import argparse
import random
import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from index.errors import UnknownCompany
from index.parsing.parse import parse
from index.policies.attribution import Claim, attributed, claim_of
from index.policies.companies import Company
from qa.question.mentions import CompanyNames

# How the services that are not held out were halved when signs and margins were chosen on one half.
_SEED = 15
_MIN_MENTIONS = 2


@dataclass(frozen=True, slots=True)
class ArchivedPolicy:
    """The newest version of a service's privacy policy; `half` is "tuned", "untouched" or "held out"."""

    path: str
    service: str
    text: str
    half: str

    @property
    def names_its_service(self) -> bool:
        """Whether the text writes the service's name at least twice, in any case."""
        name = rf"(?<!\w){re.escape(self.service)}(?!\w)"
        return len(re.findall(name, self.text, re.IGNORECASE)) >= _MIN_MENTIONS


@dataclass(frozen=True, slots=True)
class Found:
    """Where each policy went.

    Attributes:
        company_ids: whose each policy is.
        by_name: whose the service's name means; None if nobody's.
    """

    company_ids: list[str]
    by_name: list[str | None]
    companies: list[Company]
    claims: list[Claim]

    def right(self, place: int) -> bool:
        """Whether the service's name leads to the company that has its policy."""
        return self.by_name[place] == self.company_ids[place]


def archived_policies(archives: Sequence[Path], *, held_out: frozenset[str]) -> list[ArchivedPolicy]:
    """The newest privacy policies of `archives`, bare git repositories."""
    found = []
    for archive in archives:
        git = ["git", f"--git-dir={archive}"]
        names = subprocess.run(
            [*git, "ls-tree", "-r", "-z", "--name-only", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.split("\0")
        for name in names:
            if re.match(r"[^/]+/Privacy Policy[^/]*\.md\Z", name):
                text = subprocess.run([*git, "show", f"HEAD:{name}"], capture_output=True, text=True, check=True).stdout
                found.append((name, text))
    services = sorted({name.split("/")[0] for name, _ in found} - held_out)
    random.Random(_SEED).shuffle(services)
    tuned = set(services[: len(services) // 2])
    return [
        ArchivedPolicy(name, service, text, _half(service, tuned, held_out))
        for name, text in found
        for service in [name.split("/")[0]]
    ]


def _half(service: str, tuned: set[str], held_out: frozenset[str]) -> str:
    if service in held_out:
        return "held out"
    return "tuned" if service in tuned else "untouched"


def attribute(policies: Sequence[ArchivedPolicy], paths: Sequence[str]) -> Found:
    """Whose `policies` are when they lie at `paths`."""
    claims = [
        claim_of(parse(policy.text.encode(), path=path), path=path)
        for policy, path in zip(policies, paths, strict=True)
    ]
    company_ids, companies = attributed(claims, paths)
    names = CompanyNames(companies, lower_case_words={})

    def meant(service: str) -> str | None:
        try:
            return names.given(service).id
        except UnknownCompany:
            return None

    return Found(company_ids, [meant(policy.service) for policy in policies], companies, claims)


def report(policies: Sequence[ArchivedPolicy], *, with_failures: bool) -> list[str]:
    """Lines for people: shares found with folders and without, and services that became one company."""
    lines = []
    folders = attribute(policies, [f"archive/{policy.path}" for policy in policies])
    flat = attribute(policies, [f"d1/{place:04}.md" for place in range(len(policies))])
    for half in ("tuned", "untouched", "held out"):
        places = [place for place, policy in enumerate(policies) if policy.half == half]
        naming = [place for place in places if policies[place].names_its_service]
        in_folders = sum(folders.right(place) for place in places)
        by_text = sum(flat.right(place) for place in naming)
        lines.append(
            f"{half}: {in_folders} of {len(places)} with folders; flattened {by_text} of the {len(naming)} that name "
            f"their service ({by_text / max(1, len(naming)):.1%})"
        )
        if with_failures:
            lines += [f"    {policies[place].path}: not its folder's" for place in places if not folders.right(place)]
        if with_failures and half == "tuned":
            lines += [
                f"    {policies[place].service}: {flat.claims[place].name!r} by {flat.claims[place].reason}, "
                f"also {', '.join(flat.claims[place].said[:6])}"
                for place in naming
                if not flat.right(place)
            ]
    unnamed = [
        policy.service
        for policy, owner in zip(policies, flat.company_ids, strict=True)
        if re.match(r"\d{4}\Z|d1", owner)
    ]
    lines.append(f"flattened, called after folder or file: {len(unnamed)} ({', '.join(unnamed)})")
    return lines + _shared(policies, folders, "with folders") + _shared(policies, flat, "flattened")


def _shared(policies: Sequence[ArchivedPolicy], found: Found, layout: str) -> list[str]:
    """The companies that have policies of several services."""
    services: dict[str, Counter[str]] = defaultdict(Counter)
    texts: dict[str, set[str]] = defaultdict(set)
    for policy, company_id in zip(policies, found.company_ids, strict=True):
        services[company_id][policy.service] += 1
        texts[company_id].add(re.sub(r"\W+", " ", policy.text)[:2_000])
    return [f"one company for several services, {layout}:"] + [
        f"    {company_id}: {', '.join(sorted(names))}"
        + (" (one text)" if len(texts[company_id]) == 1 else f" ({len(texts[company_id])} texts)")
        for company_id, names in sorted(services.items())
        if len(names) > 1
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report of the archives given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archives", nargs="+", type=Path, metavar="ARCHIVE")
    parser.add_argument("--held-out", type=Path, help="a file of services, one a line, that are reported apart")
    parser.add_argument("--failures", action="store_true", help="name those of the tuned half that are not found")
    given = parser.parse_args(arguments)
    held_out = frozenset(given.held_out.read_text(encoding="utf-8").splitlines()) if given.held_out else frozenset()
    policies = archived_policies(given.archives, held_out=held_out)
    print("\n".join(report(policies, with_failures=given.failures)))


if __name__ == "__main__":
    main()
