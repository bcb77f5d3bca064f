"""R1 to R4 of reliability §3: stops, Redis outages, failover, lost and doubled wake-ups."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from redis import Redis as SyncRedis
from rq import Queue
from rq.worker import SimpleWorker

from tests.faults.world import World
from tests.waiting import until_async
from workers.tasks import ENTRY_POINT, QUEUE, SERIALIZER
from workers.worker import PromptWorker

JOBS = 12


async def posted(world: World, count: int = JOBS) -> list[str]:
    """Submit jobs of several contents, so that every step has work."""
    files = [await world.dataset() for _ in range(3)]
    return [(await world.job(files[number % 3])).id for number in range(count)]


async def finished(world: World, ids: list[str], timeout_s: float = 60) -> None:
    """Wait until all have succeeded and been told, and check the world."""
    await until_async(lambda: world.all_ended(ids), "all have ended", lambda: world.log, timeout_s)
    assert {(await world.read(job_id)).status for job_id in ids} == {"succeeded"}
    await world.assert_told()
    await world.assert_world()


Busy = Callable[[World], bool]
_AT: dict[str, Busy] = {
    "the upload": lambda world: bool(world.provider.ledger.uploads),
    "the create": lambda world: bool(world.provider.ledger.creates),
    "the poll": lambda world: world.provider.ledger.requests["GET fine_tuning"] > 2,
    "the webhook": lambda world: len(world.receiver.ledger) > 3,
}


@pytest.mark.parametrize("when", _AT)
async def test_r1_sigterm_with_work_in_hand(world: World, when: str) -> None:
    tree = world.grow()
    ids = await posted(world)
    await until_async(lambda: _AT[when](world), when, lambda: world.log)
    await asyncio.to_thread(tree.stop)
    world.grow()
    await finished(world, ids)


@pytest.mark.slow
@pytest.mark.parametrize("down_s", [0.0, 4.0, *(pytest.param(s, marks=pytest.mark.soak) for s in (15.0, 40.0))])
async def test_r2_redis_dies_under_busy_workers(world: World, down_s: float) -> None:
    world.grow()
    world.grow("worker")
    ids = await posted(world)
    await until_async(lambda: _AT["the create"](world), "they are busy", lambda: world.log)
    world.server.kill()
    await asyncio.sleep(down_s)
    await asyncio.to_thread(world.server.start)
    await finished(world, ids)


def test_r2_an_idle_worker_does_not_sleep_on_when_redis_is_back() -> None:
    assert PromptWorker.max_connection_wait_time <= 5 < SimpleWorker.max_connection_wait_time, "RQ's own is a minute"


@pytest.mark.slow
async def test_r3_a_failover_to_a_read_only_replica_and_back(world: World) -> None:
    world.grow()
    ids = await posted(world)
    await until_async(lambda: _AT["the create"](world), "they are busy", lambda: world.log)
    redis = world.runtime.redis
    await redis.config_set("replica-serve-stale-data", "yes")
    await redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    await asyncio.sleep(4)
    await redis.execute_command("REPLICAOF", "NO", "ONE")
    await finished(world, ids)


async def _lose_messages(world: World) -> None:
    names = [key async for key in world.runtime.redis.scan_iter("rq:*")]
    if names:
        await world.runtime.redis.delete(*names)


async def _double_messages(world: World) -> None:
    members = [member.decode() for member in await world.runtime.redis.zrange("tw:due", 0, -1)]

    def ring() -> None:
        with SyncRedis.from_url(world.server.url) as connection:
            queue = Queue(QUEUE, connection=connection, serializer=SERIALIZER)
            for member in members * 10 if connection.llen(queue.key) < 200 else ():
                queue.enqueue_call(ENTRY_POINT, args=(member,), timeout=-1, result_ttl=0)

    await asyncio.to_thread(ring)


@pytest.mark.slow
@pytest.mark.parametrize("disturb", [_lose_messages, _double_messages], ids=["lost", "tenfold"])
async def test_r4_lost_and_doubled_messages_change_nothing(
    world: World, disturb: Callable[[World], Awaitable[None]]
) -> None:
    world.grow()
    world.grow("worker", "ticker")
    ids = await posted(world)

    async def is_done() -> bool:
        await disturb(world)
        await asyncio.sleep(0.3)
        return await world.all_ended(ids)

    await until_async(is_done, "all have ended", lambda: world.log, 150)
    await finished(world, ids)
