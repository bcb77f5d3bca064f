"""Many jobs open at a provider at once, written as their records stand and without the way there."""

from collections.abc import Sequence

import msgspec

from service.core import clock
from service.core.ids import JOB, make
from service.core.jobs import Hyperparameters, Input, Job, Method, Remote
from service.runtime import Runtime
from service.store import freshness, keys
from tests.faults.ledger import MARK
from tests.providers.upstream import Upstream

_BATCH = 1_000


async def open_jobs(runtime: Runtime, upstream: Upstream, count: int, provider: str = "remote") -> list[Job]:
    """Have `count` jobs run at `upstream`, and records that know of them; the poll is due."""
    part = Input(file_id="file-1", sha256="0" * 64, bytes=1, filename="t.jsonl")
    made: list[Job] = []
    for number in range(count):
        job_id = make(JOB)
        remote = upstream.add_job(status="running", model="base-1", metadata={MARK: job_id})
        made.append(
            Job(
                id=job_id,
                created_at=int(clock.now()) + number,
                status="running",
                step="training",
                model="base-1",
                requested_model="base-1",
                provider=provider,
                method=Method(),
                training=part,
                seed=1,
                hyperparameters=Hyperparameters(n_epochs=1),
                remote=Remote(job_id=remote["id"], status="running", created_at=1.0, tries=1),
            )
        )
    for start in range(0, count, _BATCH):
        await _write(runtime, made[start : start + _BATCH], provider)
    await runtime.due.ring(f"poll:{provider}")
    return made


async def _write(runtime: Runtime, jobs: Sequence[Job], provider: str) -> None:
    async with runtime.redis.pipeline(transaction=True) as pipe:
        for job in jobs:
            pipe.set(keys.job(job.id), msgspec.json.encode(job))
            pipe.sadd(keys.jobs_at(provider), job.id)
            freshness.opened(pipe, provider, job.id)
        pipe.hincrby(keys.JOBS_BY_STATUS, "running", len(jobs))
        await pipe.execute()


async def let_pass(runtime: Runtime, seconds: float, provider: str = "remote") -> None:
    """Advance the clock of staleness: all that was read was read so much earlier."""
    key = keys.jobs_seen(provider)
    async with runtime.redis.pipeline(transaction=True) as pipe:
        for job_id, at in await runtime.redis.zrange(key, 0, -1, withscores=True):
            pipe.zadd(key, {job_id: at - seconds})
        await pipe.execute()
