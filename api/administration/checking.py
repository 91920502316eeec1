"""The process that looks at an uploaded document: `python -m api.administration.checking FILE`, within bounds.

A document may take long to parse, or end the process that does: neither is the service's. What is printed is JSON:
`refused`, in words, or whose policy of what type it is, and of which day if it tells one.
"""

import json
import os
import sys
from pathlib import Path

from index.policies.claims import Reason
from index.sources.folder import survey

# The largest of 800 real policies takes 3 s.
CHECK_WITHIN_S = 60
_MOST_MEMORY_BYTES = 4 << 30
_URGENCY = 5


def checked(path: Path) -> dict[str, str]:
    """What becomes of the document at `path`, which has its sidecar beside it."""
    files, refused = survey([path], known={}, known_at_ns=0, progress=lambda *_: None)
    if refused:
        return {"refused": str(refused[0]).replace(f"{path}: ", "").replace(str(path.parent), "")}
    file = files[0]
    if file.claim.reason is Reason.FILE_NAME:
        return {"refused": "neither its text nor its title tells whose it is; name the company with company="}
    day = file.archived_on or file.effective_on
    return {"company": file.claim.name, "type": file.type, "day": day.isoformat() if day else ""}


def main() -> None:
    """Print what becomes of the document that is named."""
    import resource  # not on every system, and the service imports this module

    os.setpriority(os.PRIO_PROCESS, 0, max(_URGENCY, os.getpriority(os.PRIO_PROCESS, 0)))
    resource.setrlimit(resource.RLIMIT_CPU, (CHECK_WITHIN_S, CHECK_WITHIN_S))
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY_BYTES, _MOST_MEMORY_BYTES))
    sys.stdout.write(json.dumps(checked(Path(sys.argv[1]))))


if __name__ == "__main__":
    main()
