"""Companies, and how their names are compared. It does not know whose a policy is."""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Related:
    """A name that a company's policy states beside its own; `kind` is "former", "brand", "covered" or "parent"."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Company:
    """Someone whose policies are in the index.

    Attributes:
        id: its domain, or a slug of its name where no domain is known.
        name: as its own policy writes it.
        aliases: other names that mean it, legal entities among them; `name` is not repeated.
        domains: host names that mean it.
        related: former names, brands, covered services and parents that its policies state. Of these `aliases` repeats
            those that mean this company; a parent never does.
    """

    id: str
    name: str
    aliases: tuple[str, ...]
    domains: tuple[str, ...]
    related: tuple[Related, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that means this company, the name first."""
        return (self.name, *self.aliases, *self.domains)


@lru_cache(10_000)
def key(name: str) -> str:
    """`name` as names are compared: lower-case letters and digits alone.

    >>> key("Mighty Call"), key("MightyCall.com"), key("Peek & Cloppenburg"), key("Café")
    ('mightycall', 'mightycallcom', 'peekandcloppenburg', 'cafe')
    """
    decomposed = unicodedata.normalize("NFKD", name.replace("&", " and ").casefold())
    return "".join(character for character in decomposed if character.isalnum())
