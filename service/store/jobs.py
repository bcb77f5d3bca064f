"""Jobs in Redis. `JobStore._write` alone changes a job: all of a change in one MULTI, or none."""

import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import WatchError

from service.core import clock
from service.core.announcements import announcements, payload
from service.core.errors import Conflict, InvalidRequest, NotFound, Unavailable
from service.core.ids import WEBHOOK_EVENT, make
from service.core.jobs import Change, Event, Job, check_transition
from service.core.models import TunedModel
from service.core.webhooks import WebhookMessage
from service.store import blob_refs, due, keys, standings
from service.store.changes import announce
from service.store.counters import JOB_BUCKETS, count, observe
from service.store.due import Claim, LeaseLost
from service.store.events import EventStore
from service.store.models import queue_model
from service.store.redis import Pipeline
from service.store.webhooks import queue_message

Also = Callable[[Pipeline], None]
Guard = Callable[[Pipeline], Awaitable[None]]
MetadataFilter = dict[str, str] | Literal["none"] | None


class _Versioned(msgspec.Struct, frozen=True):
    version: int


_log = logging.getLogger(__name__)
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Job)
_version_decoder = msgspec.json.Decoder(_Versioned)
_PAGE = 200
_ATTEMPTS = 8


def member(job_id: str) -> str:
    """Return the due member of a job."""
    return f"job:{job_id}"


