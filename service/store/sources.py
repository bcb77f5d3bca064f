"""Wishes to fetch datasets from elsewhere, and the slots of those that fetch."""

import secrets
from typing import cast

import msgspec
from redis.asyncio import Redis

from service.core.files import FileRecord
from service.core.sources import LONGEST_S, SourceWish
from service.store import keys
from service.store.files import FileStore
from service.store.leases import Lease
from service.store.redis import Pipeline

_KEPT_S = 7 * LONGEST_S
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(SourceWish)


def queue_wish(pipe: Pipeline, file_id: str, wish: SourceWish) -> None:
    """Queue on `pipe`: fetch the dataset; its due member is rung by whoever creates the file."""
    pipe.set(keys.source(file_id), _encoder.encode(wish), ex=_KEPT_S)


class SourceStore:
    """Reads and ends wishes."""

    def __init__(self, redis: Redis, files: FileStore) -> None:
        self._redis = redis
        self._files = files

    async def wish(self, file_id: str) -> SourceWish | None:
        """Return what is to be fetched, None if there is nothing."""
        raw = cast("bytes | None", await self._redis.get(keys.source(file_id)))
        return None if raw is None else _decoder.decode(raw)

    async def note(self, file_id: str, wish: SourceWish) -> None:
        """Keep a wish with its tries, unless it has ended meanwhile."""
        await self._redis.set(keys.source(file_id), _encoder.encode(wish), xx=True, ex=_KEPT_S)

    async def arrived(self, file_id: str, sha256: str, size: int) -> FileRecord | None:
        """Give the file its content, which is committed and held; None if the file is gone."""

        def content(old: FileRecord) -> FileRecord | None:
            return None if old.has_content else msgspec.structs.replace(old, sha256=sha256, bytes=size)

        def ended(pipe: Pipeline) -> None:
            pipe.delete(keys.source(file_id))

        return await self._files.finish_check(file_id, content, ended)

    async def slot(self, slots: int) -> Lease | None:
        """Return a free one of `slots`, None if others have them all."""
        for number in range(slots):
            row = secrets.token_hex(8).encode()
            lease = Lease(self._redis, keys.source_slot(number), row, lost="Another worker fetches in this slot.")
            if await lease.take():
                return lease
        return None
