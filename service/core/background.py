"""Ending a task that runs beside another."""

import asyncio


async def end(task: "asyncio.Task[None]") -> None:
    """Cancel `task` until it has ended; raises what it raised.

    One `cancel()` is not enough: `asyncio.wait_for` of Python 3.11 drops a cancellation that comes in the same turn as
    its result, and redis-py sends every command by it. A task that loops would run, and be waited for, for ever.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait((task,), timeout=0.1)
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error
