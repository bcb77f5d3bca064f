"""Waiting for what other processes, threads and tasks do, with deadlines that only a fault reaches."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

PATIENCE_S = 90.0
"""Long, as a busy machine stands still for seconds. Shorter only where the time itself is promised."""


def until(
    is_so: Callable[[], object],
    what: str,
    more: Callable[[], str] = lambda: "",
    timeout_s: float = PATIENCE_S,
    every_s: float = 0.02,
) -> None:
    """Return once `is_so()`; fail after `timeout_s`, saying `what` did not come about, and `more`."""
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}\n{more()}"
        time.sleep(every_s)


async def until_async(
    is_so: Callable[[], Awaitable[object] | object],
    what: str,
    more: Callable[[], str] = lambda: "",
    timeout_s: float = PATIENCE_S,
    every_s: float = 0.05,
) -> float:
    """Do as `until` while other tasks go on; `is_so` may be a coroutine function. Return the seconds it took."""
    began = time.monotonic()
    while True:
        found = is_so()
        if await found if inspect.isawaitable(found) else found:
            return time.monotonic() - began
        assert time.monotonic() - began < timeout_s, f"not within {timeout_s:g} s: {what}\n{more()}"
        await asyncio.sleep(every_s)
