"""`Prefer: wait=N`: hold an answer until the object is at its end, so that no client needs a sleep loop."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from service.api.context import HttpRequest, runtime_of
from service.api.queries import wait_of
from service.api.replies import Headers

_T = TypeVar("_T")


async def settled(
    request: HttpRequest, object_id: str, read: Callable[[], Awaitable[_T]], is_settled: Callable[[_T], bool]
) -> tuple[_T, Headers]:
    """Read until `is_settled` or the preferred time is over; return what was read last, and the headers that say so.

    `object_id` is what the change of the object is announced under.
    """
    seconds = wait_of(request)
    found = await read()
    if not seconds:
        return found, ()
    changes, clock = runtime_of(request).changes, asyncio.get_running_loop()
    deadline = clock.time() + seconds
    while not is_settled(found) and (left := deadline - clock.time()) > 0:
        await changes.wait(object_id, left)
        found = await read()
    return found, ((b"preference-applied", f"wait={seconds}".encode()),)
