"""C6 of reliability §3: a second job at the provider, however it came about, is cancelled, counted and told of."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from service.core import moves
from service.core.jobs import Job
from service.core.remote import CreateRequest, RemoteJob
from service.store import keys, webhook_keys
from tests.faults.hand import Hand, hand_of
from tests.faults.ledger import MARK, Pace
from tests.faults.test_create import CREATE
from tests.faults.trees import Nursery
from tests.faults.world import World, make_world
from tests.workers.conftest import Bench, chat
from workers.providers.openai_wire import marked_suffix

COUNTER = "upstream_duplicate_jobs_total"


@pytest.fixture
async def hand(short_folder: Path, trees: Nursery) -> AsyncIterator[Hand]:
    pace = Pace(queued_s=3600.0)
    async with make_world(short_folder, trees, pace=pace, settle_s=0.0) as world, hand_of(world) as made:
        yield made


async def sent(hand: Hand) -> Job:
    return await hand.drive(await hand.world.job(await hand.world.dataset()))


def statuses(world: World, job: Job) -> dict[str, str]:
    return {found["id"]: found["status"] for found in world.provider.of(job.id)}


async def told(hand: Hand, kind: str) -> int:
    redis = hand.world.runtime.redis
    names = [key async for key in redis.scan_iter(match=webhook_keys.message("evt_") + "*")]
    messages = [msgspec.json.decode(await redis.get(name)) for name in names]
    return sum(message["type"] == kind for message in messages)


async def test_c6_a_planted_second_job_is_cancelled_by_the_next_round(hand: Hand) -> None:
    job = await sent(hand)
    extra = hand.world.provider.add_job(model="base-1", metadata={MARK: job.id})
    for _ in range(3):
        await hand.look_again("poll:remote")
    assert statuses(hand.world, job) == {job.remote.job_id: "queued", extra["id"]: "cancelled"}
    assert await hand.counted(COUNTER, operation="create") == 1
    assert (await hand.world.read(job.id)).remote.extras == (extra["id"],)
    assert await told(hand, "fine_tuning.job.duplicate_cancelled") == 1
    await hand.world.assert_world()


async def test_c6_a_list_that_lags_beyond_settling_shows_the_first_job_later(hand: Hand) -> None:
    world = hand.world
    world.provider.pace.list_lag_s = 3600.0
    world.provider.plan.once(*CREATE, "drop")
    job = await sent(hand)
    assert world.provider.ledger.creates[job.id] == 2, "the promise of settling ends where lists lag longer"
    assert 0 < (await hand.due_in_s(f"watch:0:{job.id}") or 0) <= 60
    await hand.look(f"watch:0:{job.id}")
    world.provider.pace.list_lag_s = 0.0
    assert 0 < (await hand.due_in_s(f"watch:1:{job.id}") or 0) <= 60
    await hand.look(f"watch:1:{job.id}")
    assert sorted(statuses(world, job).values()) == ["cancelled", "queued"]
    assert statuses(world, job)[job.remote.job_id or ""] == "queued"
    assert await hand.counted(COUNTER) == 1


async def test_c6_a_job_that_appears_after_its_own_was_cancelled_here_is_cancelled_too(hand: Hand) -> None:
    world = hand.world
    job = await sent(hand)
    await world.runtime.jobs.modify(job.id, lambda old: moves.cancelled(old, 2.0))
    late = world.provider.add_job(model="base-1", metadata={MARK: job.id})
    await sent(hand)
    await hand.look_again("poll:remote")
    assert statuses(world, job)[late["id"]] == "cancelled"


async def test_c6_a_job_that_a_list_shows_during_a_pause_is_adopted_and_no_second_one_made(hand: Hand) -> None:
    world = hand.world
    world.provider.pace.list_lag_s = 3600.0
    world.provider.plan.once(*CREATE, "drop")
    job = await world.job(await world.dataset())
    while (await world.read(job.id)).remote.tries == 0:
        await hand.look(f"job:{job.id}")
    await world.runtime.jobs.modify(job.id, moves.pause)
    held = await hand.drive(job, 3)
    assert (held.status, held.remote.tries, held.remote.doubts) == ("paused", 0, 1)
    world.provider.pace.list_lag_s = 0.0
    await world.runtime.jobs.modify(job.id, moves.resume)
    (remote,) = statuses(world, await hand.drive(job))
    assert (await world.read(job.id)).remote.job_id == remote
    assert world.provider.ledger.creates[job.id] == 1


async def test_c6_the_watch_ends_after_two_hours(hand: Hand) -> None:
    hand.world.provider.pace.list_lag_s = 3600.0
    hand.world.provider.plan.once(*CREATE, "drop")
    job = await sent(hand)
    looks = 0
    while await hand.due_in_s(f"watch:{looks}:{job.id}") is not None:
        await hand.look(f"watch:{looks}:{job.id}")
        looks += 1
    assert looks == 9


async def test_c6_other_installations_jobs_are_left_alone(hand: Hand) -> None:
    job = await sent(hand)
    foreign = [
        hand.world.provider.add_job(model="base-1", metadata=m) for m in ({MARK: "ftjob-of-another"}, {"a": "b"})
    ]
    await hand.look_again("poll:remote")
    assert {one["status"] for one in foreign} == {"queued"}
    assert statuses(hand.world, job) == {job.remote.job_id: "queued"}
    assert await hand.counted(COUNTER) == 0


async def test_c6_a_mark_in_a_suffix_counts_after_doubt_and_never_in_a_sweep(hand: Hand) -> None:
    """People copy suffixes, at the provider's console for one; nobody copies our metadata."""
    world = hand.world
    copied = world.provider.add_job(model="base-1", suffix=marked_suffix("mine", (await sent(hand)).id))
    await hand.look_again("poll:remote")
    assert copied["status"] == "queued"
    world.provider.plan.once(*CREATE, "drop before")
    full = {f"key-{number}": "x" for number in range(16)}  # no room for the mark
    job = await hand.drive(await world.job(await world.dataset(), metadata=full))
    extra = world.provider.add_job(model="base-1", suffix=marked_suffix("mine", job.id))
    await hand.look(f"watch:0:{job.id}")
    assert (extra["status"], copied["status"]) == ("cancelled", "queued")
    assert await hand.counted(COUNTER) == 1


