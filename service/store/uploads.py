"""Uploads in parts: a record and a hash of its parts in Redis, the bytes as staged blobs until the upload ends.

The records end by themselves; `upload:ID` is rung for the end of an upload's life, and at once when it ends early.
"""

import secrets
from collections.abc import Awaitable, Callable
from typing import cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import WatchError

from service.core import clock
from service.core.errors import NotFound
from service.core.files import FileRecord
from service.core.uploads import LIFE_S, Part, UploadRecord, check_open, with_part
from service.store import due, keys
from service.store.changes import announce
from service.store.files import Also, queue_create
from service.store.idempotency import KEPT_S
from service.store.jobs import Guard
from service.store.leases import Lease
from service.store.redis import Pipeline

_KEPT_S = KEPT_S + LIFE_S
"""How long a record outlives its upload, so that late calls are told what became of it."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(UploadRecord)
_part_decoder = msgspec.json.Decoder(Part)


def member(upload_id: str) -> str:
    """Return the upload's name in the due set."""
    return f"upload:{upload_id}"


class UploadStore:
    """Reads and changes uploads; `guard` and `also` of a method join its MULTI."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def create(self, upload: UploadRecord, guard: Guard, also: Also) -> None:
        """Store a new upload; it is looked at again at the end of its life. Its id is new: one that is there is it."""
        key = keys.upload(upload.id)
        async with self._redis.pipeline(transaction=True) as pipe:
            while True:
                try:
                    await pipe.watch(key)
                    if await pipe.exists(key):
                        return
                    await guard(pipe)
                    pipe.multi()
                    pipe.set(key, _encoder.encode(upload), ex=_KEPT_S)
                    due.ring(pipe, member(upload.id), LIFE_S)
                    also(pipe)
                    await pipe.execute()
                except WatchError:  # the guarded key was renewed, or the connection broke: look
                    continue
                return

    async def get(self, upload_id: str) -> UploadRecord:
        """Return the upload as it is now. Raises NotFound."""
        return _upload(cast("bytes | None", await self._redis.get(keys.upload(upload_id))), upload_id)

    async def parts(self, upload_id: str) -> dict[str, Part]:
        """Return the upload's parts by id."""
        found = cast("dict[bytes, bytes]", await self._redis.hgetall(keys.upload_parts(upload_id)))
        return {part_id.decode(): _part_decoder.decode(raw) for part_id, raw in found.items()}

    async def add_part(self, upload_id: str, part: Part, guard: Guard, also: Also) -> UploadRecord:
        """Add a part whose bytes are stored. Raises InvalidRequest unless the upload takes it."""
        key = keys.upload_parts(upload_id)

        async def change(pipe: Pipeline, upload: UploadRecord) -> UploadRecord | None:
            return None if await pipe.hexists(key, part.id) else with_part(upload, part)

        def queued(pipe: Pipeline) -> None:
            pipe.hset(key, part.id, _encoder.encode(part))
            pipe.expire(key, _KEPT_S)
            also(pipe)

        return await self._change(upload_id, change, guard, queued)

    async def complete(self, upload_id: str, file: FileRecord, request: str, guard: Guard, also: Also) -> UploadRecord:
        """Make `file` of the upload, whose content is committed and held. Raises InvalidRequest unless it is open.

        One that expired while its parts were put together was open when that began.
        """

        async def change(pipe: Pipeline, upload: UploadRecord) -> UploadRecord | None:
            del pipe
            if upload.file is not None and upload.file.id == file.id:
                return None
            if upload.status != "expired":
                check_open(upload)
            return upload.with_file(file, request)

        def queued(pipe: Pipeline) -> None:
            queue_create(pipe, file, int(clock.now() * 1_000_000))
            due.ring(pipe, member(upload_id))
            also(pipe)

        return await self._change(upload_id, change, guard, queued)

    async def cancel(self, upload_id: str) -> UploadRecord:
        """Cancel the upload; one that is cancelled stays it. Raises InvalidRequest for other ends."""

        async def change(pipe: Pipeline, upload: UploadRecord) -> UploadRecord | None:
            del pipe
            if upload.status == "cancelled":
                return None
            check_open(upload)
            return msgspec.structs.replace(upload, status="cancelled")

        async def guard(pipe: Pipeline) -> None:
            del pipe

        def queued(pipe: Pipeline) -> None:
            due.ring(pipe, member(upload_id))

        return await self._change(upload_id, change, guard, queued)

    def lease(self, upload_id: str) -> Lease:
        """Return the right to put the parts together, not taken yet."""
        row = secrets.token_hex(8).encode()
        lost = "Another request completes this upload; ask again for its answer."
        return Lease(self._redis, keys.upload_lease(upload_id), row, lost=lost)

    async def is_completing(self, upload_id: str) -> bool:
        """Tell whether somebody puts the parts together."""
        return bool(await self._redis.exists(keys.upload_lease(upload_id)))

    async def forget_parts(self, upload_id: str) -> None:
        """Drop the list of parts, once their bytes are deleted."""
        await self._redis.delete(keys.upload_parts(upload_id))

    async def _change(self, upload_id: str, change: "_Change", guard: Guard, queued: Also) -> UploadRecord:
        """Replace the record by `change` of it and do what is `queued`, guarded against changes between.

        `change` returns None for what was done before: by this very call, whose reply was lost, or by an equal one.
        """
        key = keys.upload(upload_id)
        async with self._redis.pipeline(transaction=True) as pipe:
            while True:
                try:
                    await pipe.watch(key)
                    old = _upload(cast("bytes | None", await pipe.get(key)), upload_id)
                    new = await change(pipe, old)
                    if new is None:
                        return old
                    await guard(pipe)
                    pipe.multi()
                    pipe.set(key, _encoder.encode(new), ex=_KEPT_S)
                    queued(pipe)
                    announce(pipe, upload_id)
                    await pipe.execute()
                except WatchError:  # also when the connection breaks while the key is watched
                    continue
                return new


_Change = Callable[[Pipeline, UploadRecord], Awaitable[UploadRecord | None]]


def _upload(raw: bytes | None, upload_id: str) -> UploadRecord:
    if raw is None:
        raise NotFound(f"No such Upload object: {upload_id}", param="upload_id", code="upload_not_found")
    return _decoder.decode(raw).seen_at(clock.now())
