"""Which processes live: a sorted set of `role:name` by the time of their last beat, on Redis's clock."""

from collections import defaultdict
from typing import cast

from redis.asyncio import Redis

from service.store import keys

ALIVE_S = 20.0
"""A process that has not beaten for so long is not counted: four beats are missing."""

_FORGOTTEN_S = 120

_BEAT = f"""
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - {_FORGOTTEN_S})
redis.call('EXPIRE', KEYS[1], {_FORGOTTEN_S})
return 1
"""


class HeartbeatStore:
    """Notes and reads beats."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def beat(self, role: str, name: str) -> None:
        """Say that the process `name` of `role` lives."""
        await self._redis.eval(_BEAT, 1, keys.ALIVE, f"{role}:{name}")

    async def leave(self, role: str, name: str) -> None:
        """Say that it ends in order."""
        await self._redis.zrem(keys.ALIVE, f"{role}:{name}")

    async def ages(self, now: float) -> dict[str, list[float]]:
        """Return, by role, the seconds since each process beat; of the last two minutes. `now` is Redis's."""
        raw = cast("list[tuple[bytes, float]]", await self._redis.zrange(keys.ALIVE, 0, -1, withscores=True))
        found: dict[str, list[float]] = defaultdict(list)
        for member, at in raw:
            found[member.decode().partition(":")[0]].append(max(0.0, now - at))
        return dict(found)
