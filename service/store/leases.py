"""The right to do something alone for a while, renewed as long as its holder lives."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.core.background import end
from service.core.errors import Conflict
from service.store.redis import Pipeline

LEASE_S = 10.0

_RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1"


class Lease:
    """A key that holds `row` until it runs out; `lost` is what a Conflict says when somebody else took it over.

    It runs out after `seconds` (None: `LEASE_S`) without a renewal.
    """

    def __init__(self, redis: Redis, key: str, row: bytes, *, lost: str, seconds: float | None = None) -> None:
        self._redis = redis
        self._key = key
        self._row = row
        self._lost = lost
        self._seconds = LEASE_S if seconds is None else seconds

    async def take(self) -> bool:
        """Take the key if nobody holds it; also true where it is ours already (the reply to the first try was lost)."""
        if await self._redis.set(self._key, self._row, nx=True, px=int(self._seconds * 1000)):
            return True
        return cast("bytes | None", await self._redis.get(self._key)) == self._row

    async def confirm(self) -> None:
        """Renew it just before the effect. Raises Conflict if it was lost, so that nothing is done twice."""
        if not await self._redis.eval(_RENEW, 1, self._key, cast("str", self._row), str(int(self._seconds * 1000))):
            raise Conflict(self._lost)

    async def guard(self, pipe: Pipeline) -> None:
        """Have the MULTI of `pipe` run only while the key is ours. Raises Conflict if it was lost."""
        await pipe.watch(self._key)
        if cast("bytes | None", await pipe.get(self._key)) != self._row:
            raise Conflict(self._lost)

    async def release(self) -> None:
        """Give the key free, unless it holds something else by now."""
        await self._redis.eval(_RELEASE, 1, self._key, cast("str", self._row))

    @asynccontextmanager
    async def renewed(self) -> AsyncGenerator[None]:
        """Keep it alive while the context lasts."""
        task = asyncio.create_task(self._renew_for_ever())
        try:
            yield
        finally:
            await end(task)

    async def _renew_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._seconds / 3)
            with contextlib.suppress(RedisError, Conflict):  # the last `confirm` or `guard` decides
                await self.confirm()
