"""The job store: one writer, whole changes, pages, and a history that leaves Redis when it grows."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from service.core import moves
from service.core.errors import Conflict, InvalidRequest
from service.core.jobs import (
    Change,
    Hyperparameters,
    IllegalTransition,
    Input,
    Job,
    JobError,
    Method,
    NewEvent,
    Remote,
    event_id,
)
from service.core.models import TunedModel
from service.store.blobs import open_blobs
from service.store.due import DueStore, LeaseLost
from service.store.events import EventStore
from service.store.jobs import JobStore, member
from service.store.models import ModelStore
from service.store.redis import connect

TRAINING = Input(file_id="file-a", sha256="a" * 64, bytes=10, filename="a.jsonl")


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
async def store(redis: Redis, tmp_path: Path) -> JobStore:
    return JobStore(redis, EventStore(redis, await open_blobs(str(tmp_path))))


def new_job(number: int = 0, **changes: object) -> Job:
    fresh = Job(
        id=f"ftjob-{number:04d}",
        created_at=1_800_000_000,
        model="tunewright-tiny",
        requested_model="tunewright-tiny",
        provider="local",
        method=Method(),
        training=TRAINING,
        seed=1,
        hyperparameters=Hyperparameters(),
    )
    return msgspec.structs.replace(fresh, **changes)


async def test_create_writes_record_index_due_event_message_hold_and_counter_at_once(
    store: JobStore, redis: Redis
) -> None:
    job = await store.create(moves.submit(new_job()))
    assert await store.get(job.id) == job
    assert (job.event_count, job.announced) == (2, 1)
    assert await redis.zscore("tw:due", member(job.id)) is not None
    assert await redis.zcard("tw:due:webhooks") == 1
    assert await redis.sismember(f"tw:blob:{TRAINING.sha256}:refs", job.id)
    accepted = {k: v for k, v in (await redis.hgetall("tw:counters")).items() if k.startswith(b"jobs_accepted")}
    assert list(accepted.values()) == [b"1"]
    assert await store.counts() == {"validating_files": 1}


async def test_a_failing_extra_command_leaves_nothing_of_a_create(store: JobStore, redis: Redis) -> None:
    def explode(pipe: object) -> None:
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError):
        await store.create(moves.submit(new_job()), also=explode)
    assert await redis.keys("tw:job*") == []


async def test_a_stale_writer_is_refused(store: JobStore) -> None:
    old = await store.create(moves.submit(new_job()))
    await store.advance(old, moves.cancel(old, 1.0))
    with pytest.raises(Conflict):
        await store.advance(old, moves.pause(old))


async def test_a_late_worker_is_refused_by_its_fence(store: JobStore, redis: Redis) -> None:
    job = await store.create(moves.submit(new_job()))
    due = DueStore(redis)
    late = await due.claim(member(job.id), 30)
    assert late is not None
    await redis.delete(f"tw:lease:{member(job.id)}")
    with pytest.raises(LeaseLost):
        await store.advance(job, moves.fail(job, JobError(code="x", message="y"), 1.0), claim=late)
    assert await store.get(job.id) == job


async def test_an_illegal_change_of_status_is_refused(store: JobStore) -> None:
    job = await store.create(moves.submit(new_job()))
    with pytest.raises(IllegalTransition):
        await store.advance(job, Change(job=msgspec.structs.replace(job, status="running")))


async def test_advance_settles_its_claim_and_rings_the_poll_for_a_new_remote_job(store: JobStore, redis: Redis) -> None:
    job = await store.create(moves.submit(new_job(step="creating", status="queued")))
    claim = await DueStore(redis).claim(member(job.id), 30)
    remote = msgspec.structs.replace(job, step="waiting", remote=Remote(job_id="r1"))
    await store.advance(job, Change(job=remote), claim=claim)
    assert await redis.zscore("tw:due", member(job.id)) is None
    assert await redis.zscore("tw:due", "poll:local") is not None
    assert [found.id for found in await store.open_at("local")] == [job.id]


async def test_the_end_frees_the_bytes_and_registers_the_models(store: JobStore, redis: Redis) -> None:
    job = await store.create(moves.submit(new_job(step="training", status="running", remote=Remote(job_id="r1"))))
    model = TunedModel(
        name="ft:x", provider="local", remote_name="ft:x", base="tunewright-tiny", job_id=job.id, created_at=1
    )
    await store.advance(job, moves.succeed(job, 2.0), models=[model])
    assert await ModelStore(redis).get("ft:x") == model
    assert not await redis.sismember(f"tw:blob:{TRAINING.sha256}:refs", job.id)
    assert await store.open_at("local") == []
    assert {k: v for k, v in (await store.counts()).items() if v} == {"succeeded": 1}


async def test_pages_are_newest_first_and_end(store: JobStore) -> None:
    for number in range(5):
        await store.create(moves.submit(new_job(number)))
    first, more = await store.list(after=None, limit=2)
    assert ([job.id for job in first], more) == (["ftjob-0004", "ftjob-0003"], True)
    rest, more = await store.list(after=first[-1].id, limit=3)
    assert ([job.id for job in rest], more) == (["ftjob-0002", "ftjob-0001", "ftjob-0000"], False)
    with pytest.raises(InvalidRequest):
        await store.list(after="ftjob-none", limit=3)


async def test_metadata_filters_match_every_pair_and_none(store: JobStore) -> None:
    await store.create(moves.submit(new_job(1, metadata={"run": "x+y", "team": "a"})))
    await store.create(moves.submit(new_job(2, metadata={"run": "x+y", "team": "b"})))
    await store.create(moves.submit(new_job(3)))

    async def ids(metadata: object) -> list[str]:
        jobs, _ = await store.list(after=None, limit=10, metadata=metadata)  # type: ignore[arg-type]
        return [job.id for job in jobs]

    assert await ids({"run": "x+y"}) == ["ftjob-0002", "ftjob-0001"]
    assert await ids({"run": "x+y", "team": "a"}) == ["ftjob-0001"]
    assert await ids({"run": "x"}) == []
    assert await ids("none") == ["ftjob-0003"]


async def test_modify_survives_a_writer_in_between(store: JobStore) -> None:
    job = await store.create(moves.submit(new_job()))
    calls: list[int] = []

    def pause(old: Job) -> Change:
        calls.append(old.version)
        return moves.pause(old)

    original = store.get
    interfered = False

    async def get_then_interfere(job_id: str) -> Job | None:
        nonlocal interfered
        found = await original(job_id)
        if not interfered and found is not None:
            interfered = True
            await store.advance(found, Change(job=found, events=(NewEvent(message="between"),)))
        return found

    store.get = get_then_interfere  # type: ignore[method-assign]
    paused = await store.modify(job.id, pause)
    assert (paused.status, calls) == ("paused", [0, 1])


async def test_a_long_history_moves_to_blobs_and_reads_as_one(store: JobStore, redis: Redis) -> None:
    job = await store.create(moves.submit(new_job()))
    for start in range(0, 2500, 250):
        batch = tuple(NewEvent(message=str(number)) for number in range(start, start + 250))
        job = await store.advance(job, Change(job=job, events=batch))
    assert job.event_count == 2502
    assert await redis.llen(f"tw:job:{job.id}:events") <= 1000
    everything = await store.events_from(job.id, 0, 5000)
    assert [event.sequence for event in everything] == list(range(2502))
    page, more = await store.events(job, after=event_id(job.id, 1200), limit=3)
    assert ([event.sequence for event in page], more) == ([1199, 1198, 1197], True)
    with pytest.raises(InvalidRequest):
        await store.events(job, after="ftevent-other-1", limit=3)


async def test_one_batch_larger_than_redis_keeps_is_kept_whole(store: JobStore, redis: Redis) -> None:
    job = await store.create(moves.submit(new_job()))
    batch = tuple(NewEvent(message=str(number)) for number in range(3000))
    job = await store.advance(job, Change(job=job, events=batch))
    assert await redis.llen(f"tw:job:{job.id}:events") <= 1000
    assert len(await store.events_from(job.id, 0, 5000)) == 3002
