"""A5 of reliability §3: what was acknowledged survives a power cut."""

import asyncio
import contextlib
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from service.core import clock, ids, moves
from service.core.jobs import Hyperparameters, Input, Job, Method
from service.runtime import open_runtime
from service.settings import Settings
from service.store.invariants import violations
from tests.faults.power_cut import FragileRedis

pytestmark = pytest.mark.skipif(not FragileRedis.can_be(), reason="no C compiler for the ledger of fsyncs")
CALLERS = 8


def fresh() -> Job:
    part = Input(file_id="file-1", sha256="0" * 64, bytes=1, filename="t.jsonl")
    return Job(
        id=ids.make(ids.JOB),
        created_at=int(clock.now()),
        model="base-1",
        requested_model="base-1",
        provider="remote",
        method=Method(),
        training=part,
        seed=1,
        hyperparameters=Hyperparameters(),
    )


async def accept_until_the_cut(settings: Settings, redis: FragileRedis, count: int) -> tuple[list[str], int]:
    """Accept jobs as fast as can be, and cut the power after `count`; return those acknowledged and the bytes lost."""
    accepted: list[str] = []
    enough = asyncio.Event()

    async def call() -> None:
        with contextlib.suppress(RedisError):
            while len(accepted) < 10 * count:
                accepted.append((await runtime.jobs.create(moves.submit(fresh()))).id)
                if len(accepted) >= count:
                    enough.set()

    async with open_runtime(settings) as runtime:
        callers = [asyncio.create_task(call()) for _ in range(CALLERS)]
        await enough.wait()
        lost = await asyncio.to_thread(redis.cut_power)
        await asyncio.gather(*callers)
    return accepted, lost


@pytest.mark.slow
async def test_a5_no_acknowledged_job_is_lost_or_torn(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    redis = FragileRedis(short_folder, monkeypatch)
    settings = Settings(redis_url=redis.server.url, data_dir=short_folder / "data")
    accepted: list[str] = []
    try:
        for _ in range(5):
            await asyncio.to_thread(redis.start)
            accepted += (await accept_until_the_cut(settings, redis, 2000))[0]
        await asyncio.to_thread(redis.start)
        async with open_runtime(settings) as runtime:
            stored = [await runtime.redis.exists(f"tw:job:{job_id}") for job_id in accepted]
            assert len(accepted) >= 10_000
            assert stored.count(0) == 0
            assert await violations(runtime.redis) == []
    finally:
        redis.server.kill()


@pytest.mark.slow
async def test_the_cut_shows_what_a_weaker_setting_would_lose(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis = FragileRedis(short_folder, monkeypatch, appendfsync="everysec")
    settings = Settings(redis_url=redis.server.url, data_dir=short_folder / "data", redis_unchecked=True)
    try:
        await asyncio.to_thread(redis.start)
        accepted, lost = await accept_until_the_cut(settings, redis, 1500)
        await asyncio.to_thread(redis.start)
        async with open_runtime(settings) as runtime:
            stored = [await runtime.redis.exists(f"tw:job:{job_id}") for job_id in accepted]
    finally:
        redis.server.kill()
    assert lost > 0
    assert stored.count(0) > 0
