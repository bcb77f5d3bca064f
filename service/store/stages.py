"""Which open jobs are in which stage, by the second at which each last moved; paused ones wait for their clients."""

from typing import cast, get_args

import msgspec
from redis.asyncio import Redis

from service.core.jobs import Job, Stage
from service.store import keys
from service.store.redis import Pipeline

_MOVED = """
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], time[1] + time[2] / 1e6, ARGV[1])
return 1
"""
_MOST = 100


class StageLoad(msgspec.Struct, frozen=True, kw_only=True):
    """How many jobs are in a stage, how long the one that moved longest ago stands still, and how many are stuck."""

    stage: Stage
    depth: int
    oldest_s: float
    stuck: int


def place(pipe: Pipeline, old: Job | None, job: Job) -> None:
    """Queue on `pipe`: put the job into its stage's set if it moved."""
    before, after = _stage(old), _stage(job)
    if before is not None and before != after:
        pipe.zrem(keys.jobs_in(before), job.id)
    if after is not None and (old is None or before != after or _moves(old) != _moves(job)):
        pipe.eval(_MOVED, 1, keys.jobs_in(after), job.id)


def _stage(job: Job | None) -> Stage | None:
    return None if job is None or job.is_terminal or job.status == "paused" else job.stage


def _moves(job: Job) -> tuple[object, ...]:
    return (job.status, job.progress, job.remote.event_cursor, len(job.checkpoints))


class StageStore:
    """Reads the sets."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def still(self, stage: Stage, after_s: float) -> list[str]:
        """Return up to 100 jobs of a stage that have not moved for `after_s`, longest first."""
        seconds, _ = await self._redis.time()
        found = await self._redis.zrangebyscore(keys.jobs_in(stage), "-inf", seconds - after_s, start=0, num=_MOST)
        return [job_id.decode() for job_id in cast("list[bytes]", found)]

    async def loads(self, stuck_after_s: float) -> list[StageLoad]:
        """Return the load of each stage in which there are jobs."""
        seconds, microseconds = await self._redis.time()
        now = seconds + microseconds / 1e6
        found: list[StageLoad] = []
        for stage in get_args(Stage):
            key = keys.jobs_in(stage)
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.zcard(key)
                pipe.zrange(key, 0, 0, withscores=True)
                pipe.zcount(key, "-inf", now - stuck_after_s)
                answer = tuple(await pipe.execute())
            depth, first, stuck = cast("tuple[int, list[tuple[bytes, float]], int]", answer)
            if first:
                found.append(StageLoad(stage=stage, depth=depth, oldest_s=max(0.0, now - first[0][1]), stuck=stuck))
        return found
