"""The soak: many jobs through chaos. None lost, none doubled, every end told, counters equal to the ledger.

In 90 seconds in every run of the tests; `SOAK_FACTOR` multiplies jobs, time and kills, and `make soak` sets it to 10.
"""

import asyncio
import os
import random
import time
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from service.core.errors import Unavailable
from tests.faults.chaos import Chaos
from tests.faults.ledger import Pace
from tests.faults.served import Api, client_of
from tests.faults.trees import Nursery
from tests.faults.world import LINES, World, make_world
from tests.waiting import until_async

FACTOR = float(os.environ.get("SOAK_FACTOR", "1"))
SECONDS = 90 * FACTOR
JOBS = round(300 * FACTOR)
KILLS = (round(60 * FACTOR), round(25 * FACTOR), round(8 * FACTOR))
"""Of workers, tickers and Redis."""
FAULTS, REFUSED_WEBHOOKS = 0.3, 0.25
CONTENTS = 30
PATIENCE_S = 420.0
"""No measure of anything: how long a machine of any pace may take for what is left."""


@pytest.mark.slow
@(pytest.mark.soak if FACTOR > 1 else pytest.mark.alone)
async def test_soak(short_folder: Path, trees: Nursery) -> None:
    seed = int(os.environ.get("SOAK_SEED", random.SystemRandom().randrange(1 << 30)))
    print(f"soak: {JOBS} jobs, {SECONDS:.0f} s, SOAK_SEED={seed}")
    pace = Pace(queued_s=0.5, running_s=2.0, list_lag_s=0.6)
    # A machine that stands still for seconds must not look like a provider whose lists lag behind the settle time.
    limits = {"settle_s": 12.0, "request_timeout_s": 3.0}
    async with make_world(short_folder, trees, pace=pace, receives_at="/moody", **limits) as world:
        world.receiver.refused = REFUSED_WEBHOOKS
        chaos = Chaos(world, seed=seed)
        async with client_of(world) as http:
            await Api(world, http).wait_until_up()
        chaos.break_the_provider(FAULTS)
        posting = asyncio.create_task(_post(world, seed))
        await chaos.run(SECONDS, *KILLS)
        ids = await posting
        world.provider.plan.heal()
        world.receiver.refused = 0.0
        stopped = time.monotonic()
        try:
            await until_async(lambda: world.all_ended(ids), "all have ended", timeout_s=PATIENCE_S, every_s=0.5)
        except AssertionError as error:
            raise AssertionError(await _left(world, ids)) from error
        refused = sum(not one.is_taken for one in world.receiver.ledger)
        faults = sum(world.provider.plan.injected.values())
        print(
            f"{dict(chaos.dealt)}, faults {faults}, webhooks refused {refused} of {len(world.receiver.ledger)}, ",
            end="",
        )
        print(f"the last job ended {time.monotonic() - stopped:.0f} s after the chaos")
        chaos.end_orphans()
        jobs = await world.jobs(ids)
        assert len(jobs) == JOBS
        assert {job.status for job in jobs} == {"succeeded"}
        assert len(world.provider.ledger.creates) == len(ids) == JOBS
        assert (chaos.dealt["worker"], chaos.dealt["ticker"], chaos.dealt["redis"]) == KILLS
        await world.assert_told(PATIENCE_S)
        await world.assert_world()


async def _post(world: World, seed: int) -> list[str]:
    """Submit the jobs over most of the time, as clients that ask again with the same key."""
    chance = random.Random(seed + 1)
    pause_s = SECONDS * 0.8 / JOBS
    contents = [LINES + LINES.splitlines(keepends=True)[0].replace(b"0", b"%d" % n) for n in range(10, 10 + CONTENTS)]
    posting: list[asyncio.Task[str]] = []
    async with client_of(world) as http:
        api = Api(world, http)
        for number in range(JOBS):
            file_id = await _dataset(world, chance.choice(contents))
            posting.append(asyncio.create_task(api.post_until_accepted(file_id, f"key-{number}", PATIENCE_S)))
            await asyncio.sleep(chance.random() * 2 * pause_s)
        world.accepted = await asyncio.gather(*posting)
    return world.accepted


async def _dataset(world: World, content: bytes) -> str:
    while True:
        try:
            return (await world.dataset(content)).id
        except (RedisError, Unavailable):
            await asyncio.sleep(0.2)


async def _left(world: World, ids: list[str]) -> str:
    """Describe what has not ended, and when it is looked at."""
    redis = world.runtime.redis
    seconds, _ = await redis.time()
    due = dict(await redis.zrange("tw:due", 0, -1, withscores=True))
    jobs = [job for job in await world.runtime.jobs.get_many(ids) if not job.is_terminal]
    lines = [f"{len(jobs)} left; poll in {due.get(b'poll:remote', 0) - seconds:.0f} s"]
    for job in jobs[:20]:
        wait_s = due.get(f"job:{job.id}".encode(), 0.0) - seconds
        lines.append(f"{job.id} {job.status} {job.step} in {wait_s:.0f} s; {job.remote}")
    return "\n".join([*lines, world.log[-2000:]])
