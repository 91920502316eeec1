"""Days as people write them. It does not know documents."""

from datetime import date


def parse_day(text: str) -> date | None:
    """The day that `text` names; None where it names none."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None
