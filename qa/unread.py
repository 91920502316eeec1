"""Companies whose policies cannot be asked: none is as old as the day, or none is in a language that is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from index.language.detect import can_read, language_name
from index.policies.companies import Company
from index.policies.series import first_day, in_force
from index.policies.versions import Policy


@dataclass(frozen=True, slots=True)
class NoVersion:
    """No version of the company's policies is as old as `as_of`; the first is of `first`."""

    company: Company
    as_of: date
    first: date | None

    @property
    def words(self) -> str:
        """For people."""
        begins = f"; the first is of {self.first.isoformat()}" if self.first else ""
        return f"No version of {self.company.name}'s policy is as old as {self.as_of.isoformat()}{begins}."


@dataclass(frozen=True, slots=True)
class ForeignLanguage:
    """What the company's policies are in is not read: `languages` are BCP 47 tags."""

    company: Company
    languages: tuple[str, ...]

    @property
    def words(self) -> str:
        """For people."""
        names = " and ".join(language_name(tag) for tag in self.languages)
        return f"The policy of {self.company.name} is in {names}, which is not read here: only English is."


Unread = NoVersion | ForeignLanguage


def unread(company: Company, policies: Sequence[Policy], as_of: date | None) -> Unread | None:
    """Why `policies`, all versions of the company's, cannot be asked as of that day; None where one can."""
    current = in_force(policies, as_of)
    if not current and as_of is not None:
        return NoVersion(company, as_of, first_day(policies))
    if current and not any(can_read(policy.language) for policy in current):
        return ForeignLanguage(company, tuple(sorted({policy.language for policy in current})))
    return None
