"""The settings of a running askpolicy, and the only reader of the environment. It does not know what they set.

variable                    field            default
ASKPOLICY_INDEX             index            the sample index
ASKPOLICY_MODEL             model            the embedded model
ASKPOLICY_RERANKER          reranker         none
ASKPOLICY_HOST              host             127.0.0.1
ASKPOLICY_PORT              port             8000
ASKPOLICY_MAX_BODY_BYTES    max_body_bytes   524288
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from index.errors import AskPolicyError

_PREFIX = "ASKPOLICY_"


class BadSetting(AskPolicyError):
    """An environment variable whose value cannot be used; the message names the variable."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be set from outside.

    Attributes:
        index: an index folder; None means the sample index.
        model: a sentence-transformers model by name or folder; None means the embedded one.
        reranker: a cross-encoder by name or folder; None means none.
        port: 0 lets the system choose.
        max_body_bytes: what a request's body may have; the default holds the longest question with the
            longest history that the schema allows.
    """

    index: Path | None = None
    model: str | None = None
    reranker: str | None = None
    host: str = "127.0.0.1"
    port: int = 8_000
    max_body_bytes: int = 524_288

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings that `environment` names; an empty value counts as none.

        Raises:
            BadSetting: a value is no number, or out of range.
        """
        usual = cls()
        index = environment.get(_PREFIX + "INDEX")
        return cls(
            index=Path(index) if index else None,
            model=environment.get(_PREFIX + "MODEL") or None,
            reranker=environment.get(_PREFIX + "RERANKER") or None,
            host=environment.get(_PREFIX + "HOST") or usual.host,
            port=_number(environment, "PORT", default=usual.port, lowest=0, highest=65_535),
            max_body_bytes=_number(
                environment, "MAX_BODY_BYTES", default=usual.max_body_bytes, lowest=1_024, highest=100_000_000
            ),
        )


def _number(environment: Mapping[str, str], name: str, *, default: int, lowest: int, highest: int) -> int:
    value = environment.get(_PREFIX + name)
    if not value:
        return default
    if not (value.isascii() and value.isdigit() and len(value) < 12 and lowest <= int(value) <= highest):
        raise BadSetting(f"{_PREFIX}{name} is {value!r}, expected a whole number from {lowest:,} to {highest:,}")
    return int(value)
