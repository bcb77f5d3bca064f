"""File records in Redis: one JSON value each, sorted sets for the lists, a hold on the blob."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import WatchError

from service.core.errors import InvalidRequest, Unavailable
from service.core.files import TRAINING, FileRecord, Purpose
from service.store import blob_refs, due, keys
from service.store.blob_refs import BlobRefs
from service.store.blobs import Blob
from service.store.changes import announce
from service.store.redis import Pipeline

Order = Literal["asc", "desc"]
Also = Callable[[Pipeline], None]
Guard = Callable[[Pipeline], Awaitable[None]]

_GONE_S = 3_600
_ATTEMPTS = 10
_FETCH_AT_ONCE = 500

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(FileRecord)


def queue_create(pipe: Pipeline, record: FileRecord, created_micros: int | None = None) -> None:
    """Queue on `pipe`: a new file; a dataset is rung for its check. Safe to repeat.

    `created_micros` orders files of the same second; default is the second's start.
    """
    score = created_micros if created_micros is not None else record.created_at * 1_000_000
    pipe.set(keys.file(record.id), _encoder.encode(record))
    pipe.zadd(keys.FILES, {record.id: score})
    pipe.zadd(keys.files_for(record.purpose), {record.id: score})
    if record.has_content:
        blob_refs.hold(pipe, record.sha256, record.id)
    if record.expires_at is not None:
        pipe.zadd(keys.FILES_EXPIRING, {record.id: record.expires_at})
    if record.purpose == TRAINING:
        due.ring(pipe, f"dataset:{record.id}")


def queue_fill(pipe: Pipeline, record: FileRecord, blob: Blob) -> None:
    """Queue on `pipe`: the content of a file that was made after its record, which is rung for its check."""
    new = msgspec.structs.replace(record, sha256=blob.sha256, bytes=blob.bytes)
    pipe.set(keys.file(record.id), _encoder.encode(new))
    blob_refs.hold(pipe, blob.sha256, record.id)
    due.ring(pipe, f"dataset:{record.id}")


class FileStore:
    """Reads and changes file records. The bytes are the BlobStore's; `refs` says who needs them."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.refs = BlobRefs(redis)

    async def create(
        self,
        record: FileRecord,
        also: Also | None = None,
        guard: Guard | None = None,
        *,
        created_micros: int | None = None,
    ) -> FileRecord:
        """Store a new file and, in the same MULTI, what `also` queues.

        `guard` watches and checks what the MULTI stands on, and raises if it is not so. A write whose reply was lost
        is not written twice. Raises Unavailable after ten tries.
        """
        async with self._redis.pipeline(transaction=True) as pipe:
            for _ in range(_ATTEMPTS):
                try:
                    await pipe.watch(keys.file(record.id))
                    if await pipe.exists(keys.file(record.id)):
                        return record
                    if guard is not None:
                        await guard(pipe)
                    pipe.multi()
                    queue_create(pipe, record, created_micros)
                    if also is not None:
                        also(pipe)
                    await pipe.execute()
                except WatchError:  # the guarded key was renewed, or the connection broke: look
                    continue
                return record
        raise Unavailable("The store does not take the file now; try again.")  # as while Redis loads its file

    async def get(self, file_id: str) -> FileRecord | None:
        """Return a file's record."""
        raw = await self._redis.get(keys.file(file_id))
        return None if raw is None else _decoder.decode(raw)

    async def get_many(self, file_ids: list[str]) -> list[FileRecord]:
        """Return those records that exist, in order."""
        found: list[FileRecord] = []
        for start in range(0, len(file_ids), _FETCH_AT_ONCE):
            part = file_ids[start : start + _FETCH_AT_ONCE]
            raws = cast("list[bytes | None]", await self._redis.mget([keys.file(file_id) for file_id in part]))
            found.extend(_decoder.decode(raw) for raw in raws if raw is not None)
        return found

    async def list(
        self, *, after: str | None = None, limit: int, order: Order = "desc", purpose: str | None = None
    ) -> tuple[list[FileRecord], bool]:
        """Return a page of files and whether more follow; `after` may name a file deleted within the last hour.

        Raises InvalidRequest for an unknown `after`.
        """
        index = keys.FILES if purpose is None else keys.files_for(purpose)
        start = 0 if after is None else await self._place_behind(index, after, order)
        ids = cast("list[bytes]", await self._redis.zrange(index, start, start + limit, desc=order == "desc"))
        page = [raw.decode() for raw in ids[:limit]]
        return await self.get_many(page), len(ids) > limit

    async def delete(self, file_id: str, also: Also | None = None) -> bool:
        """Remove the record and its hold on the bytes; False if there is none."""
        record = await self.get(file_id)
        if record is None:
            return False
        score = await self._redis.zscore(keys.FILES, file_id)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(keys.file(file_id), keys.source(file_id))
            for index in (keys.FILES, keys.files_for(record.purpose), keys.FILES_EXPIRING):
                pipe.zrem(index, file_id)
            if record.has_content:
                blob_refs.drop(pipe, record.sha256, file_id)
            if score is not None:
                pipe.set(keys.file_gone(file_id), int(score), ex=_GONE_S)
            if also is not None:
                also(pipe)
            announce(pipe, file_id)
            await pipe.execute()
        return True

    async def finish_check(
        self, file_id: str, fn: Callable[[FileRecord], FileRecord | None], also: Also | None = None
    ) -> FileRecord | None:
        """Replace a record by `fn` of it, guarded against changes between, and tell waiters.

        `fn` returns None to leave it; it and `also` may be called again. Returns what is stored in the end, None if the
        file is gone.
        """
        key = keys.file(file_id)
        async with self._redis.pipeline(transaction=True) as pipe:
            while True:
                try:
                    await pipe.watch(key)
                    raw = cast("bytes | None", await pipe.get(key))
                    if raw is None:
                        return None
                    old = _decoder.decode(raw)
                    new = fn(old)
                    if new is None:
                        return old
                    pipe.multi()
                    pipe.set(key, _encoder.encode(new))
                    announce(pipe, file_id)
                    if also is not None:
                        also(pipe)
                    await pipe.execute()
                except WatchError:  # also when the connection breaks while the key is watched
                    continue
                return new

    async def expired(self, now: float, limit: int = 100) -> Sequence[str]:
        """Return the ids of files whose `expires_at` is over, oldest first; `delete` takes them off this list."""
        found = cast(
            "list[bytes]", await self._redis.zrangebyscore(keys.FILES_EXPIRING, "-inf", now, start=0, num=limit)
        )
        return [raw.decode() for raw in found]

    async def count(self, purpose: Purpose) -> int:
        """Return how many files of one purpose there are."""
        return await self._redis.zcard(keys.files_for(purpose))

    async def _place_behind(self, index: str, after: str, order: Order) -> int:
        rank = await (self._redis.zrevrank(index, after) if order == "desc" else self._redis.zrank(index, after))
        if rank is not None:
            return cast("int", rank) + 1
        gone = await self._redis.get(keys.file_gone(after))
        if gone is None:
            raise InvalidRequest(f"No file {after!r} to list after.", param="after")
        score = int(gone)
        bounds = (f"({score}", "+inf") if order == "desc" else ("-inf", f"({score}")
        return await self._redis.zcount(index, *bounds)
