"""The four refusals of a create, each with its own action, and the line of held jobs (row C5 of reliability §3).

Mutations that these tests catch: `Turn.is_on` always true (all `hold_` tests fail); `_RING_FIRST` doing nothing
(`goes_on_as_soon`); `_FREED` not opening the queue (`goes_on_as_soon`); `order` without the priority (`by_priority`);
`scope_of` never "create" (`quota`); `discard` doing nothing (`closed`).
"""

import asyncio

import pytest

from service.core import holds, moves
from service.core.credentials import QUOTA
from service.core.jobs import Job, Options
from service.store.invariants import violations
from tests.faults.remote_bench import RemoteBench
from tests.providers.upstream import Answer, error

CREATE = ("POST", "/fine_tuning/jobs")
CONCURRENT = error(429, "You have 3 active fine-tuning jobs, the most at once.")
DAILY = error(429, "Too many today", "daily_rate_limit_exceeded", type="invalid_request_error")
QUOTA_SPENT = error(429, "You exceeded your current quota", "insufficient_quota")
CLOSED = error(403, "Fine-tuning is no longer available.", "training_not_available")


def creates(rig: RemoteBench) -> int:
    return len(rig.upstream.sent(*CREATE))


async def refused(rig: RemoteBench, job: Job, answer: Answer) -> Job:
    rig.upstream.fail(*CREATE, answer)
    await rig.look(f"job:{job.id}")
    return await rig.read(job)


async def look_at_all(rig: RemoteBench, *jobs: Job) -> None:
    for job in jobs:
        await rig.look(f"job:{job.id}")


async def rung(rig: RemoteBench) -> list[str]:
    found, _ = await rig.runtime.due.take(100, 30.0)
    return [member for member in found if member.startswith("job:")]


async def messages(rig: RemoteBench, job: Job) -> list[str]:
    return [event.message for event in await rig.runtime.jobs.events_from(job.id, 0)]


async def test_c5_a_closed_model_ends_the_job_and_its_file_goes(rig: RemoteBench) -> None:
    job = await refused(rig, await rig.ready(), CLOSED)
    assert job.status == "failed"
    assert job.error is not None
    assert job.error.code == "training_not_available"
    assert rig.upstream.files == {}
    assert await violations(rig.runtime.redis) == []


async def test_c5_a_file_that_an_open_job_was_made_of_stays(rig: RemoteBench) -> None:
    first, second = await rig.ready(), await rig.ready()
    await look_at_all(rig, first)
    await refused(rig, second, CLOSED)
    assert len(rig.upstream.files) == 1


async def test_c5_a_file_that_a_job_is_about_to_be_made_of_stays(rig: RemoteBench) -> None:
    first, second = await rig.ready(), await rig.ready(model="open")
    assert first.training.sha256 == second.training.sha256
    await refused(rig, first, CLOSED)
    assert len(rig.upstream.files) == 1
    uploads = len(rig.upstream.sent("POST", "/files"))
    await rig.look(f"job:{second.id}")
    assert (await rig.read(second)).remote.job_id is not None
    assert len(rig.upstream.sent("POST", "/files")) == uploads


async def test_c5_a_spent_quota_stops_every_create_and_no_read(rig: RemoteBench) -> None:
    open_job, first, second, other = [
        await rig.ready(model=model, created_at=age) for age, model in enumerate(("a", "a", "a", "b"))
    ]
    await look_at_all(rig, open_job)
    held = await refused(rig, first, QUOTA_SPENT)
    assert (held.stage, held.status, held.remote.tries) == ("waiting", "queued", 0)
    await look_at_all(rig, second, other, first)
    assert creates(rig) == 2
    assert {(await rig.read(job)).stage for job in (first, second, other)} == {"waiting"}
    assert await rig.due_in_s(first) > 0.75 * QUOTA.base_s
    await rig.look("poll:remote")
    assert await rig.member_due_in_s("poll:remote") <= 15
    assert await rig.told("provider.paused") == 1
    rig.upstream.fail(*CREATE, QUOTA_SPENT)
    await rig.let_pass("create")
    await asyncio.gather(*(rig.look(f"job:{job.id}") for job in (first, other)))
    assert creates(rig) == 3, "one call a pause"
    await rig.let_pass("create")
    await look_at_all(rig, first, second, other)
    assert {(await rig.read(job)).step for job in (first, second, other)} == {"waiting"}
    assert (await rig.read(second)).remote.job_id is not None
    assert await rig.told("provider.resumed") == 1
    assert await violations(rig.runtime.redis) == []


@pytest.mark.parametrize(
    ("answer", "reason", "least_s"), [(CONCURRENT, "concurrent_limit", 50), (DAILY, "daily_limit", 50)]
)
async def test_hold_a_limit_holds_the_jobs_of_its_model_alone(
    rig: RemoteBench, answer: Answer, reason: str, least_s: float
) -> None:
    first, second, other = [await rig.ready(model=model, created_at=age) for age, model in enumerate(("a", "a", "b"))]
    held = await refused(rig, first, answer)
    assert held.hold is not None
    assert (held.hold.reason, held.stage, held.status) == (reason, "waiting", "queued")
    assert await rig.due_in_s(first) > least_s
    await look_at_all(rig, second, first, second, other)
    assert creates(rig) == 2, "the second is not even tried; the other model is"
    assert (await rig.read(other)).remote.job_id is not None
    assert sum("Waiting for the provider" in message for message in await messages(rig, second)) == 1
    assert await violations(rig.runtime.redis) == []


