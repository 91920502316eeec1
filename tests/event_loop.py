"""Coroutines run in a thread of their own: the browser's driver keeps a running loop in the main thread."""

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import anyio

T = TypeVar("T")


def run_async(work: Callable[[], Awaitable[T]]) -> T:
    """What `work` returns."""
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(anyio.run, work).result()
