"""How old our knowledge of open provider jobs is: one time per job, by Redis's clock."""

from collections.abc import Sequence
from typing import cast

import msgspec
from redis.asyncio import Redis

from service.store import keys
from service.store.redis import Pipeline

_SEEN = """
local time = redis.call('TIME')
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], ARGV[1], time[1] + time[2] / 1e6, ARGV[i]) end
return 1
"""
_BATCH = 5_000


class Staleness(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds since the open jobs of a provider were read: the longest, the median, and what 99 in 100 stay below."""

    oldest_s: float
    median_s: float
    p99_s: float


def opened(pipe: Pipeline, provider: str, job_id: str) -> None:
    """Queue on `pipe`: from now on the job's staleness is known."""
    pipe.eval(_SEEN, 1, keys.jobs_seen(provider), "NX", job_id)


def ended(pipe: Pipeline, provider: str, job_id: str) -> None:
    """Queue on `pipe`: nobody needs to read the job any more."""
    pipe.zrem(keys.jobs_seen(provider), job_id)


class Freshness:
    """Writes down who was read, and tells how long ago the others were."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def seen(self, provider: str, job_ids: Sequence[str]) -> None:
        """Note that the jobs were read just now; those that have ended meanwhile are left out."""
        for start in range(0, len(job_ids), _BATCH):
            part = job_ids[start : start + _BATCH]
            await self._redis.eval(_SEEN, 1, keys.jobs_seen(provider), "XX", *part)

    async def staleness(self, provider: str) -> Staleness | None:
        """Return how old our knowledge is; None while nothing is open."""
        key = keys.jobs_seen(provider)
        number = await self._redis.zcard(key)
        if not number:
            return None
        seconds, microseconds = await self._redis.time()
        now = seconds + microseconds / 1e6

        async def age_s(rank: int) -> float:
            found = cast("list[tuple[bytes, float]]", await self._redis.zrange(key, rank, rank, withscores=True))
            return max(0.0, now - found[0][1]) if found else 0.0

        return Staleness(
            oldest_s=await age_s(0), median_s=await age_s(number // 2), p99_s=await age_s(max(0, number // 100))
        )
