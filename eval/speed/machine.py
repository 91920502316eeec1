"""The two limits of a machine: how fast it multiplies matrices, and how fast it moves memory."""

import os
import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_ROWS, _BANDWIDTH_MB, _TIMES = 1_536, 256, 5


@dataclass(frozen=True, slots=True)
class Machine:
    """What a machine can do.

    Attributes:
        matrix_gflops: multiplications and additions of a single-precision matrix product, in 10^9 a second.
        memory_gb_s: what a copy reads and writes, in 10^9 bytes a second.
    """

    processor: str
    cores: int
    matrix_gflops: float
    memory_gb_s: float


def measured_machine() -> Machine:
    """The machine, its limits measured now: the best of a few runs, as whatever else runs only slows it."""
    return Machine(_processor(), len(os.sched_getaffinity(0)), _matrix_gflops(), _memory_gb_s())


def resident_mb(pids: Iterable[int]) -> float:
    """The memory that processes hold, in 10^6 bytes; not a number where the system does not tell."""
    try:
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) for pid in pids)
    except OSError:
        return float("nan")
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _matrix_gflops() -> float:
    one, other = (np.random.default_rng(seed).random((_ROWS, _ROWS), dtype=np.float32) for seed in range(2))
    return 2 * _ROWS**3 / _least_s(lambda: one @ other) / 1e9


def _memory_gb_s() -> float:
    source = np.ones(_BANDWIDTH_MB << 20, dtype=np.uint8)
    target = np.empty_like(source)
    return 2 * len(source) / _least_s(lambda: np.copyto(target, source)) / 1e9


def _least_s(run: Callable[[], object]) -> float:
    took = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        run()
        took.append(time.perf_counter() - began)
    return min(took)