class JobStore:
    """Reads jobs and writes their changes."""

    def __init__(self, redis: Redis, events: EventStore) -> None:
        self._redis = redis
        self.history = events

    async def get(self, job_id: str) -> Job | None:
        """Return the job, None if there is none."""
        raw = cast("bytes | None", await self._redis.get(keys.job(job_id)))
        return _decoder.decode(raw) if raw else None

    async def get_many(self, job_ids: Sequence[str]) -> list[Job]:
        """Return those of the jobs that exist, in the given order; what only a newer version can read is left to it."""
        if not job_ids:
            return []
        raw = cast("list[bytes | None]", await self._redis.mget([keys.job(job_id) for job_id in job_ids]))
        return [job for record in raw if record and (job := _readable(record))]

    async def create(self, change: Change, also: Also | None = None, guard: Guard | None = None) -> Job:
        """Write a new job, its indexes and its first due time; `also` queues more commands into the same MULTI.

        `guard` watches and checks what the MULTI stands on, and raises if it is not so. A write whose reply was lost is
        not written twice.
        """
        job, pending = await self._prepared(None, change)
        async with self._redis.pipeline(transaction=True) as pipe:
            for _ in range(_ATTEMPTS):
                try:
                    await pipe.watch(keys.job(job.id))
                    if await pipe.exists(keys.job(job.id)):
                        return job
                    if guard:
                        await guard(pipe)
                    pipe.multi()
                    self._write(pipe, None, job)
                    pending(pipe)
                    _index(pipe, job)
                    due.ring(pipe, member(job.id), change.due_in_s or 0.0)
                    if also:
                        also(pipe)
                    await pipe.execute()
                except WatchError:  # the guarded key was renewed, or the connection broke: look
                    continue
                return job
        raise Unavailable("The store does not take the job now; try again.")  # as while Redis loads its file

    async def advance(
        self,
        old: Job,
        change: Change,
        *,
        claim: Claim | None = None,
        keep_claim: bool = False,
        models: Sequence[TunedModel] = (),
        also: Also | None = None,
    ) -> Job:
        """Write `change` if the record is still `old`; raises Conflict if it is not, LeaseLost if `claim` is over.

        With a claim on the job's own due member the claim is settled in the same MULTI, unless `keep_claim`. A write
        whose reply was lost is found done.
        """
        check_transition(old.status, change.job.status)
        job, pending = await self._prepared(old, change)
        async with self._redis.pipeline(transaction=True) as pipe:
            try:
                await self._guard(pipe, old, claim)
                pipe.multi()
                self._write(pipe, old, job)
                pending(pipe)
                for model in models:
                    queue_model(pipe, model)
                if claim and claim.member == member(old.id):
                    if not keep_claim:
                        due.settle(pipe, claim, change.due_in_s)
                elif change.due_in_s is not None:
                    due.ring(pipe, member(job.id), change.due_in_s)
                if also:
                    also(pipe)
                await pipe.execute()
            except WatchError as error:  # also when the connection breaks while a key is watched
                if await self._is_written(job, claim if keep_claim else None):
                    return job
                raise Conflict(f"The job {old.id} changed meanwhile; read it again.") from error
        return job

    async def modify(self, job_id: str, move: Callable[[Job], Change | None], also: Also | None = None) -> Job:
        """Read, `move` and write until nobody else wrote in between; `move` may return None to leave the job alone."""
        for _ in range(_ATTEMPTS):
            old = await self.get(job_id)
            if old is None:
                raise NotFound(f"No fine-tuning job with id {job_id}.", param="fine_tuning_job_id")
            change = move(old)
            if change is None:
                return old
            try:
                return await self.advance(old, change, also=also)
            except Conflict:
                continue
        raise Conflict(f"The job {job_id} is changing too fast; try again.")

    async def list(self, *, after: str | None, limit: int, metadata: MetadataFilter = None) -> tuple[list[Job], bool]:
        """Return up to `limit` jobs behind `after`, newest first, and whether there are more.

        An `after` that is none of them raises InvalidRequest.
        """
        index = _index_for(metadata)
        start = 0
        if after is not None:
            rank = cast("int | None", await self._redis.zrevrank(index, after))
            if rank is None:
                raise InvalidRequest(f"No fine-tuning job {after[:100]!r} to list after.", param="after")
            start = rank + 1
        found: list[Job] = []
        while len(found) <= limit:
            size = max(limit + 1 - len(found), 1) if not isinstance(metadata, dict) else _PAGE
            ids = cast("list[bytes]", await self._redis.zrevrange(index, start, start + size - 1))
            jobs = await self.get_many([job_id.decode() for job_id in ids])
            found.extend(job for job in jobs if _matches(job, metadata))
            if len(ids) < size:
                break
            start += size
        return found[:limit], len(found) > limit

    async def open_at(self, provider: str) -> Sequence[Job]:
        """Return the jobs that have a remote job at `provider` and no end yet."""
        ids = cast("set[bytes]", await self._redis.smembers(keys.jobs_at(provider)))
        return await self.get_many(sorted(job_id.decode() for job_id in ids))

    async def events(self, job: Job, *, after: str | None, limit: int) -> tuple[Sequence[Event], bool]:
        """Return up to `limit` events older than `after`, newest first, and whether there are more."""
        return await self.history.page(job, after=after, limit=limit)

    async def events_from(self, job_id: str, sequence: int, limit: int = 1000) -> Sequence[Event]:
        """Return up to `limit` events from number `sequence` on, oldest first."""
        for _ in range(_ATTEMPTS):
            job = await self.get(job_id)
            found = await self.history.read(job, sequence, sequence + limit) if job else []
            # Events that moved to a blob between the two reads are found by reading the record again.
            if not job or len(found) == max(0, min(limit, job.event_count - sequence)):
                return found
        return []

    async def counts(self) -> dict[str, int]:
        """Return how many jobs there are in each status."""
        raw = cast("dict[bytes, bytes]", await self._redis.hgetall(keys.JOBS_BY_STATUS))
        return {status.decode(): int(number) for status, number in raw.items()}

    async def _prepared(self, old: Job | None, change: Change) -> tuple[Job, Also]:
        """Number the events and the announcements, and move old events to the blob store if there are too many."""
        job, pending = await self.history.append(change.job, change.events)
        types = announcements(old, job)
        version = old.version + 1 if old else 0
        return msgspec.structs.replace(job, version=version, announced=job.announced + len(types)), pending

    async def _guard(self, pipe: Pipeline, old: Job, claim: Claim | None) -> None:
        await pipe.watch(keys.job(old.id), *([keys.lease(claim.member)] if claim else []))
        raw = cast("bytes | None", await pipe.get(keys.job(old.id)))
        if raw is None or _version_decoder.decode(raw).version != old.version:
            raise Conflict(f"The job {old.id} changed meanwhile; read it again.")
        if claim:
            token = cast("bytes | None", await pipe.get(keys.lease(claim.member)))
            if token is None or token.decode() != claim.token:
                raise LeaseLost(claim.member)

    async def _is_written(self, job: Job, claim: Claim | None) -> bool:
        """Tell whether the record is `job` as it was to be written, and `claim`, if given, still holds."""
        raw = cast("bytes | None", await self._redis.get(keys.job(job.id)))
        if raw != _encoder.encode(job):
            return False
        token = cast("bytes | None", await self._redis.get(keys.lease(claim.member))) if claim else None
        return claim is None or (token is not None and token.decode() == claim.token)

    def _write(self, pipe: Pipeline, old: Job | None, job: Job) -> None:
        pipe.set(keys.job(job.id), _encoder.encode(job))
        first = old.announced if old else 0
        for offset, kind in enumerate(announcements(old, job)):
            queue_message(pipe, _message(job, kind, first + offset))
        _count(pipe, old, job)
        standings.place(pipe, old, job)
        announce(pipe, job.id)


