"""R5 to R7 of reliability §3: clocks that jump, keys that are left behind, and two versions at work at once.

Mutations that these tests catch: settling, missing jobs or deadlines by the host's clock (R5); `standings.place` not
leaving a set (R6); a look that claims what it has no step for, a list that one unreadable record breaks (R7).
"""

import random
import re
from collections import Counter

import msgspec
import pytest

from service.core import clock
from service.core.invariants import PERMANENT
from service.core.jobs import Job
from service.store import keys
from service.store.invariants import violations
from tests.workers.conftest import Bench, chat
from workers.look import Looker
from workers.providers.protocol import ProviderError
from workers.steps import STEPS

LINES = [chat(number) for number in range(12)]
HOUR_S = 3600.0


async def due(bench: Bench) -> list[str]:
    found, _ = await bench.runtime.due.take(100, 0.0)
    return found


async def work(bench: Bench, rounds: int = 12) -> None:
    """Look at whatever is due, as ticker and worker would."""
    for _ in range(rounds):
        for member in await due(bench):
            await bench.look(member)


def end_all(bench: Bench, status: str = "succeeded") -> None:
    """Have every job end at the provider."""
    for job_id, job in bench.provider.jobs.items():
        model = f"ft:tuned:{job_id}"
        bench.provider.jobs[job_id] = msgspec.structs.replace(
            job, status=status, raw_status=status, fine_tuned_model=model
        )


@pytest.fixture
def jumping(monkeypatch: pytest.MonkeyPatch) -> random.Random:
    """Each reading of the host's clock is right, an hour late or an hour early; Redis's clock stays true."""
    chance, real = random.Random(5), clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + chance.choice((-HOUR_S, 0.0, HOUR_S)))
    return chance


async def test_r5_settling_is_not_shortened_by_a_clock_that_jumps(bench: Bench, jumping: random.Random) -> None:
    bench.provider.capabilities = msgspec.structs.replace(bench.provider.capabilities, settle_s=120.0)
    bench.provider.fail_next["create"] = ProviderError("unclear", "timed out", retryable=True, executed=True)
    job = await bench.job(await bench.dataset(LINES))
    for _ in range(30):
        await bench.look(f"job:{job.id}")
    assert bench.provider.calls.count("create") == 1
    score = await bench.runtime.redis.zscore(keys.DUE, f"job:{job.id}")
    assert 60 < score - await bench.runtime.due.now() <= 120


async def test_r5_a_job_that_is_unlisted_for_a_moment_is_not_given_up(bench: Bench, jumping: random.Random) -> None:
    job = await bench.drive(await bench.job(await bench.dataset(LINES)))
    kept = dict(bench.provider.jobs)
    bench.provider.jobs.clear()
    for _ in range(10):
        await bench.runtime.due.ring("poll:local")
        await bench.look("poll:local")
    assert (await bench.read(job)).status == "queued"
    bench.provider.jobs.update(kept)
    end_all(bench)
    await bench.runtime.due.ring("poll:local")
    await work(bench)
    assert (await bench.read(job)).status == "succeeded"


async def test_r5_jobs_go_through_and_nothing_is_due_in_an_hour(bench: Bench, jumping: random.Random) -> None:
    record = await bench.dataset(LINES)
    jobs = [await bench.job(record) for _ in range(6)]
    for _ in range(8):
        await work(bench, 1)
        scores = await bench.runtime.redis.zrange(keys.DUE, 0, -1, withscores=True)
        now = await bench.runtime.due.now()
        assert all(abs(at - now) < 100 for _, at in scores), scores
    end_all(bench)
    await bench.runtime.due.ring("poll:local")
    await work(bench)
    assert {(await bench.read(job)).status for job in jobs} == {"succeeded"}
    assert len(bench.provider.created) == len(jobs)
    assert await violations(bench.runtime.redis) == []


async def kinds_of_keys(bench: Bench) -> Counter[str]:
    found = [key.decode() async for key in bench.runtime.redis.scan_iter("tw:*")]
    return Counter(re.sub(r"(ftjob|file|evt|whd)[-_]\w{24}|[0-9a-f]{64}|tuned:remote-\d+", "ID", key) for key in found)


