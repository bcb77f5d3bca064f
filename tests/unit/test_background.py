"""A task beside another ends, even where the cancellation is lost once."""

import asyncio

import pytest

from service.core.background import end


async def test_a_lost_cancellation_does_not_keep_a_loop_alive() -> None:
    lost = 0

    async def loop() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                lost += 1
                if lost > 1:
                    raise

    task = asyncio.create_task(loop())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await end(task)
    assert lost == 2


async def test_what_the_task_raised_is_raised() -> None:
    async def broken() -> None:
        raise ValueError("broken")

    task = asyncio.create_task(broken())
    await asyncio.sleep(0)
    with pytest.raises(ValueError, match="broken"):
        await end(task)
