"""Who needs which content: a set of file and job ids per blob, and the deletion of blobs that nobody needs.

An upload holds its blob before the bytes are renamed into place; deletion first marks the blob as doomed, and only
while nobody holds it. Whichever comes second sees the other, so that no record ever points at bytes that are going.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from redis.asyncio import Redis

from service.core.errors import Unavailable
from service.store import keys
from service.store.blobs import CONTENT, BlobStore, BlobWriter, content_key, report_folder, sha256_of
from service.store.redis import Pipeline

WANTED_S = 3_600
"""How long a blob stays after a need for it began (its record is to come) or ended (a reader may be under way)."""

_DOOMED_S = 600
_WAIT_STEP_S = 0.05
_WAIT_STEPS = 100

_DOOM = """
if redis.call('SCARD', KEYS[1]) > 0 or redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
redis.call('SET', KEYS[3], '1', 'EX', ARGV[1])
return 1
"""


def hold(pipe: Pipeline, sha256: str, owner: str) -> None:
    """Queue on `pipe`: `owner` (a file or job id) needs the blob. Without content yet (an empty hash) it needs none."""
    if not sha256:
        return
    pipe.sadd(keys.blob_refs(sha256), owner)


def drop(pipe: Pipeline, sha256: str, owner: str) -> None:
    """Queue on `pipe`: `owner` needs the blob no more."""
    if not sha256:
        return
    pipe.srem(keys.blob_refs(sha256), owner)
    pipe.set(keys.blob_wanted(sha256), "1", ex=WANTED_S)


class BlobRefs:
    """Holds on blobs outside of another change, and the collection of unused ones."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def hold(self, sha256: str, owner: str) -> None:
        """Hold a blob that is about to be committed; waits while an old one of the same content is being deleted."""
        async with self._redis.pipeline(transaction=True) as pipe:
            hold(pipe, sha256, owner)
            pipe.set(keys.blob_wanted(sha256), "1", ex=WANTED_S)
            pipe.exists(keys.blob_doomed(sha256))
            *_, doomed = await pipe.execute()
        for _ in range(_WAIT_STEPS):
            if not doomed:
                return
            await asyncio.sleep(_WAIT_STEP_S)
            doomed = await self._redis.exists(keys.blob_doomed(sha256))
        raise Unavailable("An old copy of this content is being deleted.", retry_after_s=60)

    async def commit(
        self, writer: BlobWriter, sha256: str, owner: str, confirm: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Make the bytes of a sealed `writer` readable, held for `owner`, whose record is to be stored next.

        `confirm` is asked last; where it or the store refuses, the hold is let go.
        """
        await self.hold(sha256, owner)
        try:
            await writer.commit()
            if confirm is not None:
                await confirm()
        except BaseException:
            await self.let_go(sha256, owner)
            raise

    async def let_go(self, sha256: str, owner: str) -> None:
        """Undo `hold`."""
        await self._redis.srem(keys.blob_refs(sha256), owner)

    async def owners(self, sha256: str) -> set[str]:
        """Return the ids that need a blob."""
        found = cast("set[bytes]", await self._redis.smembers(keys.blob_refs(sha256)))
        return {owner.decode() for owner in found}

    async def collect(self, blobs: BlobStore, older_than: float, is_alive: Callable[[str], Awaitable[bool]]) -> int:
        """Delete contents last written before Unix second `older_than` that nobody alive needs; return how many.

        `is_alive` says whether a file or job id still needs its bytes; holds of others are dropped.
        """
        count = 0
        async for blob in blobs.list(CONTENT):
            if blob.modified_at < older_than:
                count += await self._collect_one(blobs, sha256_of(blob.key), is_alive)
        return count

    async def _collect_one(self, blobs: BlobStore, sha256: str, is_alive: Callable[[str], Awaitable[bool]]) -> bool:
        for owner in await self.owners(sha256):
            if await is_alive(owner):
                return False
            await self.let_go(sha256, owner)
        doomed = keys.blob_doomed(sha256)
        ours = await self._redis.eval(
            _DOOM, 3, keys.blob_refs(sha256), keys.blob_wanted(sha256), doomed, str(_DOOMED_S)
        )
        if not ours:
            return False
        await blobs.delete(content_key(sha256))
        reports = [blob.key async for blob in blobs.list(report_folder(sha256))]
        for key in reports:
            await blobs.delete(key)
        await self._redis.delete(doomed)
        return True
