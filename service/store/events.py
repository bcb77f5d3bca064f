"""A job's history: the latest events in a Redis list, older ones in blobs that the job's record names."""

from collections.abc import Callable, Sequence
from typing import cast

import msgspec
from redis.asyncio import Redis

from service.core import clock
from service.core.errors import InvalidRequest
from service.core.jobs import Event, EventChunk, Job, NewEvent, event_sequence
from service.store import keys
from service.store.blobs import BlobStore
from service.store.redis import Pipeline

KEPT_IN_REDIS = 1000
_decoder = msgspec.json.Decoder(Event)


class EventStore:
    """Appends events to a job and reads any range of them."""

    def __init__(self, redis: Redis, blobs: BlobStore) -> None:
        self._redis = redis
        self._blobs = blobs

    async def append(self, job: Job, fresh: Sequence[NewEvent]) -> tuple[Job, Callable[[Pipeline], None]]:
        """Return the job with `fresh` counted in, and what is to be queued in the MULTI that writes it.

        When Redis would hold more than 1,000, all but the newest half go to a blob first. A blob whose MULTI fails is
        written over by the next try, or left to the collection of unused blobs.
        """
        events = [_numbered(event, job.event_count + offset) for offset, event in enumerate(fresh)]
        encoded = [msgspec.json.encode(event) for event in events]
        counted = msgspec.structs.replace(job, event_count=job.event_count + len(events))
        list_key = keys.job_events(job.id)
        if counted.event_count - _base(job) <= KEPT_IN_REDIS:

            def push(pipe: Pipeline) -> None:
                if encoded:
                    pipe.rpush(list_key, *encoded)

            return counted, push
        held = cast("list[bytes]", await self._redis.lrange(list_key, 0, -1)) + encoded
        moved, kept = held[: -KEPT_IN_REDIS // 2], held[-KEPT_IN_REDIS // 2 :]
        first = _base(job)
        chunk = EventChunk(first=first, last=first + len(moved) - 1, key=f"events/{job.id}/{first}.jsonl")
        await self._blobs.put(chunk.key, b"\n".join(moved))

        def replace(pipe: Pipeline) -> None:
            pipe.delete(list_key)
            pipe.rpush(list_key, *kept)

        return msgspec.structs.replace(counted, event_chunks=(*job.event_chunks, chunk)), replace

    async def page(self, job: Job, *, after: str | None, limit: int) -> tuple[list[Event], bool]:
        """Return up to `limit` events older than the one with id `after`, newest first, and whether there are more."""
        end = job.event_count
        if after is not None:
            sequence = event_sequence(job.id, after)
            if sequence is None or sequence >= job.event_count:
                raise InvalidRequest(f"{after[:100]!r} is no event of this job.", param="after")
            end = sequence
        start = max(0, end - limit)
        return list(reversed(await self.read(job, start, end))), start > 0

    async def read(self, job: Job, start: int, end: int) -> list[Event]:
        """Return events number `start` to `end` - 1, oldest first."""
        end = min(end, job.event_count)
        found: list[Event] = []
        for chunk in job.event_chunks:
            if chunk.first < end and chunk.last >= start:
                raw = await self._blobs.get(chunk.key) or b""
                found.extend(map(_decoder.decode, raw.splitlines()))
        base = _base(job)
        if end > base:
            low = max(0, start - base)
            raw_list = cast("list[bytes]", await self._redis.lrange(keys.job_events(job.id), low, end - base - 1))
            found.extend(map(_decoder.decode, raw_list))
        return [event for event in found if start <= event.sequence < end]


def _numbered(event: NewEvent, sequence: int) -> Event:
    return Event(
        sequence=sequence,
        created_at=event.created_at if event.created_at is not None else int(clock.now()),
        level=event.level,
        message=event.message,
        type=event.type,
        data=event.data,
    )


def _base(job: Job) -> int:
    """Return the number of the oldest event in Redis."""
    return job.event_chunks[-1].last + 1 if job.event_chunks else 0
