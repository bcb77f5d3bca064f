"""Queues of held jobs in Redis: a sorted set a provider and model, and a key that is there while one stands still."""

import hashlib
from typing import cast

import msgspec
from redis.asyncio import Redis

from service.core import holds
from service.core.jobs import HoldReason, Job
from service.store import keys
from service.store.redis import Pipeline

_RING_FIRST = """
local first = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
if not first or redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local time = redis.call('TIME')
local at = time[1] + time[2] / 1e6
local member = 'job:' .. first
local old = redis.call('ZSCORE', KEYS[3], member)
if not old or tonumber(old) > at then redis.call('ZADD', KEYS[3], at, member) end
redis.call('HINCRBY', KEYS[4], member, 1)
if redis.call('LLEN', KEYS[5]) == 0 then redis.call('RPUSH', KEYS[5], '1') end
return 1
"""

_FREED = "if redis.call('GET', KEYS[2]) == 'concurrent_limit' then redis.call('DEL', KEYS[2]) end\n" + _RING_FIRST

_TURN = """
local ahead = redis.call('ZCOUNT', KEYS[1], '-inf', '(' .. ARGV[2])
local same = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[2], ARGV[2])
for _, other in ipairs(same) do if other < ARGV[1] then ahead = ahead + 1 end end
return {ahead, redis.call('GET', KEYS[2]) or '', redis.call('PTTL', KEYS[2])}
"""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """Where a job stands: how many are before it, and why and for how long its queue stands still, if it does."""

    ahead: int
    closed_for: HoldReason | None
    closed_s: float

    @property
    def is_on(self) -> bool:
        """Tell whether the job may be created now."""
        return self.ahead == 0 and self.closed_for is None


def place(pipe: Pipeline, old: Job, job: Job) -> None:
    """Queue on `pipe`: take the job into its queue or out of it, and ring whose turn it is then.

    A job that leaves to be created rings nobody: how its call ends decides whether the next one goes.
    """
    queue, closed = _keys(job)
    has_left = old.is_held and not job.is_held
    if job.is_held and not old.is_held:
        pipe.zadd(queue, {job.id: holds.order(job)})
    if has_left:
        pipe.zrem(queue, job.id)
    is_tried = job.remote.tries > old.remote.tries
    is_adopted = job.remote.job_id != old.remote.job_id
    if is_adopted or (has_left and not is_tried):
        pipe.eval(_RING_FIRST, 5, queue, closed, keys.DUE, keys.RINGS, keys.BELL)
    elif job.is_terminal and job.remote.job_id is not None:
        pipe.eval(_FREED, 5, queue, closed, keys.DUE, keys.RINGS, keys.BELL)


class HoldStore:
    """Reads and closes queues."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def turn(self, job: Job) -> Turn:
        """Return where the job stands, in its queue or as if it were there."""
        answer = await self._redis.eval(_TURN, 2, *_keys(job), job.id, repr(holds.order(job)))
        ahead, reason, left_ms = cast("tuple[int, bytes, int]", answer)
        limit = holds.LIMITS.get(reason.decode())
        return Turn(ahead=ahead, closed_for=limit, closed_s=max(0, left_ms) / 1000 if limit else 0.0)

    async def close(self, job: Job, reason: holds.Limit, pause_s: float) -> None:
        """Have the job's queue stand still."""
        await self._redis.set(_keys(job)[1], reason, px=max(1, int(pause_s * 1000)))

    async def depth(self, job: Job) -> int:
        """Return how many jobs are held in the job's queue."""
        return await self._redis.zcard(_keys(job)[0])


def _keys(job: Job) -> tuple[str, str]:
    model = hashlib.sha256(job.model.encode()).hexdigest()[:16]
    return keys.held(job.provider, model), keys.held_closed(job.provider, model)
