"""What a request's headers accept. It does not know what is offered."""

import re

_TAG = re.compile(r'"[^"]*"')


def accepts(header: str, offered: str) -> bool:
    """Whether an `Accept` or `Accept-Encoding` names `offered`, with a weight above zero.

    >>> accepts("br, gzip;q=0.5", "gzip"), accepts("gzip;q=0, *", "gzip"), accepts("*/*", "text/event-stream")
    (True, False, False)
    """
    for offer in header.lower().split(","):
        name, _, rest = offer.partition(";")
        if name.strip() == offered:
            weights = [part.partition("=")[2].strip() for part in rest.split(";") if part.strip().startswith("q=")]
            return not any(weight.strip("0.") == "" for weight in weights)
    return False


def has_already(if_none_match: str, tag: str) -> bool:
    """Whether an `If-None-Match` names `tag`, an entity tag with its quotes; a proxy may have made it a weak one.

    >>> has_already('"a", W/"b"', '"b"'), has_already("*", '"b"'), has_already('"ab"', '"b"')
    (True, True, False)
    """
    return if_none_match.strip() == "*" or tag in _TAG.findall(if_none_match)