def _readable(record: bytes) -> Job | None:
    try:
        return _decoder.decode(record)
    except msgspec.ValidationError as error:
        _log.warning("jobs: a record can't be read here: %s", error)
        return None


def _message(job: Job, kind: str, sequence: int) -> WebhookMessage:
    return WebhookMessage(
        id=make(WEBHOOK_EVENT),
        type=kind,
        created_at=int(clock.now()),
        job_id=job.id,
        data=payload(job, sequence),
        sequence=sequence,
        extra_url=job.options.webhook_url,
    )


def _index(pipe: Pipeline, job: Job) -> None:
    order = clock.now()
    pipe.zadd(keys.JOBS, {job.id: order})
    for pair in (job.metadata or {}).items():
        pipe.zadd(keys.jobs_by_metadata(_digest(*pair)), {job.id: order})
    if not job.metadata:
        pipe.zadd(keys.jobs_by_metadata("none"), {job.id: order})
    for part in filter(None, (job.training, job.validation)):
        blob_refs.hold(pipe, part.sha256, job.id)


def _count(pipe: Pipeline, old: Job | None, job: Job) -> None:
    labels = {"provider": job.provider, "model_family": job.model.split(":")[0]}
    if old is None:
        count(pipe, "jobs_accepted", **labels)
        pipe.hincrby(keys.JOBS_BY_STATUS, job.status, 1)
    elif old.status != job.status:
        count(pipe, "job_transitions", **{"from": old.status, "to": job.status})
        pipe.hincrby(keys.JOBS_BY_STATUS, old.status, -1)
        pipe.hincrby(keys.JOBS_BY_STATUS, job.status, 1)
        if job.is_terminal:
            reason = job.error.code if job.error else ""
            count(pipe, "jobs_finished", **labels, outcome=job.status, reason=reason)
            observe(pipe, "job_duration_seconds", max(0.0, clock.now() - job.created_at), JOB_BUCKETS)


def _digest(name: str, value: str) -> str:
    return hashlib.sha256(f"{name}\0{value}".encode()).hexdigest()[:32]


def _index_for(metadata: MetadataFilter) -> str:
    if metadata == "none":
        return keys.jobs_by_metadata("none")
    return keys.jobs_by_metadata(_digest(*next(iter(metadata.items())))) if metadata else keys.JOBS


def _matches(job: Job, metadata: MetadataFilter) -> bool:
    if metadata is None:
        return True
    return not job.metadata if metadata == "none" else metadata.items() <= (job.metadata or {}).items()
