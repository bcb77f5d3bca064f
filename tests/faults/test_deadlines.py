"""Item 5 of issue 3, beside P3 and P4: deadlines, jobs that stand still, states that nobody knows.

Mutations that these tests catch: `is_overdue` always false (all `deadline_` tests fail); `cancelled` without its look
at `expired` (`at_the_provider`); `stages.place` doing nothing (`stuck_`); the alarm's key not set (`stuck_`).
"""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from service.core import deadlines, moves
from service.core.deadlines import STUCK_AFTER_S
from service.core.jobs import Job
from service.runtime import open_runtime
from service.settings import load
from service.store import counters, keys, webhook_keys
from service.store.invariants import violations
from tests.workers.conftest import Bench, chat
from tests.workers.fakes import FakeProvider
from workers.providers.protocol import ProviderError

LINES = [chat(number) for number in range(12)]
DEADLINE_S = 1000.0


@pytest.fixture
async def bench(redis_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    local = {"type": "local", "job_deadline_s": DEADLINE_S}
    settings = load(environ={}, redis_url=redis_url, data_dir=tmp_path, providers={"local": local})
    async with open_runtime(settings) as runtime:
        yield Bench(runtime, FakeProvider())


async def aged(bench: Bench, seconds: float) -> Job:
    """Submit a job that many seconds ago."""
    now = await bench.runtime.due.now()
    return await bench.job(await bench.dataset(LINES), created_at=int(now - seconds))


async def grow_old(bench: Bench, job: Job) -> Job:
    def older(old: Job) -> moves.Change:
        return moves.Change(job=msgspec.structs.replace(old, created_at=1))

    return await bench.runtime.jobs.modify(job.id, older)


async def let_pass(bench: Bench, seconds: float) -> None:
    """Advance the clock of standing still."""
    redis = bench.runtime.redis
    async for key in redis.scan_iter(match=keys.jobs_in("*")):
        for job_id, at in await redis.zrange(key, 0, -1, withscores=True):
            await redis.zadd(key, {job_id: at - seconds})


async def told(bench: Bench, kind: str) -> int:
    redis = bench.runtime.redis
    names = [key async for key in redis.scan_iter(match=webhook_keys.message("evt_") + "*")]
    messages = [msgspec.json.decode(await redis.get(name)) for name in names]
    return sum(message["type"] == kind for message in messages)


async def test_deadline_of_a_job_that_was_not_sent(bench: Bench) -> None:
    job = await bench.drive(await aged(bench, DEADLINE_S + 5))
    assert job.error is not None
    assert (job.status, job.error.code, bench.provider.calls) == ("failed", "deadline_exceeded", [])
    assert await violations(bench.runtime.redis) == []


async def test_deadline_of_a_job_at_the_provider_cancels_it_there(bench: Bench) -> None:
    job = await bench.drive(await aged(bench, 0))
    bench.provider.move("running")
    await bench.poll(job)
    await grow_old(bench, job)
    job = await bench.poll(job)
    assert job.error is not None
    assert (job.status, job.error.code) == ("failed", "deadline_exceeded")
    assert bench.provider.calls.count("cancel") == 1
    assert {remote.status for remote in bench.provider.jobs.values()} == {"cancelled"}
    assert await violations(bench.runtime.redis) == []


async def test_deadline_that_a_success_was_before(bench: Bench) -> None:
    job = await bench.drive(await aged(bench, 0))
    await grow_old(bench, job)
    bench.provider.move("succeeded", fine_tuned_model="ft:tuned")
    bench.provider.fail_next["cancel"] = ProviderError("refused", "it has ended", retryable=False)
    job = await bench.poll(job)
    assert (job.status, job.fine_tuned_model, job.error) == ("succeeded", "ft:tuned", None)


async def test_deadline_while_a_create_is_unclear_waits_for_what_became_of_it(bench: Bench) -> None:
    bench.provider.capabilities = msgspec.structs.replace(bench.provider.capabilities, settle_s=120.0)
    unclear = ProviderError("unclear", "timed out", retryable=True, executed=True)
    bench.provider.fail_next["create"] = unclear
    job = await grow_old(bench, await bench.drive(await aged(bench, 0)))
    job = await bench.drive(job)
    assert (job.status, job.stage) == ("queued", "cancelling")
    settled = msgspec.structs.replace(bench.provider.capabilities, settle_s=0.0)
    bench.provider.capabilities = settled
    job = await bench.drive(job)
    assert job.error is not None
    assert (job.status, job.error.code) == ("failed", "deadline_exceeded")


async def test_deadline_leaves_paused_jobs_to_their_clients(bench: Bench) -> None:
    job = await aged(bench, DEADLINE_S + 5)
    await bench.runtime.jobs.modify(job.id, moves.pause)
    assert (await bench.drive(job)).status == "paused"


def test_deadline_rule() -> None:
    assert not deadlines.is_overdue(_job(created_at=0), 100.0, 100.0)
    assert deadlines.is_overdue(_job(created_at=0), 100.1, 100.0)
    assert not deadlines.is_overdue(_job(created_at=0, status="succeeded"), 1e9, 100.0)
    assert not deadlines.is_overdue(_job(created_at=0, wish="cancel"), 1e9, 100.0)
    assert not deadlines.is_overdue(_job(created_at=0, expired=True), 1e9, 100.0)


def _job(**changes: object) -> Job:
    part = {"file_id": "file-1", "sha256": "0", "bytes": 1, "filename": "t"}
    raw = {"id": "ftjob-1", "model": "m", "requested_model": "m", "provider": "p", "method": {}, "training": part}
    return msgspec.convert({**raw, "seed": 1, "hyperparameters": {}, **changes}, Job)


async def test_stuck_jobs_are_told_of_once_a_day_and_shown(bench: Bench) -> None:
    job = await bench.drive(await aged(bench, 0))
    moving = await bench.drive(await aged(bench, 0))
    await let_pass(bench, STUCK_AFTER_S + 1)

    def moved(old: Job) -> moves.Change:
        return moves.Change(job=msgspec.structs.replace(old, status="running", step="training"))

    await bench.runtime.jobs.modify(moving.id, moved)
    for _ in range(3):
        await bench.runtime.due.ring("alarms:all")
        await bench.look("alarms:all")
    assert await told(bench, "fine_tuning.job.stuck") == 1
    (sample,) = [s for s in await counters.read(bench.runtime.redis) if s.name == "stuck_alarms_total"]
    assert (sample.labels, sample.value) == ((("stage", "waiting"),), 1)
    loads = {load.stage: load for load in await bench.runtime.stages.loads(STUCK_AFTER_S)}
    assert (loads["waiting"].depth, loads["waiting"].stuck, loads["training"].stuck) == (1, 1, 0)
    assert loads["waiting"].oldest_s > STUCK_AFTER_S
    await bench.runtime.redis.delete(keys.alarm(job.id))
    await bench.runtime.due.ring("alarms:all")
    await bench.look("alarms:all")
    assert await told(bench, "fine_tuning.job.stuck") == 2


async def test_stuck_counts_neither_paused_nor_ended_jobs(bench: Bench) -> None:
    ended, paused = await aged(bench, 0), await aged(bench, 0)
    await bench.runtime.jobs.modify(ended.id, lambda old: moves.cancel(old, 2.0))
    await bench.runtime.jobs.modify(paused.id, moves.pause)
    assert await bench.runtime.stages.loads(STUCK_AFTER_S) == []
    assert await violations(bench.runtime.redis) == []


async def test_p3_a_state_that_nobody_knows_is_counted_and_said_once(bench: Bench) -> None:
    job = await bench.drive(await aged(bench, 0))
    bench.provider.move("running")
    await bench.poll(job)
    (remote_id,) = bench.provider.jobs
    weird = msgspec.structs.replace(bench.provider.jobs[remote_id], status="unknown", raw_status="half_done")
    bench.provider.jobs[remote_id] = weird
    for _ in range(3):
        job = await bench.poll(job)
    assert job.status == "running"
    counted = [s.value for s in await counters.read(bench.runtime.redis) if s.name == "upstream_unknown_states_total"]
    assert counted == [1]
    events = await bench.runtime.jobs.events_from(job.id, 0)
    assert sum("half_done" in event.message for event in events) == 1