@pytest.mark.parametrize("count", [25, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_r6_what_ended_jobs_leave_is_their_records(bench: Bench, count: int) -> None:
    record = await bench.dataset(LINES)

    async def to_the_end(number: int) -> Counter[str]:
        for _ in range(number):
            job = await bench.job(record)
            await bench.drive(job, 4)
        end_all(bench)
        await bench.runtime.due.ring("poll:local")
        await bench.look("poll:local")
        for member in await bench.runtime.redis.zrange(keys.DUE, 0, -1):
            await bench.look(member.decode())
        return await kinds_of_keys(bench)

    base = await to_the_end(5)
    grown = await to_the_end(count) - base
    per_job = {kind: number / count for kind, number in grown.items()}
    lasting = {kind for kind in per_job if PERMANENT.match(kind.replace("ID", "ftjob-x")) or "model" in kind}
    assert {"tw:job:ID", "tw:job:ID:events"} <= lasting
    assert set(per_job.values()) <= {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0}, per_job
    assert len(per_job) <= 8, per_job
    redis = bench.runtime.redis
    for pattern in ("tw:held:*", "tw:jobs:at:*", "tw:jobs:seen:*", "tw:jobs:stage:*", "tw:lease:*", "tw:circuit:*"):
        assert [key async for key in redis.scan_iter(pattern)] == [], pattern
    assert await redis.hlen(keys.RINGS) <= await redis.zcard(keys.DUE)
    assert await violations(redis) == []


async def test_r7_old_and_new_workers_do_the_jobs_together(bench: Bench) -> None:
    newer = {"watch", "alarms", "collect"}
    context = bench.looker._context
    old = Looker(context, {kind: step for kind, step in STEPS.items() if kind not in newer})
    chance = random.Random(7)
    record = await bench.dataset(LINES)
    jobs = [await bench.job(record) for _ in range(20)]
    await bench.runtime.due.ring("alarms:all")
    for round_ in range(14):
        if round_ == 8:
            end_all(bench)
            await bench.runtime.due.ring("poll:local")
        for member in await due(bench):
            await chance.choice((old, bench.looker)).look(member)
    assert {(await bench.read(job)).status for job in jobs} == {"succeeded"}
    assert await violations(bench.runtime.redis) == []


async def test_r7_what_an_old_worker_has_no_step_for_is_left_for_a_new_one(bench: Bench) -> None:
    await bench.runtime.due.ring("distil:job")
    await bench.look("distil:job")
    claim = await bench.runtime.due.claim("distil:job", 5.0)
    assert claim is not None, "nobody holds it"


async def test_r7_a_record_of_a_newer_version_is_left_alone_and_holds_up_nobody(bench: Bench) -> None:
    record = await bench.dataset(LINES)
    newer, usual = [await bench.drive(await bench.job(record)) for _ in range(2)]
    redis = bench.runtime.redis
    raw = msgspec.json.decode(await redis.get(keys.job(newer.id)))
    changed = msgspec.json.encode({**raw, "step": "distilling", "new_member": {"a": 1}})
    await redis.set(keys.job(newer.id), changed)
    end_all(bench)
    await bench.runtime.due.ring("poll:local")
    await bench.runtime.due.ring(f"job:{newer.id}")
    await work(bench)
    assert (await bench.read(usual)).status == "succeeded"
    assert await redis.get(keys.job(newer.id)) == changed
    assert await redis.zscore(keys.DUE, f"job:{newer.id}") is not None
    listed, _ = await bench.runtime.jobs.list(after=None, limit=10)
    assert [job.id for job in listed] == [usual.id]


async def test_r7_records_of_an_older_version_are_read(bench: Bench) -> None:
    job = await bench.job(await bench.dataset(LINES))
    raw = msgspec.json.decode(await bench.runtime.redis.get(keys.job(job.id)))
    for member in ("hold", "expired"):
        raw.pop(member)
    for member in ("doubts", "extras"):
        raw["remote"].pop(member)
    assert msgspec.convert(raw, Job) == job
