"""One figure of a benchmark."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure.

    Attributes:
        of: what it is of: "askpolicy", what it is compared with, or the size of a grown index.
    """

    of: str
    name: str
    value: float
    unit: str
