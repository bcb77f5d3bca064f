"""The invariants find what is planted, and nothing in a sound world."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from redis.asyncio import Redis

from service.core import invariants, moves
from service.core.files import FileRecord
from service.core.invariants import RemoteFacts
from service.core.jobs import Job
from service.core.remote import RemoteJob
from service.core.webhooks import WebhookMessage
from service.store import keys, webhook_keys
from service.store.invariants import lasting_violations, snapshot, violations
from tests.workers.conftest import Bench, chat

NOW = 1_800_000_100.0
Plant = Callable[[Redis, Job], Awaitable[object]]


async def sound(bench: Bench) -> tuple[Job, Job]:
    """Make an unchecked dataset, a job that has ended and one that is at its provider."""
    record = await bench.dataset([chat(number) for number in range(12)])
    ended = await bench.job(record)
    await bench.runtime.jobs.modify(ended.id, lambda job: moves.cancel(job, NOW))
    await bench.look(f"job:{ended.id}")
    sent = await bench.job(record)
    remote = RemoteJob(id="remote-1", status="queued", raw_status="queued", mark=sent.id)

    def adopted(job: Job) -> moves.Change:
        queued = msgspec.structs.replace(job, status="queued", step="creating")
        return moves.adopt(queued, remote)

    await bench.runtime.jobs.modify(sent.id, adopted)
    return await bench.read(ended), await bench.read(sent)


async def test_a_sound_world_has_no_violation(bench: Bench) -> None:
    await sound(bench)
    assert await violations(bench.runtime.redis) == []
    assert await lasting_violations(bench.runtime.redis, pause_s=0.0) == []


async def _second_message(redis: Redis, ended: Job) -> None:
    twice = WebhookMessage(
        id="evt_again", type="fine_tuning.job.cancelled", created_at=NOW, job_id=ended.id, data={}, sequence=1
    )
    await redis.set(webhook_keys.message(twice.id), msgspec.json.encode(twice), ex=60)


async def _lost_message(redis: Redis, ended: Job) -> None:
    async for key in redis.scan_iter(match="tw:webhook:message:*"):
        found = msgspec.json.decode(await redis.get(key), type=WebhookMessage)
        if found.job_id == ended.id and found.sequence == 1:
            await redis.delete(key)


async def _lost_delivery(redis: Redis, ended: Job) -> None:
    row = {"id": "whd_1", "owner": "we_1", "message_id": "evt_1", "type": "x", "created_at": 1, "round_at": 1}
    await redis.set(webhook_keys.delivery("whd_1"), msgspec.json.encode(row), ex=60)
    await redis.zadd(webhook_keys.PENDING, {"whd_1": 1})


@pytest.mark.parametrize(
    ("invariant", "plant"),
    [
        ("I1", lambda redis, ended: redis.zrem(keys.JOBS, ended.id)),
        ("I1", lambda redis, ended: redis.zadd(keys.JOBS, {"ftjob-ghost": 1})),
        ("I1", lambda redis, ended: redis.rpush(keys.job_events(ended.id), b"{}")),
        ("I2", lambda redis, ended: redis.delete(keys.DUE)),
        ("I2", lambda redis, ended: redis.zrem(keys.DUE, "poll:local")),
        ("I2", lambda redis, ended: redis.delete(keys.jobs_at("local"))),
        ("I2", lambda redis, ended: redis.sadd(keys.jobs_at("local"), ended.id)),
        ("I4", _second_message),
        ("I4", _lost_message),
        ("I4", _lost_delivery),
        ("I5", lambda redis, ended: redis.hincrby(keys.JOBS_BY_STATUS, "running", 1)),
        ("I5", lambda redis, ended: redis.delete(keys.COUNTERS)),
        ("I7", lambda redis, ended: redis.set("tw:idem:abc", "x")),
        ("I7", lambda redis, ended: redis.set("tw:somebody:else", "x")),
        ("I7", lambda redis, ended: redis.hset(keys.RINGS, f"job:{ended.id}", 3)),
    ],
)
async def test_a_planted_violation_is_found(bench: Bench, invariant: str, plant: Plant) -> None:
    ended, _ = await sound(bench)
    await plant(bench.runtime.redis, ended)
    assert invariant in {found.invariant for found in await violations(bench.runtime.redis)}
    assert await lasting_violations(bench.runtime.redis, pause_s=0.0)


async def test_an_unchecked_dataset_that_nobody_looks_at(bench: Bench) -> None:
    record: FileRecord = await bench.dataset([chat(1)])
    await bench.runtime.redis.zrem(keys.DUE, f"dataset:{record.id}")
    assert [found.subject for found in await violations(bench.runtime.redis) if found.invariant == "I2"] == [record.id]


async def test_the_providers_side(bench: Bench) -> None:
    _, sent = await sound(bench)
    world = await snapshot(bench.runtime.redis)
    one = RemoteFacts(id="remote-1", mark=sent.id)
    assert invariants.check_remote(world, [one]) == []
    assert invariants.check_remote(world, [one, RemoteFacts(id="remote-2", mark=sent.id, is_cancelled=True)]) == []
    for wrong in (
        [one, RemoteFacts(id="remote-2", mark=sent.id)],
        [RemoteFacts(id="remote-2", mark=sent.id)],
        [one, RemoteFacts(id="remote-3", mark="ftjob-nobodys")],
    ):
        assert [found.invariant for found in invariants.check_remote(world, wrong)] == ["I3"]
    assert [found.subject for found in invariants.check_accepted(world, [sent.id, "ftjob-lost"])] == ["ftjob-lost"]


async def test_a_passing_violation_does_not_last(bench: Bench) -> None:
    _, _ = await sound(bench)
    redis = bench.runtime.redis
    await redis.zadd(keys.JOBS, {"ftjob-ghost": 1})
    assert await lasting_violations(redis, rounds=1)
    found = asyncio.create_task(lasting_violations(redis, rounds=2, pause_s=1.5))
    await asyncio.sleep(0.7)
    await redis.zrem(keys.JOBS, "ftjob-ghost")
    assert await found == []