async def test_c6_a_job_not_yet_adopted_is_no_second_one(hand: Hand) -> None:
    world = hand.world
    other = await sent(hand)
    world.provider.hold_create.clear()
    job = await world.job(await world.dataset())
    planted = world.provider.add_job(model="base-1", metadata={MARK: job.id})
    await hand.look_again("poll:remote")
    assert planted["status"] == "queued"
    assert statuses(world, other) == {other.remote.job_id: "queued"}


async def test_c6_the_answer_of_a_worker_that_comes_too_late_is_looked_into_at_once(bench: Bench) -> None:
    """A mark in a suffix is in no sweep: what nobody but this worker knows of would go on at somebody's cost."""
    provider, job = bench.provider, await bench.job(await bench.dataset([chat(number) for number in range(12)]))
    create, find, cancelled = provider.create, provider.find, list[str]()

    async def late(request: CreateRequest) -> RemoteJob:
        made = await create(request)
        provider.create = create
        await bench.runtime.redis.delete(keys.lease(f"job:{job.id}"))
        await bench.drive(job)  # by another worker, to which no list shows what was made
        return made

    async def lagging(mark: str, *, since: float) -> list[RemoteJob]:
        return []

    async def cancel(remote_id: str) -> RemoteJob:
        cancelled.append(remote_id)
        return provider.jobs[remote_id]

    provider.create, provider.find, provider.cancel = late, lagging, cancel
    job = await bench.drive(job)
    assert (job.remote.job_id, job.remote.tries, len(provider.jobs)) == ("remote-2", 2, 2)
    due_at = await bench.runtime.redis.zscore(keys.DUE, f"watch:0:{job.id}")
    assert due_at is not None
    assert due_at <= await bench.runtime.due.now(), "not after the usual pause"
    provider.find = find
    await bench.look(f"watch:0:{job.id}")
    assert cancelled == ["remote-1"]


async def test_c6_a_second_job_that_has_succeeded_before_anybody_looked_is_told_of(hand: Hand) -> None:
    job = await sent(hand)
    extra = hand.world.provider.add_job(model="base-1", metadata={MARK: job.id}, status="succeeded")
    failed = hand.world.provider.add_job(model="base-1", metadata={MARK: job.id}, status="failed")
    for _ in range(2):
        await hand.look_again(f"watch:0:{job.id}")
    assert (extra["status"], failed["status"]) == ("succeeded", "failed")
    assert (await hand.world.read(job.id)).remote.extras == (extra["id"],)
    assert await hand.counted(COUNTER, result="ended") == await hand.counted(COUNTER) == 1
    assert await told(hand, "fine_tuning.job.duplicate_cancelled") == 1
    events = await hand.world.runtime.jobs.events_from(job.id, 0)
    assert any("may be charged" in event.message for event in events)
