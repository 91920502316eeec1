"""Predicates of English questions: whether one is denied, its auxiliary, and the base form of its verb."""

import re

AUXILIARIES = frozenset(
    "do does did is are was were can could may might must shall should will would has have had".split()
)
AUXILIARY = rf"(?:{'|'.join(sorted(AUXILIARIES))})(?:n['’]t)?"
SINGULAR = {"do": "does", "are": "is", "have": "has", "were": "was"}
_CONTRACTED = {"wo": "will", "ca": "can", "sha": "shall"}
_NOT = re.compile(
    r"^(?P<auxiliary>\w+?)(?:n['’]t|(?<=can)not)\b\s*|^(?P<plain>\w+)\s+(?:not|never)\b\s*|^(?P<never>never)\s+",
    re.IGNORECASE,
)
_PARTICIPLE = re.compile(r"^(?:been|\w+(?:ed|en))\b", re.IGNORECASE)


def taken_apart(predicate: str) -> tuple[bool, str, str]:
    """Whether `predicate` is negative, its auxiliary ("do" where it has none), and the rest with the verb's base."""
    denied = _NOT.match(predicate)
    if denied and denied["never"]:
        return True, "do", base(predicate[denied.end() :])
    said = (denied["auxiliary"] or denied["plain"]).lower() if denied else ""
    said = _CONTRACTED.get(said, said)
    if denied and said in AUXILIARIES:
        rest = predicate[denied.end() :]
        return True, "do" if said == "does" else said, rest
    first, _, rest = predicate.partition(" ")
    word = first.lower()
    if word in ("have", "has", "had") and not _PARTICIPLE.match(rest):
        return False, "do", f"have {rest}"
    if word in AUXILIARIES and rest:
        return False, "do" if word == "does" else word, rest
    return False, "do", base(predicate)


def base(predicate: str) -> str:
    """`predicate` with its first word, a verb in the present, in its base form.

    >>> [base(words) for words in ("sells it", "carries on", "discloses", "passes", "does so", "keep logs")]
    ['sell it', 'carry on', 'disclose', 'pass', 'do so', 'keep logs']
    """
    verb, space, rest = predicate.partition(" ")
    lower = verb.lower()
    irregular = {"has": "have", "does": "do", "is": "be", "goes": "go"}
    if lower in irregular:
        verb = irregular[lower]
    elif lower.endswith("ies") and len(lower) > 4:
        verb = verb[:-3] + "y"
    elif lower.endswith(("sses", "shes", "ches", "xes", "zzes")):
        verb = verb[:-2]
    elif lower.endswith("s") and not lower.endswith(("ss", "us")):
        verb = verb[:-1]
    return f"{verb}{space}{rest}"
