"""`python -m tests.confined UNIT COMMAND...`: run a command under a unit's system call filter, without systemd.

The filter is made by libseccomp, as systemd makes it, of the same sets of calls. Of a unit's other lines it obeys
`NoNewPrivileges=` and `MemoryDenyWriteExecute=`.
"""

import ctypes
import os
import re
import subprocess
import sys
from functools import reduce
from pathlib import Path

CANNOT_CONFINE = 77
# linux/prctl.h and seccomp.h
_NO_NEW_PRIVS, _MEMORY_DENY_WRITE_EXECUTE = 38, 65
_ALLOW, _EPERM = 0x7FFF0000, 0x00050001


def calls(name: str) -> set[str]:
    """The system calls of a set such as @system-service, or the one that is named."""
    if not name.startswith("@"):
        return {name}
    listed = subprocess.run(
        ["systemd-analyze", "--no-pager", "syscall-filter", name], check=True, capture_output=True, text=True
    ).stdout
    return set().union(*(calls(each) for each in re.findall(r"^ +([@\w-]+)", listed, re.M)))


def allowed(unit: str) -> set[str]:
    """The system calls that a unit's lines leave, one after the other."""

    def next_line(so_far: set[str], line: str) -> set[str]:
        of_line = set().union(*(calls(each) for each in line.removeprefix("~").split()))
        return so_far - of_line if line.startswith("~") else so_far | of_line

    lines = re.findall(r"^SystemCallFilter=(.+)$", unit, re.M)
    return reduce(next_line, lines, calls("@default"))


def confine(unit: str) -> None:
    """Restrict this process, and what it becomes, as `unit` says."""
    libc, seccomp = ctypes.CDLL(None), ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(_EPERM)))
    numbers = [seccomp.seccomp_syscall_resolve_name(name.encode()) for name in sorted(allowed(unit))]
    for number in numbers:
        seccomp.seccomp_rule_add(rules, ctypes.c_uint32(_ALLOW), ctypes.c_int(number), 0)
    if "MemoryDenyWriteExecute=yes" in unit and libc.prctl(_MEMORY_DENY_WRITE_EXECUTE, 1, 0, 0, 0):
        raise OSError("the kernel is older than 6.3 and cannot deny executable memory")
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) or seccomp.seccomp_load(rules):
        raise OSError("the kernel takes no filter of system calls")


if __name__ == "__main__":
    try:
        confine(Path(sys.argv[1]).read_text(encoding="utf-8"))
    except OSError as error:
        sys.stderr.write(f"cannot confine: {error}\n")
        sys.exit(CANNOT_CONFINE)
    os.execv(sys.argv[2], sys.argv[2:])