async def test_hold_a_held_job_goes_on_as_soon_as_another_has_ended(rig: RemoteBench) -> None:
    running, first, second = [await rig.ready(created_at=number) for number in range(3)]
    await look_at_all(rig, running)
    await refused(rig, first, CONCURRENT)
    await look_at_all(rig, second)
    await rung(rig)
    await rig.runtime.jobs.modify(running.id, lambda job: moves.cancelled(job, 2.0))
    assert await rung(rig) == [f"job:{first.id}"]
    await look_at_all(rig, first)
    assert await rung(rig) == [f"job:{second.id}"]
    await refused(rig, second, CONCURRENT)
    assert (await rig.read(second)).stage == "waiting"
    assert sum("as many jobs" in message for message in await messages(rig, second)) == 1


async def test_hold_a_daily_limit_outlasts_the_end_of_a_job(rig: RemoteBench) -> None:
    running, first = await rig.ready(), await rig.ready()
    await look_at_all(rig, running)
    await refused(rig, first, DAILY)
    await rung(rig)
    await rig.runtime.jobs.modify(running.id, lambda job: moves.cancelled(job, 2.0))
    assert await rung(rig) == []


async def test_hold_the_line_goes_by_priority_and_then_by_age(rig: RemoteBench) -> None:
    first = await rig.ready(created_at=1)
    await refused(rig, first, CONCURRENT)
    low, old, high = [
        await rig.ready(created_at=created_at, options=Options(priority=priority))
        for created_at, priority in ((2, -5), (3, 0), (4, 9))
    ]
    await look_at_all(rig, low, old, high)
    await rung(rig)
    async for key in rig.runtime.redis.scan_iter(match="tw:held:*:closed"):
        await rig.runtime.redis.delete(key)
    late = await rig.ready(created_at=5, options=Options(priority=5))
    await look_at_all(rig, late)
    assert creates(rig) == 1, "who comes new does not pass those in line with a higher priority"
    turns: list[str] = []
    await look_at_all(rig, high)
    turns.append(high.id)
    while members := await rung(rig):
        (member,) = members
        turns.append(member.removeprefix("job:"))
        await rig.look(member)
    assert turns == [job.id for job in (high, late, first, old, low)]


async def test_hold_cancel_and_pause_leave_the_line_and_the_next_moves_up(rig: RemoteBench) -> None:
    first, second, third = [await rig.ready(created_at=number) for number in range(3)]
    await refused(rig, first, CONCURRENT)
    await look_at_all(rig, second, third)
    async for key in rig.runtime.redis.scan_iter(match="tw:held:*:closed"):
        await rig.runtime.redis.delete(key)
    await rung(rig)
    cancelled = await rig.runtime.jobs.modify(first.id, lambda job: moves.cancel(job, 2.0))
    assert cancelled.status == "cancelled"
    assert await rung(rig) == [f"job:{second.id}"]
    paused = await rig.runtime.jobs.modify(second.id, moves.pause)
    assert (paused.status, paused.hold) == ("paused", None)
    assert await rung(rig) == [f"job:{third.id}"]
    await rig.runtime.jobs.modify(second.id, moves.resume)
    await look_at_all(rig, third, second)
    assert (await rig.read(second)).remote.job_id is not None
    assert await rig.runtime.holds.depth(third) == 0
    assert await violations(rig.runtime.redis) == []


async def test_hold_a_job_whose_create_ended_unclearly_holds_up_nobody(rig: RemoteBench) -> None:
    first, second = await rig.ready(created_at=1), await rig.ready(created_at=2)
    await refused(rig, first, CONCURRENT)
    await look_at_all(rig, second)
    async for key in rig.runtime.redis.scan_iter(match="tw:held:*:closed"):
        await rig.runtime.redis.delete(key)
    assert (await refused(rig, first, error(500, "boom"))).stage == "creating"
    await look_at_all(rig, second)
    assert (await rig.read(second)).remote.job_id is not None


@pytest.mark.parametrize(
    ("reason", "now", "asked_s", "pause_s"),
    [
        ("concurrent_limit", 1_800_000_000.0, None, 60.0),
        ("concurrent_limit", 1_800_000_000.0, 7.0, 7.0),
        ("daily_limit", 1_800_000_000.0, None, 3600.0),
        ("daily_limit", 86_400.0 * 20_000 - 100, None, 160.0),
        ("daily_limit", 1_800_000_000.0, 20_000.0, 20_000.0),
        ("daily_limit", 1_800_000_000.0, 1e9, 86_400.0),
    ],
)
def test_hold_how_long_a_line_stands_still(reason: holds.Limit, now: float, asked_s: float, pause_s: float) -> None:
    assert holds.pause_s(reason, now, asked_s) == pause_s
