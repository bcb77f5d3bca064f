"""P3 and P4 of reliability §3: what a provider may say, in whatever order, and what becomes of a job."""

import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.core import clock, moves
from service.core.errors import InvalidRequest
from service.core.jobs import TERMINAL, Job
from service.runtime import open_runtime
from service.settings import load
from service.store.invariants import violations
from tests.workers.conftest import Bench, chat
from tests.workers.fakes import FakeProvider
from workers.providers.protocol import ProviderError
from workers.steps.poll import GONE_AFTER_S

LINES = [chat(number) for number in range(12)]
RANK = {"validating_files": 0, "queued": 1, "running": 2, "paused": 2, "succeeded": 3, "failed": 3, "cancelled": 3}
REMOTE = "remote-1"


@pytest.fixture
async def bench(redis_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    remote = {"type": "openai", "base_url": "http://127.0.0.1:1/v1"}
    settings = load(environ={}, redis_url=redis_url, data_dir=tmp_path, providers={"remote": remote})
    async with open_runtime(settings) as runtime:
        yield Bench(runtime, FakeProvider())


async def sent(bench: Bench) -> Job:
    return await bench.drive(await bench.job(await bench.dataset(LINES)))


async def due(bench: Bench) -> list[str]:
    found, _ = await bench.runtime.due.take(100, 0.0)
    return found


async def poll_until_still(bench: Bench, rounds: int = 3) -> None:
    """Poll, and look at whatever that made due, as ticker and worker would."""
    for _ in range(rounds):
        await bench.look("poll:local")
        for member in await due(bench):
            await bench.look(member)


@pytest.mark.parametrize("seed", range(60))
async def test_states_in_any_order_go_forward_and_end(bench: Bench, seed: int) -> None:
    chance = random.Random(seed)
    job = await sent(bench)
    seen = [job.status]
    for _ in range(chance.randint(3, 12)):
        status = chance.choice(["validating_files", "queued", "running", "running", "weird", "gone"])
        known = bench.provider.jobs.get(REMOTE)
        if status == "gone":
            bench.provider.jobs.pop(REMOTE, None)
            await poll_until_still(bench, 1)
            bench.provider.jobs[REMOTE] = known
        else:
            raw = "unknown" if status == "weird" else status
            bench.provider.move(raw)
            await poll_until_still(bench, 1)
        seen.append((await bench.read(job)).status)
    ranks = [RANK[status] for status in seen]
    assert ranks == sorted(ranks), seen
    assert ranks[-1] < 3, "nothing that was said is an end"
    end = chance.choice(["succeeded", "failed", "cancelled"])
    bench.provider.move(end, fine_tuned_model="ft:tuned" if end == "succeeded" else None)
    await poll_until_still(bench)
    assert (await bench.read(job)).status == end
    bench.provider.move("running")
    await poll_until_still(bench)
    assert (await bench.read(job)).status == end
    assert await violations(bench.runtime.redis) == []


async def test_an_end_that_is_unseen_for_a_moment_still_ends_the_job(bench: Bench) -> None:
    job = await sent(bench)
    bench.provider.move("succeeded", fine_tuned_model="ft:tuned")
    await bench.look("poll:local")
    bench.provider.move("running")  # another replica of the provider, some seconds behind
    await bench.look(f"job:{job.id}")
    assert (await bench.read(job)).status == "queued"
    bench.provider.move("succeeded", fine_tuned_model="ft:tuned")
    await poll_until_still(bench)
    assert (await bench.read(job)).status == "succeeded"


async def test_a_job_that_is_gone_for_ten_minutes_fails(bench: Bench) -> None:
    job = await sent(bench)
    bench.provider.jobs.clear()
    await poll_until_still(bench, 1)
    assert (await bench.read(job)).status == "queued"
    past = clock.now() - GONE_AFTER_S - 1
    await bench.runtime.jobs.modify(job.id, lambda found: moves.missing(found, past))
    await poll_until_still(bench, 1)
    ended = await bench.read(job)
    assert ended.status == "failed"
    assert ended.error is not None
    assert await violations(bench.runtime.redis) == []


async def test_results_that_cannot_be_had_do_not_keep_a_job_from_its_end(bench: Bench) -> None:
    job = await sent(bench)
    bench.provider.move("succeeded", fine_tuned_model="ft:tuned")
    bench.provider.fail_next["results"] = ProviderError("not_found", "no such file", retryable=False)
    await poll_until_still(bench)
    ended = await bench.read(job)
    assert (ended.status, ended.fine_tuned_model, ended.result_files) == ("succeeded", "ft:tuned", ())
    events = await bench.runtime.jobs.events_from(job.id, 0)
    assert any(event.level == "warn" and "results" in event.message for event in events)


async def test_failures_of_last_week_do_not_slow_the_poll_today(bench: Bench) -> None:
    await sent(bench)
    bench.provider.move("running")
    for _ in range(8):
        bench.provider.fail_next["poll"] = ProviderError("unavailable", "down", retryable=True)
        await bench.look("poll:local")
        await bench.runtime.due.ring("poll:local")
        await bench.look("poll:local")
    bench.provider.fail_next["poll"] = ProviderError("unavailable", "down", retryable=True)
    await bench.look("poll:local")
    _, wait_s = await bench.runtime.due.take(0, 0.0)
    assert wait_s is not None
    assert wait_s <= 2.5


async def test_failures_of_an_earlier_step_do_not_slow_a_later_one(bench: Bench) -> None:
    job = await bench.job(await bench.dataset(LINES))
    member = f"job:{job.id}"
    for _ in range(2):
        await bench.look(member)
    for _ in range(6):
        bench.provider.fail_next["upload"] = ProviderError("unavailable", "down", retryable=True)
        await bench.look(member)
    await bench.look(member)
    bench.provider.fail_next["create"] = ProviderError("unavailable", "down", retryable=True)
    await bench.look(member)
    assert (await bench.read(job)).step == "creating"
    _, wait_s = await bench.runtime.due.take(0, 0.0)
    assert wait_s is not None
    assert wait_s <= 2.5


async def test_a_history_that_cannot_be_read_holds_up_no_status(bench: Bench) -> None:
    job = await sent(bench)
    bench.provider.move("running")
    for _ in range(3):
        bench.provider.fail_next["events"] = ProviderError("bad_answer", "HTML", retryable=True)
        await bench.look("poll:local")
    assert (await bench.read(job)).status == "running"
    _, wait_s = await bench.runtime.due.take(0, 0.0)
    assert wait_s is not None
    assert wait_s <= 1.0


async def test_jobs_of_a_provider_that_is_taken_out_and_put_back_go_on(bench: Bench, tmp_path: Path) -> None:
    job = await sent(bench)
    without = Bench(bench.runtime, FakeProvider("elsewhere"))
    await without.look("poll:local")
    assert await violations(bench.runtime.redis) == []
    bench.provider.move("succeeded", fine_tuned_model="ft:tuned")
    await bench.runtime.due.ring("poll:local")
    await poll_until_still(bench)
    assert (await bench.read(job)).status == "succeeded"


@pytest.mark.parametrize("seed", [*range(40), *(pytest.param(n, marks=pytest.mark.soak) for n in range(40, 200))])
async def test_a_cancel_that_races_with_an_end_comes_to_what_the_provider_says(bench: Bench, seed: int) -> None:
    chance = random.Random(seed)
    job = await sent(bench)

    async def cancel(remote_id: str):
        if bench.provider.jobs[remote_id].status in TERMINAL:
            raise ProviderError("refused", "Job has already completed", retryable=False)
        bench.provider.move("cancelled")
        return bench.provider.jobs[remote_id]

    bench.provider.cancel = cancel  # type: ignore[method-assign]
    steps = [
        lambda: bench.provider.move("running"),
        lambda: (
            bench.provider.jobs[REMOTE].status in TERMINAL
            or bench.provider.move("succeeded", fine_tuned_model="ft:tuned")
        ),
        lambda: bench.runtime.jobs.modify(job.id, lambda found: moves.cancel(found, clock.now())),
    ]
    order = [0, 1, 2] if chance.random() < 0.5 else [0, 2, 1]
    for number in order:
        if number == 1 and bench.provider.jobs[REMOTE].status in TERMINAL:
            continue
        result = steps[number]()
        if result is not None and not isinstance(result, bool):
            with contextlib.suppress(InvalidRequest):  # too late: it has ended
                await result
        for _ in range(chance.randint(0, 2)):
            for member in chance.sample(found := await due(bench), len(found)):
                await bench.look(member)
    await poll_until_still(bench)
    ended = await bench.read(job)
    assert ended.is_terminal
    assert ended.status == bench.provider.jobs[REMOTE].status
    assert await violations(bench.runtime.redis) == []
